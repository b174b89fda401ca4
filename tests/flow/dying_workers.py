"""Workers that die, or hold a turn for ever, as a test needs them: settings, a claim of theirs, and less waiting."""

import msgspec
import pytest

from consumers import claimer, streaming
from consumers.settings import WorkerSettings
from schemas.ids import new_id, new_message_id
from schemas.parts import UserMessage
from schemas.requests import Ask
from store.rows import TurnRow
from tests.flow.worker_stage import unclaimed

QUICK_DEATH = WorkerSettings(drain_seconds=0, merge_ms=5, dead_after_seconds=0.1)
NOBODY_DIES = WorkerSettings(drain_seconds=0, merge_ms=5, dead_after_seconds=60)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look and save as often as a test wants to see it; how often they beat follows from QUICK_DEATH."""
    monkeypatch.setattr(claimer, "LOOK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(streaming, "CHECKPOINT_SECONDS", 0.05)


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
