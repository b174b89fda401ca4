"""What can be wrong with a row of numbered things, wherever it was read: at a client, in the topic, in an answer.

In: nothing. Out: `Irregular`, which the rules sort into their classes.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """How something stands out of its row."""

    SKIPPED = auto()
    """It is missing for good."""
    LATE = auto()
    """It came, but after something that follows it."""
    REPEATED = auto()
    """It came a second time, and nothing allowed that."""
    AFTER_END = auto()
    """It came after the end and is no repetition."""
    UNSAID = auto()
    """No provider said it."""
    FOREIGN = auto()
    """A provider said it, to somebody else."""


@dataclass(frozen=True, slots=True)
class Irregular:
    """`where` as a person reads it; `number`: a frame's seq, or a place in a text."""

    kind: Kind
    where: str
    number: int

    def __str__(self) -> str:
        return f"{self.where}: {self.kind.name.lower().replace('_', ' ')} at {self.number}"
