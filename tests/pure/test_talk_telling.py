"""What a person is told about a turn, from the question to its end."""

import os

import msgspec

from infra.talk.commands import Command, Question, help_lines, parse
from infra.talk.models import ModelChoice, UnknownModel
from infra.talk.screen import Screen
from infra.talk.telling import Drawing, Moment, Note, Telling
from infra.talk.unfolding import Piece
from infra.talk.wording import WITHDRAWN
from samvad_client.reducer import apply
from samvad_client.rest import ModelRow, Models
from samvad_client.turn_view import TurnView
from schemas.frames import AnyTurnFrame, Queued
from schemas.statuses import TurnStatus
from tests.tiny_terminal import TinyTerminal
from tests.turn_frames import (
    CONVERSATION,
    TURN,
    asked,
    completed,
    delta,
    failed,
    queued,
    reasoning,
    snapshot,
    started,
    stopped,
    switched,
)


class Told:
    """A turn that is told after each of its frames."""

    def __init__(self) -> None:
        self.view = TurnView(conversation_id=CONVERSATION, turn_id=TURN)
        self.telling = Telling(lambda alias: f"<{alias}>")
        self.drawings: list[Drawing] = []

    def after(self, *frames: AnyTurnFrame | Queued, connected: bool = True, seconds: float | None = 3.0) -> "Told":
        for frame in frames:
            apply(self.view, frame)
            self.drawings.append(self.telling.tell(self.view, Moment(connected, seconds)))
        return self

    @property
    def printed(self) -> list[str]:
        items = [item for drawing in self.drawings for item in drawing.printed]
        texts = [item.source if isinstance(item, Piece) else item.text for item in items]
        return [text for text in texts if text]

    @property
    def state(self) -> str:
        return self.drawings[-1].state


def test_an_answer_begins_with_its_model_and_ends_with_its_cost() -> None:
    told = Told().after(asked(), started(), delta(1, "one\n\ntw"), delta(2, "o"), completed(3))
    assert told.printed == ["<fast>", "one", "two", "3 tokens in, 5 out · 3.0 s"]
    assert told.drawings[2].open == Piece("tw", has_gap=True)


def test_a_stopped_answer_says_so() -> None:
    told = Told().after(started(), delta(1, "par"), stopped(2))
    assert told.printed == ["<fast>", "par", "stopped · 3 tokens in, 5 out · 3.0 s"]


def test_a_failed_answer_keeps_its_text_and_says_why() -> None:
    told = Told().after(started(), delta(1, "par"), failed(2))
    assert told.printed[1] == "par"
    last = told.drawings[-1].printed[-1]
    assert isinstance(last, Note)
    assert last.style == "fault"
    assert last.text.startswith("failed: The model's server failed or")
    assert "provider_failed" in last.text


def test_a_switch_is_told_once_where_it_happened() -> None:
    told = Told().after(started(), delta(1, "abc"), switched(2, 2), delta(3, "d"), completed(4))
    assert told.printed == [
        "<fast>", "— switched from fast to smart: provider failed —", "abd", "3 tokens in, 5 out · 3.0 s",
    ]  # fmt: skip


def test_a_switch_within_one_model_does_not_name_it_twice() -> None:
    frame = msgspec.structs.replace(switched(2, 2), to_model="fast")
    told = Told().after(started(), delta(1, "abc"), frame, delta(3, "d"), completed(4))
    assert "— another server of fast goes on: provider failed —" in told.printed


def test_a_switch_that_cuts_printed_text_withdraws_it_in_words() -> None:
    told = Told().after(started(), delta(1, "one\n\ntwo\n\nthree"), switched(2, 2), delta(3, "!\n\nx"), completed(4))
    assert told.printed[1:3] == ["one", "two"]
    assert told.printed[4:] == [WITHDRAWN, "on!", "x", "3 tokens in, 5 out · 3.0 s"]


def test_another_attempt_that_tells_the_same_goes_on_without_a_gap_or_a_repeat() -> None:
    told = Told().after(started(), delta(1, "one\n\ntwo\n\nthr"), started(2), delta(1, "one\n\ntwo\n\nthr", 2))
    told.after(delta(2, "ee", 2), completed(3, 2))
    assert told.printed == ["<fast>", "one", "two", "three", "3 tokens in, 5 out · 3.0 s"]


def test_what_keeps_a_turn_waiting_is_said() -> None:
    told = Told()
    assert told.after(asked()).state == "waiting for a worker…"
    assert told.after(queued()).state == "queued: number 2 in line, about 1 s (workers busy)"
    assert told.after(started()).state == "thinking… 3 s"
    assert told.after(delta(1, "a")).state == ""
    assert told.after(delta(2, "b"), connected=False).state == "reconnecting…"
    told.view.stop_asked = True
    assert told.after(delta(3, "c")).state.startswith("stopping…")


def test_thinking_aloud_is_shown_until_the_answer_comes_and_is_no_part_of_it() -> None:
    told = Told().after(started(), reasoning(1, "let me see"))
    assert told.drawings[-1].thought == "let me see"
    told.after(delta(2, "Yes"), completed(3))
    assert told.drawings[-1].thought == ""
    assert told.printed == ["<fast>", "(thought aloud for 3 words)", "Yes", "3 tokens in, 5 out · 3.0 s"]


def test_a_turn_resumed_by_a_snapshot_has_no_time_of_its_own() -> None:
    told = Told().after(snapshot(1_000_005, "so far", TurnStatus.COMPLETED), seconds=None)
    assert told.printed == ["<fast>", "so far"]


def test_a_whole_turn_on_a_terminal_leaves_each_line_once() -> None:
    terminal = TinyTerminal(columns=30, rows=6)
    screen = Screen(terminal, lambda: os.terminal_size((30, 6)))
    text = "".join(f"{n}. item number {n}\n" for n in range(1, 31)) + "\nThe end."
    frames = [delta(n, piece) for n, piece in enumerate((text[at : at + 3] for at in range(0, len(text), 3)), start=1)]
    for drawing in Told().after(asked(), queued(), started(), *frames, completed(len(frames) + 1)).drawings:
        screen.show(drawing)
    items = [f" {n}. item number {n}" for n in range(1, 31)]
    assert terminal.lines() == ["<fast>", *items, "", "The end.", "3 tokens in, 5 out · 3.0 s", ""]


def test_entries_are_questions_commands_or_nothing() -> None:
    assert parse(" \n") is None
    assert parse("Hello\nyou ") == Question("Hello\nyou")
    assert parse(" /etc/hosts?") == Question("/etc/hosts?")
    assert parse("/Open  2 ") == Command("open", "2")
    assert parse("/rename My title") == Command("rename", "My title")
    assert any(line.startswith("/model [NAME]") for line in help_lines())


def test_a_model_is_chosen_from_what_is_offered() -> None:
    choice = ModelChoice(Models("fast", [ModelRow("fast", "Small"), ModelRow("smart", "smart")]))
    assert (choice.alias, choice.current, choice.title_of("fast")) == (None, "fast", "fast · Small")
    choice.choose("smart")
    assert choice.lines() == ["  fast · Small", "* smart"]
    try:
        choice.choose("gpt")
    except UnknownModel as unknown:
        assert str(unknown) == "There is no model gpt here. There are: fast, smart."
