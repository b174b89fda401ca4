"""Ids and frame numbers: how a turn, a user and a frame's place in an answer get their names.

Ids are lower-case UUID text. A frame's `seq` is one integer that is both cursor and fence (DESIGN 4):
`seq = attempt * 1_000_000 + n`, with `n` dense from 0 inside an attempt.
"""

import uuid

import uuid_utils

NAMESPACE = uuid.UUID("6f1d3a5e-8f0c-5b7a-9d2e-73616d766164")
FRAMES_PER_ATTEMPT = 1_000_000


def turn_id_of(user_id: str, conversation_id: str, request_id: str) -> str:
    """The turn's id: UUIDv5 of user, conversation and request, so a repeated `send` names the same turn."""
    return str(uuid.uuid5(NAMESPACE, f"turn/{user_id}/{conversation_id}/{request_id}"))


def user_id_of(issuer: str, subject: str) -> str:
    """The user's id: UUIDv5 of who vouches for the user and the name used there."""
    return str(uuid.uuid5(NAMESPACE, f"user/{issuer}/{subject}"))


def new_message_id() -> str:
    """A UUIDv7: message ids sort by the time they were minted."""
    return str(uuid_utils.uuid7())


def new_id() -> str:
    """A random UUID, for sessions, workers, requests and nonces."""
    return str(uuid.uuid4())


def is_id(text: str) -> bool:
    """Whether it is a UUID as ids are written."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def seq_of(attempt: int, n: int) -> int:
    """The number of the `n`-th frame of an attempt."""
    return attempt * FRAMES_PER_ATTEMPT + n


def attempt_of(seq: int) -> int:
    """The attempt that a frame number belongs to; 0 for the edge's `asked`."""
    return seq // FRAMES_PER_ATTEMPT


def n_of(seq: int) -> int:
    """A frame's place within its attempt."""
    return seq % FRAMES_PER_ATTEMPT
