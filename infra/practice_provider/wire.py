"""The OpenAI chat API's bytes. Pure.

In: request bodies, and what an answer says. Out: decoded requests; response bodies; SSE events, of which the frequent
ones are a prefix, the token as a JSON string and a suffix, because a load test sends tens of thousands a second.
"""

from typing import Any, TypeVar

import msgspec

DONE = b"data: [DONE]\n\n"

_Shape = TypeVar("_Shape")
_EXAMPLES = ("practice-64x20", "practice-64x20-ttft500", "practice-64x20-stall8", "practice-8x5-echo")


class BadAsk(ValueError):
    """The request body is not what the API takes; the text says why."""


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


class ChatAsk(msgspec.Struct, frozen=True):
    """A chat completion request, as far as the practice provider heeds it."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    seed: int | None = None

    @property
    def include_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)


class ScriptOrder(msgspec.Struct, frozen=True):
    """Body of `POST /practice/script`."""

    model: str
    steps: list[str]


class Answered(msgspec.Struct, frozen=True):
    """What every body of one answer names: `id` as in the call's record, `created_seconds` since 1970."""

    id: str
    model: str
    created_seconds: int


def read_ask(body: bytes) -> ChatAsk:
    """Raises BadAsk."""
    return _read(body, ChatAsk)


def read_order(body: bytes) -> ScriptOrder:
    """Raises BadAsk."""
    return _read(body, ScriptOrder)


def json_bytes(value: object) -> bytes:
    return msgspec.json.encode(value)


def error_body(message: str, error_type: str, code: str | None) -> bytes:
    return json_bytes({"error": {"message": message, "type": error_type, "param": None, "code": code}})


def models_body() -> bytes:
    models = [{"id": name, "object": "model", "created": 0, "owned_by": "practice"} for name in _EXAMPLES]
    return json_bytes({"object": "list", "data": models})


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def completion_body(answered: Answered, text: str, usage_counts: dict[str, int], *, finish_reason: str | None) -> bytes:
    """The whole answer of a request without `stream`."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
    return json_bytes(_envelope(answered, "chat.completion") | {"choices": [choice], "usage": usage_counts})


class Chunks:
    """The SSE events of one streamed answer."""

    def __init__(self, answered: Answered) -> None:
        self._envelope = _envelope(answered, "chat.completion.chunk")
        head, _, tail = self._choice({"content": "@"}, None).rpartition(b'"@"')
        self._head, self._tail = head, tail

    def role(self) -> bytes:
        return self._choice({"role": "assistant", "content": ""}, None)

    def token(self, text: str) -> bytes:
        return b"%b%b%b" % (self._head, msgspec.json.encode(text), self._tail)

    def thought(self, text: str) -> bytes:
        """A token of reasoning, as vLLM and DeepSeek send it."""
        return self._choice({"reasoning_content": text}, None)

    def broken(self, text: str) -> bytes:
        """A token's event whose JSON breaks off behind the text."""
        return b"%b%b\n\n" % (self._head, msgspec.json.encode(text))

    def finish(self, reason: str) -> bytes:
        return self._choice({}, reason)

    def usage(self, usage_counts: dict[str, int]) -> bytes:
        return _event(self._envelope | {"choices": [], "usage": usage_counts})

    def _choice(self, delta: dict[str, str], finish_reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _event(self._envelope | {"choices": [choice]})


def _envelope(answered: Answered, kind: str) -> dict[str, object]:
    return {"id": answered.id, "object": kind, "created": answered.created_seconds, "model": answered.model}


def _event(value: object) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(value)


def _read(body: bytes, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAsk(str(error)) from error
