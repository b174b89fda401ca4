"""`samvad settings`: every setting, its value and where it comes from; secrets hidden."""

import os

from pydantic_settings import BaseSettings
from rich.console import Console
from rich.table import Table

from consumers.settings import WorkerSettings
from infra.settings import SharedSettings, TraceSettings
from observability.settings import AdminSettings
from ws_edge.settings import EdgeSettings


def settings() -> None:
    """Print the settings in force. All come from the environment."""
    table = Table("variable", "value", "from", "meaning", box=None, header_style="bold")
    for group in (SharedSettings(), EdgeSettings(), WorkerSettings(), AdminSettings(), TraceSettings()):
        _add_rows(table, group)
    Console().print(table)
    _warn_about_unknown_names()


def _add_rows(table: Table, group: BaseSettings) -> None:
    prefix = group.model_config.get("env_prefix", "")
    for name, field in type(group).model_fields.items():
        variable = f"{prefix}{name}".upper()
        source = "environment" if variable in os.environ else "default"
        table.add_row(variable, str(getattr(group, name)), source, field.description or "")


def _warn_about_unknown_names() -> None:
    known = {
        f"SAMVAD_{name}".upper()
        for group in (SharedSettings, EdgeSettings, WorkerSettings, AdminSettings)
        for name in group.model_fields
    } | {"SAMVAD_MODEL", "SAMVAD_DEBUG"}
    for variable in sorted(set(filter(lambda name: name.startswith("SAMVAD_"), os.environ)) - known):
        Console(stderr=True).print(f"[yellow]{variable} is no setting of Samvad and is ignored[/yellow]")
