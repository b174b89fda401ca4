"""The client in JavaScript on real servers: its edge is killed in the middle of an answer, the other one goes on."""

import pytest

from samvad_client import EdgeRest
from schemas.ids import new_id
from tests.clients.javascript import talking, until_shown
from tests.connected.roles import Roles

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]


async def test_an_edge_is_killed_and_the_answer_goes_on_at_the_other_one(roles: Roles) -> None:
    conversation_id = new_id()
    with roles.worker() as _, roles.edge() as one, roles.edge() as other:
        edges = [one.said["edge"], other.said["edge"]]
        async with EdgeRest(edges[1]) as rest:
            token = (await rest.sign_in(f"javascript {new_id()}")).token
            async with talking(edges, token, conversation=conversation_id, question="Count.", model="slow") as lines:
                await until_shown(lines, 60)
                one.kill()
                end = [line async for line in lines][-1]
            _, answer = (await rest.messages(conversation_id)).messages
    assert (end["status"], end["text"], end["answer_id"]) == ("completed", answer.text, answer.id)
    assert end["sessions"] == 2
