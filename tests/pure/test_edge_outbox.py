"""A session's outgoing queue: order, what gives way, and where it ends."""

from hypothesis import given
from hypothesis import strategies as st

from ws_edge.outbox import FRAME_OVERHEAD_BYTES, Outbox


def drained(outbox: Outbox) -> list[bytes]:
    frames = []
    while (raw := outbox.pop()) is not None:
        frames.append(raw)
    return frames


def test_frames_leave_in_the_order_they_came() -> None:
    outbox = Outbox(1000, 2000)
    for raw in (b"a", b"b", b"c"):
        outbox.push(raw)
    assert drained(outbox) == [b"a", b"b", b"c"]
    assert outbox.pop() is None
    assert outbox.waiting_bytes == 0


def test_the_trailing_deltas_of_each_turn_are_taken_out_and_nothing_else() -> None:
    outbox = Outbox(1000, 2000)
    outbox.push(b"s1", "t1")
    outbox.push(b"d1", "t1", is_delta=True)
    outbox.push(b"e2", "t2")
    outbox.push(b"d2", "t2", is_delta=True)
    outbox.push(b"pong")
    outbox.push(b"d1", "t1", is_delta=True)
    assert outbox.take_out_deltas() == {"t1", "t2"}
    assert drained(outbox) == [b"s1", b"e2", b"pong"]


def test_deltas_before_another_frame_of_their_turn_stay() -> None:
    outbox = Outbox(1000, 2000)
    outbox.push(b"d1", "t", is_delta=True)
    outbox.push(b"switched", "t")
    outbox.push(b"d2", "t", is_delta=True)
    assert outbox.take_out_deltas() == {"t"}
    assert drained(outbox) == [b"d1", b"switched"]


def test_above_the_hard_limit_nothing_more_is_taken_and_it_says_so() -> None:
    outbox = Outbox(100, 300)
    pushed = 0
    while not outbox.is_overflowed:
        outbox.push(b"frame")
        pushed += 1
    assert outbox.waiting_bytes <= 300 + 2 * (5 + FRAME_OVERHEAD_BYTES)
    assert len(drained(outbox)) == pushed - 1
    assert outbox.is_overflowed


def test_there_is_always_room_for_one_snapshot_and_what_follows_it() -> None:
    outbox = Outbox(100, 1000)
    for raw in (b"x" * 700, b"snapshot" * 10_000, b"completed"):
        outbox.push(raw)
    assert not outbox.is_overflowed
    assert len(drained(outbox)) == 3


def test_a_second_snapshot_is_one_too_many_if_the_first_was_not_read() -> None:
    outbox = Outbox(100, 1000)
    for _ in range(3):
        outbox.push(b"snapshot" * 10_000)
    assert outbox.is_overflowed
    assert outbox.waiting_bytes < 170_000


@given(st.lists(st.tuples(st.sampled_from(["t1", "t2", None]), st.booleans(), st.booleans())))
def test_the_bytes_counted_are_the_bytes_waiting(pushes: list[tuple[str | None, bool, bool]]) -> None:
    outbox = Outbox(1000, 10**9)
    for turn_id, is_delta, takes_out in pushes:
        outbox.push(b"frame", turn_id, is_delta)
        if takes_out:
            outbox.take_out_deltas()
    assert outbox.waiting_bytes == len(outbox) * (5 + FRAME_OVERHEAD_BYTES)
