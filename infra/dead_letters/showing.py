"""Letters for a person's terminal and for programs. Pure.

In: letters, whose bytes may be anybody's and anything. Out: text in which nothing is left that a terminal would obey or
that reorders what is read; and values for JSON.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from infra.dead_letters.letters import Letter
from schemas.clock import rfc3339

HEX_BYTES_PER_LINE = 32
MAX_REASON_IN_LIST = 60


def escaped(text: str, keep: str = "") -> str:
    r"""Everything that is not plainly printable as `\x1b` or `\u202e`; `keep` stays."""
    return "".join(
        each if each.isprintable() or each in keep else each.encode("unicode_escape").decode() for each in text
    )


def shown_bytes(data: bytes | None) -> str:
    """As text where it is UTF-8, else as hex."""
    if data is None:
        return "(none)"
    try:
        return escaped(data.decode(), keep="\n")
    except UnicodeDecodeError:
        return "\n".join(data[at : at + HEX_BYTES_PER_LINE].hex(" ") for at in range(0, len(data), HEX_BYTES_PER_LINE))


def listed(letters: Sequence[Letter]) -> list[str]:
    """One line each under a line of titles."""
    rows = [("SOURCE", "SET ASIDE", "BYTES", "STATE", "REASON"), *map(_row, letters)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join(map(str.ljust, row, [*widths, 0])) for row in rows]


def shown(letter: Letter) -> list[str]:
    """All there is of a letter."""
    facts = [
        ("source", escaped(str(letter.source))),
        ("set aside", _when(letter.set_aside_at_ms)),
        ("state", _state(letter)),
        ("reason", escaped(letter.reason)),
        ("turn", escaped(letter.turn_id or "(its headers name none)")),
        ("key", shown_bytes(letter.key)),
        *(("header", f"{escaped(name)}: {_one_line(value)}") for name, value in letter.headers),
        ("bytes", str(len(letter.value))),
    ]
    return [*(f"{name:<10}{text}" for name, text in facts), "", shown_bytes(letter.value)]


def as_json(letter: Letter, with_value: bool) -> dict[str, Any]:
    """Bytes that are no UTF-8 are `{"hex": "..."}`."""
    said = {
        "source": str(letter.source),
        "topic": letter.source.topic,
        "partition": letter.source.partition,
        "offset": letter.source.offset,
        "set_aside_at": rfc3339(letter.set_aside_at_ms),
        "reason": letter.reason,
        "turn": letter.turn_id,
        "bytes": len(letter.value),
        "handled": letter.handled,
        "handled_at": None if letter.handled_at_ms is None else rfc3339(letter.handled_at_ms),
    }
    if with_value:
        said["key"] = _json_bytes(letter.key)
        said["headers"] = [[name, _json_bytes(value)] for name, value in letter.headers]
        said["value"] = _json_bytes(letter.value)
    return said


def _row(letter: Letter) -> tuple[str, str, str, str, str]:
    reason = escaped(letter.reason)
    short = reason if len(reason) <= MAX_REASON_IN_LIST else reason[: MAX_REASON_IN_LIST - 1] + "…"
    source, size = escaped(str(letter.source)), str(len(letter.value))
    return source, _when(letter.set_aside_at_ms), size, letter.handled or "open", short


def _state(letter: Letter) -> str:
    return "open" if letter.handled is None else f"{letter.handled} at {_when(letter.handled_at_ms or 0)}"


def _when(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def _one_line(data: bytes | None) -> str:
    return shown_bytes(data).replace("\n", "\\n")


def _json_bytes(data: bytes | None) -> str | dict[str, str] | None:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"hex": data.hex()}
