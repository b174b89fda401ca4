"""The endpoint `POST /v1/chat/completions`: one call from its request to its end.

In: the request, and the script that the playbook has for its model. Out: the scripted answer, or OpenAI's error shape;
the call's record.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable

import msgspec
from aiohttp import web

from infra.practice_provider.allowances import Allowances
from infra.practice_provider.answering import Stage, StreamedAnswer, WholeAnswer, perform, reset_connection
from infra.practice_provider.calls import Call, Calls, Ended, Instant
from infra.practice_provider.playbook import Playbook
from infra.practice_provider.refusals import bad_request, model_not_found, scripted_refusal, too_many_requests
from infra.practice_provider.script import Script, UnknownScript, steps
from infra.practice_provider.wire import Answered, BadAsk, ChatAsk, json_bytes, read_ask
from infra.practice_provider.words import answer_tokens, count_words, pieces, rest_of, seed_of, unfinished_answer


class ChatCompletions:
    """Numbers the calls; the number seeds an answer's words, unless the request brings a `seed`.

    A conversation that ends with the beginning of such an answer is gone on with right after it.
    """

    def __init__(self, playbook: Playbook, calls: Calls, longest_call_seconds: float) -> None:
        self._playbook, self._calls = playbook, calls
        self._longest_call_seconds = longest_call_seconds
        self._numbers = itertools.count(1)
        self._allowances = Allowances()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            ask = read_ask(await request.read())
            script = self._playbook.next_script(ask.model)
        except BadAsk as error:
            return bad_request(str(error))
        except UnknownScript as error:
            return model_not_found(str(error))
        return await self._answer(request, ask, script)

    async def _answer(self, request: web.Request, ask: ChatAsk, script: Script) -> web.StreamResponse:
        number = next(self._numbers)
        call = _new_call(number, ask, script)
        self._calls.begin(call)
        allowed = self._allowances.take(ask.model, script.rate, time.monotonic())
        if not allowed.is_taken:
            call.end(Ended.REFUSED, Instant.now())
            return too_many_requests(allowed.headers)
        try:
            async with asyncio.timeout(self._longest_call_seconds):
                if script.status != 200:
                    return await _refuse(script, call)
                stage = _new_stage(ask, call, allowed.headers)
                return await _perform(request, script, _tokens(script, ask, number), stage, call)
        except TimeoutError:
            call.end(Ended.EXPIRED, Instant.now())
            reset_connection(request)
            return web.Response()
        except (asyncio.CancelledError, ConnectionError):
            call.end(Ended.CLIENT_CLOSED, Instant.now())
            raise


def _new_call(number: int, ask: ChatAsk, script: Script) -> Call:
    now = Instant.now()
    return Call(
        id=f"chatcmpl-practice-{number}",
        number=number,
        model=ask.model,
        script=script.name,
        stream=bool(ask.stream),
        messages=msgspec.Raw(json_bytes(ask.messages)),
        started_at=now.unix_seconds,
        started_at_ns=now.monotonic_ns,
    )


def _tokens(script: Script, ask: ChatAsk, number: int) -> Iterable[str]:
    if script.echo:
        return pieces(json_bytes(ask.messages).decode(), script.tokens or 1)
    unfinished = unfinished_answer(ask.messages)
    seed = seed_of(unfinished)
    if seed is not None:
        return rest_of(itertools.islice(answer_tokens(seed), script.tokens), unfinished)
    return itertools.islice(answer_tokens(number if ask.seed is None else ask.seed), script.tokens)


def _new_stage(ask: ChatAsk, call: Call, headers: dict[str, str]) -> Stage:
    answered = Answered(id=call.id, model=ask.model, created_seconds=int(call.started_at))
    prompt_tokens = count_words(ask.messages)
    if ask.stream:
        return StreamedAnswer(answered, call, prompt_tokens, headers, include_usage=ask.include_usage)
    return WholeAnswer(answered, call, prompt_tokens, headers)


async def _refuse(script: Script, call: Call) -> web.Response:
    await asyncio.sleep(script.first_token_ms / 1000)
    call.end(Ended.REFUSED, Instant.now())
    return scripted_refusal(script.status)


async def _perform(
    request: web.Request, script: Script, tokens: Iterable[str], stage: Stage, call: Call
) -> web.StreamResponse:
    if not script.resets_at_once:
        await stage.open(request)
    ended = await perform(steps(script, tokens), stage, call, request)
    call.end(ended, Instant.now())
    return stage.response
