"""Many answers that break off in the middle: what was shown is what is stored, and what was kept is exact.

Every alias is a fault, a rule for it and a fallback; half of the people lose their connection again and again.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import cycle, islice
from pathlib import Path

import pytest

from infra.practice_provider.words import answer_tokens, seed_of
from infra.prove.tcp_proxy import TcpProxy, tcp_proxy
from samvad_client import TurnView
from schemas.ids import new_id
from tests.sizes import size
from tests.whole.people import Person, assert_seen_is_stored, person
from tests.whole.processes import server

ANSWERS = size(72, full=200)
"""Each fault with each rule three times, or more."""
PEOPLE = 16
TOKENS = 12
FAULTS = ("reset4", "stall4", "truncate4", "truncate12", "think2-reset5", "think3-stall2")
RULES = ("continue", "restart", "fail", "deaf")
"""`deaf`: continues, but its fallbacks can't go on from text."""
SPARES = ("spare", "spare-2", "spare-3")
DEAF = ("deaf", "deaf-2", "deaf-3")
"""Several, because on a machine that others use a sound one may be silent for too long."""


@contextmanager
def switching_server(folder: Path, provider_url: str) -> Iterator[str]:
    """A server with an alias for each fault and rule; its edge."""
    models = folder / "models.yaml"
    models.write_text(json.dumps(switching_models(provider_url)))
    with server(folder, models, SAMVAD_GAP_SECONDS="3") as running:
        yield running.said["edge"]


def switching_models(provider_url: str) -> dict[str, object]:
    broken = {f"{fault}-{rule}": rule for fault in FAULTS for rule in RULES}
    deployments = [deployment(provider_url, alias, alias.removesuffix(f"-{rule}")) for alias, rule in broken.items()]
    spares = [deployment(provider_url, alias, "", can_go_on=alias not in DEAF) for alias in (*SPARES, *DEAF)]
    fallbacks = [{alias: list(DEAF if rule == "deaf" else SPARES)} for alias, rule in broken.items()]
    rules = {alias: {"on_fault": "continue" if rule == "deaf" else rule} for alias, rule in broken.items()}
    return {"model_list": deployments + spares, "router_settings": {"fallbacks": fallbacks}, "aliases": rules}


def deployment(provider_url: str, alias: str, fault: str, can_go_on: bool = True) -> dict[str, object]:
    model = f"hosted_vllm/practice-{TOKENS}x10{'-' if fault else ''}{fault}"
    return {
        "model_name": alias,
        "litellm_params": {"model": model, "api_base": provider_url, "api_key": "none"},
        "model_info": {"supports_assistant_prefill": can_go_on},
    }


@asynccontextmanager
async def cutting_now_and_then(proxy: TcpProxy) -> AsyncIterator[None]:
    """Everybody behind the proxy loses the connection again and again."""

    async def cut() -> None:
        while True:
            await asyncio.sleep(0.7)
            proxy.cut()

    cutting = asyncio.create_task(cut())
    try:
        yield
    finally:
        cutting.cancel()
        await asyncio.gather(cutting, return_exceptions=True)


async def ask_all(someone: Person, aliases: list[str]) -> list[TurnView]:
    """One after the other, each in a conversation of its own."""
    turns = []
    for alias in aliases:
        someone.conversation_id = new_id()
        turns.append(await someone.ask("hello", alias))
    return turns


def assert_is_what_the_rule_says(alias: str, turn: TurnView) -> None:
    text = turn.answer
    seed = seed_of(text)
    whole = "".join(islice(answer_tokens(seed), TOKENS)) if seed is not None else ""
    if alias.endswith("-fail"):
        assert (str(turn.status), whole.startswith(text)) == ("failed", True), turn.code
    else:
        assert (str(turn.status), turn.code, text) == ("completed", None, whole)
        assert turn.model in SPARES + DEAF


@pytest.mark.timeout(180)
async def test_answers_that_break_off_are_shown_as_they_are_stored_and_go_on_by_their_rule(
    tmp_path: Path, provider_url: str
) -> None:
    aliases = list(islice(cycle(f"{fault}-{rule}" for rule in RULES for fault in FAULTS), ANSWERS))
    with switching_server(tmp_path, provider_url) as edge:
        async with tcp_proxy(edge.removeprefix("http://")) as proxy, AsyncExitStack() as stack:
            edges = cycle([edge, f"http://{proxy.address}"])
            people = [
                await stack.enter_async_context(person(next(edges), f"person {number}")) for number in range(PEOPLE)
            ]
            async with cutting_now_and_then(proxy):
                asked = await asyncio.gather(
                    *(ask_all(someone, aliases[number::PEOPLE]) for number, someone in enumerate(people))
                )
            for number, (someone, turns) in enumerate(zip(people, asked, strict=True)):
                for alias, turn in zip(aliases[number::PEOPLE], turns, strict=True):
                    assert_is_what_the_rule_says(alias, turn)
                    someone.conversation_id = turn.conversation_id
                    await assert_seen_is_stored(someone, [turn])
