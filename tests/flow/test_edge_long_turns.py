"""More open text in one conversation than is kept for a session, on a real socket: it comes as it is read (G4, G7)."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from samvad_client.reducer import Applied, apply
from samvad_client.turn_view import TurnView
from schemas import codec
from schemas.frames import Completed, TurnFrame
from schemas.ids import new_id, seq_of
from schemas.statuses import TurnStatus
from tests.edge_turns import Turn
from tests.flow.running_edge import Person, Stage, stage, until, watch
from ws_edge import looking_up

TURNS = 40
PIECES = ["0123456789" * 2_000] * 10
"""200 KB: of all turns together eight times as much as may wait for a session."""


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(looking_up, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(looking_up, "MAX_PAUSE_SECONDS", 0.1)
    async with stage(tmp_path) as running:
        yield running


def long_turns(user_id: str, scene: Stage | None = None) -> list[Turn]:
    """All of one conversation, all running."""
    conversation_id = new_id()
    turns = [Turn(user_id, conversation_id) for _ in range(TURNS)]
    for turn in turns:
        frames = [turn.started(), *map(turn.delta, PIECES)]
        if scene is not None:
            scene.publish(user_id, *frames)
    return turns


async def store_ends(scene: Stage, turns: list[Turn]) -> list[Completed]:
    """As workers do before they publish the terminal frames, which come back."""
    terminals = [turn.completed() for turn in turns]
    for turn, terminal in zip(turns, terminals, strict=True):
        assert await scene.store.turns.compare_and_set(turn.ended_row(terminal), None) is None
    return terminals


class Reader:
    """Applies what comes by the rules of the protocol."""

    def __init__(self, turns: list[Turn]) -> None:
        self.turns = {turn.turn_id: turn for turn in turns}
        self.views = {turn.turn_id: TurnView(conversation_id=turn.conversation_id) for turn in turns}

    async def read_until(self, person: Person, is_done: Callable[[Turn, TurnView], bool]) -> None:
        """Until every turn is so."""
        while not all(is_done(turn, self.views[turn_id]) for turn_id, turn in self.turns.items()):
            frame = codec.decode_server_frame(json.dumps(await person.hear()))
            if isinstance(frame, TurnFrame):
                assert apply(self.views[frame.turn_id], frame) is not Applied.HOLE


def is_whole(turn: Turn, view: TurnView) -> bool:
    return view.answer == turn.text


def has_ended(turn: Turn, view: TurnView) -> bool:
    return view.status is TurnStatus.COMPLETED and view.answer == turn.text


async def test_many_long_open_turns_come_as_they_are_read_and_go_on_live(scene: Stage) -> None:
    async with scene.person() as person:
        turns = long_turns(person.user_id, scene)
        await until(lambda: scene.replies.is_read)
        reader = Reader(turns)
        await watch(person, turns[0])
        for turn in turns:
            scene.publish(person.user_id, turn.delta("and "), turn.delta("on"))
        await reader.read_until(person, is_whole)
        await person.hears_nothing_more()


async def test_those_that_end_before_they_were_read_end_whole_too(scene: Stage) -> None:
    async with scene.person() as person:
        turns = long_turns(person.user_id, scene)
        await until(lambda: scene.replies.is_read)
        await watch(person, turns[0])
        scene.publish(person.user_id, *await store_ends(scene, turns))
        await until(lambda: scene.replies.is_read)
        await Reader(turns).read_until(person, has_ended)
        await person.hears_nothing_more()


async def test_who_comes_back_after_they_all_ended_gets_every_end(scene: Stage) -> None:
    async with scene.person() as person:
        turns = long_turns(person.user_id)
        await store_ends(scene, turns)
        after = {turn.turn_id: seq_of(1, 3) for turn in turns}
        await person.say(type="watch", conversation_id=turns[0].conversation_id, after=after)
        await Reader(turns).read_until(person, has_ended)
        await person.hears_nothing_more()


async def test_those_that_only_the_store_can_show_come_whole(scene: Stage) -> None:
    async with scene.person() as person:
        turns = long_turns(person.user_id)
        for turn in turns:
            await scene.store.turns.compare_and_set(turn.row(owner="worker-1"), None)
            await scene.store.checkpoints.save(turn.turn_id, turn.checkpoint())
        await watch(person, turns[0])
        await Reader(turns).read_until(person, is_whole)
        await person.hears_nothing_more()


async def test_who_is_too_slow_for_them_is_closed_and_not_sent_them_all_before(tmp_path: Path) -> None:
    async with stage(tmp_path, outbox_hard_bytes=300_000) as scene, scene.person(max_queue=1) as person:
        turns = long_turns(person.user_id, scene)
        await until(lambda: scene.replies.is_read)
        await watch(person, turns[0])
        retried = Turn(person.user_id, turns[0].conversation_id)
        scene.publish(person.user_id, *(retried.started() for _ in range(1_500)))
        reader = Reader([*turns, retried])
        with pytest.raises(ConnectionClosed) as closed:
            await reader.read_until(person, is_whole)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4409
        assert sum(is_whole(turn, reader.views[turn.turn_id]) for turn in turns) < TURNS // 2
