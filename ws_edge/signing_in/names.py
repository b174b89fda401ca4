"""Names of local accounts: one spelling for all that look or sound alike to a user. Pure.

In: a name as somebody typed it. Out: the name as it is kept, and the id of its user.
"""

import unicodedata

from schemas.ids import user_id_of

ISSUER = "local"
MAX_NAME_CHARACTERS = 64
MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 1024
"""A hash of more would only cost time."""


class BadName(ValueError):
    """A name is 1-64 printable characters, and not blank."""


class BadPassword(ValueError):
    """Too short to protect anything, or too long to be one."""


def kept_name(typed: str) -> str:
    """NFKC, casefolded, without blanks around it. Raises BadName."""
    name = unicodedata.normalize("NFKC", typed[: 4 * MAX_NAME_CHARACTERS]).casefold().strip()
    name = unicodedata.normalize("NFKC", name)
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not name.isprintable() or len(typed) > 4 * MAX_NAME_CHARACTERS:
        raise BadName(f"a name is 1-{MAX_NAME_CHARACTERS} printable characters")
    return name


def local_user_id(name: str) -> str:
    """The id of the user with a kept name."""
    return user_id_of(ISSUER, name)


def check_password(password: str) -> None:
    """Raises BadPassword for one that nobody should choose."""
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise BadPassword(f"a password has {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters")
