"""What goes through the door."""

from dataclasses import dataclass

from consumers.context import ProviderMessage
from observability.turn_trace import TracePoint


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked. `place`: where each try's spans belong."""

    alias: str
    messages: list[ProviderMessage]
    conversation_id: str
    place: TracePoint
