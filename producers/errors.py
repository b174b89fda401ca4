"""What writing to Kafka may raise.

WriteError
├── NotAttempted       nothing was produced; the caller may say so
├── OutcomeUnknown     it may still be delivered; ask again with the same id
└── RecordRefused      the broker does not take this record: no such topic, no permission
    └── RecordTooLarge and never will
"""


class WriteError(Exception):
    """The root of what writing may raise."""


class NotAttempted(WriteError):
    """Nothing was produced, because too much is waiting. `retry_after_ms` is a fair time to wait."""

    def __init__(self, reason: str, retry_after_ms: int = 2_000) -> None:
        super().__init__(reason)
        self.retry_after_ms = retry_after_ms


class OutcomeUnknown(WriteError):
    """The broker did not acknowledge in time. The record may be delivered now, later, or never (K15)."""


class RecordRefused(WriteError):
    """The broker takes others, but not this record: it is not there, and the writer has given it up."""


class RecordTooLarge(RecordRefused):
    """The record is larger than a record may be."""
