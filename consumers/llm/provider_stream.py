"""One call to one deployment through LiteLLM: its chunks as pieces, its exceptions as faults, its silence as a fault.

Leaving the generator closes the provider's connection (L8): use it under `aclosing`.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # L2: or the import fetches a price list from the network

import litellm
import openai

from consumers.llm.broken_chunks import refuse_broken_chunks
from consumers.llm.deadlines import Deadlines
from consumers.llm.deployments import Deployment
from consumers.llm.faults import fault_of
from consumers.llm.pieces import End, Piece, ProviderFault
from consumers.llm.prefill import Ask
from schemas.errors import ErrorCode
from schemas.parts import Usage

litellm.telemetry = False
litellm.suppress_debug_info = True
refuse_broken_chunks()

Taken = Callable[[Mapping[str, str]], None]
"""Hears that the provider takes the request, with its response's headers."""


async def pieces_of(
    deployment: Deployment, ask: Ask, deadlines: Deadlines, taken: Taken
) -> AsyncGenerator[Piece | End, None]:
    """The pieces of one answer and its End. Raises ProviderFault, and only that."""
    loop = asyncio.get_running_loop()
    limit = loop.time() + deadlines.first_token_seconds
    usage: Usage | None = None
    try:
        stream = await _call(deployment, ask, limit)
        async with aclosing(stream):
            taken(getattr(stream, "_response_headers", None) or {})
            while (chunk := await _next_chunk(stream, limit)) is not None:
                usage = _usage_of(stream, chunk) or usage
                for piece in _pieces_in(chunk):
                    yield piece
                    limit = loop.time() + deadlines.gap_seconds
        yield _end_of(stream, usage, deployment.alias)
    except TimeoutError as error:
        raise ProviderFault(ErrorCode.PROVIDER_TIMEOUT, "timeout") from error
    except ProviderFault:
        raise
    except Exception as error:  # the edge to foreign code: whatever a provider's adapter raises is a fault of the try
        raise fault_of(error) from error


async def warm_up() -> None:
    """LiteLLM's first call loads half a second's worth of modules: have that done before a user waits for it."""
    stream = await litellm.acompletion(
        model="hosted_vllm/warm-up",
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        mock_response="hello",
    )
    async for _ in stream:
        pass
    # The OpenAI client loads its resources on first touch.
    _ = openai.AsyncOpenAI(api_key="none", base_url="http://127.0.0.1").chat.completions


async def _call(deployment: Deployment, ask: Ask, limit: float) -> Any:
    ours = {
        "messages": list(ask.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        "num_retries": 0,
        "max_retries": 0,
        # The Router's books are kept by these two, where a routing strategy needs any.
        "metadata": {"model_group": deployment.alias, "deployment": deployment.model},
        "model_info": {"id": deployment.deployment_id},
    }
    if ask.extra_body:
        ours["extra_body"] = (deployment.params.get("extra_body") or {}) | ask.extra_body
    async with asyncio.timeout_at(limit):
        return await litellm.acompletion(**(deployment.params | ours))


async def _next_chunk(stream: Any, limit: float) -> Any:
    async with asyncio.timeout_at(limit):
        return await anext(stream, None)


def _pieces_in(chunk: Any) -> list[Piece]:
    if not chunk.choices:
        return []
    delta = chunk.choices[0].delta
    reasoning = getattr(delta, "reasoning_content", None)
    pieces = [Piece(_clean(reasoning), is_reasoning=True)] if reasoning else []
    return [*pieces, Piece(_clean(delta.content))] if delta.content else pieces


def _clean(text: str) -> str:
    """Unpaired surrogates, which JSON can carry and UTF-8 can't, become question marks."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _usage_of(stream: Any, chunk: Any) -> Usage | None:
    usage = getattr(chunk, "usage", None)
    if usage is None:
        return None
    # Where no chunk of the provider's had any, LiteLLM counts tokens itself and does not say so (L10).
    was_said = any(getattr(received, "usage", None) for received in stream.chunks)
    return Usage(int(usage.prompt_tokens or 0), int(usage.completion_tokens or 0), estimated=not was_said)


def _end_of(stream: Any, usage: Usage | None, alias: str) -> End:
    """L12: a stream that just ends was cut off; LiteLLM would call it a success and invent `stop`."""
    finish_reason = stream.received_finish_reason or stream.intermittent_finish_reason
    if not finish_reason:
        raise ProviderFault(ErrorCode.ANSWER_CUT_OFF, "truncated")
    return End(str(finish_reason), usage, alias)
