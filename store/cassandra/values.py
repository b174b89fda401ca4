"""Values on their way to and from the driver. A missing value is left unset: a null would be a tombstone (D2)."""

from typing import Any
from uuid import UUID

from cassandra.query import UNSET_VALUE


def uuid_or_unset(text: str | None) -> Any:
    return UNSET_VALUE if text is None else UUID(text)


def unset_if_none(value: object) -> Any:
    return UNSET_VALUE if value is None else value


def text_or_none(value: UUID | None) -> str | None:
    return None if value is None else str(value)
