"""What an answer cost whose models changed: every leg is paid for, and nothing twice."""

from consumers.context import estimate_tokens
from consumers.legs import Legs
from consumers.llm.pieces import Piece, Switch
from schemas.parts import Usage

SAID = Usage(9, 4, estimated=False)


def switch(keep: int) -> Switch:
    return Switch(keep, "a", "b", "provider_failed")


def test_one_leg_costs_what_its_provider_said() -> None:
    legs = Legs(100)
    legs.add(Piece("hello"))
    assert legs.total(SAID) == SAID


def test_a_leg_that_broke_off_is_estimated_and_added_and_marks_the_sum() -> None:
    legs = Legs(100)
    legs.add(Piece("hello there"))
    legs.add(switch(5))
    legs.add(Piece(" you"))
    assert legs.total(SAID) == Usage(100 + 9, estimate_tokens("hello there") + 4, estimated=True)


def test_text_that_a_leg_goes_on_from_is_its_input_and_never_again_output() -> None:
    legs = Legs(100)
    legs.add(Piece("hello there"))
    legs.add(switch(5))
    legs.add(Piece(" you"))
    first = (100, estimate_tokens("hello there"))
    second = (100 + estimate_tokens("hello"), estimate_tokens(" you"))
    assert legs.total(None) == Usage(first[0] + second[0], first[1] + second[1], estimated=True)


def test_text_taken_over_from_an_earlier_attempt_is_input() -> None:
    legs = Legs(100, kept="hello")
    legs.add(Piece(" you"))
    assert legs.total(None) == Usage(100 + estimate_tokens("hello"), estimate_tokens(" you"), estimated=True)


def test_reasoning_is_paid_for_too() -> None:
    legs = Legs(100)
    legs.add(Piece("let me see", is_reasoning=True))
    legs.add(Piece("hello"))
    assert legs.total(None).output_tokens == estimate_tokens("let me seehello")


def test_the_length_is_that_of_the_answer_after_a_cut() -> None:
    legs = Legs(0, kept="kept")
    legs.add(Piece("hello"))
    assert legs.length == 9
    legs.add(switch(6))
    assert legs.length == 6
    legs.add(switch(0))
    assert legs.length == 0
