"""What a person of a proof does next, drawn from a seeded chance: which model, what text, what happens then. Pure."""

from enum import Enum
from random import Random
from typing import TypeVar

from infra.prove.practice_models import WEIGHTS
from schemas.client_frames import OnBusy

T = TypeVar("T")

NEW_CONVERSATION = 0.15
QUESTIONS_IN_A_CONVERSATION = 8
CONVERSATIONS = 3
"""That a person keeps open."""
LONG_TEXT = 0.05
LONG_TEXT_WORDS = 400


class Course(Enum):
    """What a person does after asking."""

    WAIT = "wait"
    STOP_EARLY = "stop_early"
    STOP_LATE = "stop_late"
    STOP_ELSEWHERE = "stop_elsewhere"  # from the second device
    ASK_AGAIN = "ask_again"  # before the answer's end
    WATCH_ELSEWHERE = "watch_elsewhere"
    LOSE_CONNECTION = "lose_connection"
    MOVE = "move"  # to another edge
    VANISH = "vanish"  # for a while
    LEAVE = "leave"  # until everything is over


COURSES = {
    Course.WAIT: 50,
    Course.STOP_EARLY: 7,
    Course.STOP_LATE: 6,
    Course.STOP_ELSEWHERE: 5,
    Course.ASK_AGAIN: 9,
    Course.WATCH_ELSEWHERE: 7,
    Course.LOSE_CONNECTION: 6,
    Course.MOVE: 6,
    Course.VANISH: 3,
    Course.LEAVE: 1,
}
ON_BUSY: dict[OnBusy, int] = {"queue": 4, "interrupt": 3, "reject": 2}


def course(random: Random, model: str) -> Course:
    """Whoever asks for an endless answer stops it, most of the time."""
    if model == "endless" and random.random() < 0.8:
        return random.choice((Course.STOP_LATE, Course.STOP_ELSEWHERE))
    return drawn(random, COURSES)


def model(random: Random) -> str:
    return drawn(random, WEIGHTS)


def question(random: Random, name: str, number: int) -> str:
    """No two of a run are equal: the provider's calls are known again by them."""
    words = LONG_TEXT_WORDS if random.random() < LONG_TEXT else random.randint(1, 12)
    return f"{name}, question {number}: " + " ".join(f"word{random.randint(0, 99)}" for _ in range(words))


def pause_seconds(random: Random, mean_seconds: float) -> float:
    """Between two questions: never less than a second, and never more than four times the mean."""
    return min(1.0 + random.expovariate(1 / mean_seconds), 4 * mean_seconds)


def drawn(random: Random, weights: dict[T, int]) -> T:
    """One of the keys, as often as its weight says."""
    return random.choices(list(weights), list(weights.values()))[0]
