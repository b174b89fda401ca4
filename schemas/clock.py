"""How times are written: RFC 3339 in UTC, with milliseconds."""

from datetime import UTC, datetime


def rfc3339(epoch_ms: int) -> str:
    """Milliseconds since 1970 as text, such as `2026-03-01T12:00:00.250Z`."""
    moment = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{epoch_ms % 1000:03d}Z"
