"""What interrupts a running turn, and which reason counts."""

import asyncio

import pytest

from consumers.running_turns import Interruption, RunningTurn, RunningTurns


def a_turn(turn_id: str = "t", conversation_id: str = "c", attempt: int = 1) -> RunningTurn:
    return RunningTurn(turn_id, "u", conversation_id, attempt)


@pytest.fixture
def running() -> RunningTurns:
    return RunningTurns()


async def test_a_stop_reaches_only_the_turn_it_names(running: RunningTurns) -> None:
    one, other = a_turn("1"), a_turn("2")
    running.begin(one)
    running.begin(other)
    running.stop("1")
    running.stop("unknown")
    assert (one.interruption, other.interruption) == (Interruption.STOPPED, None)


@pytest.mark.parametrize("second", list(Interruption))
async def test_the_first_reason_counts_but_being_taken_outweighs_all(second: Interruption) -> None:
    for first in Interruption:
        turn = a_turn()
        turn.interrupt(first)
        turn.interrupt(second)
        assert turn.interruption is (Interruption.TAKEN if Interruption.TAKEN in (first, second) else first)


async def test_whoever_waits_for_an_interruption_is_woken(running: RunningTurns) -> None:
    turn = a_turn()
    running.begin(turn)
    running.stop("t")
    assert await turn.interrupted is Interruption.STOPPED


@pytest.mark.parametrize(("ours", "theirs", "interrupted"), [(1, 2, True), (2, 2, False), (3, 2, False), (0, 2, False)])
async def test_only_a_higher_attempt_silences_a_turn(
    running: RunningTurns, ours: int, theirs: int, interrupted: bool
) -> None:
    turn = a_turn(attempt=ours)
    running.begin(turn)
    running.taken("t", theirs)
    assert (turn.interruption is Interruption.TAKEN) == interrupted


async def test_a_forgotten_interruption_leaves_room_for_the_next(running: RunningTurns) -> None:
    turn = a_turn()
    turn.interrupt(Interruption.TAKEN)
    turn.forget_interruption()
    assert turn.interruption is None
    turn.interrupt(Interruption.RELEASED)
    assert turn.interruption is Interruption.RELEASED


async def test_a_pause_ends_with_an_interruption_and_is_short_from_then_on(running: RunningTurns) -> None:
    turn = a_turn()
    running.begin(turn)
    async with asyncio.timeout(5):
        pausing = asyncio.create_task(turn.pause(60))
        await asyncio.sleep(0)
        running.stop("t")
        await pausing
        await turn.pause(60)


async def test_a_conversations_stop_spares_others_and_notes_a_deletion(running: RunningTurns) -> None:
    mine, other = a_turn("1", "c"), a_turn("2", "d")
    running.begin(mine)
    running.begin(other)
    running.stop_conversation("u", "c", dropped=True)
    running.stop_conversation("somebody else", "d")
    assert (mine.interruption, mine.conversation_dropped) == (Interruption.STOPPED, True)
    assert (other.interruption, other.conversation_dropped) == (None, False)


async def test_a_revocation_releases_only_what_has_not_asked_a_provider(running: RunningTurns) -> None:
    early, streaming = a_turn("1"), a_turn("2")
    streaming.provider_called = True
    running.begin(early)
    running.begin(streaming)
    running.release_all(only_before_provider=True)
    assert (early.interruption, streaming.interruption) == (Interruption.RELEASED, None)
    running.release_all()
    assert streaming.interruption is Interruption.RELEASED


async def test_whoever_leaves_gives_back_what_begins_late_too_and_lets_answers_stream_on(running: RunningTurns) -> None:
    early, streaming, late = a_turn("1"), a_turn("2"), a_turn("3")
    streaming.provider_called = True
    running.begin(early)
    running.begin(streaming)
    running.leave()
    running.begin(late)
    assert {early.interruption, late.interruption} == {Interruption.RELEASED}
    assert streaming.interruption is None


async def test_an_ended_turn_wakes_whoever_waits_for_it(running: RunningTurns) -> None:
    turn = a_turn()
    running.begin(turn)
    assert running.get("t") is turn
    running.end(turn)
    await turn.done.wait()
    assert running.get("t") is None
    assert len(running) == 0
