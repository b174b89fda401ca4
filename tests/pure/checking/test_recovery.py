"""How long users waited after a fault, and the table that says so."""

from infra.prove import events as ev
from infra.prove.checking import check, report
from infra.prove.checking.recovery import percentiles
from tests.pure.checking.stories import COMPLETED, STEP_SECONDS, Person, Story, Try, frames_of, text_of

KILL = "worker_kill_mid_stream"


def told_with_fault(quiet_seconds: float, *, takeover: bool) -> Story:
    """A turn whose worker is hit after two frames; one more frame was under way."""
    story, asha = Story(), Person("asha")
    first = Try(story.words(1, 3, 2, 2))
    asked = story.ask(asha)
    story.accept(asha, asked)
    story.call(asked)
    tries = [first, Try([text_of(first)])] if takeover else [first]
    frames = frames_of(asked, 1, first)
    for place, frame in enumerate(frames):
        story.publish(asha.name, frame)
        if place == 2:
            story.tell(ev.FaultBegan, fault=KILL, target="worker-1", turns=(asked.turn_id,))
        if place == 3 and not takeover:
            story.now += quiet_seconds
        story.receive(asha, frame)
    if takeover:
        story.now += quiet_seconds
        story.call(asked)
        for frame in frames_of(asked, 2, tries[1]):
            story.publish(asha.name, frame)
            story.receive(asha, frame)
    story.end(asha, asked, tries, COMPLETED)
    return story


def longest_wait(story: Story) -> float:
    verdict = check(story.events)
    assert verdict.holds, report(verdict)
    assert verdict.recoveries[KILL].count == 1
    return verdict.recoveries[KILL].longest


def test_a_killed_workers_turn_is_waited_for_until_the_next_attempt() -> None:
    assert abs(longest_wait(told_with_fault(8.0, takeover=True)) - 8.0) < 20 * STEP_SECONDS


def test_a_turn_that_fell_silent_is_waited_for_until_it_goes_on() -> None:
    assert abs(longest_wait(told_with_fault(5.0, takeover=False)) - 5.0) < 20 * STEP_SECONDS


def test_a_turn_that_felt_nothing_waited_for_its_next_frame() -> None:
    assert longest_wait(told_with_fault(0.0, takeover=False)) < 20 * STEP_SECONDS


def test_percentiles_are_values_that_occurred() -> None:
    waits = percentiles([float(number) for number in range(1, 101)])
    assert (waits.count, waits.p50, waits.p95, waits.p99, waits.longest) == (100, 50.0, 95.0, 99.0, 100.0)
    assert percentiles([3.0]).p50 == percentiles([3.0]).p99 == 3.0


def test_the_table_names_faults_with_their_waits_and_shows_no_text() -> None:
    story = told_with_fault(8.0, takeover=True)
    story.turn(Person("ravi"), Try([*story.words(1, 3), " secret"]))
    table = report(check(story.events))
    line = next(line for line in table.splitlines() if line.startswith(KILL))
    assert line.split()[1:3] == ["1", "1"]
    assert "secret" not in table and "Answer" not in table and "Question" not in table
    assert table.endswith("NOT held: ghost.")


def test_nothing_asked_is_nothing_proved() -> None:
    assert not check([]).holds
    assert "nothing is proved" in report(check([]))
