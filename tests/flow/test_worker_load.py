"""Many conversations at once over several partitions: every promise about frames, history, bills and offsets holds."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from consumers.llm.pieces import Piece, ProviderFault
from consumers.settings import WorkerSettings
from samvad_client.strict import StrictObserver
from schemas import codec
from schemas.errors import ErrorCode
from schemas.ids import new_id, user_id_of
from schemas.requests import Ask
from schemas.statuses import TERMINAL
from schemas.topics import USAGE
from tests.flow.scripted_door import Said, ScriptedDoor
from tests.flow.topic_readers import answer_in, reading_topic
from tests.flow.worker_stage import Stage, a_request, running_stage

CONVERSATIONS, TURNS = 50, 3


class ChattyDoor(ScriptedDoor):
    """Aliases differ in length, reasoning and luck."""

    def __init__(self) -> None:
        fault = ProviderFault(ErrorCode.PROVIDER_FAILED, "APIConnectionError")
        words: list[Said] = [f"w{n} " for n in range(40)]
        thoughts: list[Said] = [Piece("hm ", is_reasoning=True)] * 3
        super().__init__({"plain": words, "thinking": [*thoughts, *words], "broken": [*words[:7], fault], "mute": []})


def questions(luck: random.Random) -> list[list[Ask]]:
    """Some are stopped or interrupt; a conversation's turns in order."""
    conversations = []
    for number in range(CONVERSATIONS):
        where = {"user_id": user_id_of("dev", f"user {number % 7}"), "conversation_id": new_id()}
        conversations.append(
            [
                a_request(
                    f"question {turn}",
                    model=luck.choice(["plain", "thinking", "broken", "mute"]),
                    on_busy=luck.choice(["queue", "queue", "interrupt"]),
                    **where,
                )
                for turn in range(TURNS)
            ]
        )
    return conversations


@pytest.mark.parametrize("max_running", [200, 3])
async def test_fifty_conversations_of_three_turns_keep_every_promise(tmp_path: Path, max_running: int) -> None:
    luck = random.Random(7)
    conversations = questions(luck)
    settings = WorkerSettings(drain_seconds=2, merge_ms=1, max_running=max_running)
    async with running_stage(tmp_path, ChattyDoor(), settings, partitions=2) as stage:
        await stage.write_at_once([turns[number] for number in range(TURNS) for turns in conversations])
        requests = [request for turns in conversations for request in turns]
        await asyncio.gather(*(stage.ask_to_stop(request) for request in luck.sample(requests, 10)))
        for request in requests:
            await stage.replies.end_of(request.turn_id, seconds=30)
        await stage.until_committed(len(requests))
        check_frames(stage, requests)
        for turns in conversations:
            await check_history(stage, turns)
        await check_bills(stage, requests)


def check_frames(stage: Stage, requests: list[Ask]) -> None:
    observer = StrictObserver()
    for record in stage.replies.records:
        observer(codec.decode_server_frame(record.value))
    assert observer.violations == []
    assert observer.open_turns() == []
    assert Counter(len(stage.replies.ends(request.turn_id)) for request in requests) == {1: len(requests)}


async def check_history(stage: Stage, turns: list[Ask]) -> None:
    messages = await stage.messages(turns[0])
    assert [message.turn_id for message in messages] == [request.turn_id for request in turns for _ in "qa"]
    assert [m.parent_id for m in messages] == [None, *(m.message_id for m in messages[:-1])]
    for request, answer in zip(turns, messages[1::2], strict=True):
        assert answer.text == answer_in(stage.replies.frames(request.turn_id))
        assert answer.status in TERMINAL
    row = await stage.store.conversations.get(turns[0].user_id, turns[0].conversation_id)
    assert row is not None
    assert (row.title, row.leaf) == ("question 0", messages[-1].message_id)


async def check_bills(stage: Stage, requests: list[Ask]) -> None:
    async with reading_topic(stage.bootstrap, USAGE.name) as usage:
        records = await usage.at_least(len(requests))
    bills = [codec.decode_usage(record.value) for record in records]
    assert Counter((bill.turn_id, bill.attempt) for bill in bills) == Counter((r.turn_id, 1) for r in requests)
    answers = [message for r in requests for message in await stage.messages(r) if message.turn_id == r.turn_id]
    in_history = sum(m.usage.input_tokens + m.usage.output_tokens for m in answers if m.usage)
    assert sum(bill.input_tokens + bill.output_tokens for bill in bills) == in_history
