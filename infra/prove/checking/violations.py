"""The classes of what may not be, and one finding of such a class.

In: nothing. Out: `Violation`, in the order of the table, and `Finding`. Each class is defined in the file of its rule.
"""

from dataclasses import dataclass
from enum import StrEnum


class Violation(StrEnum):
    """What a history can show to be wrong."""

    LOST = "lost"
    """A promised turn has no end, or its end is not where it must be (lost.py)."""
    DOUBLED = "doubled"
    """Something that happens once happened twice (doubled.py)."""
    GAP = "gap"
    """Something of an answer is missing (gap.py)."""
    REORDERED = "reordered"
    """Nothing is missing, but it came in another order (reordered.py)."""
    TWO_ENDS = "two ends"
    """The end of a turn was not its only one (two_ends.py)."""
    TEXT_DIFFERS = "text differs from store"
    """What was shown or asked is not what is stored (text_differs.py)."""
    GHOST = "ghost"
    """Something that nobody asked for, claimed or said (ghost.py)."""
    WRONG_USER = "wrong user"
    """Something of one user's turn came to another (wrong_user.py)."""
    UNSTOPPED = "unstopped"
    """A stop did not stop (unstopped.py)."""
    BILLING_MISMATCH = "billing mismatch"
    """The bills are not what the turns cost (billing.py)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject`: the id of the turn or call; `detail`: ids and numbers, never text of messages."""

    violation: Violation
    subject: str
    detail: str
