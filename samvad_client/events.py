"""Server-sent events out of the bytes of a response. Pure but for the iterating.

Lines end with LF, CR LF or CR and with nothing else: the JSON in them may hold other characters that Python's
`splitlines` would take for ends of lines, and so would a client that iterates over lines of text.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(slots=True)
class Event:
    """One event: its type, its data with the lines joined, and the id that it came with."""

    kind: str = "message"
    data: bytes = b""
    id: str | None = None


@dataclass(slots=True)
class EventReader:
    """Feed it bytes as they come."""

    _begun: list[bytes] = field(default_factory=list)
    _fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    _ended_in_cr: bool = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes complete."""
        return [event for line in self._lines(chunk) if (event := self._line(line)) is not None]

    def _lines(self, chunk: bytes) -> list[bytes]:
        """A CR LF that two chunks share is one end. Of a long line only what is new is looked at."""
        news = chunk.removeprefix(b"\n") if self._ended_in_cr else chunk
        self._ended_in_cr = news.endswith(b"\r") if chunk else self._ended_in_cr
        *ended, begun = _LINE_END.split(news)
        if not ended:
            self._begun.append(begun)
            return []
        ended[0] = b"".join([*self._begun, ended[0]])
        self._begun = [begun]
        return ended

    def _line(self, line: bytes) -> Event | None:
        if line:
            name, _, value = line.partition(b":")
            self._fields.append((name, value.removeprefix(b" ")))
            return None
        fields, self._fields = self._fields, []
        return _event(fields)


async def events_of(chunks: AsyncIterable[bytes]) -> AsyncIterator[Event]:
    """The events of a response's body, each as soon as it is complete."""
    reader = EventReader()
    async for chunk in chunks:
        for event in reader.feed(chunk):
            yield event


def _event(fields: list[tuple[bytes, bytes]]) -> Event | None:
    """None for what holds no data: a comment, or a word about when to come back."""
    data = [value for name, value in fields if name == b"data"]
    if not data:
        return None
    last = {name: value.decode(errors="replace") for name, value in fields if name in (b"event", b"id")}
    return Event(last.get(b"event", "message"), b"\n".join(data), last.get(b"id"))
