"""compose.yaml, the Dockerfiles and the proxy's configuration, read for the tests."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import BaseSettings

import infra.cli.show_settings  # noqa: F401  knows every group of settings

ROOT = Path(__file__).parents[1]
DOCKERFILES = sorted((ROOT / "containers").glob("*.Dockerfile"))
HAPROXY = ROOT / "containers" / "haproxy.cfg"


def compose() -> dict[str, Any]:
    """compose.yaml, its anchors resolved."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def environment(service: dict[str, Any]) -> dict[str, str | None]:
    return dict(service.get("environment") or {})


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """(instruction, arguments) of a Dockerfile in order; continued lines are one."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(word.upper(), " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines if line)]


def last_stage(dockerfile: Path) -> list[tuple[str, str]]:
    """What the image itself is made of."""
    all_of_them = instructions(dockerfile)
    start = max(number for number, (word, _) in enumerate(all_of_them) if word == "FROM")
    return all_of_them[start:]


def proxy_seconds(name: str) -> int:
    """A time of the proxy's configuration, such as `timeout tunnel`."""
    found = re.search(rf"^\s*{name} (\d+)s$", HAPROXY.read_text(), re.MULTILINE)
    assert found, name
    return int(found.group(1))


def known_settings() -> set[str]:
    """Every variable that Samvad reads."""
    return {
        f"{group.model_config.get('env_prefix', '')}{name}".upper()
        for group in BaseSettings.__subclasses__()
        for name in group.model_fields
    }


def seconds(duration: str) -> int:
    """`40s` as a number."""
    return int(duration.removesuffix("s"))
