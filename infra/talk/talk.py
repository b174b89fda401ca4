"""The terminal client's composition: signs in, connects, and runs the chat or the script of questions.

In: the edge's address, and how to sign in. Out: the exit code.
"""

import asyncio
import sys
from contextlib import AsyncExitStack

from infra.talk.answering import LiveAnswer, WholeAnswer
from infra.talk.chat import Chat
from infra.talk.interrupts import Interrupts, quiet_keys
from infra.talk.models import ModelChoice, UnknownModel
from infra.talk.piped import Lines, Piped
from infra.talk.prompting import Prompt
from infra.talk.screen import Screen
from infra.talk.signed_in import Credentials, SignedIn
from samvad_client import EdgeRest, SamvadClient, SamvadError
from schemas.ids import new_id

FAILED = 1
INTERRUPTED = 130
"""What shells expect after Ctrl-C."""


async def talk(edge_url: str, credentials: Credentials, *, resume: bool = False, model: str | None = None) -> int:
    """Talks until the person or the script is done. 0 if all went well, 1 if not, 130 after Ctrl-C in an answer."""
    interrupts = Interrupts()
    try:
        with interrupts.installed():
            return await _talk(edge_url, credentials, interrupts, resume=resume, model=model)
    except (SamvadError, UnknownModel) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except asyncio.CancelledError:
        if not interrupts.is_leaving:
            raise
        _uncancel()
        return INTERRUPTED


async def _talk(
    edge_url: str, credentials: Credentials, interrupts: Interrupts, *, resume: bool, model: str | None
) -> int:
    async with AsyncExitStack() as stack:
        person = SignedIn(await stack.enter_async_context(EdgeRest(edge_url)), credentials)
        token = await person.sign_in()
        models = ModelChoice(await person.call(lambda rest: rest.models()))
        if model is not None:
            models.choose(model)
        connection = ConnectionNews()
        client = await stack.enter_async_context(
            SamvadClient(edge_url, token, sign_in=person.sign_in, on_connection=connection)
        )
        if sys.stdin.isatty():
            with quiet_keys():
                await _chat(client, person, models, interrupts, connection).run(resume=resume)
            return 0
        return await _piped(client, person, models, interrupts, resume=resume)


class ConnectionNews:
    """Tells the prompt when the connection goes and comes. Before the first session nothing is lost yet."""

    def __init__(self) -> None:
        self.is_lost = False
        self.prompt: Prompt | None = None

    def __call__(self, is_connected: bool) -> None:
        self.is_lost = not is_connected
        if self.prompt is not None:
            self.prompt.redraw()


def _chat(
    client: SamvadClient, person: SignedIn, models: ModelChoice, interrupts: Interrupts, news: ConnectionNews
) -> Chat:
    is_screen = sys.stdout.isatty()
    screen = Screen(sys.stdout if is_screen else sys.stderr)
    live = LiveAnswer(client, screen, interrupts, models.title_of)
    answers = live if is_screen else WholeAnswer(client, interrupts, sys.stdout, sys.stderr)
    news.prompt = Prompt(interrupts, lambda: news.is_lost)
    screen.say(f"Samvad · {models.title_of(models.current)} · /help")
    return Chat(client, person, models, screen, answers, news.prompt)


async def _piped(
    client: SamvadClient, person: SignedIn, models: ModelChoice, interrupts: Interrupts, *, resume: bool
) -> int:
    listed = (await person.call(lambda rest: rest.conversations(limit=1))).conversations if resume else []
    answers = WholeAnswer(client, interrupts, sys.stdout, sys.stderr)
    conversation_id = listed[0].id if listed else new_id()
    return await Piped(client, models, answers, sys.stderr).run(Lines(sys.stdin.fileno()), conversation_id)


def _uncancel() -> None:
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
