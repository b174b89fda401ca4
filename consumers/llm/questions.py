"""What goes through the door."""

from dataclasses import dataclass

from consumers.context import ProviderMessage
from observability.turn_trace import TracePoint
from schemas.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked. `place`: where each try's spans belong.

    `kept` is shown already, and the answer goes on from it; `kept_by` is the alias that wrote it, if not `alias`.
    `user_id`: whose it is. `avoid`: deployments that failed this turn before and are not asked again.
    `broken_off`: the fault that ended it in this very attempt, which has to tell of a switch then.
    """

    alias: str
    messages: list[ProviderMessage]
    conversation_id: str
    place: TracePoint
    user_id: str = ""
    kept: str = ""
    kept_by: str = ""
    broken_off: ErrorCode | None = None
    avoid: frozenset[str] = frozenset()
