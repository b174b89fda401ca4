"""The one shape of every REST error: `{"error": {"code", "text", "temporary"}}`. Pure."""

import msgspec

from schemas.errors import ErrorCode


class ErrorDetail(msgspec.Struct, frozen=True):
    """What went wrong, from the closed list."""

    code: str
    text: str
    temporary: bool


class ErrorBody(msgspec.Struct, frozen=True):
    """A REST error."""

    error: ErrorDetail


def error_body(code: ErrorCode) -> ErrorBody:
    """A code with its own sentence."""
    return ErrorBody(ErrorDetail(code.value, code.text, code.temporary))
