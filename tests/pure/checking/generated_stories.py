"""Honest runs by chance: takeovers, zombies, switches, resumes, snapshots, records written twice, stops, repairs."""

import re
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from infra.prove import events as ev
from schemas import codec
from schemas.frames import AnyTurnFrame
from tests.pure.checking.stories import (
    COMPLETED,
    FAILED,
    STOPPED,
    Person,
    Story,
    Try,
    frames_of,
    snapshot_of,
    text_of,
    words_of,
)

Draw = Any
COUNTS = st.lists(st.integers(1, 5), min_size=1, max_size=6)
STATUSES = st.sampled_from([COMPLETED, FAILED, STOPPED])


@st.composite
def honest_stories(draw: Draw) -> Story:
    """A few people with a few turns each."""
    story = Story()
    for name in ("asha", "ravi"):
        person = Person(name)
        for _ in range(draw(st.integers(1, 3))):
            _tell_turn(draw, story, person)
    return story


def _tell_turn(draw: Draw, story: Story, person: Person) -> None:
    asked = story.ask(person)
    if draw(st.booleans()):
        story.connect(person)  # and the request is sent again
    story.accept(person, asked)
    status = draw(STATUSES)
    if status is STOPPED:
        story.tell(ev.StopAsked, client=person.name, turn_id=asked.turn_id)
    tries: list[Try] = []
    through: list[AnyTurnFrame] = []
    for attempt in range(1, draw(st.integers(1, 3)) + 1):
        tries.append(_a_try(draw, story, asked, tries))
        through += _publish(draw, story, person, frames_of(asked, attempt, tries[-1]))
    _show(draw, story, person, asked, through, tries)
    story.end(person, asked, tries, status)
    _repair(draw, story, person)


def _a_try(draw: Draw, story: Story, asked: ev.Asked, earlier: Sequence[Try]) -> Try:
    """It may carry over what an earlier one said, and may turn to another model in its middle."""
    parts: list[str | int] = []
    if earlier and (before := text_of(earlier[-1])) and draw(st.booleans()):
        parts.append(before[: _cut(draw, before)])
    parts += words_of(story.call(asked), *draw(COUNTS))
    if draw(st.booleans()):
        parts.append(_cut(draw, text_of(Try(parts))))
        parts += words_of(story.call(asked), *draw(COUNTS))
    return Try(parts)


def _cut(draw: Draw, text: str) -> int:
    """A place in the text, but none within an answer's beginning, which is one token."""
    place = draw(st.integers(0, len(text)))
    inside = (mark for mark in re.finditer(r"Answer \d+:", text) if mark.start() < place < mark.end())
    return next((mark.end() for mark in inside), place)


def _publish(draw: Draw, story: Story, person: Person, frames: list[AnyTurnFrame]) -> list[AnyTurnFrame]:
    """To the topic, with what a new producer writes again; what an edge lets through."""
    for frame in frames:
        story.publish(person.name, frame)
    if draw(st.booleans()):
        start = draw(st.integers(0, len(frames) - 1))
        for frame in frames[start : draw(st.integers(start, len(frames)))]:
            story.publish(person.name, frame)
    return frames


def _show(
    draw: Draw, story: Story, person: Person, asked: ev.Asked, frames: list[AnyTurnFrame], tries: list[Try]
) -> None:
    resumes = draw(st.sets(st.integers(0, len(frames)), max_size=2))
    for place, frame in enumerate(frames):
        story.receive(person, frame)
        if place in resumes:
            story.connect(person)
            if draw(st.booleans()):
                text = _shown_through(frame, tries)
                story.receive(person, snapshot_of(asked, frame.seq, text))
            else:
                for again in frames[draw(st.integers(0, place)) : place + 1]:
                    story.receive(person, again)


def _shown_through(frame: AnyTurnFrame, tries: list[Try]) -> str:
    attempt, n = divmod(frame.seq, 1_000_000)
    return text_of(Try(tries[attempt - 1].parts[:n]))


def _repair(draw: Draw, story: Story, person: Person) -> None:
    """The end written again, as after a crash before the commit."""
    if draw(st.booleans()):
        row = next(event.row for event in reversed(story.events) if isinstance(event, ev.StoredTurn))
        assert row.finish is not None
        story.publish(person.name, codec.decode_turn_frame(row.finish.terminal_frame))
        for bill in [event.record for event in story.events if isinstance(event, ev.Billed)][-row.attempt :]:
            story.tell(ev.Billed, record=bill)
