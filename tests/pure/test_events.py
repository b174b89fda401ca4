"""Frames as server-sent events and back: whatever the text, however the network cuts it, nothing is added or lost."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samvad_client.events import Event, EventReader
from schemas import codec
from schemas.errors import ErrorCode
from schemas.frames import Draining, Pong, ServerFrame, Watching, error_frame
from tests.edge_turns import Turn
from ws_edge.events import COMMENT, encoded, event_of, is_bug, retry_field

TEXTS = st.text(st.sampled_from('aé😀\n\r\u2028\u0085\x0b\x00":{}'), max_size=20)
LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def read(*chunks: bytes) -> list[Event]:
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


@settings(deadline=None)
@given(texts=st.lists(TEXTS, max_size=4), cuts=st.lists(st.integers(0, 2000), max_size=6), line_end=LINE_ENDS)
def test_what_is_read_is_what_was_said_however_it_is_cut_and_its_lines_end(
    texts: list[str], cuts: list[int], line_end: bytes
) -> None:
    turn = Turn()
    frames = [codec.encode(frame) for frame in [turn.started(), *map(turn.delta, texts), turn.completed()]]
    events = [event_of(frame, turn.turn_id) for frame in frames]
    stream = COMMENT.join(event.raw for event in events if event is not None) + retry_field(7)
    stream = stream.replace(b"\n", line_end)
    places = sorted({min(cut, len(stream)) for cut in cuts})
    chunks = [stream[at:to] for at, to in zip([0, *places], [*places, len(stream)], strict=True)]
    found = read(*chunks)
    assert [event.data for event in found] == frames
    assert [event.id for event in found] == [str(json.loads(frame)["seq"]) for frame in frames]
    assert [event.kind for event in found] == [json.loads(frame)["type"] for frame in frames]


def test_a_record_with_line_breaks_can_not_make_events_of_its_own() -> None:
    turn = Turn()
    started = json.loads(codec.encode(turn.started()))
    event = event_of(json.dumps(started, indent=1).replace("\n", "\r\n\r\n").encode(), turn.turn_id)
    assert event is not None
    (found,) = read(event.raw)
    assert (found.kind, found.id, json.loads(found.data)) == ("started", str(started["seq"]), started)
    renamed = codec.encode(turn.delta()).replace(b'"delta"', b'"delta\\nid: 7"')
    assert event_of(renamed, turn.turn_id) is None, "no frame type of ours"


def test_only_the_frames_of_the_turn_are_its_events() -> None:
    turn, other = Turn(), Turn()
    mine: list[ServerFrame] = [turn.asked(), turn.queued(), turn.started(), turn.delta(), turn.switched(0)]
    others: list[ServerFrame] = [other.started(), Pong(), Draining(1), Watching(turn.conversation_id, [], None)]
    assert all(event_of(codec.encode(frame), turn.turn_id) for frame in mine)
    assert not any(event_of(codec.encode(frame), turn.turn_id) for frame in others)
    assert not any(event_of(raw, turn.turn_id) for raw in (b"", b"{", b"[]", b'{"type":7}', b"\xff"))


@pytest.mark.parametrize("how", ["completed", "stopped", "failed"])
def test_a_terminal_frame_or_snapshot_is_the_end_and_nothing_else_is(how: str) -> None:
    turn = Turn()
    turn.started()
    terminal = getattr(turn, how)()
    shown = turn.ended_row(terminal)
    snapshot = {"type": "snapshot", "turn_id": turn.turn_id, "seq": terminal.seq, "status": shown.finish.status}  # type: ignore[union-attr]
    for frame in (codec.encode(terminal), json.dumps(snapshot).encode()):
        event = event_of(frame, turn.turn_id)
        assert event is not None and event.is_end
    for frame in (json.dumps(snapshot | {"status": "running"}).encode(), codec.encode(turn.delta())):
        event = event_of(frame, turn.turn_id)
        assert event is not None and not event.is_end


def test_a_queued_frame_has_no_id_so_that_a_browser_keeps_the_last() -> None:
    turn = Turn()
    event = event_of(codec.encode(turn.queued()), turn.turn_id)
    assert event is not None and b"id:" not in event.raw
    assert encoded(["event: draining"], b"{}") == b"event: draining\ndata: {}\n\n"


def test_only_a_bug_of_the_edge_ends_a_stream_that_waits_for_the_store() -> None:
    assert is_bug(codec.encode(error_frame(ErrorCode.INTERNAL, frame_type="watch")))
    assert not is_bug(codec.encode(error_frame(ErrorCode.HISTORY_UNAVAILABLE, frame_type="watch")))
