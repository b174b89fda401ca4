"""The door to the models, with LiteLLM, against practice models: who is asked, what comes through (L4-L12)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import islice
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client import generate_latest

from consumers.llm.deadlines import Deadlines
from consumers.llm.door import LlmDoor
from consumers.llm.pieces import End, EverythingBusy, Piece, ProviderFault, Switch, Told
from consumers.llm.questions import Question
from infra.practice_provider import PracticeProvider, practice_provider
from infra.practice_provider.calls import Ended
from infra.practice_provider.words import answer_tokens, seed_of
from observability.metrics import new_registry
from observability.tracing import untraced
from observability.turn_trace import TracePoint
from observability.worker_metrics import WorkerMetrics
from schemas.errors import ErrorCode
from schemas.models_file import ModelsFile, OnFault, read_models
from tests.flow.admin_pages import samples_in
from tests.flow.practice_client import until
from tests.flow.practice_models import LITELLM_WARNS, SECRET, entry, models_with_fallback
from tests.flow.worker_stage import tracing_into

pytestmark = [pytest.mark.asyncio(loop_scope="module"), LITELLM_WARNS]

NOWHERE = untraced().turn("a turn").sender
MESSAGES = [{"role": "user", "content": "WHAT-WAS-ASKED"}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[PracticeProvider]:
    async with practice_provider() as provider:
        yield provider


@pytest.fixture(autouse=True)
def _no_calls_yet(provider: PracticeProvider) -> None:
    provider.calls.clear()


def a_door(
    provider: PracticeProvider,
    *names: str,
    fallback: str | None = None,
    deadlines: Deadlines | None = None,
) -> LlmDoor:
    models = models_with_fallback(provider, *names, fallback=fallback)
    return LlmDoor(models, deadlines)


async def ask(
    door: LlmDoor, place: TracePoint = NOWHERE, alias: str = "a", content: str = "WHAT-WAS-ASKED"
) -> tuple[str, End]:
    """The whole answer and its end."""
    text, question = "", Question(alias, [{"role": "user", "content": content}], "conversation", place)
    async with aclosing(door.answer(question)) as pieces:
        async for piece in pieces:
            if isinstance(piece, End):
                return text, piece
            assert isinstance(piece, Piece)
            text += piece.text
    raise AssertionError("an answer ends with an End or a fault")


async def tell(door: LlmDoor, kept: str = "") -> list[Told]:
    """All that is told of an answer."""
    question = Question("a", MESSAGES, "conversation", NOWHERE, kept=kept)
    async with aclosing(door.answer(question)) as telling:
        return [told async for told in telling]


def text_of(told: list[Told]) -> str:
    return "".join(said.text for said in told if isinstance(said, Piece))


def whole_answer(beginning: str, tokens: int = 8) -> str:
    """The practice answer that begins like this."""
    seed = seed_of(beginning)
    assert seed is not None
    return "".join(islice(answer_tokens(seed), tokens))


async def fault_of(door: LlmDoor) -> tuple[str, ProviderFault]:
    """What came before the fault, and the fault."""
    text, question = "", Question("a", MESSAGES, "conversation", NOWHERE)
    with pytest.raises(ProviderFault) as raised:
        async with aclosing(door.answer(question)) as pieces:
            async for piece in pieces:
                assert isinstance(piece, Piece)
                text += piece.text
    assert SECRET not in str(raised.value)
    assert "WHAT-WAS-ASKED" not in str(raised.value)
    return text, raised.value


def asked(provider: PracticeProvider) -> list[str]:
    return [call.model for call in provider.calls.newest_last()]


async def test_an_answer_is_its_pieces_and_an_end_with_the_providers_figures(provider: PracticeProvider) -> None:
    text, end = await ask(a_door(provider, "practice-8x0"))
    assert len(text.split()) >= 8
    assert (end.finish_reason, end.alias) == ("stop", "a")
    assert end.usage is not None
    assert (end.usage.output_tokens, end.usage.estimated) == (8, False)
    assert end.usage.input_tokens > 0


@pytest.mark.parametrize("broken", ["practice-8x0-429", "practice-8x0-500", "practice-8x0-reset0", "gpt-unheard-of"])
async def test_a_fault_before_the_first_token_is_survived_by_the_fallback_alias(
    provider: PracticeProvider, broken: str
) -> None:
    text, end = await ask(a_door(provider, broken, fallback="practice-8x0"))
    assert (len(text.split()) >= 8, end.alias) == (True, "b")


async def test_tries_fallbacks_and_first_tokens_are_counted_by_alias_and_reason(provider: PracticeProvider) -> None:
    registry = new_registry()
    models = models_with_fallback(provider, "practice-8x0-429", fallback="practice-8x0")
    await ask(LlmDoor(models, metrics=WorkerMetrics(registry)))
    counted = samples_in(generate_latest(registry).decode())
    assert counted("samvad_provider_attempts_total", model="a", outcome="provider_busy") == 1
    assert counted("samvad_provider_attempts_total", model="b", outcome="answered") == 1
    assert counted("samvad_provider_fallbacks_total", model="a", reason="provider_busy") == 1
    assert counted("samvad_provider_first_token_seconds_count", model="b") == 1


async def test_another_deployment_of_the_same_alias_comes_before_a_fallback(provider: PracticeProvider) -> None:
    for _ in range(4):  # whichever the Router picks first
        door = a_door(provider, "practice-8x0-500", "practice-8x0", fallback="practice-9x0")
        assert (await ask(door))[1].alias == "a"
    assert "practice-9x0" not in asked(provider)


async def test_a_provider_that_does_not_begin_in_time_is_left_and_its_connection_closed(
    provider: PracticeProvider,
) -> None:
    quick = Deadlines(first_token_seconds=1)
    door = a_door(provider, "practice-8x0-ttft30000", fallback="practice-8x0", deadlines=quick)
    assert (await ask(door))[1].alias == "b"
    await until(lambda: provider.calls.newest_last()[0].ended is Ended.CLIENT_CLOSED)


async def test_when_nobody_answers_the_last_fault_is_told(provider: PracticeProvider) -> None:
    text, fault = await fault_of(a_door(provider, "practice-8x0-500", fallback="practice-8x0-429"))
    assert (text, fault.code) == ("", ErrorCode.PROVIDER_BUSY)
    assert asked(provider) == ["practice-8x0-500", "practice-8x0-429"]


FAULTS_AFTER_THE_FIRST_TOKEN = [
    ("practice-8x0-reset4", ErrorCode.PROVIDER_FAILED),
    ("practice-8x0-stall4", ErrorCode.PROVIDER_TIMEOUT),
    ("practice-8x0-truncate4", ErrorCode.ANSWER_CUT_OFF),
]


@pytest.mark.parametrize(("model", "code"), FAULTS_AFTER_THE_FIRST_TOKEN)
async def test_after_the_first_token_the_next_model_goes_on_right_after_what_was_said(
    provider: PracticeProvider, model: str, code: ErrorCode
) -> None:
    door = a_door(provider, model, fallback="practice-8x0", deadlines=Deadlines(gap_seconds=0.2))
    told = await tell(door)
    ended_ns = time.monotonic_ns()
    (at,) = [number for number, said in enumerate(told) if isinstance(said, Switch)]
    before, after = text_of(told[:at]), text_of(told[at:])
    assert told[at] == Switch(len(before), "a", "b", code)
    assert before + after == whole_answer(before)
    assert asked(provider) == [model, "practice-8x0"]
    first, second = provider.calls.newest_last()
    assert first.closed_at_ns is not None
    assert ended_ns - first.closed_at_ns < 1e9, "a fault is survived within a second"
    assert (second.tokens_sent, json.loads(bytes(second.messages))[-1]["content"]) == (4, before)


@pytest.mark.parametrize(("model", "code"), FAULTS_AFTER_THE_FIRST_TOKEN)
async def test_an_alias_that_restarts_has_the_next_model_answer_from_the_beginning(
    provider: PracticeProvider, model: str, code: ErrorCode
) -> None:
    models = models_with_fallback(provider, model, fallback="practice-8x0", on_fault="restart")
    told = await tell(LlmDoor(models, Deadlines(gap_seconds=0.2)))
    (at,) = [number for number, said in enumerate(told) if isinstance(said, Switch)]
    assert told[at] == Switch(0, "a", "b", code)
    after = text_of(told[at:])
    assert after == whole_answer(after)
    assert json.loads(bytes(provider.calls.newest_last()[1].messages)) == MESSAGES


@pytest.mark.parametrize(("model", "code"), FAULTS_AFTER_THE_FIRST_TOKEN)
async def test_an_alias_that_fails_asks_nobody_else_after_the_first_token(
    provider: PracticeProvider, model: str, code: ErrorCode
) -> None:
    models = models_with_fallback(provider, model, fallback="practice-8x0", on_fault="fail")
    text, fault = await fault_of(LlmDoor(models, Deadlines(gap_seconds=0.2)))
    assert fault.code is code
    assert text.startswith("Answer")
    assert asked(provider) == [model]


async def test_a_fault_of_the_one_that_goes_on_is_not_told_before_its_first_token(provider: PracticeProvider) -> None:
    models = read_models(
        {
            "model_list": [
                entry(provider, "a", "practice-8x0-reset4"),
                entry(provider, "b", "practice-8x0-429"),
                entry(provider, "c", "practice-8x0"),
            ],
            "router_settings": {"fallbacks": [{"a": ["b", "c"]}]},
        }
    )
    told = await tell(LlmDoor(models))
    assert [(said.from_model, said.to_model) for said in told if isinstance(said, Switch)] == [("a", "c")]


@pytest.mark.parametrize(
    ("on_fault", "second_can", "rule"),
    [
        ("continue", True, OnFault.CONTINUE),
        ("continue", False, OnFault.RESTART),
        ("restart", True, OnFault.RESTART),
        ("fail", True, OnFault.FAIL),
    ],
)
async def test_a_takeover_goes_on_only_where_every_deployment_of_the_alias_can(
    provider: PracticeProvider, on_fault: str, second_can: bool, rule: OnFault
) -> None:
    second = entry(provider, "a", "practice-9x0") | {"model_info": {"supports_assistant_prefill": second_can}}
    model_list = [entry(provider, "a", "practice-8x0"), second]
    door = LlmDoor(read_models({"model_list": model_list, "aliases": {"a": {"on_fault": on_fault}}}))
    assert door.on_takeover("a") is rule


async def test_who_refuses_to_go_on_is_asked_again_from_the_beginning() -> None:
    async with RawProvider('{"content":"anew"}', refuses_to_go_on=True) as (base_url, keys):
        params = {"model": "hosted_vllm/x", "api_base": base_url, "api_key": "x"}
        info = {"supports_assistant_prefill": True}
        models = {"model_list": [{"model_name": "a", "litellm_params": params, "model_info": info}]}
        told = await tell(LlmDoor(read_models(models)), kept="What was")
    assert told[:-1] == [Switch(0, "a", "a", ErrorCode.PROVIDER_REFUSED), Piece("anew")]
    assert len(keys) == 2


async def test_switches_are_counted_by_alias_and_reason(provider: PracticeProvider) -> None:
    registry = new_registry()
    models = models_with_fallback(provider, "practice-8x0-truncate4", fallback="practice-8x0")
    await tell(LlmDoor(models, metrics=WorkerMetrics(registry)))
    counted = samples_in(generate_latest(registry).decode())
    assert counted("samvad_provider_switches_total", model="a", reason="answer_cut_off") == 1


async def test_an_empty_answer_is_asked_of_the_next_one_and_stays_empty_if_there_is_none(
    provider: PracticeProvider,
) -> None:
    text, end = await ask(a_door(provider, "practice-8x0-empty", fallback="practice-8x0"))
    assert (text, end.alias) == (whole_answer(text), "b")
    text, end = await ask(a_door(provider, "practice-8x0-empty"))
    assert (text, end.finish_reason) == ("", "stop")


async def test_kept_text_is_gone_on_with_and_needs_no_switch(provider: PracticeProvider) -> None:
    told = await tell(a_door(provider, "practice-8x0"), kept="Answer 7: sev")
    assert "Answer 7: sev" + text_of(told) == whole_answer("Answer 7:")
    assert not [said for said in told if isinstance(said, Switch)]


async def test_kept_text_that_is_the_whole_answer_ends_without_another_word(provider: PracticeProvider) -> None:
    told = await tell(a_door(provider, "practice-8x0"), kept=whole_answer("Answer 7:"))
    assert [type(said) for said in told] == [End]


async def test_a_broken_chunk_is_a_fault_and_no_word_is_left_out(provider: PracticeProvider) -> None:
    said, fault = await fault_of(a_door(provider, "practice-8x0-garbage4"))
    assert fault.code is ErrorCode.PROVIDER_FAILED
    assert said
    assert whole_answer(said).startswith(said)


async def test_leaving_an_answer_closes_the_providers_connection(provider: PracticeProvider) -> None:
    question = Question("a", MESSAGES, "conversation", NOWHERE)
    async with aclosing(a_door(provider, "practice-8x5-endless").answer(question)) as pieces:
        await anext(pieces)
    await until(lambda: provider.calls.newest_last()[0].ended is Ended.CLIENT_CLOSED)


async def test_cancelling_whoever_reads_closes_the_providers_connection_also_in_a_silence(
    provider: PracticeProvider,
) -> None:
    reading = asyncio.create_task(ask(a_door(provider, "practice-8x0-stall2")))
    await until(lambda: any(call.tokens_sent == 2 for call in provider.calls.newest_last()))
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await until(lambda: provider.calls.newest_last()[0].ended is Ended.STALLED)


async def test_a_deployment_that_says_429_is_left_alone_for_a_while(provider: PracticeProvider) -> None:
    door = a_door(provider, "practice-8x0-429", "practice-8x0")
    while "practice-8x0-429" not in asked(provider):
        await ask(door)
    provider.calls.clear()
    for _ in range(2):
        await ask(door)
    assert asked(provider) == ["practice-8x0"] * 2


def limited_models(provider: PracticeProvider, limit: dict[str, int], **router_settings: Any) -> ModelsFile:
    """Alias `a` has a limit that the Router keeps; `c` has the same, and `b` to fall back on."""
    names = {"a": limit, "c": limit, "b": {}}
    entries = [entry(provider, name, "practice-8x0", **params) for name, params in names.items()]
    return read_models({"model_list": entries, "router_settings": {"fallbacks": [{"c": ["b"]}], **router_settings}})


LIMITS = pytest.mark.parametrize(
    ("limit", "router_settings"),
    [({"tpm": 1}, {"routing_strategy": "usage-based-routing-v2"}), ({"rpm": 0}, {"enable_pre_call_checks": True})],
    ids=["by strategy", "by checks before calls"],
)


@LIMITS
async def test_a_limit_of_the_models_file_is_waited_for_as_a_providers_own(
    provider: PracticeProvider, limit: dict[str, int], router_settings: dict[str, Any]
) -> None:
    door = LlmDoor(limited_models(provider, limit, **router_settings))
    _, fault = await fault_of(door)
    assert isinstance(fault, EverythingBusy)
    assert fault.code is ErrorCode.PROVIDER_BUSY
    assert 0 < fault.retry_after_seconds <= 60
    assert 0 < door.standing("a").wait_seconds <= 60
    assert door.standing("a").reason == "rate_limited"
    assert asked(provider) == []


@LIMITS
async def test_where_the_models_file_limits_an_alias_its_fallback_answers(
    provider: PracticeProvider, limit: dict[str, int], router_settings: dict[str, Any]
) -> None:
    door = LlmDoor(limited_models(provider, limit, **router_settings))
    for _ in range(2):
        _, end = await ask(door, alias="c")
        assert end.alias == "b"


async def test_a_question_too_long_for_a_limit_of_the_models_file_holds_nobody_else_up(
    provider: PracticeProvider,
) -> None:
    door = LlmDoor(limited_models(provider, {"tpm": 1_000}, routing_strategy="usage-based-routing-v2"))
    await ask(door)
    for _ in range(2):
        with pytest.raises(ProviderFault) as raised:
            await ask(door, content="word " * 3_000)
        assert (raised.value.code, type(raised.value)) == (ErrorCode.PROVIDER_BUSY, ProviderFault)
        assert door.standing("a").wait_seconds == 0
        await ask(door)
    _, end = await ask(door, alias="c", content="word " * 3_000)
    assert end.alias == "b"


async def test_a_limit_that_answers_have_used_up_is_waited_for(provider: PracticeProvider) -> None:
    # LiteLLM keeps one Router's books for each strategy and process: no other test may have this one.
    door = LlmDoor(limited_models(provider, {"tpm": 15}, routing_strategy="usage-based-routing"))
    with pytest.raises(EverythingBusy):
        while True:  # the books are written a little after an answer
            await ask(door)
    assert 0 < door.standing("a").wait_seconds <= 61


@pytest.mark.parametrize(
    "params", [{"max_retries": 2, "num_retries": 2}, {"stream": False}, {"metadata": {"team": "x"}}]
)
async def test_what_a_models_file_says_of_a_deployment_never_collides_with_what_the_door_says(
    provider: PracticeProvider, params: dict[str, Any]
) -> None:
    models = read_models({"model_list": [entry(provider, "a", "practice-8x0", **params)]})
    text, _ = await ask(LlmDoor(models))
    assert text


async def test_every_try_is_a_span_under_the_given_place_with_its_fault_and_no_text(provider: PracticeProvider) -> None:
    spans = InMemorySpanExporter()
    place = tracing_into(spans).turn("a turn").attempt(1)
    await ask(a_door(provider, "practice-8x0-500", fallback="practice-8x0"), place)
    failed, first_token, answered = spans.get_finished_spans()
    for span in (failed, first_token, answered):
        assert span.parent is not None
        assert (span.parent.trace_id, span.parent.span_id) == (place.context.trace_id, place.context.span_id)
        assert not {SECRET, "WHAT-WAS-ASKED"} & set(map(str, (span.attributes or {}).values()))
        assert span.events == ()
    assert failed.name == "chat hosted_vllm/practice-8x0-500"
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "InternalServerError"
    assert answered.attributes is not None
    assert answered.attributes["gen_ai.usage.output_tokens"] == 8
    assert answered.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert answered.attributes["samvad.model.alias"] == "b"
    assert answered.attributes["samvad.chunks"] == 8
    assert answered.attributes["samvad.fallback.reason"] == "InternalServerError"
    assert answered.attributes["samvad.fallback.from"] == "hosted_vllm/practice-8x0-500"


async def test_the_first_token_is_told_at_once_and_names_the_try(provider: PracticeProvider) -> None:
    spans = InMemorySpanExporter()
    question = Question("a", MESSAGES, "conversation", tracing_into(spans).turn("a turn").attempt(1))
    async with aclosing(a_door(provider, "practice-8x5-endless").answer(question)) as pieces:
        await anext(pieces)
        (first_token,) = spans.get_finished_spans()
    assert first_token.name == "first token"
    assert first_token.attributes is not None
    assert first_token.attributes["gen_ai.request.model"] == "hosted_vllm/practice-8x5-endless"
    assert float(str(first_token.attributes["gen_ai.response.time_to_first_chunk"])) > 0
    closed = spans.get_finished_spans()[-1]
    assert (closed.attributes or {})["samvad.outcome"] == "left"


async def test_an_unknown_alias_is_a_key_error_and_known_ones_have_prompts_and_budgets(
    provider: PracticeProvider,
) -> None:
    known = entry(provider, "a", "practice-8x0") | {"model_info": {"max_input_tokens": 1_000}}
    models = {
        "model_list": [known, entry(provider, "b", "practice-9x0")],
        "aliases": {"a": {"system_prompt": "Brief."}},
    }
    door = LlmDoor(read_models(models))
    assert (door.system_prompt_of("a"), door.system_prompt_of("b")) == ("Brief.", None)
    assert (door.budget_tokens("a"), door.budget_tokens("b")) == (750, 6_144)
    with pytest.raises(KeyError):
        door.system_prompt_of("c")


async def test_a_key_from_the_environment_is_what_the_provider_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRACTICE_KEY", "from-the-environment")
    async with RawProvider('{"content":"hi"}') as (base_url, keys):
        model = {"model": "hosted_vllm/x", "api_base": base_url, "api_key": "os.environ/PRACTICE_KEY"}
        models = read_models({"model_list": [{"model_name": "a", "litellm_params": model}]})
        await ask(LlmDoor(models))
    assert keys == ["Bearer from-the-environment"]


async def test_reasoning_comes_apart_and_unpaired_surrogates_as_question_marks() -> None:
    deltas = ('{"reasoning_content":"Let me "}', '{"reasoning_content":"see"}', r'{"content":"a\ud800b"}')
    async with RawProvider(*deltas) as (base_url, _):
        model = {"model": "hosted_vllm/x", "api_base": base_url, "api_key": "x"}
        models = read_models({"model_list": [{"model_name": "a", "litellm_params": model}]})
        door = LlmDoor(models)
        said = [piece async for piece in door.answer(Question("a", MESSAGES, "conversation", NOWHERE))]
    assert said[:-1] == [Piece("Let me ", True), Piece("see", True), Piece("a?b")]
    assert isinstance(said[-1], End)
    assert said[-1].usage is not None
    assert said[-1].usage.estimated, "the provider gave no figures"


class RawProvider:
    """A server that says just these deltas; as a context it gives its base URL and the keys that it was shown."""

    def __init__(self, *deltas: str, refuses_to_go_on: bool = False) -> None:
        self._refuses_to_go_on = refuses_to_go_on
        self._events = [f'data: {{"id":"1","model":"x","choices":[{{"index":0,"delta":{d}}}]}}\n\n' for d in deltas]
        self._keys: list[str] = []

    async def __aenter__(self) -> tuple[str, list[str]]:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1", self._keys

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._keys.append(request.headers["Authorization"])
        if self._refuses_to_go_on and (await request.json())["messages"][-1]["role"] == "assistant":
            return web.json_response({"error": {"message": "prefill is incompatible with thinking"}}, status=400)
        end = (
            'data: {"id":"1","model":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        )
        return web.Response(text="".join(self._events) + end, content_type="text/event-stream")
