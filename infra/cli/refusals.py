"""How a command says that it can't: one sentence, what to do, a non-zero exit; no traceback for a known cause."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import ValidationError

from consumers.settings import UnusableSetting
from infra.embedded_broker import EmbeddedBrokerUnavailable
from infra.local_model import LocalModelUnavailable
from infra.model_discovery import ModelDiscoveryFailed
from infra.refused import Refused
from observability.admin_server import AdminPortTaken
from observability.health import Stuck
from schemas.models_file import UnusableModels
from store.errors import StoreError
from ws_edge.settings import EdgeSettings

KNOWN = (
    UnusableModels,
    ModelDiscoveryFailed,
    LocalModelUnavailable,
    EmbeddedBrokerUnavailable,
    AdminPortTaken,
    UnusableSetting,
    Refused,
    Stuck,
    StoreError,
)


@contextmanager
def clear_refusals() -> Iterator[None]:
    """Turns what a user can mend into a sentence on standard error and exit code 1."""
    try:
        yield
    except KNOWN as error:
        refuse(str(error))
    except ValidationError as error:
        refuse("; ".join(map(_sentence, error.errors())))
    except OSError as error:
        refuse(in_use() if error.errno == errno.EADDRINUSE else str(error))


def _sentence(problem: Mapping[str, Any]) -> str:
    """One problem of one setting; what two settings have to do with each other names them itself."""
    said = str(problem["msg"]).removeprefix("Value error, ")
    return f"SAMVAD_{str(problem['loc'][0]).upper()}: {said}" if problem["loc"] else said


def in_use() -> str:
    """What to do about a taken port."""
    port = EdgeSettings().port
    return f"port {port} is in use. End what listens there, or choose another: SAMVAD_PORT={port + 1}"


def refuse(sentence: str) -> None:
    """Raises typer.Exit(1)."""
    typer.secho(f"samvad: {sentence}", err=True, fg="red")
    raise typer.Exit(1)
