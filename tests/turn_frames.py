"""Frames of one turn, for the tests of the client."""

from typing import TypedDict

from schemas.errors import ErrorCode
from schemas.frames import Asked, Completed, Delta, Failed, Queued, Snapshot, Started, Stopped, Switched
from schemas.ids import new_id, seq_of
from schemas.parts import Usage, UserMessage
from schemas.statuses import TurnStatus

CONVERSATION, TURN, REQUEST, ANSWER = new_id(), new_id(), new_id(), new_id()
QUESTION = "How are you?"
USAGE = Usage(input_tokens=3, output_tokens=5, estimated=False)


class Address(TypedDict):
    conversation_id: str
    turn_id: str


class Numbered(Address):
    seq: int


HERE: Address = {"conversation_id": CONVERSATION, "turn_id": TURN}


def numbered(attempt: int, n: int) -> Numbered:
    return {**HERE, "seq": seq_of(attempt, n)}


def asked() -> Asked:
    return Asked(**HERE, seq=0, request_id=REQUEST, user_message=UserMessage(QUESTION), model="fast")


def started(attempt: int = 1) -> Started:
    return Started(
        **numbered(attempt, 0),
        request_id=REQUEST,
        attempt=attempt,
        model="fast",
        user_message=UserMessage(QUESTION, id=new_id()),
        answer_id=ANSWER,
    )


def delta(n: int, text: str, attempt: int = 1) -> Delta:
    return Delta(**numbered(attempt, n), text=text)


def reasoning(n: int, text: str, attempt: int = 1) -> Delta:
    return Delta(**numbered(attempt, n), text=text, kind="reasoning")


def switched(n: int, keep: int, attempt: int = 1) -> Switched:
    return Switched(**numbered(attempt, n), keep=keep, from_model="fast", to_model="smart", reason="provider_failed")


def snapshot(seq: int, text: str, status: TurnStatus = TurnStatus.RUNNING) -> Snapshot:
    return Snapshot(
        **HERE,
        seq=seq,
        text=text,
        status=status,
        model="fast",
        answer_id=ANSWER,
        user_message=UserMessage(QUESTION),
    )


def completed(n: int, attempt: int = 1) -> Completed:
    return Completed(**numbered(attempt, n), finish_reason="stop", usage=USAGE, model="fast", answer_id=ANSWER)


def stopped(n: int, attempt: int = 1) -> Stopped:
    return Stopped(**numbered(attempt, n), finish_reason="stopped", usage=USAGE, model="fast", answer_id=ANSWER)


def failed(n: int, attempt: int = 1) -> Failed:
    code = ErrorCode.PROVIDER_FAILED
    return Failed(**numbered(attempt, n), code=code, text=code.text, temporary=True, answer_id=ANSWER)


def queued(attempt: int = 1) -> Queued:
    return Queued(**HERE, attempt=attempt, position=2, eta_ms=900, reason="workers_busy")
