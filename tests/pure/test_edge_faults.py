"""What a developer is told of a frame or a request that can't be read: the field, what is wrong, and nothing sent."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas.client_frames import MAX_RESUMED_TURNS
from schemas.codec import Unreadable, decode_client_frame
from schemas.errors import ErrorCode
from ws_edge.faults import MAX_FAULTS, Fault, Wrong, fault_of_frame, faults_of_request, sentence
from ws_edge.rest_models import AskTurn, SignInRequest

AN_ID = "0d3b7f3a-52a1-4f0e-9a55-6f1f2f0a7d11"
SEND = {"type": "send", "request_id": AN_ID, "conversation_id": AN_ID, "text": "x"}
WATCH = {"type": "watch", "conversation_id": AN_ID}
SECRET = "opensesame"


def told_of_frame(said: str) -> str:
    with pytest.raises(Unreadable) as unreadable:
        decode_client_frame(said)
    return sentence(ErrorCode.BAD_FRAME, [fault_of_frame(str(unreadable.value))])


def many_turns(cursor: Any, count: int = 1) -> dict[str, Any]:
    return {f"{n:08x}{AN_ID[8:]}": cursor for n in range(count)}


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("not json", "it is no JSON object"),
        ("[]", "it is no JSON object"),
        ("[" * 10_000, "it is no JSON object"),
        ('{"type":"send","text":"\ud800"}', "it is no JSON object"),
        (json.dumps({"text": SECRET}), "`type` is missing"),
        (json.dumps({"type": 7}), "`type` is of the wrong type"),
        (json.dumps({**SEND, "text": 7}), "`text` is of the wrong type"),
        (json.dumps({name: SEND[name] for name in SEND if name != "text"}), "`text` is missing"),
        (json.dumps({**SEND, "request_id": SECRET}), "`request_id` is no UUID"),
        (json.dumps({**SEND, "request_id": 7}), "`request_id` is no UUID"),
        (json.dumps({**SEND, "parent_id": SECRET}), "`parent_id` is no UUID"),
        (json.dumps({**SEND, "on_busy": SECRET}), "`on_busy` is none of the words that it may be"),
        (json.dumps({**SEND, "on_busy": f"{SECRET}'s"}), "`on_busy` is none of the words that it may be"),
        (json.dumps({**SEND, "on_busy": f"'\"`$.{SECRET}"}), "`on_busy` is none of the words that it may be"),
        (json.dumps({**SEND, "attachments": [7]}), "something in `attachments` is of the wrong type"),
        (json.dumps({**WATCH, "after": {SECRET: 1}}), "something in `after` is no UUID"),
        (json.dumps({**WATCH, "after": many_turns(SECRET)}), "something in `after` is of the wrong type"),
        (json.dumps({**WATCH, "after": many_turns(-1)}), "something in `after` is out of bounds (must be >= 0)"),
        (
            json.dumps({**WATCH, "after": many_turns(1, MAX_RESUMED_TURNS + 1)}),
            "`after` is out of bounds (must be of length <= 50)",
        ),
        (json.dumps({"type": "ping", "nonce": "n" * 300}), "`nonce` is out of bounds (must be of length <= 256)"),
    ],
)
def test_a_bad_frame_names_its_field_and_what_is_wrong_and_repeats_nothing(said: str, what: str) -> None:
    text = told_of_frame(said)
    assert text == f"The frame could not be read: {what}. See the protocol for its fields."
    assert SECRET not in text


def faults_of(model: type[BaseModel], said: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(said)
    return [str(fault) for fault in faults_of_request([_as_a_body(error) for error in refused.value.errors()])]


def _as_a_body(error: Any) -> dict[str, Any]:
    """As FastAPI tells it."""
    return {**error, "loc": ("body", *error["loc"])}


@pytest.mark.parametrize(
    ("model", "said", "faults"),
    [
        (SignInRequest, {}, ["`name` is missing"]),
        (SignInRequest, {"name": [SECRET]}, ["`name` is of the wrong type"]),
        (AskTurn, {"request_id": SECRET, "text": "x"}, ["`request_id` is no UUID", "`conversation_id` is missing"]),
        (AskTurn, {"request_id": AN_ID, "conversation_id": AN_ID, "text": 7}, ["`text` is of the wrong type"]),
        (
            AskTurn,
            {"request_id": AN_ID, "conversation_id": AN_ID},
            ["`text` or `message_id` has to be there, and not both"],
        ),
        (
            AskTurn,
            {"request_id": AN_ID, "conversation_id": AN_ID, "text": "\ud800"},
            ["`text` is not as it has to be"],
        ),
        (
            AskTurn,
            {"request_id": AN_ID, "conversation_id": AN_ID, "text": "x", "on_busy": SECRET},
            ["`on_busy` is none of the words that it may be"],
        ),
        (
            AskTurn,
            {"request_id": AN_ID, "conversation_id": AN_ID, "text": "x", "attachments": [7]},
            ["something in `attachments` is of the wrong type"],
        ),
    ],
)
def test_a_bad_request_names_its_fields(model: type[BaseModel], said: dict[str, Any], faults: list[str]) -> None:
    assert faults_of(model, said) == faults


def test_what_a_client_calls_its_own_fields_is_not_repeated_and_long_lists_are_not_told() -> None:
    (fault,) = faults_of_request([{"loc": ("body", SECRET), "type": "extra_forbidden", "input": SECRET}])
    assert SECRET not in str(fault)
    many = [{"loc": ("query", "limit"), "type": "greater_than_equal"}] * 10
    assert faults_of_request(many) == [Fault("limit", Wrong.OUT_OF_BOUNDS)] * MAX_FAULTS
    assert sentence(ErrorCode.BAD_REQUEST, []) == ErrorCode.BAD_REQUEST.text
