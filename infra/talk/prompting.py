"""The prompt: one entry of a person, of one line or several.

In: the keyboard, through prompt_toolkit. Out: the text. Ctrl-C raises KeyboardInterrupt, Ctrl-D EOFError.
The history lives in memory only: what people ask is nobody's file.
"""

from collections.abc import Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output

from infra.talk.interrupts import Interrupts

MARK = "› "


class Prompt:
    """`is_lost` tells whether to show that the connection is gone; `redraw` when that changed."""

    def __init__(self, interrupts: Interrupts, is_lost: Callable[[], bool]) -> None:
        self._interrupts = interrupts
        self._is_lost = is_lost
        self._session: PromptSession[str] = PromptSession(
            message=self._message,
            multiline=True,
            prompt_continuation="  ",
            key_bindings=_keys(),
            history=InMemoryHistory(),
            # Answers may go to a file; the prompt stays on the terminal.
            output=create_output(always_prefer_tty=True),
        )

    async def read(self) -> str:
        return await self._ask(self._session, None)

    async def confirm(self, question: str) -> bool:
        """True after an explicit yes."""
        session: PromptSession[str] = PromptSession(output=self._session.output)
        try:
            answer = await self._ask(session, f"{question} [y/N] ")
        except (KeyboardInterrupt, EOFError):
            return False
        return answer.strip().lower() in ("y", "yes")

    def redraw(self) -> None:
        if self._session.app.is_running:
            self._session.app.invalidate()

    async def _ask(self, session: PromptSession[str], message: str | None) -> str:
        def interrupt() -> bool:
            if session.app.is_running:
                session.app.exit(exception=KeyboardInterrupt)
            return True

        # The keyboard's Ctrl-C is a key here; a SIGINT from elsewhere ends the prompt the same way.
        with self._interrupts.first(interrupt):
            return await session.prompt_async(message, handle_sigint=False)

    def _message(self) -> StyleAndTextTuples:
        lost: StyleAndTextTuples = [("fg:ansibrightblack", "reconnecting…\n")] if self._is_lost() else []
        return [*lost, ("bold", MARK)]


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys
