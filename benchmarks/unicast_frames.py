"""One user's answers without end, frame by frame, as edges and workers write them to `chat.replies`. Pure.

In: a user's number, the moment. Out: an address and a finished frame. A delta's text ends in the moment it was made,
so that whoever gets it knows how long it was on its way.
"""

import uuid
from collections.abc import Iterator

from schemas import codec
from schemas.frames import AnyTurnFrame, Asked, Completed, Delta, Started
from schemas.headers import ReplyAddress
from schemas.ids import NAMESPACE, new_id, seq_of, turn_id_of, user_id_of
from schemas.parts import Usage, UserMessage
from ws_edge.dev_sign_in import ISSUER

DELTAS = 100
MODEL = "practice"
_STAMP_DIGITS = 20
_DELTA = b'{"type":"delta"'
_WORDS = "some words of an answer "


def name_of(number: int) -> str:
    """Whom to sign in as."""
    return f"reader-{number}"


def conversation_of(number: int) -> uuid.UUID:
    """The only conversation of this user."""
    return uuid.uuid5(NAMESPACE, f"benchmark/{number}")


def made_at_ns(frame: bytes) -> int | None:
    """When a delta was made; None for other frames."""
    return int(frame[-_STAMP_DIGITS - 2 : -2]) if frame.startswith(_DELTA) else None


class Answers:
    """One user's. The first answer is shorter, by the user's number: they do not all end in the same moment."""

    def __init__(self, number: int) -> None:
        self.user_id = user_id_of(ISSUER, name_of(number))
        self._conversation_id = str(conversation_of(number))
        self._deltas = 1 + number % DELTAS
        self._frames = self._next_turn()

    def next(self, now_ns: int) -> tuple[ReplyAddress, bytes]:
        """The next frame."""
        frame = next(self._frames, None)
        if frame is None:
            self._deltas, self._frames = DELTAS, self._next_turn()
            frame = next(self._frames)
        if isinstance(frame, Delta):
            frame = Delta(
                conversation_id=frame.conversation_id,
                turn_id=frame.turn_id,
                seq=frame.seq,
                text=f"{_WORDS}{now_ns:0{_STAMP_DIGITS}d}",
            )
        address = ReplyAddress(codec.kind_of(frame), frame.conversation_id, frame.turn_id, frame.seq)
        return address, codec.encode(frame)

    def _next_turn(self) -> Iterator[AnyTurnFrame]:
        turn = _Turn(self.user_id, self._conversation_id, new_id())
        yield turn.asked()
        yield turn.started()
        for n in range(1, self._deltas + 1):
            yield Delta(conversation_id=turn.conversation_id, turn_id=turn.turn_id, seq=seq_of(1, n), text="")
        yield turn.completed(self._deltas)


class _Turn:
    """One answer's frames around its text."""

    def __init__(self, user_id: str, conversation_id: str, request_id: str) -> None:
        self.conversation_id = conversation_id
        self.turn_id = turn_id_of(user_id, conversation_id, request_id)
        self._request_id = request_id

    def asked(self) -> Asked:
        return Asked(
            conversation_id=self.conversation_id,
            turn_id=self.turn_id,
            seq=0,
            request_id=self._request_id,
            user_message=UserMessage("a question"),
            model=MODEL,
        )

    def started(self) -> Started:
        return Started(
            conversation_id=self.conversation_id,
            turn_id=self.turn_id,
            seq=seq_of(1, 0),
            request_id=self._request_id,
            attempt=1,
            model=MODEL,
            user_message=UserMessage("a question"),
            answer_id=new_id(),
        )

    def completed(self, deltas: int) -> Completed:
        return Completed(
            conversation_id=self.conversation_id,
            turn_id=self.turn_id,
            seq=seq_of(1, deltas + 1),
            finish_reason="stop",
            usage=Usage(10, deltas, estimated=False),
            model=MODEL,
            answer_id=new_id(),
        )
