"""A door to models that say exactly what a test wants, when it wants it: no provider, no network, no waiting.

In: for each model alias, what it says, piece by piece. A `Gate` among the pieces waits until the test opens it.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from consumers.llm.gates import Standing
from consumers.llm.pieces import End, Piece, ProviderFault, Switch, Told
from consumers.llm.questions import Question
from schemas.models_file import OnFault
from schemas.parts import Usage

USAGE = Usage(input_tokens=7, output_tokens=11, estimated=False)


class Gate:
    """A place in an answer where the model waits. `reached` tells that it got there."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def wait_for_model(self) -> None:
        async with asyncio.timeout(5):
            await self.reached.wait()

    def open(self) -> None:
        self.opened.set()


Said = str | Piece | Switch | End | Gate | ProviderFault


class ScriptedDoor:
    """Answers by alias; the questions asked stay in `asked`, and `closed` counts answers that were left or ended."""

    def __init__(self, scripts: dict[str, Sequence[Said]], budget_tokens: int = 6_000) -> None:
        self.scripts = dict(scripts)
        self.asked: list[Question] = []
        self.closed = 0
        self.rule_on_takeover = OnFault.RESTART
        self._budget_tokens = budget_tokens

    def system_prompt_of(self, alias: str) -> str | None:
        self.scripts[alias]
        return None

    def standing(self, alias: str) -> Standing:
        return Standing(wait_seconds=0, interval_seconds=0.01)

    def budget_tokens(self, alias: str) -> int:
        return self._budget_tokens

    def on_takeover(self, alias: str) -> OnFault:
        return self.rule_on_takeover

    async def answer(self, question: Question) -> AsyncGenerator[Told, None]:
        self.asked.append(question)
        try:
            for said in self.scripts[question.alias]:
                async for piece in _act(said):
                    yield piece
            yield End("stop", USAGE, question.alias)
        finally:
            self.closed += 1


async def _act(said: Said) -> AsyncGenerator[Told, None]:
    match said:
        case Gate():
            said.reached.set()
            await said.opened.wait()
        case ProviderFault():
            raise said
        case str():
            yield Piece(said)
        case _:
            yield said
