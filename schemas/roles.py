"""What a user may do beyond using what is theirs."""

from enum import StrEnum


class Role(StrEnum):
    """Everybody is a user."""

    USER = "user"
    ADMIN = "admin"
    """May also manage the local accounts."""
