"""`max_open_turns` over a real socket, while the broker has not answered yet."""

from pathlib import Path

from producers.errors import NotAttempted
from schemas.ids import new_id
from tests.flow.running_edge import Person, Stage, stage, until


async def ask(person: Person) -> None:
    await person.say(type="send", text="Why?", request_id=new_id(), conversation_id=new_id())


async def ask_while_the_broker_is_slow(scene: Stage, person: Person, times: int) -> None:
    scene.requests.let_through.clear()
    for _ in range(times):
        await ask(person)


async def test_questions_asked_at_once_open_no_more_turns_than_allowed(tmp_path: Path) -> None:
    async with stage(tmp_path, max_open_turns=2) as scene, scene.person() as person, scene.person("ravi") as other:
        await ask_while_the_broker_is_slow(scene, person, times=4)
        for rejected in await person.hear_all("rejected", "rejected"):
            assert (rejected["code"], rejected["temporary"]) == ("overloaded", True)
        await ask(other)
        scene.requests.let_through.set()
        await until(lambda: len(scene.requests.asked) == 3)
        heard = [(await person.hear())["type"] for _ in range(4)]
        assert sorted(heard) == ["accepted", "accepted", "asked", "asked"]
        await other.hear_all("accepted", "asked")


async def test_a_question_that_opened_no_turn_gives_its_place_back(tmp_path: Path) -> None:
    async with stage(tmp_path, max_open_turns=1) as scene, scene.person() as person:
        for error in (NotAttempted("full"), RuntimeError("a bug")):
            scene.requests.fail_with = error
            await ask(person)
            assert (await person.hear())["type"] in ("rejected", "error")
        scene.requests.fail_with = None
        await ask(person)
        await person.hear_all("accepted", "asked")
