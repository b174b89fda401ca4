"""A small edge for tests of the terminal client: REST and websocket on one port, answers by the question's words.

The question is the script, words separated by spaces: `markdown` streams a long answer, `slow` one word at a time until
it is stopped, `queued`, `switch`, `fail`, `cut` (the connection breaks in the middle), `reject`; anything is echoed.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from schemas.client_frames import Hello, Regenerate, Send, Stop, Watch
from schemas.codec import decode_client_frame, encode
from schemas.errors import ErrorCode
from schemas.frames import (
    Accepted,
    AnyTurnFrame,
    Completed,
    Delta,
    Failed,
    Queued,
    Ready,
    ServerFrame,
    Started,
    Stopped,
    Switched,
    WatchedTurn,
    Watching,
    rejected_frame,
)
from schemas.ids import new_id, seq_of
from schemas.parts import Usage, UserMessage
from schemas.statuses import TurnStatus

MODELS = {
    "default": "fast",
    "models": [{"alias": "fast", "title": "A small model"}, {"alias": "smart", "title": "smart"}],
}
MARKDOWN = """# A heading

Some **bold** words and `code`.

1. one
1. two
   - nested
1. three

```python
def answer():
    return 42
```

| a | b |
|---|---|
| 1 | 2 |

The end.
"""


@dataclass
class Turn:
    """A turn of this edge: the frames so far, and who wants the next ones."""

    send: Send
    turn_id: str
    frames: list[AnyTurnFrame] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    text: str = ""
    status: str = "running"

    def address(self) -> dict[str, Any]:
        seq = seq_of(1, len(self.frames))
        return {"conversation_id": str(self.send.conversation_id), "turn_id": self.turn_id, "seq": seq}


class TalkingEdge:
    """Remembers what it was asked. `messages` is the history by conversation."""

    def __init__(self) -> None:
        self.url = ""
        self.delta_seconds = 0.0
        self.queue_seconds = 0.5
        self.greeting_seconds = 0.0
        self.ignores_stops = False
        self.titles: dict[str, str] = {}
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.questions: list[Send] = []
        self.asked_again: list[Regenerate] = []
        self.sign_ins = 0
        self._turns: dict[str, Turn] = {}
        self._sockets: set[web.WebSocketResponse] = set()
        self._tasks: set[asyncio.Task[object]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/dev/sign-in", self._sign_in),
            web.get("/v1/models", self._models),
            web.get("/v1/conversations", self._conversations),
            web.get("/v1/conversations/{id}/messages", self._messages),
            web.patch("/v1/conversations/{id}", self._rename),
            web.delete("/v1/conversations/{id}", self._delete),
            web.get("/v1/ws", self._socket),
        ]

    def remember(self, conversation_id: str, question: str, answer: str) -> None:
        """Puts a finished turn into the history."""
        question_id, shared = new_id(), {"created_at": "2026-03-01T12:00:00Z"}
        asked = {"id": question_id, "role": "user", "text": question, "model": None, "status": None, "parent_id": None}
        said = {"id": new_id(), "role": "assistant", "text": answer, "model": "fast", "status": "completed"}
        self.titles.setdefault(conversation_id, question)
        self.messages.setdefault(conversation_id, []).extend(
            [asked | shared, said | shared | {"parent_id": question_id}]
        )

    def cut_connections(self) -> None:
        """As a restarting edge does."""
        for socket in self._sockets:
            self._in_background(socket.close(code=1012))

    def _in_background(self, work: Coroutine[None, None, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sign_in(self, request: web.Request) -> web.Response:
        self.sign_ins += 1
        return web.json_response({"token": "token", "user_id": new_id()})

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response(MODELS)

    async def _conversations(self, request: web.Request) -> web.Response:
        rows = [{"id": key, "title": title, "updated_at": "2026-03-01T12:00:00Z"} for key, title in self.titles.items()]
        return web.json_response({"conversations": rows[::-1], "next": None})

    async def _messages(self, request: web.Request) -> web.Response:
        limit = int(request.query["limit"])
        return web.json_response({"messages": self.messages.get(request.match_info["id"], [])[-limit:], "next": None})

    async def _rename(self, request: web.Request) -> web.Response:
        self.titles[request.match_info["id"]] = (await request.json())["title"]
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        self.titles.pop(request.match_info["id"])
        return web.Response(status=204)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("samvad.v1",))
        await socket.prepare(request)
        self._sockets.add(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._hear(socket, message.data)
        self._sockets.discard(socket)
        return socket

    async def _hear(self, socket: web.WebSocketResponse, data: str) -> None:
        match decode_client_frame(data):
            case Hello():
                await asyncio.sleep(self.greeting_seconds)
                await say(socket, Ready(new_id(), new_id(), {}, 30, "2030-01-01T00:00:00Z"))
            case Send() as send:
                await self._take(socket, send)
            case Regenerate() as again:
                self.asked_again.append(again)
                await self._take(socket, Send(again.request_id, again.conversation_id, "once more", again.model))
            case Watch() as watch:
                await self._resume(socket, watch)
            case Stop() as stop if not self.ignores_stops:
                self._stop(stop)

    def _stop(self, stop: Stop) -> None:
        for turn in self._turns.values():
            if turn.turn_id == str(stop.turn_id) or turn.send.request_id == stop.request_id:
                turn.stop.set()

    async def _take(self, socket: web.WebSocketResponse, send: Send) -> None:
        self.questions.append(send)
        if "reject" in send.text:
            await say(socket, rejected_frame(str(send.request_id), ErrorCode.OVERLOADED))
            return
        turn = self._turns.get(str(send.request_id))
        if turn is None:
            turn = self._turns[str(send.request_id)] = Turn(send, new_id())
            self._in_background(self._answer(turn))
        await say(socket, Accepted(str(send.request_id), turn.turn_id))

    async def _resume(self, socket: web.WebSocketResponse, watch: Watch) -> None:
        mine = [turn for turn in self._turns.values() if turn.send.conversation_id == watch.conversation_id]
        after = {str(turn_id): seq for turn_id, seq in (watch.after or {}).items()}
        wanted = [turn for turn in mine if turn.turn_id in after or not turn.ended.is_set()]
        listed = [WatchedTurn(turn.turn_id, turn.frames[-1].seq, TurnStatus(turn.status)) for turn in wanted]
        await say(socket, Watching(str(watch.conversation_id), listed, None))
        for turn in wanted:
            for frame in turn.frames:
                if frame.seq > after.get(turn.turn_id, -1):
                    await say(socket, frame)

    async def _answer(self, turn: Turn) -> None:
        words = turn.send.text.split()
        if "queued" in words:
            await self._wait_in_line(turn)
        await self._start(turn)
        for piece in self._pieces(words):
            if turn.stop.is_set():
                break
            await asyncio.sleep(0.1 if "slow" in words else self.delta_seconds)
            turn.text += piece
            await self._add(turn, Delta, text=piece)
            if "cut" in words and len(turn.frames) == 4:
                self.cut_connections()
        if "switch" in words:
            await self._add(turn, Switched, keep=3, from_model="fast", to_model="smart", reason="provider_failed")
            await self._add(turn, Delta, text=" and on with it")
        await self._end(turn, failed="fail" in words)

    async def _wait_in_line(self, turn: Turn) -> None:
        address = {"conversation_id": str(turn.send.conversation_id), "turn_id": turn.turn_id}
        await self._publish(Queued(**address, attempt=1, position=3, eta_ms=2000, reason="workers_busy"))
        await asyncio.sleep(self.queue_seconds)

    async def _start(self, turn: Turn) -> None:
        await self._add(
            turn,
            Started,
            request_id=str(turn.send.request_id),
            attempt=1,
            model=turn.send.model or "fast",
            user_message=UserMessage(turn.send.text, id=new_id()),
            answer_id=new_id(),
        )

    def _pieces(self, words: list[str]) -> list[str]:
        if "markdown" in words:
            text = MARKDOWN * (20 if "long" in words else 1)
            return [text[at : at + 4] for at in range(0, len(text), 4)]
        if "code" in words:
            return ["```python\n", *(f"x{line} = {line} + {line}\n" for line in range(200)), "```\n"]
        if "slow" in words:
            return [f"word{n} " for n in range(1000)]
        return [f"{word} " for word in ["You", "said:", *words]]

    async def _end(self, turn: Turn, *, failed: bool) -> None:
        turn.ended.set()
        if failed:
            turn.status = "failed"
            code = ErrorCode.PROVIDER_FAILED
            await self._add(turn, Failed, code=code, text=code.text, temporary=True, answer_id=new_id())
            return
        self.remember(str(turn.send.conversation_id), turn.send.text, turn.text)
        kind = Stopped if turn.stop.is_set() else Completed
        turn.status = "stopped" if turn.stop.is_set() else "completed"
        usage = Usage(7, len(turn.frames), estimated=False)
        await self._add(turn, kind, finish_reason="stop", usage=usage, model="fast", answer_id=new_id())

    async def _add(self, turn: Turn, kind: type[Any], **fields: Any) -> None:
        frame = kind(**turn.address(), **fields)
        turn.frames.append(frame)
        await self._publish(frame)

    async def _publish(self, frame: ServerFrame) -> None:
        for socket in [socket for socket in self._sockets if not socket.closed]:
            await say(socket, frame)


async def say(socket: web.WebSocketResponse, frame: ServerFrame) -> None:
    if not socket.closed:
        await socket.send_str(encode(frame).decode())


@asynccontextmanager
async def talking_edge(port: int = 0) -> AsyncIterator[TalkingEdge]:
    edge = TalkingEdge()
    app = web.Application()
    app.add_routes(edge.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    edge.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield edge
    finally:
        await runner.cleanup()
