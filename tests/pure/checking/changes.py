"""What tests do to a story after it was told: take an event out, or change what it says."""

from typing import Any

import msgspec

from infra.prove import events as ev
from schemas.frames import Delta
from tests.pure.checking.stories import Story, frame_of


def replace_last(story: Story, kind: type[ev.Event], **changes: Any) -> None:
    place = max(place for place, event in enumerate(story.events) if isinstance(event, kind))
    story.events[place] = msgspec.structs.replace(story.events[place], **changes)


def drop_last(story: Story, kind: type[ev.Event]) -> None:
    del story.events[max(place for place, event in enumerate(story.events) if isinstance(event, kind))]


def last(story: Story, kind: type[ev.Event]) -> Any:
    return next(event for event in reversed(story.events) if isinstance(event, kind))


def deltas_at(story: Story, what: type[ev.Received] | type[ev.Published]) -> list[int]:
    """The places of deltas among the events: as they came in, or as they were published."""
    return [
        place
        for place, event in enumerate(story.events)
        if isinstance(event, what) and isinstance(frame_of(event), Delta)
    ]
