"""The dead letters as their topic tells them: each record once, by its source, with what became of it. Pure.

In: the records of `chat.dead-letters` in their order. Out: letters. A record may be set aside more than once (a crash
before the commit delivers it again): it is one letter, and stays handled.
"""

from dataclasses import dataclass, replace

from schemas.dead_letters import HANDLED, KEY, REASON, SOURCE, Handling, original_headers
from schemas.headers import Headers, header
from schemas.stored_records import StoredRecord


@dataclass(frozen=True, slots=True)
class Source:
    """Where a letter's record was; as text, such as `chat.requests/3/77`, it names the letter."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parsed(cls, text: str) -> "Source":
        """Raises ValueError."""
        topic, partition, offset = text.rsplit("/", 2)
        if not (topic and partition.isdecimal() and offset.isdecimal()):
            raise ValueError(text)
        return cls(topic, int(partition), int(offset))


@dataclass(frozen=True, slots=True)
class Letter:
    """One record that was set aside, with the bytes that it had. Times are milliseconds since 1970."""

    source: Source
    reason: str
    key: bytes | None
    value: bytes
    headers: Headers
    set_aside_at_ms: int
    handled: Handling | None = None
    handled_at_ms: int | None = None

    @property
    def turn_id(self) -> str | None:
        """As its headers name it. Such a turn was ended as `failed{unreadable}` when the record was set aside."""
        return header(self.headers, "turn")


class Letters:
    """All letters, oldest first. `nameless` counts records that say of no source that it is theirs."""

    def __init__(self) -> None:
        self._letters: dict[Source, Letter] = {}
        self._marks: dict[Source, tuple[Handling, int]] = {}
        self.nameless = 0

    def take(self, record: StoredRecord) -> None:
        """The topic's next record."""
        try:
            source = Source.parsed(header(record.headers, SOURCE) or "")
            handling = header(record.headers, HANDLED)
            if handling is None:
                self._letters.setdefault(source, _letter(source, record))
            else:
                self._marks[source] = (Handling(handling), record.timestamp)
        except ValueError:
            self.nameless += 1

    def all(self) -> list[Letter]:
        return [self._with_mark(letter) for letter in self._letters.values()]

    def open(self) -> list[Letter]:
        """Those that nobody handled."""
        return [letter for letter in self.all() if letter.handled is None]

    def get(self, source: Source) -> Letter | None:
        letter = self._letters.get(source)
        return None if letter is None else self._with_mark(letter)

    def _with_mark(self, letter: Letter) -> Letter:
        handling, at_ms = self._marks.get(letter.source, (None, None))
        return replace(letter, handled=handling, handled_at_ms=at_ms)


def _letter(source: Source, record: StoredRecord) -> Letter:
    key = next((value for name, value in reversed(record.headers) if name == KEY), record.key)
    reason = header(record.headers, REASON) or "no reason was given"
    headers = original_headers(list(record.headers))
    return Letter(source, reason, key, record.value or b"", headers, record.timestamp)
