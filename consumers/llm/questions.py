"""What goes through the door."""

from dataclasses import dataclass

from consumers.context import ProviderMessage


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked. `traceparent`: the span that each try's span is a child of."""

    alias: str
    messages: list[ProviderMessage]
    conversation_id: str
    traceparent: str
