"""One frame of each type as it might pass in a real conversation. Ids and times are made up, and fit together.

In: nothing. Out: frames by `type`; `example_of` says what to add where one is missing.
"""

import uuid
from typing import Any, TypedDict

import msgspec

from infra.protocol.gap import ProtocolGap
from schemas.client_frames import Hello, Ping, Regenerate, Send, Stop, Unwatch, Watch
from schemas.errors import ErrorCode
from schemas.frames import (
    Accepted,
    Asked,
    Completed,
    ConversationChanged,
    Delta,
    Draining,
    Failed,
    Pong,
    Queued,
    Ready,
    Snapshot,
    Started,
    Stopped,
    Switched,
    WatchedTurn,
    Watching,
    error_frame,
    rejected_frame,
)
from schemas.ids import seq_of
from schemas.parts import Usage, UserMessage
from schemas.statuses import TurnStatus

CONVERSATION = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
REQUEST = "0d3b7f3a-52a1-4f0e-9a55-6f1f2f0a7d11"
TURN = "4f2b8f0c-6f63-5d0e-8f3b-2f6a1c9d7e10"
OTHER_TURN = "b1d2c3e4-0f1a-5b2c-8d3e-4f5a6b7c8d9e"
QUESTION_ID = "0198c5f2-7b1e-7c3a-9d4e-5f60718293a4"
ANSWER_ID = "0198c5f2-7b1f-7d21-8a0b-1c2d3e4f5061"

_QUESTION = "Why is the sky blue?"
_ASKED = UserMessage(_QUESTION)
_STORED = UserMessage(_QUESTION, id=QUESTION_ID)
_USAGE = Usage(input_tokens=27, output_tokens=61, estimated=False)
_CUT_OFF = ErrorCode.ANSWER_CUT_OFF


class _Address(TypedDict):
    conversation_id: str
    turn_id: str
    seq: int


class _Answer(TypedDict):
    model: str
    answer_id: str
    usage: Usage


def _address(n: int, attempt: int = 1) -> _Address:
    return {"conversation_id": CONVERSATION, "turn_id": TURN, "seq": seq_of(attempt, n)}


def _client_frames() -> list[msgspec.Struct]:
    conversation, request = uuid.UUID(CONVERSATION), uuid.UUID(REQUEST)
    return [
        Hello("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhc2hhIn0.c2lnbmF0dXJl"),
        Send(request, conversation, _QUESTION, model="fast"),
        Regenerate(uuid.UUID(OTHER_TURN), conversation, uuid.UUID(QUESTION_ID), model="smart"),
        Stop(turn_id=uuid.UUID(TURN)),
        Watch(conversation, {uuid.UUID(TURN): seq_of(1, 17)}),
        Unwatch(conversation),
        Ping("are you there?"),
    ]


def _beginnings() -> list[msgspec.Struct]:
    return [
        Asked(**_address(0, 0), request_id=REQUEST, user_message=_ASKED, model="fast"),
        Started(
            **_address(0),
            request_id=REQUEST,
            attempt=1,
            model="fast",
            user_message=_STORED,
            answer_id=ANSWER_ID,
        ),
        Delta(**_address(1), text="Because air scatters "),
        Switched(**_address(9), keep=42, from_model="fast", to_model="smart", reason=_CUT_OFF.value),
        Snapshot(
            **_address(17),
            text="Because air scatters blue light",
            status=TurnStatus.RUNNING,
            model="fast",
            answer_id=ANSWER_ID,
            user_message=_STORED,
        ),
    ]


def _ends() -> list[msgspec.Struct]:
    answer: _Answer = {"model": "fast", "answer_id": ANSWER_ID, "usage": _USAGE}
    return [
        Completed(**_address(24), finish_reason="stop", **answer),
        Stopped(**_address(18), finish_reason="stopped", **answer),
        Failed(
            **_address(18),
            code=_CUT_OFF,
            text=_CUT_OFF.text,
            temporary=_CUT_OFF.temporary,
            answer_id=ANSWER_ID,
        ),
    ]


def _other_server_frames() -> list[msgspec.Struct]:
    limits = {"max_frame_bytes": 65536, "max_watched": 50, "max_asks_in_flight": 8, "frames_per_second": 50}
    return [
        Ready(
            "f3a1c2d4-5b6e-4f70-8a91-b2c3d4e5f607",
            "2f1d0c9b-8a7f-5e6d-9c4b-3a2f1e0d9c8b",
            limits,
            heartbeat_seconds=20,
            expires_at="2026-03-01T13:00:00.000Z",
        ),
        Accepted(REQUEST, TURN),
        rejected_frame(REQUEST, ErrorCode.OVERLOADED, retry_after_ms=1000),
        Queued(
            conversation_id=CONVERSATION,
            turn_id=TURN,
            attempt=1,
            position=3,
            eta_ms=4200,
            reason="waiting_for_worker",
        ),
        Watching(CONVERSATION, [WatchedTurn(TURN, seq_of(1, 21), TurnStatus.RUNNING)], head=QUESTION_ID),
        ConversationChanged(CONVERSATION, "Why the sky is blue", "2026-03-01T12:00:04.120Z"),
        error_frame(ErrorCode.ACCEPT_UNKNOWN, request_id=REQUEST),
        Draining(reconnect_within_ms=20_000),
        Pong("are you there?"),
    ]


def example_of(frame: type[msgspec.Struct]) -> dict[str, Any]:
    """The frame's example as JSON has it, without what may be left out. Raises ProtocolGap where there is none."""
    for example in [*_client_frames(), *_beginnings(), *_ends(), *_other_server_frames()]:
        if type(example) is frame:
            defaults = {field.encode_name: field.default for field in msgspec.structs.fields(example)}
            shown: dict[str, Any] = msgspec.to_builtins(example)
            return {name: value for name, value in shown.items() if value != defaults.get(name, ...)}
    raise ProtocolGap(f"infra/protocol/examples.py: the frame {frame.__name__} has no example: add one.")
