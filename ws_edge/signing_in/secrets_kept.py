"""Secrets that the edge hands out and keeps as hashes only. Pure but for chance.

In: chance. Out: a secret for its owner, and the hash for the store. They have 256 bits, so a fast hash is enough.
"""

import hashlib
import hmac
import secrets

SECRET_BYTES = 32


def new_secret() -> str:
    """43 characters of base64url."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_of(secret: str) -> str:
    """SHA-256 in hex, of whatever somebody sent."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_same(one: str, other: str) -> bool:
    """Compares two hashes in constant time."""
    return hmac.compare_digest(one, other)
