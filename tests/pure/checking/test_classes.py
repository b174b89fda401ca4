"""Each class of violation: a hand-made history that has exactly that one, beside the honest ones that have none."""

from collections.abc import Callable

import pytest

from infra.prove.checking import Violation, check, report
from tests.pure.checking.broken_stories import BROKEN
from tests.pure.checking.honest_stories import HONEST
from tests.pure.checking.stories import Person, Story

Tell = Callable[[Story, Person], None]


def found_in(story: Story) -> dict[str, int]:
    verdict = check(story.events)
    assert report(verdict)
    assert verdict.holds == (not any(verdict.count(violation) for violation in Violation))
    return {str(violation): verdict.count(violation) for violation in Violation if verdict.count(violation)}


@pytest.mark.parametrize("tell", HONEST, ids=lambda tell: tell.__name__)
def test_nothing_is_found_in_an_honest_history(tell: Tell) -> None:
    story, asha = Story(), Person("asha")
    tell(story, asha)
    story.turn(Person("ravi"))
    assert found_in(story) == {}


@pytest.mark.parametrize(
    ("violation", "tell"),
    [(violation, tell) for violation, tells in BROKEN.items() for tell in tells],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_broken_history_has_exactly_its_own_class(violation: Violation, tell: Tell) -> None:
    story, asha = Story(), Person("asha")
    tell(story, asha)
    assert found_in(story) == {str(violation): 1}


def test_every_class_has_a_broken_history() -> None:
    assert set(BROKEN) == set(Violation)
