"""A client in another language, written from docs/protocol.md alone: it passes the vectors, and resumes after a cut."""

import json

from infra.prove.tcp_proxy import tcp_proxy
from samvad_client import EdgeRest
from schemas.ids import new_id
from tests.clients.javascript import VECTORS, play_vectors, talking, until_shown


def test_a_client_in_javascript_passes_every_vector() -> None:
    played = play_vectors()
    assert played.returncode == 0, played.stderr
    cases = sum(len(json.loads(file.read_text())["cases"]) for file in VECTORS.glob("*.json"))
    assert json.loads(played.stdout) == {"passed": cases, "failed": 0}


async def test_a_client_in_javascript_resumes_after_a_cut_with_exactly_the_stored_text(edge: str) -> None:
    target, conversation_id = edge.removeprefix("http://"), new_id()
    async with EdgeRest(edge) as rest, tcp_proxy(target) as one, tcp_proxy(target) as another:
        token = (await rest.sign_in("javascript")).token
        edges = [f"http://{one.address}", f"http://{another.address}"]
        async with talking(edges, token, conversation=conversation_id, question="Count.", model="slow") as lines:
            await until_shown(lines, 60)
            one.cut()
            end = [line async for line in lines][-1]
        question, answer = (await rest.messages(conversation_id)).messages
    assert (end["status"], end["text"], end["answer_id"]) == ("completed", answer.text, answer.id)
    assert (question.text, end["sessions"]) == ("Count.", 2)
    assert (one.connections, another.connections) == (1, 1)
    assert end["verdicts"]["hole"] == 0, "the missing frames came, or one snapshot"
