"""A turn's trace and its few well-known spans have ids that follow from the turn's id.

So any edge, worker, attempt, takeover or late resume finds the turn's trace without being told of it. BLAKE2b gives
uniformly distributed bits, which sampling by ratio needs: it looks at the low 64 bits of a trace id, and those of a
UUIDv5 begin with fixed variant bits. Pure, but for the ids given to the span that is just being started.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from threading import local

from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8


def trace_id_of_turn(turn_id: str) -> int:
    """128 bits, never 0."""
    return _digest(f"trace/{turn_id}", TRACE_ID_BYTES)


def root_span_id(turn_id: str) -> int:
    """64 bits: the edge's `receive send`."""
    return _digest(f"root/{turn_id}", SPAN_ID_BYTES)


def attempt_span_id(turn_id: str, attempt: int) -> int:
    """64 bits: the `process chat.requests` of the worker that won this attempt. Nobody else ever wins the same one."""
    return _digest(f"attempt/{turn_id}/{attempt}", SPAN_ID_BYTES)


def _digest(text: str, size: int) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest(), "big") or 1


class GivenIds(IdGenerator):
    """Random ids, except for a span that is started inside `given`."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._given = local()

    @contextmanager
    def given(self, trace_id: int, span_id: int) -> Iterator[None]:
        """For the one span started in this block. Never await in it: what is given is this thread's, not a task's."""
        self._given.ids = trace_id, span_id
        try:
            yield
        finally:
            self._given.ids = None

    def generate_trace_id(self) -> int:
        ids: tuple[int, int] | None = getattr(self._given, "ids", None)
        return ids[0] if ids else self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        ids: tuple[int, int] | None = getattr(self._given, "ids", None)
        return ids[1] if ids else self._random.generate_span_id()

    def is_trace_id_random(self) -> bool:
        """W3C Trace Context 2: the low 56 bits are as good as random."""
        return True
