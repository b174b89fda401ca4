"""What is written to Kafka: one record, and where it goes."""

from dataclasses import dataclass

from schemas.headers import Headers
from schemas.topics import partition_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record goes that is written once more as it was, with a key that need not be text."""

    partition: int
    key: bytes | None


@dataclass(frozen=True, slots=True)
class Record:
    """One record to write. Its partition follows from the key, unless `place` says both."""

    topic: str
    key: str
    value: bytes
    headers: Headers
    place: Place | None = None

    def placed(self, partition_count: int) -> Place:
        """Its partition and its key's bytes in a topic of so many partitions."""
        if self.place is not None:
            return Place(self.place.partition % partition_count, self.place.key)
        return Place(partition_of(self.key, partition_count), self.key.encode())
