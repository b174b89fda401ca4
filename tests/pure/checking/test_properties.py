"""Whatever an honest system does, nothing is found; whatever is broken in such a run is found as what it is."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.prove import events as ev
from infra.prove.checking import Violation, check, report
from schemas import codec
from schemas.frames import AnyTurnFrame, Delta
from tests.pure.checking.changes import deltas_at, last, replace_last
from tests.pure.checking.generated_stories import honest_stories
from tests.pure.checking.stories import COMPLETED, FAILED, Person, Story, Try, frame_of, frames_of, terminal_of

replace = msgspec.structs.replace
DELTAS = st.lists(st.integers(1, 4), min_size=3, max_size=12)


def classes_of(story: Story) -> set[Violation]:
    verdict = check(story.events)
    return {violation for violation in Violation if verdict.count(violation)}


@settings(max_examples=150, deadline=None)
@given(story=honest_stories())
def test_an_honest_run_holds(story: Story) -> None:
    verdict = check(story.events)
    assert verdict.holds, report(verdict)


def of_zoya(story: Story, what: type[ev.Received] | type[ev.Published]) -> list[int]:
    return [place for place in deltas_at(story, what) if delta_at(story, place).turn_id.startswith("turn-zoya")]


def delta_at(story: Story, place: int) -> Delta:
    frame = frame_of(story.events[place])
    assert isinstance(frame, Delta)
    return frame


def with_frame(event: ev.AnyEvent, frame: AnyTurnFrame) -> ev.AnyEvent:
    assert isinstance(event, ev.Received | ev.Published)
    return replace(event, frame=msgspec.Raw(codec.encode(frame)))


def drop_record(story: Story, index: int) -> None:
    del story.events[of_zoya(story, ev.Published)[index]]


def drop_frame(story: Story, index: int) -> None:
    del story.events[of_zoya(story, ev.Received)[index]]


def repeat_frame(story: Story, index: int) -> None:
    place = of_zoya(story, ev.Received)[index]
    story.events.insert(place + 1, story.events[place])


def swap_frames(story: Story, index: int) -> None:
    swap(story, *of_zoya(story, ev.Received)[index : index + 2])


def swap_records(story: Story, index: int) -> None:
    swap(story, *of_zoya(story, ev.Published)[index : index + 2])


def swap(story: Story, one: int, other: int) -> None:
    story.events[one], story.events[other] = story.events[other], story.events[one]


def change_shown_text(story: Story, index: int) -> None:
    place = of_zoya(story, ev.Received)[index]
    shown = delta_at(story, place)
    story.events[place] = with_frame(story.events[place], replace(shown, text=shown.text[:-1]))


def end_again(story: Story, index: int) -> None:
    story.publish(
        "zoya", terminal_of(last(story, ev.Asked), FAILED, last(story, ev.StoredTurn).row.finish.terminal_seq)
    )


def begin_again(story: Story, index: int) -> None:
    story.publish("zoya", frames_of(last(story, ev.Asked), 2, Try([]))[0])


def lose_the_end(story: Story, index: int) -> None:
    replace_last(story, ev.StoredTurn, row=replace(last(story, ev.StoredTurn).row, finish=None))


def show_to_another(story: Story, index: int) -> None:
    place = of_zoya(story, ev.Received)[index]
    story.receive(Person("asha", sessions=1), delta_at(story, place))


def bill_more(story: Story, index: int) -> None:
    replace_last(story, ev.Billed, record=replace(last(story, ev.Billed).record, output_tokens=index + 100))


MUTATIONS: dict[Callable[[Story, int], None], set[Violation]] = {
    drop_record: {Violation.GAP},
    drop_frame: {Violation.GAP},
    repeat_frame: {Violation.DOUBLED},
    swap_frames: {Violation.REORDERED},
    swap_records: {Violation.REORDERED},
    change_shown_text: {Violation.TEXT_DIFFERS},
    end_again: {Violation.TWO_ENDS},
    begin_again: {Violation.GHOST},
    lose_the_end: {Violation.LOST},
    show_to_another: {Violation.WRONG_USER},
    bill_more: {Violation.BILLING_MISMATCH},
}


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
@settings(max_examples=25, deadline=None)
@given(story=honest_stories(), counts=DELTAS, data=st.data())
def test_one_change_to_an_honest_run_is_found_as_what_it_is(
    mutate: Callable[[Story, int], None], story: Story, counts: list[int], data: st.DataObject
) -> None:
    story.turn(Person("zoya"), Try(story.words(*counts)), status=COMPLETED)
    mutate(story, data.draw(st.integers(0, len(counts) - 2)))
    found = classes_of(story)
    assert MUTATIONS[mutate] <= found
    assert found - MUTATIONS[mutate] <= ALSO.get(mutate, set())


ALSO = {show_to_another: {Violation.GAP}, lose_the_end: {Violation.BILLING_MISMATCH}}
"""What else may be right to say: whoever gets one frame of a turn lacks those before."""


def drop_words(texts: list[str], index: int) -> list[str]:
    return [*texts[:index], *texts[index + 1 :]]


def repeat_words(texts: list[str], index: int) -> list[str]:
    return [*texts[: index + 1], *texts[index:]]


def swap_words(texts: list[str], index: int) -> list[str]:
    return [*texts[:index], texts[index + 1], texts[index], *texts[index + 2 :]]


WORDS: dict[Callable[[list[str], int], list[str]], Violation] = {
    drop_words: Violation.GAP,
    repeat_words: Violation.DOUBLED,
    swap_words: Violation.REORDERED,
}


@pytest.mark.parametrize("change", WORDS, ids=lambda change: change.__name__)
@settings(max_examples=50, deadline=None)
@given(counts=DELTAS, data=st.data())
def test_words_that_were_not_said_so_are_found_though_every_number_is_right(
    change: Callable[[list[str], int], list[str]], counts: list[int], data: st.DataObject
) -> None:
    story = Story()
    texts = story.words(*counts)
    story.turn(Person("zoya"), Try(change(texts, data.draw(st.integers(0, len(texts) - 2)))))
    assert classes_of(story) == {WORDS[change]}
