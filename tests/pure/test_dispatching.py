"""Between polling and turns: what an assignment owns, runs and commits, also when it changes (K9, K10)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from consumers.dispatching import Dispatcher, Job
from consumers.offsets import OffsetTracker
from consumers.running_turns import RunningTurns
from consumers.slot import Slot
from consumers.taking import TakenRequest
from schemas.client_frames import OnBusy
from schemas.requests import Ask, ChatRequest

P = "a partition"


class Answers:
    """Each turn waits for its own future; what that holds is what `answer` says.

    Those in `held` first wait for another worker, until that `lets_go`; then they have gone on.
    """

    def __init__(self, *held: str) -> None:
        self.begun: list[str] = []
        self.gone_on: list[str] = []
        self.ends: dict[str, asyncio.Future[bool]] = {}
        self._held = {turn_id: asyncio.Event() for turn_id in held}

    async def __call__(self, taken: TakenRequest, slot: Slot) -> bool:
        turn_id = taken.request.turn_id
        self.begun.append(turn_id)
        if turn_id in self._held:
            async with slot.lent():
                await self._held[turn_id].wait()
            self.gone_on.append(turn_id)
        self.ends[turn_id] = asyncio.get_running_loop().create_future()
        return await self.ends[turn_id]

    async def let_go(self, turn_id: str) -> None:
        self._held[turn_id].set()
        await settle()

    async def end(self, turn_id: str, ended: bool = True) -> None:
        self.ends[turn_id].set_result(ended)
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def a_job(tracker: OffsetTracker, offset: int, conversation: str = "c", on_busy: OnBusy = "queue") -> Job:
    tracker.take(offset)
    request = Ask(
        user_id="u",
        conversation_id=conversation,
        turn_id=f"{conversation}{offset}",
        request_id="r",
        text="",
        model="fast",
        on_busy=on_busy,
        accepted_at="now",
    )
    return Job(P, tracker, offset, TakenRequest(request, None, 0))


def new_dispatcher(answers: Answers, max_running: int = 10) -> tuple[Dispatcher, OffsetTracker]:
    dispatcher = Dispatcher(answers, RunningTurns(), max_running)
    return dispatcher, assign(dispatcher)


def assign(dispatcher: Dispatcher) -> OffsetTracker:
    dispatcher.assignment.assign([P])
    tracker = dispatcher.assignment.tracker(P)
    assert tracker is not None
    return tracker


async def test_only_the_contiguous_ended_turns_are_committed() -> None:
    answers = Answers()
    dispatcher, tracker = new_dispatcher(answers)
    for offset, conversation in enumerate("abc"):
        dispatcher.add(a_job(tracker, offset, conversation))
    await settle()
    await answers.end("c2")
    assert dispatcher.assignment.to_commit() == {}
    await answers.end("a0")
    assert dispatcher.assignment.to_commit() == {P: 1}
    await answers.end("b1")
    assert dispatcher.assignment.to_commit() == {P: 3}
    await dispatcher.drain(0, 0)


async def test_a_turn_that_was_given_back_is_not_committed() -> None:
    answers = Answers()
    dispatcher, tracker = new_dispatcher(answers)
    dispatcher.add(a_job(tracker, 0))
    await settle()
    await answers.end("c0", ended=False)
    assert dispatcher.assignment.to_commit() == {}
    assert (dispatcher.running_count, dispatcher.waiting_count) == (0, 0)


async def test_what_waited_in_an_older_assignment_is_not_run() -> None:
    answers = Answers()
    dispatcher, before = new_dispatcher(answers)
    dispatcher.add(a_job(before, 0))
    dispatcher.add(a_job(before, 1))
    await settle()
    dispatcher.assignment.revoke([P])
    after = assign(dispatcher)
    await answers.end("c0")
    assert answers.begun == ["c0"]
    assert dispatcher.assignment.to_commit() == {}
    dispatcher.add(a_job(after, 0))
    await settle()
    assert answers.begun == ["c0", "c0"], "it came again and belongs to us again"
    await answers.end("c0")
    assert dispatcher.assignment.to_commit() == {P: 1}


async def test_a_drain_starts_nothing_more_and_cancels_what_does_not_end() -> None:
    answers = Answers()
    dispatcher, tracker = new_dispatcher(answers)
    dispatcher.add(a_job(tracker, 0))
    dispatcher.add(a_job(tracker, 1))
    await settle()
    await dispatcher.drain(0.01, 0.01)
    assert answers.begun == ["c0"]
    assert answers.ends["c0"].cancelled()
    assert dispatcher.assignment.to_commit() == {}


async def test_a_job_whose_task_has_not_run_a_step_when_the_drain_begins_is_left_to_others() -> None:
    answers = Answers()
    dispatcher, tracker = new_dispatcher(answers)
    dispatcher.add(a_job(tracker, 0))
    dispatcher.start_no_more()
    await settle()
    assert (answers.begun, dispatcher.assignment.to_commit()) == ([], {})


async def test_at_most_so_many_turns_run_at_once() -> None:
    answers = Answers()
    dispatcher, tracker = new_dispatcher(answers, max_running=2)
    for offset, conversation in enumerate("abcd"):
        dispatcher.add(a_job(tracker, offset, conversation))
    await settle()
    assert (answers.begun, dispatcher.running_count, dispatcher.waiting_count) == (["a0", "b1"], 2, 2)
    await answers.end("b1")
    assert answers.begun == ["a0", "b1", "c2"]
    await dispatcher.drain(0, 0)


async def test_a_turn_that_waits_for_another_worker_holds_no_slot_and_no_other_lane() -> None:
    answers = Answers("a0")
    dispatcher, tracker = new_dispatcher(answers, max_running=1)
    for offset, conversation in enumerate("aab"):
        dispatcher.add(a_job(tracker, offset, conversation))
    await settle()
    assert answers.begun == ["a0", "b2"], "the next of its own conversation waits behind it"
    assert (dispatcher.running_count, dispatcher.waiting_count) == (1, 2)
    await dispatcher.drain(0, 0)


async def test_a_turn_that_waited_goes_on_before_those_that_have_not_started_once_there_is_room() -> None:
    answers = Answers("a0")
    dispatcher, tracker = new_dispatcher(answers, max_running=1)
    for offset, conversation in enumerate("abc"):
        dispatcher.add(a_job(tracker, offset, conversation))
    await settle()
    await answers.let_go("a0")
    assert (answers.gone_on, answers.begun) == ([], ["a0", "b1"])
    await answers.end("b1")
    assert (answers.gone_on, answers.begun) == (["a0"], ["a0", "b1"])
    await answers.end("a0")
    assert answers.begun == ["a0", "b1", "c2"]
    await answers.end("c2")
    assert dispatcher.assignment.to_commit() == {P: 3}


async def test_a_turn_that_waits_is_let_go_with_its_partition_or_at_a_drain() -> None:
    answers = Answers("a0", "b1")
    dispatcher, tracker = new_dispatcher(answers)
    dispatcher.add(a_job(tracker, 0, "a"))
    await settle()
    dispatcher.assignment.revoke([P])
    dispatcher.let_parked_go()
    await settle()
    assert dispatcher.waiting_count == 0
    dispatcher.add(a_job(assign(dispatcher), 1, "b"))
    await settle()
    async with asyncio.timeout(5):
        await dispatcher.drain(60, 0)
    assert answers.gone_on == []


class Interruptions:
    """What was to be interrupted, by whom."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, list[str]]] = []

    def __call__(self, request: ChatRequest, earlier: Sequence[ChatRequest]) -> None:
        self.begun.append((request.turn_id, [each.turn_id for each in earlier]))


def an_interruptible(answers: Answers) -> tuple[Dispatcher, OffsetTracker, Interruptions]:
    interruptions = Interruptions()
    dispatcher = Dispatcher(answers, RunningTurns(), max_running=10, interrupt=interruptions)
    return dispatcher, assign(dispatcher), interruptions


async def test_an_interrupting_question_means_all_that_is_before_it_in_its_lane() -> None:
    dispatcher, tracker, interruptions = an_interruptible(Answers("c0"))
    for offset in range(3):
        dispatcher.add(a_job(tracker, offset))
    await settle()
    dispatcher.add(a_job(tracker, 3, "another"))
    dispatcher.add(a_job(tracker, 4, on_busy="interrupt"))
    dispatcher.add(a_job(tracker, 5))
    assert interruptions.begun == [("c4", ["c0", "c1", "c2"])], "parked or waiting, and of this conversation only"
    await dispatcher.drain(0, 0)


async def test_an_interrupting_question_with_nothing_before_it_interrupts_nothing() -> None:
    dispatcher, tracker, interruptions = an_interruptible(Answers())
    dispatcher.add(a_job(tracker, 0, on_busy="interrupt"))
    assert interruptions.begun == []
    await dispatcher.drain(0, 0)


async def test_a_record_that_comes_again_while_its_turn_is_here_does_not_interrupt_what_came_after_it() -> None:
    dispatcher, tracker, interruptions = an_interruptible(Answers())
    first = a_job(tracker, 0, on_busy="interrupt")
    dispatcher.add(first)
    dispatcher.add(a_job(tracker, 1))
    await settle()
    tracker.take(2)
    dispatcher.add(replace(first, offset=2))
    assert interruptions.begun == []
    await dispatcher.drain(0, 0)


async def test_a_redelivered_record_does_not_interrupt_a_later_turn_that_runs_on_from_before() -> None:
    dispatcher, before, interruptions = an_interruptible(Answers())
    dispatcher.add(a_job(before, 5))
    await settle()
    dispatcher.assignment.revoke([P])
    dispatcher.add(a_job(assign(dispatcher), 3, on_busy="interrupt"))
    assert interruptions.begun == []
    await dispatcher.drain(0, 0)
