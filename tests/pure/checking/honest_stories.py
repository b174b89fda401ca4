"""Runs in which everything is as it may be, however odd it looks."""

from collections.abc import Callable

from infra.prove import events as ev
from schemas import codec
from schemas.errors import ErrorCode
from schemas.frames import Accepted, Queued, rejected_frame
from schemas.ids import seq_of
from tests.pure.checking.changes import deltas_at, last
from tests.pure.checking.stories import (
    COMPLETED,
    FAILED,
    STOPPED,
    Person,
    Story,
    Try,
    frame_of,
    frames_of,
    snapshot_of,
    text_of,
    words_of,
)


def a_plain_turn(story: Story, asha: Person) -> None:
    story.turn(asha)


def a_conversation_of_three(story: Story, asha: Person) -> None:
    for status in (COMPLETED, FAILED, COMPLETED):
        story.turn(asha, status=status)


def a_takeover_from_the_checkpoint(story: Story, asha: Person) -> None:
    first = story.words(1, 3, 2)
    story.turn(asha, Try(first), Try([first[0] + first[1], *words_of(2, 4)]))


def a_zombie_that_the_edges_drop(story: Story, asha: Person) -> None:
    first = story.words(1, 3, 2, 2)
    story.turn(asha, Try(first, zombie_frames=2), Try(["".join(first[:2])]))


def a_switch_to_another_model(story: Story, asha: Person) -> None:
    first = story.words(1, 3, 2)
    kept = len(first[0] + first[1]) - 2
    asked = story.turn(asha, Try([*first, kept, *words_of(2, 2)]))
    story.call(asked)


def an_answer_continued_by_another_model(story: Story, asha: Person) -> None:
    first = story.words(1, 3, 2)
    asked = story.turn(asha, Try([*first[:2], len(first[0]), *first[1:]]))
    story.call(asked)


def a_resume_by_frames(story: Story, asha: Person) -> None:
    texts = Try(story.words(1, 3, 2))
    asked = story.ask(asha)
    story.accept(asha, asked)
    story.call(asked)
    frames = frames_of(asked, 1, texts)
    for frame in frames:
        story.publish(asha.name, frame)
    for frame in frames[:3]:
        story.receive(asha, frame)
    story.connect(asha)
    for frame in frames[1:]:
        story.receive(asha, frame)
    story.end(asha, asked, [texts], COMPLETED)


def a_snapshot_for_a_slow_reader(story: Story, asha: Person) -> None:
    texts = Try(story.words(1, 3, 2))
    asked = story.ask(asha)
    story.accept(asha, asked)
    story.call(asked)
    for frame in (frames := frames_of(asked, 1, texts)):
        story.publish(asha.name, frame)
    story.receive(asha, frames[0])
    story.receive(asha, snapshot_of(asked, seq_of(1, 2), text_of(Try(texts.parts[:2]))))
    story.receive(asha, frames[3])
    story.end(asha, asked, [texts], COMPLETED)


def an_end_told_again(story: Story, asha: Person) -> None:
    """By a repair to the topic, and by snapshots to the client."""
    asked = story.turn(asha)
    row = last(story, ev.StoredTurn).row
    story.publish(asha.name, codec.decode_turn_frame(row.finish.terminal_frame))
    story.receive(asha, snapshot_of(asked, row.finish.terminal_seq, row.finish.text, COMPLETED))
    story.connect(asha)
    story.receive(asha, snapshot_of(asked, row.finish.terminal_seq, row.finish.text, COMPLETED))


def records_written_again_by_a_new_producer(story: Story, asha: Person) -> None:
    story.turn(asha)
    places = deltas_at(story, ev.Published)
    again = [story.events[place] for place in places[:2]]
    story.events[places[1] + 1 : places[1] + 1] = again


def a_request_sent_again(story: Story, asha: Person) -> None:
    asked = story.ask(asha)
    story.connect(asha)
    story.accept(asha, asked)
    story.receive(asha, Accepted(asked.request_id, asked.turn_id))
    texts = Try(story.words(2, 2))
    story.call(asked)
    for frame in frames_of(asked, 1, texts):
        story.publish(asha.name, frame)
        story.receive(asha, frame)
    story.end(asha, asked, [texts], COMPLETED)


def a_request_without_an_answer(story: Story, asha: Person) -> None:
    story.turn(asha)
    story.ask(asha)


def a_rejected_request(story: Story, asha: Person) -> None:
    story.turn(asha)
    asked = story.ask(asha)
    story.receive(asha, rejected_frame(asked.request_id, ErrorCode.OVERLOADED))


def a_request_rejected_then_sent_again_and_accepted(story: Story, asha: Person) -> None:
    story.turn(asha)
    place = next(place for place, event in enumerate(story.events) if isinstance(frame_of(event), Accepted))
    story.receive(asha, rejected_frame("request-asha-1", ErrorCode.OVERLOADED))
    story.events.insert(place, story.events.pop())


def a_stop_in_time(story: Story, asha: Person) -> None:
    story.tell(ev.StopAsked, client="asha", turn_id="turn-asha-1")
    story.turn(asha, status=STOPPED)


def a_stop_that_lost_the_race(story: Story, asha: Person) -> None:
    asked = story.turn(asha)
    story.tell(ev.StopAsked, client="asha", turn_id=asked.turn_id)


def a_late_stop_under_a_fault(story: Story, asha: Person) -> None:
    story.tell(ev.FaultBegan, fault="broker_kill", target="kafka-1")
    story.tell(ev.StopAsked, client="asha", turn_id="turn-asha-1")
    story.now += 20
    story.turn(asha)


def a_late_stop_of_a_turn_whose_worker_died(story: Story, asha: Person) -> None:
    story.tell(ev.FaultBegan, fault="worker_kill", target="worker-1", turns=("turn-asha-1",))
    story.tell(ev.StopAsked, client="asha", turn_id="turn-asha-1")
    story.now += 20
    story.turn(asha)


def a_client_that_gave_up(story: Story, asha: Person) -> None:
    asked = story.turn(asha)
    story.tell(ev.GaveUp, client="asha", turn_id=asked.turn_id)


def waiting_turns(story: Story, asha: Person) -> None:
    asked = story.ask(asha)
    story.accept(asha, asked)
    waiting = Queued(
        conversation_id=asked.conversation_id, turn_id=asked.turn_id, attempt=1, position=2, eta_ms=9, reason="busy"
    )
    story.receive(asha, waiting)
    story.receive(asha, waiting)
    story.call(asked, ended="refused", tokens_sent=0)
    texts = Try(story.words(2, 2))
    story.call(asked)
    for frame in frames_of(asked, 1, texts):
        story.publish(asha.name, frame)
        story.receive(asha, frame)
    story.end(asha, asked, [texts], COMPLETED)


HONEST: list[Callable[[Story, Person], None]] = [
    a_plain_turn,
    a_conversation_of_three,
    a_takeover_from_the_checkpoint,
    a_zombie_that_the_edges_drop,
    a_switch_to_another_model,
    an_answer_continued_by_another_model,
    a_resume_by_frames,
    a_snapshot_for_a_slow_reader,
    an_end_told_again,
    records_written_again_by_a_new_producer,
    a_request_sent_again,
    a_request_without_an_answer,
    a_rejected_request,
    a_request_rejected_then_sent_again_and_accepted,
    a_stop_in_time,
    a_stop_that_lost_the_race,
    a_late_stop_under_a_fault,
    a_late_stop_of_a_turn_whose_worker_died,
    a_client_that_gave_up,
    waiting_turns,
]
