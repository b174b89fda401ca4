"""How a turn stands, and how one ended."""

from enum import StrEnum


class TurnStatus(StrEnum):
    """The states a turn is shown in (`watching`, `snapshot`, history)."""

    QUEUED = "queued"
    """Accepted; no worker has started it."""
    RUNNING = "running"
    """An attempt holds the claim."""
    COMPLETED = "completed"
    """The model finished its answer."""
    STOPPED = "stopped"
    """The user stopped it; the text so far is the answer."""
    FAILED = "failed"
    """It could not be answered; partial text is kept."""
    UNKNOWN = "unknown"
    """This edge knows no such turn: send the same request again."""

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL


TERMINAL = frozenset({TurnStatus.COMPLETED, TurnStatus.STOPPED, TurnStatus.FAILED})
