"""Watching and resuming over a real socket: what was missed, then what happens, on any edge (G3, G4)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.frames import AnyTurnFrame, TerminalFrame
from schemas.ids import new_id, seq_of
from store.rows import TurnRow
from tests.edge_turns import Turn, answer_frames
from tests.flow.running_edge import Stage, stage, watch
from ws_edge import looking_up


@pytest.fixture(autouse=True)
def quick_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking_up, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(looking_up, "MAX_PAUSE_SECONDS", 0.02)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        yield running


async def store_row(scene: Stage, row: TurnRow) -> None:
    assert await scene.store.turns.compare_and_set(row, None) is None


async def store_end(scene: Stage, turn: Turn, terminal: AnyTurnFrame) -> None:
    assert isinstance(terminal, TerminalFrame)
    await store_row(scene, turn.ended_row(terminal))


async def test_an_empty_conversation_is_watched_and_says_so(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        watching = await watch(person, turn)
        assert watching == {"type": "watching", "conversation_id": turn.conversation_id, "turns": [], "head": None}
        scene.publish(person.user_id, turn.asked(), turn.queued(), *answer_frames(turn, 2))
        await person.hear_all("asked", "queued", "started", "delta", "delta", "completed")


async def test_head_is_the_newest_stored_message(scene: Stage) -> None:
    async with scene.person() as person:
        turn, leaf = Turn(person.user_id), new_id()
        await scene.store.conversations.touch(
            person.user_id, turn.conversation_id, leaf=leaf, updated_at_ms=1, title_if_none="Trees"
        )
        assert (await watch(person, turn))["head"] == leaf


async def test_the_missing_frames_come_after_watching_and_before_the_live_ones(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started(), *(turn.delta(f"{n}") for n in range(1, 6)))
        watching = await watch(person, turn, seq=seq_of(1, 2))
        assert watching["turns"] == [{"turn_id": turn.turn_id, "seq": seq_of(1, 5), "status": "running"}]
        scene.publish(person.user_id, turn.delta("6"), turn.completed())
        texts = [frame["text"] for frame in await person.hear_all("delta", "delta", "delta", "delta")]
        assert texts == ["3", "4", "5", "6"]
        await person.hear("completed")


async def test_an_open_turn_that_was_not_asked_for_is_shown_by_a_snapshot(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started(), turn.delta("so "), turn.delta("far"))
        await watch(person, turn)
        snapshot = await person.hear("snapshot")
        assert (snapshot["text"], snapshot["seq"], snapshot["status"]) == ("so far", seq_of(1, 2), "running")
        assert (snapshot["answer_id"], snapshot["user_message"]["text"]) == (turn.answer_id, "Why?")


async def test_a_turn_asked_for_that_ended_long_ago_comes_from_the_store(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        *_, terminal = answer_frames(turn, 3)
        await store_end(scene, turn, terminal)
        watching = await watch(person, turn, seq=seq_of(1, 1))
        assert watching["turns"] == [{"turn_id": turn.turn_id, "seq": terminal.seq, "status": "completed"}]
        snapshot = await person.hear("snapshot")
        assert (snapshot["text"], snapshot["seq"], snapshot["usage"]["output_tokens"]) == (turn.text, terminal.seq, 5)


async def test_who_has_the_end_already_is_sent_nothing(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        *_, terminal = answer_frames(turn, 1)
        await store_end(scene, turn, terminal)
        assert (await watch(person, turn, seq=terminal.seq))["turns"][0]["status"] == "completed"
        await person.hears_nothing_more()


async def test_an_end_just_now_is_told_to_who_missed_it(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        *before, terminal = answer_frames(turn, 3)
        await store_end(scene, turn, terminal)
        scene.publish(person.user_id, *before, terminal)
        await watch(person, turn, seq=seq_of(1, 2))
        assert (await person.hear("snapshot"))["text"] == turn.text
        await person.hears_nothing_more()


async def test_an_ended_turn_that_was_not_asked_for_is_left_to_rest(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, *answer_frames(turn, 1))
        assert (await watch(person, turn))["turns"] == []
        await person.hears_nothing_more()


async def test_a_turn_that_nobody_knows_is_unknown(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        assert (await watch(person, turn, seq=0))["turns"] == [{"turn_id": turn.turn_id, "seq": 0, "status": "unknown"}]
        scene.publish(person.user_id, turn.asked())
        await person.hear("asked")


async def test_an_open_turn_that_only_the_store_knows_is_shown_and_goes_on_live(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        turn.started()
        turn.delta("so far")
        await store_row(scene, turn.row())
        await scene.store.checkpoints.save(turn.turn_id, turn.checkpoint())
        assert (await watch(person, turn))["turns"][0]["status"] == "running"
        assert (await person.hear("snapshot"))["text"] == "so far"
        scene.publish(person.user_id, turn.delta(" on"))
        assert (await person.hear("delta"))["text"] == " on"


async def test_at_a_hole_everyone_gets_one_snapshot_once_a_checkpoint_reaches_up_to_it(scene: Stage) -> None:
    async with scene.person() as person, scene.person() as phone:
        turn = Turn(person.user_id)
        await watch(person, turn)
        scene.publish(person.user_id, turn.started(), turn.delta("one "))
        await person.hear_all("started", "delta")
        early = turn.checkpoint()
        turn.delta("lost ")
        await store_row(scene, turn.row())
        await scene.store.checkpoints.save(turn.turn_id, early)
        scene.publish(person.user_id, turn.delta("held "))
        await watch(phone, turn, seq=seq_of(1, 0))
        await person.hears_nothing_more()
        await scene.store.checkpoints.save(turn.turn_id, turn.checkpoint())
        scene.publish(person.user_id, turn.delta("held too "))
        for hearing in (person, phone):
            assert (await hearing.hear("snapshot"))["text"].startswith("one lost held ")
        scene.publish(person.user_id, turn.completed())
        for hearing in (person, phone):
            while (await hearing.hear())["type"] != "completed":
                pass


async def test_an_end_behind_a_hole_comes_from_the_store(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        await watch(person, turn)
        scene.publish(person.user_id, turn.started())
        turn.delta("lost")
        terminal = turn.failed()
        await store_end(scene, turn, terminal)
        scene.publish(person.user_id, terminal)
        _, snapshot = await person.hear_all("started", "snapshot")
        assert (snapshot["status"], snapshot["text"]) == ("failed", "lost")


async def test_an_edge_behind_the_clients_cursor_says_nothing_until_it_has_passed_it(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started())
        assert (await watch(person, turn, seq=seq_of(1, 2)))["turns"][0]["seq"] == seq_of(1, 0)
        scene.publish(person.user_id, turn.delta("1"), turn.delta("2"), turn.delta("3"))
        assert (await person.hear("delta"))["text"] == "3"


async def test_live_frames_flow_while_the_store_is_away_and_the_rest_follows(scene: Stage) -> None:
    async with scene.person() as person:
        ended, live = Turn(person.user_id), None
        *_, terminal = answer_frames(ended, 2)
        await store_end(scene, ended, terminal)
        live = Turn(person.user_id, ended.conversation_id)
        scene.publish(person.user_id, live.started(), live.delta("a"))
        scene.outage.set()
        await person.say(type="watch", conversation_id=ended.conversation_id, after={ended.turn_id: seq_of(1, 1)})
        error, watching, snapshot = await person.hear_all("error", "watching", "snapshot")
        assert (error["code"], error["frame_type"]) == ("history_unavailable", "watch")
        assert [turn["turn_id"] for turn in watching["turns"]] == [live.turn_id]
        assert snapshot["text"] == "a"
        scene.publish(person.user_id, live.delta("b"))
        assert (await person.hear("delta"))["text"] == "b"
        scene.outage.clear()
        late = await person.hear("snapshot")
        assert (late["turn_id"], late["text"], late["status"]) == (ended.turn_id, ended.text, "completed")


async def test_watching_again_answers_every_watch_in_order_and_repeats_nothing_live(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started(), turn.delta("1"))
        await watch(person, turn, seq=seq_of(1, 1))
        for seq in (0, 1):
            cursors = {turn.turn_id: seq_of(1, seq)}
            await person.say(type="watch", conversation_id=turn.conversation_id, after=cursors)
        await person.hear_all("watching", "delta", "watching")
        scene.publish(person.user_id, turn.delta("2"))
        assert (await person.hear("delta"))["text"] == "2"
        await person.hears_nothing_more()


async def test_nothing_is_heard_of_an_unwatched_conversation(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        await watch(person, turn)
        await person.say(type="unwatch", conversation_id=turn.conversation_id)
        await person.hears_nothing_more()
        scene.publish(person.user_id, turn.asked())
        await person.hears_nothing_more()


async def test_unwatching_overtakes_a_watch_whose_answer_is_on_its_way(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started())
        await person.say(type="watch", conversation_id=turn.conversation_id)
        await person.say(type="unwatch", conversation_id=turn.conversation_id)
        frames = [await person.hear("watching")]
        scene.publish(person.user_id, turn.delta())
        await person.say(type="ping", nonce="end")
        while frames[-1]["type"] != "pong":
            frames.append(await person.hear())
        assert "delta" not in [frame["type"] for frame in frames]


async def test_a_session_watches_only_so_many_conversations(tmp_path: Path) -> None:
    async with stage(tmp_path, max_watched=2) as scene, scene.person() as person:
        turns = [Turn(person.user_id) for _ in range(3)]
        await watch(person, turns[0])
        await watch(person, turns[1])
        await person.say(type="watch", conversation_id=turns[2].conversation_id)
        error = await person.hear("error")
        assert (error["code"], error["frame_type"]) == ("too_many_watched", "watch")
        await watch(person, turns[1])
        await person.say(type="unwatch", conversation_id=turns[0].conversation_id)
        await watch(person, turns[2])


async def test_the_answer_to_a_resume_is_whole_while_frames_keep_coming(scene: Stage) -> None:
    """Frames come before, during and after the store is read: none is missed, none comes twice."""
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started())

        async def keep_publishing() -> None:
            for _ in range(100):
                scene.publish(person.user_id, turn.delta("x"))
                await asyncio.sleep(0)

        publishing = asyncio.create_task(keep_publishing())
        await watch(person, turn, seq=seq_of(1, 0))
        await publishing
        scene.publish(person.user_id, turn.completed())
        seqs = []
        while (frame := await person.hear())["type"] != "completed":
            seqs.append(frame["seq"])
        assert seqs == [seq_of(1, n) for n in range(1, 101)]


async def test_watching_again_replaces_what_was_asked_for_before(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        turn.started()
        scene.publish(person.user_id, turn.delta("one "))
        checkpoint = turn.checkpoint()
        scene.publish(person.user_id, turn.delta("two "))
        await watch(person, turn, seq=seq_of(1, 1))
        await watch(person, turn)
        await store_row(scene, turn.row())
        await scene.store.checkpoints.save(turn.turn_id, checkpoint)
        assert (await person.hear("snapshot"))["text"] == "one two "
