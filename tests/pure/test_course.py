"""The course of one answer over several deployments: what is told of faults, and where the next one goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.llm.course import Course
from consumers.llm.pieces import End, Piece, ProviderFault, Switch, Told
from consumers.llm.questions import Question
from observability.tracing import untraced
from schemas.errors import ErrorCode
from schemas.models_file import OnFault

END = End("stop", None, "a")
WORDS = st.lists(st.builds(Piece, st.text("ab \n", min_size=1, max_size=4), st.booleans()), max_size=5)


def a_course(on_fault: OnFault = OnFault.CONTINUE, **kept: str) -> Course:
    return Course(Question("a", [], "conversation", untraced().turn("a turn").sender, **kept), on_fault)  # type: ignore[arg-type]


def broken(code: ErrorCode = ErrorCode.PROVIDER_FAILED, try_another: bool = True) -> ProviderFault:
    return ProviderFault(code, "SomeError", try_another)


def say(course: Course, alias: str, *said: Piece | End, may_continue: bool = True) -> list[Told]:
    course.turn_to(alias, may_continue=may_continue)
    return [told for piece in said for told in course.tell(piece)]


def shown(told: list[Told], text: str = "") -> str:
    for said in told:
        if isinstance(said, Switch):
            text = text[: said.keep]
        elif isinstance(said, Piece) and not said.is_reasoning:
            text += said.text
    return text


def test_a_fault_before_the_first_piece_is_not_told() -> None:
    course = a_course()
    course.turn_to("a", may_continue=True)
    assert course.broke(broken())
    assert say(course, "b", Piece("hi"), END) == [Piece("hi"), END]


def test_a_fault_after_it_is_told_with_the_first_piece_of_the_one_that_goes_on() -> None:
    course = a_course()
    say(course, "a", Piece("one"))
    assert course.broke(broken(ErrorCode.PROVIDER_TIMEOUT))
    course.turn_to("b", may_continue=True)
    assert course.broke(broken(ErrorCode.PROVIDER_BUSY))
    assert say(course, "c", Piece(" two")) == [Switch(3, "a", "c", "provider_timeout"), Piece(" two")]
    assert course.kept == "one"


def test_who_cannot_go_on_begins_anew_and_so_does_an_alias_that_restarts() -> None:
    for on_fault, may_continue in ((OnFault.CONTINUE, False), (OnFault.RESTART, True)):
        course = a_course(on_fault)
        say(course, "a", Piece("one"))
        course.broke(broken())
        assert say(course, "b", Piece("uno"), may_continue=may_continue)[0] == Switch(0, "a", "b", "provider_failed")


def test_an_alias_that_fails_survives_faults_only_before_the_first_piece() -> None:
    course = a_course(OnFault.FAIL)
    course.turn_to("a", may_continue=True)
    assert course.broke(broken())
    say(course, "b", Piece("one"))
    assert not course.broke(broken())


def test_what_another_deployment_would_refuse_too_ends_the_course_before_and_after_the_first_piece() -> None:
    course = a_course()
    course.turn_to("a", may_continue=True)
    assert not course.broke(broken(try_another=False))
    say(course, "a", Piece("one"))
    assert not course.broke(broken(try_another=False))


def test_what_was_cut_is_never_gone_on_with() -> None:
    course = a_course()
    say(course, "a", Piece("one"))
    course.broke(broken())
    say(course, "b", Piece("uno"), may_continue=False)
    course.broke(broken())
    assert say(course, "c", Piece(" dos")) == [Switch(3, "b", "c", "provider_failed"), Piece(" dos")]
    assert course.kept == "uno"


def test_white_space_at_the_end_of_what_is_kept_is_cut_because_no_model_is_given_it() -> None:
    course = a_course()
    say(course, "a", Piece("one \n"))
    course.broke(broken())
    told = say(course, "b", Piece(" two"))
    assert told[0] == Switch(3, "a", "b", "provider_failed")
    assert (course.kept, shown(told, "one \n")) == ("one", "one two")


def test_reasoning_is_no_part_of_what_is_kept_but_its_model_is_left_with_a_switch() -> None:
    course = a_course()
    say(course, "a", Piece("Let me see", is_reasoning=True))
    course.broke(broken())
    assert say(course, "b", Piece("one"))[0] == Switch(0, "a", "b", "provider_failed")


def test_an_end_right_after_a_switch_tells_of_it() -> None:
    course = a_course()
    say(course, "a", Piece("all"))
    course.broke(broken(ErrorCode.ANSWER_CUT_OFF))
    assert say(course, "b", END) == [Switch(3, "a", "b", "answer_cut_off"), END]


def test_the_last_fault_is_raised_and_remembers_what_broke_the_text_off() -> None:
    course = a_course()
    say(course, "a", Piece("one"))
    course.broke(broken(ErrorCode.PROVIDER_TIMEOUT))
    course.turn_to("b", may_continue=True)
    course.broke(broken(ErrorCode.PROVIDER_BUSY))
    with pytest.raises(ProviderFault) as raised:
        course.last_word()
    assert (raised.value.code, raised.value.broken_off) == (ErrorCode.PROVIDER_BUSY, ErrorCode.PROVIDER_TIMEOUT)


def test_an_empty_answer_is_a_fault_that_becomes_the_end_if_nobody_said_anything() -> None:
    course = a_course()
    with pytest.raises(ProviderFault) as raised:
        say(course, "a", END)
    assert course.broke(raised.value)
    assert course.last_word() == END


def test_an_empty_answer_from_the_beginning_does_not_replace_what_was_said() -> None:
    course = a_course(OnFault.RESTART)
    say(course, "a", Piece("one"))
    course.broke(broken())
    with pytest.raises(ProviderFault) as raised:
        say(course, "b", END)
    course.broke(raised.value)
    with pytest.raises(ProviderFault):
        course.last_word()


def test_an_empty_answer_that_was_ordered_is_an_end() -> None:
    ordered = End("content_filter", None, "a")
    assert say(a_course(), "a", ordered) == [ordered]


def test_kept_text_needs_no_switch_unless_it_is_cut_or_was_broken_off_in_this_attempt() -> None:
    assert say(a_course(kept="one"), "a", Piece(" two")) == [Piece(" two")]
    cut = say(a_course(kept="one"), "a", Piece("uno"), may_continue=False)
    assert cut[0] == Switch(0, "a", "a", "answer_cut_off")
    course = a_course(kept="one", kept_by="b", broken_off=ErrorCode.PROVIDER_BUSY)
    assert say(course, "a", Piece(" two"))[0] == Switch(3, "b", "a", "provider_busy")


def test_who_refuses_the_kept_text_may_be_asked_from_the_beginning() -> None:
    course = a_course(kept="one")
    course.turn_to("a", may_continue=True)
    course.broke(broken(ErrorCode.PROVIDER_REFUSED))
    assert course.was_refused_to_go_on
    course.turn_to("a", may_continue=False)
    course.broke(broken(ErrorCode.PROVIDER_REFUSED))
    assert not course.was_refused_to_go_on


@given(legs=st.lists(st.tuples(WORDS, st.booleans()), min_size=1, max_size=4), on_fault=st.sampled_from(OnFault))
def test_the_text_shown_is_always_what_the_next_one_was_given_and_what_it_said(
    legs: list[tuple[list[Piece], bool]], on_fault: OnFault
) -> None:
    course, text = a_course(on_fault), ""
    for words, may_continue in legs:
        told = say(course, "a", *words, may_continue=may_continue)
        text, before = shown(told, text), text
        said = "".join(word.text for word in words if not word.is_reasoning)
        assert text == (course.kept + said if words else before)
        if not course.broke(broken()):
            break
