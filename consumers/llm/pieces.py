"""What comes through the door: pieces of an answer, its end, and faults."""

from dataclasses import dataclass

from schemas.errors import ErrorCode
from schemas.parts import Usage


@dataclass(frozen=True, slots=True)
class Piece:
    """Text as the provider sent it. Reasoning is shown apart and is no part of the answer."""

    text: str
    is_reasoning: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """The provider finished. `alias` is the one that answered, after fallbacks."""

    finish_reason: str
    usage: Usage | None
    alias: str


class ProviderFault(Exception):
    """A provider did not do its part. `code` is what the user is told if nobody else answers.

    `try_another` is False where another deployment would fail in the same way (the request itself is refused).
    """

    def __init__(self, code: ErrorCode, error_type: str, try_another: bool = True) -> None:
        super().__init__(f"{code}: {error_type}")
        self.code = code
        self.error_type = error_type
        self.try_another = try_another
