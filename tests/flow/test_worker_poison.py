"""Records that nobody can read: kept aside, their turns ended, and the partition moves on (K20)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.dead_letters.handling import redrive
from infra.dead_letters.letters import Letters
from schemas.errors import ErrorCode
from schemas.frames import Failed
from schemas.topics import DEAD_LETTERS, MAX_RECORD_BYTES
from tests.flow.scripted_door import ScriptedDoor
from tests.flow.topic_readers import reading_topic
from tests.flow.worker_stage import Stage, a_request, running_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    door = ScriptedDoor({"fast": ["Hello"]})
    async with running_stage(tmp_path_factory.mktemp("poison"), door, partitions=1) as running:
        yield running


async def test_an_unreadable_record_is_kept_byte_for_byte_its_turn_ends_and_the_partition_moves_on(
    stage: Stage,
) -> None:
    request = a_request("never readable")
    garbage = b"\x00\xffgarbage{"
    await stage.write_request(garbage, request)
    follower = await stage.ask("after it")
    frames = await stage.replies.end_of(request.turn_id)
    failed = frames[-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.temporary) == (ErrorCode.UNREADABLE, False)
    await stage.replies.end_of(follower.turn_id)
    async with reading_topic(stage.bootstrap, DEAD_LETTERS.name) as letters:
        letter = (await letters.until(lambda: [r for r in letters.records if r.value == garbage]))[0]
    headers = dict(letter.headers)
    assert headers["turn"] == request.turn_id.encode()
    assert headers["dead.source"].startswith(b"chat.requests/0/")
    assert headers["dead.reason"]
    assert headers["dead.key"] == letter.key == f"{request.user_id}/{request.conversation_id}".encode()


async def test_a_redriven_record_has_its_turns_end_told_again_and_no_other_effect(stage: Stage) -> None:
    request = a_request("never readable")
    await stage.write_request(b"\x00again", request)
    end = (await stage.replies.end_of(request.turn_id))[-1]
    stored = await stage.messages(request)
    async with reading_topic(stage.bootstrap, DEAD_LETTERS.name) as topic:
        records = await topic.until(lambda: [r for r in topic.records if r.value == b"\x00again"])
        letters = Letters()
        letters.take(records[0])
        await redrive(stage.records, letters.open()[0])
        assert (await stage.replies.end_of(request.turn_id, count=2))[-1] == end
        await topic.until(lambda: len([r for r in topic.records if r.value == b"\x00again"]) == 2)
    assert await stage.messages(request) == stored


async def test_a_record_that_names_no_turn_is_set_aside_and_the_partition_moves_on(stage: Stage) -> None:
    before = await stage.committed()
    request = a_request()
    await stage.write_request(b"who knows", request, headers=[])
    follower = await stage.ask("after it")
    await stage.replies.end_of(follower.turn_id)
    await stage.until_committed(before + 2)
    assert stage.replies.frames(request.turn_id) == []


async def test_a_record_too_large_to_set_aside_does_not_stop_the_worker(stage: Stage) -> None:
    before = await stage.committed()
    request = a_request()
    just_small_enough_without_the_reason = 2 * MAX_RECORD_BYTES - 200
    await stage.write_request(b"x" * just_small_enough_without_the_reason, request, headers=[])
    follower = await stage.ask("after it")
    await stage.replies.end_of(follower.turn_id)
    await stage.until_committed(before + 2)
    assert stage.worker.is_ready


async def test_an_unreadable_record_does_not_cut_the_conversation_off_from_its_past(stage: Stage) -> None:
    first = await stage.ask("one")
    await stage.replies.end_of(first.turn_id)
    poison = a_request(conversation_id=first.conversation_id)
    await stage.write_request(b"garbage", poison)
    third = await stage.ask("three", conversation_id=first.conversation_id)
    await stage.replies.end_of(third.turn_id)
    messages = await stage.messages(first)
    assert [m.parent_id for m in messages] == [None, *(m.message_id for m in messages[:-1])]
