"""Workers that die, or hold a turn for ever, as a test needs them: settings, a claim of theirs, and less waiting."""

from functools import partial

import msgspec
import pytest

from consumers import claimer, streaming, worker
from consumers.heartbeat import Heart
from consumers.settings import WorkerSettings
from schemas.ids import new_id, new_message_id
from schemas.parts import UserMessage
from schemas.requests import Ask
from store.rows import TurnRow
from tests.flow.worker_stage import unclaimed

QUICK_DEATH = WorkerSettings(drain_seconds=0, merge_ms=5, dead_after_seconds=0.1)
NOBODY_DIES = WorkerSettings(drain_seconds=0, merge_ms=5, dead_after_seconds=60)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look, beat and save as often as a test wants to see it."""
    monkeypatch.setattr(claimer, "LOOK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(streaming, "CHECKPOINT_SECONDS", 0.05)
    monkeypatch.setattr(worker, "Heart", partial(Heart, interval_seconds=0.03))


def held_by(worker_id: str, request: Ask, **fields: object) -> TurnRow:
    """The row of a turn that this worker claimed as its first attempt."""
    held = msgspec.structs.replace(
        unclaimed(request),
        version=1,
        attempt=1,
        owner=worker_id,
        nonce=new_id(),
        question=UserMessage(request.text, None, new_message_id()),
        answer_id=new_message_id(),
    )
    return msgspec.structs.replace(held, **fields)
