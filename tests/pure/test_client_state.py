"""What a client says next after an error of the edge."""

import pytest

from samvad_client.state import ClientState
from schemas.errors import ErrorCode
from schemas.frames import error_frame


@pytest.mark.parametrize("code", [ErrorCode.OVERLOADED, ErrorCode.HISTORY_UNAVAILABLE, ErrorCode.UNKNOWN_TURN])
def test_a_stop_that_went_no_further_than_the_edge_is_tried_again(code: ErrorCode) -> None:
    assert ClientState().receive(error_frame(code, frame_type="stop")).retry_later


def test_a_stop_that_can_never_be_served_is_not() -> None:
    assert not ClientState().receive(error_frame(ErrorCode.BAD_FRAME, frame_type="stop")).retry_later
