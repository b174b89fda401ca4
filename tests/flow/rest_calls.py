"""What the REST tests of the edge share."""

import httpx

from schemas.ids import new_id
from store.rows import MessageRow
from tests.contracts.rows import message_id
from tests.flow.running_edge import Stage


async def converse(scene: Stage, name: str = "asha", at_ms: int = 1, messages: int = 0) -> str:
    """A stored conversation with so many messages; its id."""
    user_id, conversation_id = scene.user_id(name), new_id()
    rows = [
        MessageRow(message_id=message_id(at_ms + n), role="user", text=f"m{n}", created_at_ms=at_ms + n)
        for n in range(messages)
    ]
    await scene.store.messages.append(user_id, conversation_id, rows, at_ms)
    await scene.store.conversations.touch(
        user_id, conversation_id, leaf=message_id(at_ms), updated_at_ms=at_ms, title_if_none=f"at {at_ms}"
    )
    return conversation_id


def assert_error(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"code", "text", "temporary"}
    assert error["code"] == code
    assert list(response.json()) == ["error"]
