"""Runs that are honest but for one thing, by the class of violation that it is."""

from collections.abc import Callable

import msgspec

from infra.prove import events as ev
from infra.prove.checking import Violation
from schemas import codec
from schemas.errors import ErrorCode
from schemas.frames import Accepted, rejected_frame
from schemas.ids import seq_of
from tests.pure.checking.changes import deltas_at, drop_last, last, replace_last
from tests.pure.checking.stories import (
    COMPLETED,
    FAILED,
    STOPPED,
    USAGE,
    Person,
    Story,
    Try,
    bill_of,
    ended_row,
    frame_of,
    frames_of,
    snapshot_of,
    terminal_of,
    words_of,
)

replace = msgspec.structs.replace


def lost_row(story: Story, asha: Person) -> None:
    """Committed before it was processed, then the worker died: accepted, and nobody has it."""
    story.accept(asha, story.ask(asha))


def lost_end(story: Story, asha: Person) -> None:
    asked = story.ask(asha)
    story.accept(asha, asked)
    texts = Try(story.words(1))
    story.call(asked)
    for frame in frames_of(asked, 1, texts):
        story.publish(asha.name, frame)
        story.receive(asha, frame)
    open_row = replace(ended_row(asked, [Try([])], COMPLETED), finish=None, usage_by_attempt={})
    story.tell(ev.StoredTurn, row=open_row)
    story.tell(ev.GaveUp, client="asha", turn_id=asked.turn_id)


def lost_answer(story: Story, asha: Person) -> None:
    story.turn(asha)
    drop_last(story, ev.StoredMessage)


def lost_terminal(story: Story, asha: Person) -> None:
    story.turn(asha)
    drop_last(story, ev.Published)


def doubled_frame(story: Story, asha: Person) -> None:
    story.turn(asha)
    place = deltas_at(story, ev.Received)[1]
    story.events.insert(place, story.events[place])


def doubled_words(story: Story, asha: Person) -> None:
    """The same text under a new number, and stored as shown."""
    first = story.words(1, 3, 2)
    story.turn(asha, Try([*first[:2], first[1], first[2]]))


def doubled_answer(story: Story, asha: Person) -> None:
    story.turn(asha)
    message = last(story, ev.StoredMessage)
    story.tell(
        ev.StoredMessage,
        user_id="asha",
        conversation_id=message.conversation_id,
        message=replace(message.message, message_id="another"),
    )


def doubled_writers(story: Story, asha: Person) -> None:
    """Two workers in one attempt."""
    asked = story.turn(asha)
    story.publish("asha", frames_of(asked, 1, Try(["other"]))[1])


def doubled_turn(story: Story, asha: Person) -> None:
    asked = story.turn(asha)
    story.receive(asha, Accepted(asked.request_id, "another-turn"))


def gap_at_the_client(story: Story, asha: Person) -> None:
    """A frame is left out, and only the end by a snapshot makes it good."""
    asked = story.turn(asha)
    del story.events[deltas_at(story, ev.Received)[1]]
    row = last(story, ev.StoredTurn).row
    story.connect(asha)
    story.receive(asha, snapshot_of(asked, row.finish.terminal_seq, row.finish.text, COMPLETED))


def gap_in_the_topic(story: Story, asha: Person) -> None:
    story.turn(asha)
    del story.events[deltas_at(story, ev.Published)[1]]


def gap_in_the_words(story: Story, asha: Person) -> None:
    first = story.words(1, 3, 2)
    story.turn(asha, Try([first[0], first[2]]))


def gap_at_the_beginning(story: Story, asha: Person) -> None:
    story.turn(asha, Try(story.words(1, 3, 2)[1:]))


def reordered_frames(story: Story, asha: Person) -> None:
    story.turn(asha)
    one, other = deltas_at(story, ev.Received)[:2]
    story.events[one], story.events[other] = story.events[other], story.events[one]


def reordered_records(story: Story, asha: Person) -> None:
    story.turn(asha)
    one, other = deltas_at(story, ev.Published)[1:]
    story.events[one], story.events[other] = story.events[other], story.events[one]


def reordered_words(story: Story, asha: Person) -> None:
    first = story.words(1, 3, 2)
    story.turn(asha, Try([first[0], first[2], first[1]]))


def reordered_beginning(story: Story, asha: Person) -> None:
    first = story.words(1, 3, 2)
    story.turn(asha, Try([first[1], first[0], first[2]]))


def reordered_attempts(story: Story, asha: Person) -> None:
    """An edge that lets a zombie's frame through."""
    first = story.words(1, 3)
    asked = story.turn(asha, Try(first, zombie_frames=1), Try(["".join(first)]))
    zombie = frames_of(asked, 1, Try(first))[2]
    place = deltas_at(story, ev.Received)[-1]
    story.receive(asha, zombie)
    story.events.insert(place, story.events.pop())


def reordered_turns(story: Story, asha: Person) -> None:
    """The second question is the first of the conversation."""
    story.turn(asha)
    story.turn(asha)
    places = [place for place, event in enumerate(story.events) if isinstance(event, ev.StoredMessage)]
    stored = [story.events[place] for place in places]
    for place, event in zip(places, [*stored[2:], *stored[:2]], strict=True):
        story.events[place] = event


def reordered_chain(story: Story, asha: Person) -> None:
    """Two questions that each begin the conversation: the second did not see the first one's answer."""
    story.turn(asha)
    asha.leaf = None
    story.turn(asha)


def two_ends_in_the_topic(story: Story, asha: Person) -> None:
    first = story.words(1, 3)
    asked = story.turn(asha, Try(first, zombie_frames=1), Try(["".join(first)]))
    story.publish("asha", terminal_of(asked, COMPLETED, seq_of(1, 3)))


def two_ends_of_one_number(story: Story, asha: Person) -> None:
    asked = story.turn(asha)
    story.publish("asha", terminal_of(asked, FAILED, last(story, ev.StoredTurn).row.finish.terminal_seq))


def two_ends_at_the_client(story: Story, asha: Person) -> None:
    asked = story.turn(asha)
    story.connect(asha)
    story.receive(asha, snapshot_of(asked, seq_of(1, 4), "", FAILED))


def two_ends_and_more(story: Story, asha: Person) -> None:
    asked = story.turn(asha)
    story.receive(asha, frames_of(asked, 2, Try([]))[0])


def text_stored_differs(story: Story, asha: Person) -> None:
    story.turn(asha)
    row = last(story, ev.StoredTurn).row
    replace_last(story, ev.StoredTurn, row=replace(row, finish=replace(row.finish, text=row.finish.text + "x")))


def text_in_history_differs(story: Story, asha: Person) -> None:
    story.turn(asha)
    message = last(story, ev.StoredMessage).message
    replace_last(story, ev.StoredMessage, message=replace(message, text=""))


def text_at_the_client_differs(story: Story, asha: Person) -> None:
    asked = story.ask(asha)
    story.accept(asha, asked)
    texts = Try(story.words(1, 3))
    story.call(asked)
    for frame in (frames := frames_of(asked, 1, texts)):
        story.publish("asha", frame)
    story.receive(asha, frames[0])
    story.receive(asha, snapshot_of(asked, frames[-1].seq, "something else"))
    story.end(asha, asked, [texts], COMPLETED)


def text_of_the_question_differs(story: Story, asha: Person) -> None:
    story.turn(asha)
    row = last(story, ev.StoredTurn).row
    replace_last(story, ev.StoredTurn, row=replace(row, question=replace(row.question, text="another")))


def ghost_turn(story: Story, asha: Person) -> None:
    story.turn(asha)
    story.events = [event for event in story.events if not isinstance(event, ev.Asked | ev.Call)]


def ghost_attempt(story: Story, asha: Person) -> None:
    """Published before the claim: the turn had ended."""
    asked = story.turn(asha)
    story.publish("asha", frames_of(asked, 2, Try([]))[0])


def ghost_of_a_rejected_request(story: Story, asha: Person) -> None:
    story.turn(asha)
    place = next(place for place, event in enumerate(story.events) if isinstance(frame_of(event), Accepted))
    refused = rejected_frame("request-asha-1", ErrorCode.OVERLOADED)
    story.events[place] = replace(story.events[place], frame=msgspec.Raw(codec.encode(refused)))


def ghost_call(story: Story, asha: Person) -> None:
    story.turn(asha)
    story.call(replace(last(story, ev.Asked), text="nobody asked this"))


def ghost_call_for_an_unclaimed_turn(story: Story, asha: Person) -> None:
    story.turn(asha)
    story.call(story.ask(asha))


def ghost_words(story: Story, asha: Person) -> None:
    story.turn(asha, Try([*story.words(1, 3), " unheard of"]))


def ghost_frame(story: Story, asha: Person) -> None:
    story.turn(asha)
    story.tell(ev.Received, client="asha", session=asha.session, frame=msgspec.Raw(b'{"type":"nothing"}'))


def wrong_user_at_a_client(story: Story, asha: Person) -> None:
    asked = story.turn(asha)
    ravi = Person("ravi")
    story.connect(ravi)
    story.receive(ravi, frames_of(asked, 1, Try([]))[0])


def wrong_user_in_the_topic(story: Story, asha: Person) -> None:
    story.turn(asha)
    replace_last(story, ev.Published, user_id="ravi")


def wrong_user_in_the_words(story: Story, asha: Person) -> None:
    story.turn(Person("ravi"))
    first = story.words(1, 3)
    story.turn(asha, Try([*first, *words_of(1, 2)]))


def wrong_user_pays(story: Story, asha: Person) -> None:
    story.turn(asha)
    replace_last(story, ev.Billed, record=bill_of(last(story, ev.StoredTurn).row, 1, "ravi"))


def unstopped_answer(story: Story, asha: Person) -> None:
    """It ran on to its own end, twenty seconds after the stop."""
    story.tell(ev.StopAsked, client="asha", turn_id="turn-asha-1")
    story.now += 20
    story.turn(asha)


def unstopped_though_another_worker_died(story: Story, asha: Person) -> None:
    story.tell(ev.FaultBegan, fault="worker_kill", target="worker-1", turns=("turn-ravi-1",))
    unstopped_answer(story, asha)


def unstopped_provider(story: Story, asha: Person) -> None:
    story.tell(ev.StopAsked, client="asha", turn_id="turn-asha-1")
    story.turn(asha, status=STOPPED)
    replace_last(story, ev.Call, closed_at=story.now + 30)


def unstopped_call_left_open(story: Story, asha: Person) -> None:
    story.turn(asha)
    replace_last(story, ev.Call, closed_at=None)


def unstopped_frames(story: Story, asha: Person) -> None:
    asked = story.turn(asha, status=STOPPED)
    story.receive(asha, frames_of(asked, 1, Try([*story.words(1, 1, 1, 1), "more"]))[-1])


def unstopped_by_an_interrupt(story: Story, asha: Person) -> None:
    asked = story.ask(asha)
    story.accept(asha, asked)
    later = story.ask(asha, on_busy="interrupt")
    story.accept(asha, later)
    story.now += 20
    for each in (asked, later):
        texts = Try(story.words(1, 3))
        story.call(each)
        for frame in frames_of(each, 1, texts):
            story.publish("asha", frame)
            story.receive(asha, frame)
        story.end(asha, each, [texts], COMPLETED)


def bill_missing(story: Story, asha: Person) -> None:
    story.turn(asha)
    drop_last(story, ev.Billed)


def bill_of_a_dead_attempt_missing(story: Story, asha: Person) -> None:
    first = story.words(1, 3)
    story.turn(asha, Try(first), Try(["".join(first)]))
    drop_last(story, ev.Billed)


def bill_twice_and_different(story: Story, asha: Person) -> None:
    story.turn(asha)
    story.tell(ev.Billed, record=replace(last(story, ev.Billed).record, output_tokens=6))


def bill_not_as_in_history(story: Story, asha: Person) -> None:
    story.turn(asha)
    message = last(story, ev.StoredMessage).message
    replace_last(story, ev.StoredMessage, message=replace(message, usage=replace(USAGE, output_tokens=6)))


BROKEN: dict[Violation, list[Callable[[Story, Person], None]]] = {
    Violation.LOST: [lost_row, lost_end, lost_answer, lost_terminal],
    Violation.DOUBLED: [doubled_frame, doubled_words, doubled_answer, doubled_writers, doubled_turn],
    Violation.GAP: [gap_at_the_client, gap_in_the_topic, gap_in_the_words, gap_at_the_beginning],
    Violation.REORDERED: [
        reordered_frames,
        reordered_records,
        reordered_words,
        reordered_beginning,
        reordered_attempts,
        reordered_turns,
        reordered_chain,
    ],
    Violation.TWO_ENDS: [two_ends_in_the_topic, two_ends_of_one_number, two_ends_at_the_client, two_ends_and_more],
    Violation.TEXT_DIFFERS: [
        text_stored_differs,
        text_in_history_differs,
        text_at_the_client_differs,
        text_of_the_question_differs,
    ],
    Violation.GHOST: [
        ghost_turn,
        ghost_attempt,
        ghost_of_a_rejected_request,
        ghost_call,
        ghost_call_for_an_unclaimed_turn,
        ghost_words,
        ghost_frame,
    ],
    Violation.WRONG_USER: [
        wrong_user_at_a_client,
        wrong_user_in_the_topic,
        wrong_user_in_the_words,
        wrong_user_pays,
    ],
    Violation.UNSTOPPED: [
        unstopped_answer,
        unstopped_though_another_worker_died,
        unstopped_provider,
        unstopped_call_left_open,
        unstopped_frames,
        unstopped_by_an_interrupt,
    ],
    Violation.BILLING_MISMATCH: [
        bill_missing,
        bill_of_a_dead_attempt_missing,
        bill_twice_and_different,
        bill_not_as_in_history,
    ],
}
