"""How an attempt went, as values: after the provider's stream only these are passed on (STYLE, Oban)."""

from dataclasses import dataclass

from schemas.errors import ErrorCode
from schemas.parts import Usage
from schemas.statuses import TurnStatus


@dataclass(frozen=True, slots=True)
class Completed:
    """The model finished. `usage` is None if the provider did not say."""

    finish_reason: str
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The user stopped it, or deleted its conversation."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be answered."""

    code: ErrorCode


@dataclass(frozen=True, slots=True)
class Fenced:
    """Somebody else holds the turn now: fall silent."""


@dataclass(frozen=True, slots=True)
class Released:
    """This worker leaves: give the claim back for another one."""


Ending = Completed | Stopped | Failed
"""The outcomes that end a turn."""

Outcome = Ending | Fenced | Released


def status_of(ending: Ending) -> TurnStatus:
    """The status that an ending is stored with."""
    match ending:
        case Completed():
            return TurnStatus.COMPLETED
        case Stopped():
            return TurnStatus.STOPPED
        case Failed():
            return TurnStatus.FAILED
