"""For scripts: each line of standard input is a question, each answer is written whole, then the program ends.

In: a file descriptor. Out: answers, remarks, and the exit code: 1 if any question or answer failed.
"""

import asyncio
import os
import threading
from typing import TextIO

from infra.talk.answering import WholeAnswer
from infra.talk.models import ModelChoice
from samvad_client import QuestionTooLong, RequestRejected, SamvadClient
from schemas.statuses import TurnStatus


class Piped:
    """`run()` to the end of the input. Raises the client's end."""

    def __init__(self, client: SamvadClient, models: ModelChoice, answers: WholeAnswer, notes: TextIO) -> None:
        self._client, self._models = client, models
        self._answers, self._notes = answers, notes

    async def run(self, lines: "Lines", conversation_id: str) -> int:
        code = 0
        while (line := await lines.next()) is not None:
            if line.strip():
                code = max(code, await self._ask(conversation_id, line.strip()))
        return code

    async def _ask(self, conversation_id: str, text: str) -> int:
        try:
            view = await self._answers.follow(self._client.ask(conversation_id, text, self._models.alias))
        except (RequestRejected, QuestionTooLong) as refused:
            self._notes.write(f"not sent: {refused}\n")
            return 1
        return 1 if view.status is TurnStatus.FAILED else 0


class Lines:
    """Lines of a pipe or a file.

    Read by a thread that nobody waits for, straight from the descriptor: a silent pipe must not keep Ctrl-C from
    ending the program, and Python's own `sys.stdin` holds a lock then that its shutdown dies of.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""
        self._at_end = False

    async def next(self) -> str | None:
        """The next line without its end, None after the last."""
        while b"\n" not in self._buffer and not self._at_end:
            chunk = await self._read()
            self._at_end = chunk == b""
            self._buffer += chunk
        if not self._buffer:
            return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode(errors="replace")

    async def _read(self) -> bytes:
        loop = asyncio.get_running_loop()
        chunk: asyncio.Future[bytes] = loop.create_future()

        def read() -> None:
            data = os.read(self._descriptor, 65536)
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, chunk, data)

        threading.Thread(target=read, daemon=True).start()
        return await chunk


def _deliver(chunk: asyncio.Future[bytes], data: bytes) -> None:
    if not chunk.done():
        chunk.set_result(data)
