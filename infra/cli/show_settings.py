"""`samvad settings`: every setting, its value and where it comes from; secrets hidden."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic_settings import BaseSettings
from rich.console import Console
from rich.table import Table

from consumers.settings import WorkerSettings
from infra.cassandra_settings import CassandraSettings
from infra.cli.refusals import clear_refusals
from infra.kafka_settings import KafkaSettings
from infra.settings import EnvironmentSettings, SharedSettings, TraceSettings
from observability.settings import AdminSettings
from ws_edge.settings import EdgeSettings
from ws_edge.signing_in.oidc_settings import OidcSettings
from ws_edge.signing_in.settings import SignInSettings

GROUPS: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("", SharedSettings),
    ("", EnvironmentSettings),
    ("", KafkaSettings),
    ("", CassandraSettings),
    ("edge", EdgeSettings),
    ("edge", SignInSettings),
    ("edge", OidcSettings),
    ("worker", WorkerSettings),
    ("", AdminSettings),
    ("", TraceSettings),
)
"""Each with the role that reads it, where only one does."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of one group."""

    variable: str
    role: str
    value: Any
    meaning: str


def settings() -> None:
    """Print the settings in force. All come from the environment."""
    with clear_refusals():
        table = Table(box=None, header_style="bold")
        for name in ("variable", "value", "from", "meaning"):
            table.add_column(name, no_wrap=name != "meaning", overflow="fold")
        for row in rows():
            table.add_row(*row)
        Console().print(table, markup=False)
    _warn_about_unknown_names()


def rows() -> list[tuple[str, str, str, str]]:
    """Variable, value, source and meaning; one row for a variable that both roles read, each with its own default."""
    by_variable: dict[str, list[Setting]] = {}
    for setting in _all_settings():
        by_variable.setdefault(setting.variable, []).append(setting)
    return [_row(variable, same) for variable, same in by_variable.items()]


def _row(variable: str, same: list[Setting]) -> tuple[str, str, str, str]:
    source = "environment" if variable in os.environ else "default"
    if len({str(setting.value) for setting in same}) == 1:
        return variable, str(same[0].value), source, same[0].meaning
    return (
        variable,
        ", ".join(f"{setting.role} {setting.value}" for setting in same),
        source,
        "; ".join(f"{setting.role}: {setting.meaning}" for setting in same),
    )


def _all_settings() -> Iterable[Setting]:
    for role, kind in GROUPS:
        prefix, group = kind.model_config.get("env_prefix", ""), kind()
        for name, field in kind.model_fields.items():
            yield Setting(f"{prefix}{name}".upper(), role, getattr(group, name), field.description or "")


def _warn_about_unknown_names() -> None:
    known = {row[0] for row in rows()}
    for variable in sorted(set(filter(lambda name: name.startswith("SAMVAD_"), os.environ)) - known):
        Console(stderr=True).print(f"[yellow]{variable} is no setting of Samvad and is ignored[/yellow]")
