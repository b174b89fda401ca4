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


def error_body(code: ErrorCode, text: str | None = None) -> ErrorBody:
    """A code; `text` if more is known than its own sentence says."""
    return ErrorBody(ErrorDetail(code.value, text or code.text, code.temporary))
