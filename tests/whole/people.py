"""People with a strict eye: clients that record every violation of the protocol, and what history says."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from samvad_client import EdgeRest, SamvadClient, StrictObserver, TurnView
from schemas.ids import new_id


@dataclass
class Person:
    """One signed-in user with one device and one conversation."""

    client: SamvadClient
    rest: EdgeRest
    observer: StrictObserver
    conversation_id: str = field(default_factory=new_id)
    sessions: Counter[bool] = field(default_factory=Counter)
    """How many sessions were opened (True) and lost (False)."""

    async def ask(self, text: str, model: str | None = None) -> TurnView:
        """Asks and waits for the end."""
        return await self.client.ask(self.conversation_id, text, model).ended()

    async def stored_answers(self) -> dict[str, tuple[str, str]]:
        """Status and text of each stored answer, by its message id."""
        answers: dict[str, tuple[str, str]] = {}
        before: str | None = None
        while True:
            page = await self.rest.messages(self.conversation_id, before=before, limit=100)
            answers |= {row.id: (str(row.status), row.text) for row in page.messages if row.role == "assistant"}
            if (before := page.next) is None:
                return answers


@asynccontextmanager
async def person(
    edge: str, name: str, through: str | None = None, on_loss: Callable[[], None] | None = None
) -> AsyncIterator[Person]:
    """A person named `name` at an edge.

    `through`: what the websocket goes through, such as a bad network; `on_loss` hears of each session that ended.
    """
    async with AsyncExitStack() as stack:
        rest = await stack.enter_async_context(EdgeRest(edge))
        token = (await rest.sign_in(name)).token
        observer, sessions = StrictObserver(), Counter[bool]()

        def note(is_open: bool) -> None:
            sessions.update([is_open])
            if not is_open and on_loss is not None:
                on_loss()

        client = SamvadClient(through or edge, token, on_frame=observer, on_connection=note)
        await stack.enter_async_context(client)
        yield Person(client, rest, observer, sessions=sessions)


async def assert_seen_is_stored(someone: Person, turns: list[TurnView]) -> None:
    """G2, G3: each turn ended once, its shown text is the stored one, and nothing else is stored."""
    stored = await someone.stored_answers()
    assert {turn.answer_id: (str(turn.status), turn.answer) for turn in turns} == stored
    assert someone.observer.violations == []
