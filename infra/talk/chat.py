"""A person's chat: reads entries, asks, obeys commands, until the person leaves.

In: entries of the prompt. Out: answers and notes on the screen. One conversation is current at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from infra.talk.commands import KEYS, Command, Question, help_lines, parse
from infra.talk.history import conversation_lines, message_items, question, title_of
from infra.talk.models import ModelChoice, UnknownModel
from infra.talk.prompting import Prompt
from infra.talk.screen import Screen
from infra.talk.signed_in import SignedIn
from infra.talk.telling import Note
from samvad_client import (
    EdgeRefused,
    EdgeUnreachable,
    QuestionTooLong,
    RequestRejected,
    SamvadClient,
    TurnHandle,
    TurnView,
)
from samvad_client.rest import ConversationRow, MessageRow
from schemas.ids import new_id

LISTED = 50
SHOWN_MESSAGES = 6
WATCH_SECONDS = 10.0


class Answers(Protocol):
    """Shows one answer to its end. `began` is None where this person did not ask just now."""

    async def follow(self, handle: TurnHandle, *, began: float | None) -> TurnView: ...


class Chat:
    """`run()` until the person leaves. Raises the client's end."""

    def __init__(
        self,
        client: SamvadClient,
        person: SignedIn,
        models: ModelChoice,
        screen: Screen,
        answers: Answers,
        prompt: Prompt,
    ) -> None:
        self._client, self._person, self._models = client, person, models
        self._screen, self._answers, self._prompt = screen, answers, prompt
        self._conversation_id = new_id()
        self._is_empty = True
        self._listed: list[ConversationRow] = []
        self._actions: dict[str, Callable[[str], Awaitable[None]]] = {
            "list": self._list,
            "open": self._open_numbered,
            "new": self._new,
            "again": self._again,
            "model": self._model,
            "rename": self._rename,
            "delete": self._delete,
            "help": self._help,
        }

    async def run(self, *, resume: bool) -> None:
        await self._fetch_list()
        if resume and self._listed:
            await self._open(self._listed[0])
        elif self._listed:
            count = f"{LISTED} or more" if len(self._listed) == LISTED else str(len(self._listed))
            self._screen.say(f"{count} earlier conversation{'s' if count != '1' else ''}: /list")
        while (entry := await self._read()) is not None:
            await self._take(entry)

    async def _read(self) -> Question | Command | None:
        """The next entry that is one; None when the person leaves."""
        try:
            while (entry := parse(await self._prompt.read())) is None:
                pass
        except (KeyboardInterrupt, EOFError):
            return None
        return None if entry == Command("quit", "") else entry

    async def _take(self, entry: Question | Command) -> None:
        try:
            if isinstance(entry, Question):
                await self._ask(entry.text)
            elif entry.name in self._actions:
                await self._actions[entry.name](entry.argument)
            else:
                self._screen.say(f"There is no /{entry.name}. /help lists what there is; a space before / asks it.")
        except (RequestRejected, QuestionTooLong) as refused:
            self._screen.say(f"not sent: {refused}", "fault")
        except (EdgeRefused, EdgeUnreachable, UnknownModel) as refused:
            self._screen.say(str(refused), "fault")

    async def _ask(self, text: str) -> None:
        self._is_empty = False
        handle = self._client.ask(self._conversation_id, text, self._models.alias)
        await self._answers.follow(handle, began=asyncio.get_running_loop().time())
        self._screen.say("")

    async def _again(self, _: str) -> None:
        """Another answer to the question that was answered last, from the model that is chosen now."""
        newest = [] if self._is_empty else await self._newest_message()
        if not newest:
            self._screen.say("Ask something first.")
            return
        question_id = newest[0].parent_id or newest[0].id
        handle = self._client.regenerate(self._conversation_id, question_id, self._models.alias)
        await self._answers.follow(handle, began=asyncio.get_running_loop().time())
        self._screen.say("")

    async def _newest_message(self) -> list[MessageRow]:
        conversation_id = self._conversation_id
        return (await self._person.call(lambda rest: rest.messages(conversation_id, limit=1))).messages

    async def _list(self, _: str) -> None:
        await self._fetch_list()
        lines = conversation_lines(self._listed, self._conversation_id, self._screen.columns)
        self._screen.print(map(Note, lines or ["There are none yet."]))

    async def _open_numbered(self, number: str) -> None:
        if not self._listed:
            await self._fetch_list()
        if not number.isdecimal() or not 1 <= int(number) <= len(self._listed):
            self._screen.say("Which one? /list numbers them, and /open 1 opens the newest.")
            return
        await self._open(self._listed[int(number) - 1])

    async def _open(self, row: ConversationRow) -> None:
        """Shows the end of a conversation and follows what is still being answered in it."""
        self._leave_conversation()
        self._conversation_id, self._is_empty = row.id, False
        self._screen.say(f"— {title_of(row, self._screen.columns - 4)} —")
        # Watched before it is read: a turn that ends in between is in both, and never in neither.
        open_turns = await self._watch()
        await self._show_messages()
        for turn in open_turns:
            if not turn.has_ended:
                await self._follow(turn)

    async def _watch(self) -> list[TurnView]:
        try:
            async with asyncio.timeout(WATCH_SECONDS):
                return (await self._client.watch(self._conversation_id)).open_turns()
        except TimeoutError:
            self._screen.say("The server is not there right now; what it is answering will show later.")
            return []

    async def _show_messages(self) -> None:
        conversation_id = self._conversation_id
        page = await self._person.call(lambda rest: rest.messages(conversation_id, limit=SHOWN_MESSAGES))
        if page.next is not None:
            self._screen.say("(earlier messages are not shown)")
        for message in page.messages:
            self._screen.print(message_items(message, self._models.title_of(message.model or "")))

    async def _follow(self, turn: TurnView) -> None:
        handle = self._client.follow(turn)
        if not turn.question:
            await handle.newer_than(turn.version)
        self._screen.print([question(turn.question)])
        await self._answers.follow(handle, began=None)
        self._screen.say("")

    async def _new(self, _: str) -> None:
        self._leave_conversation()
        self._conversation_id, self._is_empty = new_id(), True
        self._screen.say("A new conversation.")

    async def _model(self, alias: str) -> None:
        if alias:
            self._models.choose(alias)
        for line in self._models.lines():
            self._screen.say(line)

    async def _rename(self, title: str) -> None:
        if self._is_empty or not title:
            self._screen.say("Ask something first." if self._is_empty else "/rename needs a title.")
            return
        await self._person.call(lambda rest: rest.rename(self._conversation_id, title))
        self._screen.say("Renamed.")

    async def _delete(self, _: str) -> None:
        if self._is_empty:
            self._screen.say("There is nothing to delete yet.")
            return
        if await self._prompt.confirm("Delete this conversation for good?"):
            await self._person.call(lambda rest: rest.delete(self._conversation_id))
            self._screen.say("Deleted.")
            self._listed = []
            await self._new("")

    async def _help(self, _: str) -> None:
        self._screen.print([*map(Note, help_lines()), Note(KEYS)])

    async def _fetch_list(self) -> None:
        self._listed = (await self._person.call(lambda rest: rest.conversations(limit=LISTED))).conversations

    def _leave_conversation(self) -> None:
        if not self._is_empty:
            self._client.unwatch(self._conversation_id)
