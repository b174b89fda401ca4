"""What a client says next after an error of the edge."""

import uuid

import pytest

from samvad_client.state import ClientState
from schemas.client_frames import Send, Watch
from schemas.errors import ErrorCode
from schemas.frames import error_frame


@pytest.mark.parametrize("code", [ErrorCode.OVERLOADED, ErrorCode.HISTORY_UNAVAILABLE, ErrorCode.UNKNOWN_TURN])
def test_a_stop_that_went_no_further_than_the_edge_is_tried_again(code: ErrorCode) -> None:
    assert ClientState().receive(error_frame(code, frame_type="stop")).retry_later


def test_a_stop_that_can_never_be_served_is_not() -> None:
    assert not ClientState().receive(error_frame(ErrorCode.BAD_FRAME, frame_type="stop")).retry_later


def asked(state: ClientState, text: str) -> Send:
    """A question that was said once."""
    send = Send(uuid.uuid4(), uuid.uuid4(), text)
    assert state.ask(send) == [send]
    return send


def test_only_the_request_that_failed_for_now_is_said_again() -> None:
    state = ClientState()
    failed, waiting = asked(state, "failed"), asked(state, "waiting")
    error = error_frame(ErrorCode.ACCEPT_UNKNOWN, request_id=str(failed.request_id))
    assert state.receive(error).retry_later
    assert state.retry() == [failed]
    assert state.retry() == []
    assert state.opened()[-2:] == [failed, waiting]


def test_a_stop_of_what_is_not_accepted_yet_is_said_again_without_the_question() -> None:
    state = ClientState()
    send = asked(state, "waiting")
    turn = state.conversations[str(send.conversation_id)].turn_of(str(send.request_id))
    assert turn is not None
    (stop,) = state.stop(turn)
    assert state.receive(error_frame(ErrorCode.UNKNOWN_TURN, frame_type="stop")).retry_later
    assert [said for said in state.retry() if not isinstance(said, Watch)] == [stop]
