"""What is used of a Kafka record that was read, whichever client read it."""

from typing import Protocol


class StoredRecord(Protocol):
    """A record's content; `timestamp` is milliseconds since 1970."""

    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]: ...
