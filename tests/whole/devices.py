"""One user with two devices, on one edge or on two: what each is shown is the same, and what is stored.

In: the edges that the devices are at. Out: nothing, or an AssertionError.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from samvad_client import EdgeRest, SamvadClient, StrictObserver, TurnView
from samvad_client.connection import ServerSaid
from samvad_client.rest import MessageRow
from schemas.frames import ConversationChanged
from schemas.ids import new_id
from tests.contracts.deadlines import eventually

ASKED_AT_ONCE = 5
"""By each tab."""
SECONDS = 60.0


@dataclass
class Device:
    """One of a user's devices."""

    client: SamvadClient
    rest: EdgeRest
    observer: StrictObserver = field(default_factory=StrictObserver)
    changes: list[ConversationChanged] = field(default_factory=list)

    def hear(self, said: ServerSaid) -> None:
        self.observer(said)
        if isinstance(said, ConversationChanged):
            self.changes.append(said)

    async def shown(self, conversation_id: str, ended: int) -> list[TurnView]:
        """The conversation as this device shows it, once so many of its turns have ended."""
        conversation = await self.client.watch(conversation_id)
        await until(lambda: sum(turn.has_ended for turn in conversation.turns) >= ended)
        return conversation.turns

    async def history(self, conversation_id: str) -> list[MessageRow]:
        """Oldest first."""
        rows: list[MessageRow] = []
        before: str | None = None
        while True:
            page = await self.rest.messages(conversation_id, before=before, limit=100)
            rows[:0] = page.messages
            if (before := page.next) is None:
                return rows


@asynccontextmanager
async def devices(*edges: str, name: str) -> AsyncIterator[list[Device]]:
    """The devices of one user, one at each of the edges."""
    async with AsyncExitStack() as stack:
        found = []
        for edge in edges:
            rest = await stack.enter_async_context(EdgeRest(edge))
            token = (await rest.sign_in(name)).token
            heard: list[Device] = []
            client = SamvadClient(edge, token, on_frame=lambda said, heard=heard: heard[0].hear(said))
            heard.append(Device(client, rest))
            await stack.enter_async_context(client)
            await client.connected.wait()
            found.append(heard[0])
        yield found


async def until(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await eventually(holds, SECONDS)


async def a_late_device_ends_with_the_same_text(first: str, second: str) -> None:
    conversation_id = new_id()
    async with devices(first, second, name="two devices") as (laptop, phone):
        handle = laptop.client.ask(conversation_id, "Why?", "slow")
        await until(lambda: len(handle.view.answer.split()) > 10)
        (seen,) = await phone.shown(conversation_id, ended=1)
        ended = await handle.ended()
        assert (str(seen.status), seen.answer, seen.answer_id) == (str(ended.status), ended.answer, ended.answer_id)
        (question, answer) = await phone.history(conversation_id)
        assert (question.text, answer.text, answer.id) == ("Why?", ended.answer, ended.answer_id)
        assert laptop.observer.violations + phone.observer.violations == []


async def a_stop_on_one_device_is_seen_on_the_other(first: str, second: str) -> None:
    conversation_id = new_id()
    async with devices(first, second, name="stopped elsewhere") as (laptop, phone):
        handle = laptop.client.ask(conversation_id, "Why?", "endless")
        await until(lambda: len(handle.view.answer.split()) > 3)
        conversation = await phone.client.watch(conversation_id)
        await until(lambda: bool(conversation.turns and conversation.turns[0].answer))
        await phone.client.follow(conversation.turns[0]).stop()
        ended, (seen,) = await handle.ended(), await phone.shown(conversation_id, ended=1)
        assert (str(ended.status), str(seen.status)) == ("stopped", "stopped")
        (_, answer) = await laptop.history(conversation_id)
        assert answer.text == ended.answer == seen.answer
        assert laptop.observer.violations + phone.observer.violations == []


async def two_tabs_give_one_transcript(first: str, second: str, sends: int) -> None:
    """Each tab asks without waiting for the other; what both show is one conversation, and it is the stored one."""
    conversation_id = new_id()
    async with devices(first, second, name=f"two tabs {sends}") as tabs:
        for tab in tabs:
            await tab.client.watch(conversation_id)
        await asyncio.gather(*(_ask_many(tab, conversation_id, number, sends) for number, tab in enumerate(tabs)))
        transcripts = [_transcript(await tab.shown(conversation_id, ended=2 * sends)) for tab in tabs]
        assert transcripts[0] == transcripts[1]
        assert len(transcripts[0]) == 2 * sends
        assert {question for question, *_ in transcripts[0]} == {f"{n}/{tab}" for n in range(sends) for tab in (0, 1)}
        for tab in tabs:
            assert _stored_transcript(await tab.history(conversation_id)) == transcripts[0]
            assert tab.observer.violations == []


async def _ask_many(tab: Device, conversation_id: str, number: int, sends: int) -> None:
    at_once = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(n: int) -> None:
        async with at_once:
            await tab.client.ask(conversation_id, f"{n}/{number}", "echo").ended()

    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(ask(n) for n in range(sends)))


def _transcript(turns: list[TurnView]) -> list[tuple[str, str, str, str]]:
    """Question, answer, how it ended and the answer's id, in the order of the answers' ids: that of their making."""
    shown = [(turn.question, turn.answer, str(turn.status), turn.answer_id or "") for turn in turns]
    return sorted(shown, key=lambda turn: turn[-1])


def _stored_transcript(rows: list[MessageRow]) -> list[tuple[str, str, str, str]]:
    """The same of history, in which each message goes on from the one before it."""
    assert [row.parent_id for row in rows] == [None, *(row.id for row in rows[:-1])]
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [(question.text, answer.text, str(answer.status), answer.id) for question, answer in pairs]


async def changes_of_the_list_reach_every_device(first: str, second: str) -> None:
    """Begun, renamed, new activity, deleted: each is told on both edges, also to who watches nothing."""
    conversation_id = new_id()
    async with devices(first, second, name="with a list") as both:
        laptop, phone = both

        async def told(number: int) -> ConversationChanged:
            """The next change, which both were told alike."""
            await until(lambda: all(len(device.changes) > number for device in both))
            assert laptop.changes[number] == phone.changes[number]
            assert laptop.changes[number].id == conversation_id
            return laptop.changes[number]

        handle = laptop.client.ask(conversation_id, "What is a tree?", "slow")
        begun = await told(0)
        assert (begun.title, handle.view.has_ended) == ("What is a tree?", False)
        await handle.ended()
        ended = await told(1)
        assert ended.updated_at >= begun.updated_at
        await phone.rest.rename(conversation_id, "Trees")
        assert (await told(2)).title == "Trees"
        await phone.client.ask(conversation_id, "And a wood?", "fast").ended()
        assert (await told(3)).title == "Trees"
        assert phone.changes[3].updated_at > ended.updated_at
        await laptop.rest.delete(conversation_id)
        assert (await told(4)).deleted
        assert [len(device.changes) for device in both] == [5, 5]
