"""How long a provider may take: to its first token, between two, and for the whole turn."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. `turn_seconds` runs from the turn's first claim and is kept by whoever answers, not by the door."""

    first_token_seconds: float = 60.0
    gap_seconds: float = 30.0
    turn_seconds: float = 600.0
