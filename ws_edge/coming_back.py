"""When whoever was refused may come back. Pure."""

from math import ceil

SOON_MS = 1_000
"""Where nobody can tell when it will go better: what is full or away may be well at any moment."""


def retry_after(milliseconds: float) -> dict[str, str]:
    """The header, which has whole seconds."""
    return {"retry-after": str(max(1, ceil(milliseconds / 1000)))}
