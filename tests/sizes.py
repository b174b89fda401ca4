"""How much the costly tests do: as much as a run of every day can afford, or all that the guarantees speak of.

`make test-full` (SAMVAD_FULL_TESTS=1) takes the full sizes; CI does, once. What is asserted is the same.
"""

import os

IS_FULL = os.environ.get("SAMVAD_FULL_TESTS") == "1"


def size(daily: int, full: int) -> int:
    """One of the two."""
    return full if IS_FULL else daily
