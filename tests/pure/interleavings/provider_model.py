"""A model that answers each call with other words, so that no two attempts can be mixed up unseen."""

from collections import Counter
from collections.abc import AsyncGenerator

from consumers.llm.gates import Standing
from consumers.llm.pieces import End, Piece, ProviderFault, Switch
from consumers.llm.questions import Question
from schemas.errors import ErrorCode
from schemas.models_file import OnFault
from schemas.parts import Usage
from tests.pure.interleavings.checks import Checks
from tests.pure.interleavings.scenario import COMPLETES, FAULTS, SWITCHES, Scenario, Send
from tests.pure.interleavings.virtual_loop import OWNER
from tests.pure.interleavings.world import World


class ModelDoor:
    """The door to the models. Every piece is a step of its own."""

    def __init__(self, world: World, checks: Checks, scenario: Scenario) -> None:
        self._world = world
        self._checks = checks
        self._scenario = scenario
        self._calls = 0
        self._open: Counter[str] = Counter()

    def system_prompt_of(self, alias: str) -> str | None:
        return None

    def budget_tokens(self, alias: str) -> int:
        return 10_000

    def standing(self, alias: str) -> Standing:
        return Standing(wait_seconds=0, interval_seconds=0.01)

    def on_takeover(self, alias: str) -> OnFault:
        return self._scenario.on_takeover

    async def answer(self, question: Question) -> AsyncGenerator[Piece | Switch | End, None]:
        owner = OWNER.get()
        self._checks.on_ask(owner.worker_id, question.conversation_id)
        self._open[owner.name] += 1
        if self._open[owner.name] > self._scenario.max_running:
            self._checks.bug(f"{owner.name}: more than {self._scenario.max_running} turns run")
        try:
            async for piece in self._pieces(question):
                yield piece
        finally:
            self._open[owner.name] -= 1

    async def _pieces(self, question: Question) -> AsyncGenerator[Piece | Switch | End, None]:
        self._calls += 1
        call, send = self._calls, self._asked_by(question)
        for n in range(send.pieces):
            await self._world.call(f"piece {call}.{n}", lambda: None, None)
            if n == 1 and send.ending == SWITCHES:
                yield Switch(len(question.kept) + 1, "fast", "smart", "provider_failed")
            yield Piece(f"{call}.{n} ")
        await self._world.call(f"the end of {call}", lambda: None, None)
        if send.ending == FAULTS:
            raise ProviderFault(ErrorCode.PROVIDER_FAILED, "scripted")
        if send.ending in (COMPLETES, SWITCHES):
            yield End("stop", Usage(3, send.pieces, estimated=False), question.alias)

    def _asked_by(self, question: Question) -> Send:
        name = question.messages[-1]["content"]
        return next(turn.send for turn in self._checks.turns.values() if turn.name == name)
