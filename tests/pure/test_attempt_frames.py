"""Pieces become numbered frames: the first at once, later ones merged, none lost when the writer is full."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.attempt_frames import MAX_DELTA_CHARACTERS, AttemptFrames
from consumers.llm.pieces import Piece, Switch
from producers.errors import NotAttempted
from schemas.frames import Delta, ServerFrame, Started
from schemas.ids import seq_of
from schemas.parts import UserMessage
from store.rows import TurnRow
from tests.flow.topic_readers import answer_in

CLAIM = TurnRow(
    turn_id="t",
    user_id="u",
    conversation_id="c",
    version=2,
    attempt=2,
    owner="w",
    question=UserMessage("Why?", None, "q"),
    answer_id="a",
)
PIECE = st.builds(Piece, st.text("ab", min_size=1, max_size=5), st.booleans())
PIECES = st.lists(PIECE, max_size=12)
SWITCHES = st.builds(Switch, st.integers(0, 8), st.just("fast"), st.just("smart"), st.just("provider_failed"))


class Publisher:
    """Stands in for the writer; acknowledges at once, refuses while it is full."""

    def __init__(self) -> None:
        self.frames: list[ServerFrame] = []
        self.refusals = 0

    def __call__(self, user_id: str, frame: ServerFrame) -> "asyncio.Future[None]":
        if self.refusals > 0:
            self.refusals -= 1
            raise NotAttempted("full")
        self.frames.append(frame)
        acknowledged = asyncio.get_running_loop().create_future()
        acknowledged.set_result(None)
        return acknowledged

    @property
    def deltas(self) -> list[Delta]:
        return [frame for frame in self.frames if isinstance(frame, Delta)]

    def text(self, kind: str | None) -> str:
        return "".join(delta.text for delta in self.deltas if delta.kind == kind)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.attempt_frames.RETRY_SECONDS", 0.001)


def new_frames(publish: Publisher, merge_seconds: float = 60) -> AttemptFrames:
    return AttemptFrames(publish, CLAIM, "fast", merge_seconds)


async def test_the_first_piece_goes_out_at_once_and_the_next_ones_together() -> None:
    publish = Publisher()
    frames = new_frames(publish)
    await frames.start("r", None)
    for text in ("a", "b", "c"):
        frames.add(Piece(text))
    assert [delta.text for delta in publish.deltas] == ["a"]
    await frames.published_and_acknowledged()
    assert [delta.text for delta in publish.deltas] == ["a", "bc"]
    assert frames.text == "abc"


async def test_merged_pieces_go_out_when_their_time_has_come() -> None:
    publish = Publisher()
    frames = new_frames(publish, merge_seconds=0.005)
    frames.add(Piece("a"))
    frames.add(Piece("b"))
    await asyncio.wait_for(frames._nothing_pending.wait(), 5)
    assert [delta.text for delta in publish.deltas] == ["a", "b"]


async def test_frames_are_numbered_densely_from_the_attempts_first() -> None:
    publish = Publisher()
    frames = new_frames(publish, merge_seconds=0)
    await frames.start("r", "before")
    for text in "abc":
        frames.add(Piece(text))
    await frames.published_and_acknowledged()
    started = publish.frames[0]
    assert isinstance(started, Started)
    assert (started.attempt, started.request_id, started.model, started.answer_id) == (2, "r", "fast", "a")
    assert started.user_message == UserMessage("Why?", "before", "q")
    assert [frame.seq for frame in (started, *publish.deltas)] == [seq_of(2, n) for n in range(len(publish.frames))]
    assert frames.checkpoint.seq == publish.deltas[-1].seq
    assert (frames.checkpoint.attempt, frames.checkpoint.text) == (2, "abc")


async def test_a_long_piece_is_cut_into_small_deltas() -> None:
    publish = Publisher()
    frames = new_frames(publish)
    frames.add(Piece("x" * (2 * MAX_DELTA_CHARACTERS + 1)))
    assert [len(delta.text) for delta in publish.deltas] == [MAX_DELTA_CHARACTERS, MAX_DELTA_CHARACTERS, 1]


async def test_what_was_not_published_is_dropped_by_a_stop() -> None:
    publish = Publisher()
    frames = new_frames(publish)
    frames.add(Piece("shown"))
    frames.add(Piece("pending"))
    frames.discard_pending()
    await frames.published_and_acknowledged()
    assert frames.text == publish.text(None) == "shown"


async def test_an_attempt_without_text_has_nothing_to_wait_for() -> None:
    publish = Publisher()
    frames = new_frames(publish)
    await frames.published_and_acknowledged()
    assert publish.frames == []


@given(pieces=PIECES, refusals=st.lists(st.integers(0, 3), max_size=12))
def test_a_full_writer_loses_nothing_and_mixes_no_reasoning_into_the_answer(
    pieces: list[Piece], refusals: list[int]
) -> None:
    publish = Publisher()

    async def stream() -> AttemptFrames:
        frames = new_frames(publish, merge_seconds=0)
        await frames.start("r", None)
        for number, piece in enumerate(pieces):
            publish.refusals = refusals[number] if number < len(refusals) else 0
            frames.add(piece)
        await frames.published_and_acknowledged()
        return frames

    frames = asyncio.run(stream())
    answer = "".join(piece.text for piece in pieces if not piece.is_reasoning)
    assert publish.text(None) == frames.text == answer
    assert publish.text("reasoning") == "".join(piece.text for piece in pieces if piece.is_reasoning)
    assert [frame.seq for frame in publish.frames if isinstance(frame, Started | Delta)] == [
        seq_of(2, n) for n in range(len(publish.frames))
    ]


async def test_a_switch_follows_all_that_was_said_before_it_and_cuts_the_checkpoint() -> None:
    publish = Publisher()
    frames = new_frames(publish)
    for said in (Piece("ab"), Piece("cd"), Switch(3, "fast", "smart", "provider_failed"), Piece("!")):
        frames.add(said)
    await frames.published_and_acknowledged()
    kinds = [getattr(frame, "text", None) or getattr(frame, "keep", None) for frame in publish.frames]
    assert kinds == ["ab", "cd", 3, "!"]
    assert (frames.checkpoint.text, frames.checkpoint.model, frames.alias) == ("abc!", "smart", "smart")


async def test_a_switch_that_nobody_was_shown_is_dropped_with_what_surrounds_it() -> None:
    publish = Publisher()
    frames = new_frames(publish)
    for said in (Piece("ab"), Piece("cd"), Switch(0, "fast", "smart", "provider_failed"), Piece("!")):
        frames.add(said)
    frames.discard_pending()
    await frames.published_and_acknowledged()
    assert (frames.checkpoint.text, frames.checkpoint.model) == ("ab", "fast")


@given(
    said=st.lists(
        st.one_of(st.builds(Piece, st.text("ab", min_size=1, max_size=5), st.booleans()), SWITCHES), max_size=12
    ),
    refusals=st.lists(st.integers(0, 3), max_size=12),
)
def test_the_text_kept_is_what_a_client_shows_whatever_is_switched_and_however_full_the_writer_is(
    said: list[Piece | Switch], refusals: list[int]
) -> None:
    publish = Publisher()

    async def stream() -> AttemptFrames:
        frames = new_frames(publish, merge_seconds=0)
        for number, shown in enumerate(said):
            publish.refusals = refusals[number] if number < len(refusals) else 0
            frames.add(shown)
        await frames.published_and_acknowledged()
        return frames

    frames = asyncio.run(stream())
    assert answer_in(publish.frames) == frames.text == answer_of(said)  # type: ignore[arg-type]
    assert frames.checkpoint.seq == frames.next_seq - 1 == seq_of(2, len(publish.frames)) - 1


def answer_of(said: list[Piece | Switch]) -> str:
    text = ""
    for shown in said:
        if isinstance(shown, Switch):
            text = text[: shown.keep]
        elif not shown.is_reasoning:
            text += shown.text
    return text


async def test_started_waits_for_room_in_a_full_writer() -> None:
    publish = Publisher()
    publish.refusals = 3
    await new_frames(publish).start("r", None)
    assert len(publish.frames) == 1
