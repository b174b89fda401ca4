"""Worker, LiteLLM and practice provider together: faults that are survived, faults that are shown, stops, and spans."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from consumers.llm.deadlines import Deadlines
from consumers.llm.door import LlmDoor
from infra.practice_provider import PracticeProvider, practice_provider
from infra.practice_provider.calls import Ended
from producers.request_producer import RequestProducer
from schemas.errors import ErrorCode
from schemas.frames import Completed, Delta, Failed, Stopped, Switched
from schemas.models_file import read_models
from tests.flow.practice_client import until
from tests.flow.practice_models import LITELLM_WARNS, SECRET, entry
from tests.flow.topic_readers import answer_in
from tests.flow.worker_stage import Stage, a_request, running_stage, tracing_into

pytestmark = [pytest.mark.asyncio(loop_scope="module"), LITELLM_WARNS]

FAULTS = ["reset4", "stall4", "truncate4", "500", "reset0"]


@dataclass
class Scene:
    """A worker whose aliases are practice models: one for each fault, `refused` and `cut` fall back to `fast`."""

    stage: Stage
    provider: PracticeProvider
    spans: InMemorySpanExporter


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    spans = InMemorySpanExporter()
    tracing = tracing_into(spans)
    async with practice_provider() as provider:
        models = [entry(provider, fault, f"practice-8x0-{fault}") for fault in FAULTS]
        models += [
            entry(provider, "fast", "practice-8x0"),
            entry(provider, "refused", "practice-7x0-429"),
            entry(provider, "cut", "practice-7x0-reset0"),
            entry(provider, "traced", "practice-7x0-429"),  # of one test alone: what others asked shuts their gates
            entry(provider, "traced_cut", "practice-7x0-reset0"),
            entry(provider, "mended", "practice-8x5-reset4"),
            entry(provider, "endless", "practice-8x5-endless"),
            entry(provider, "echo", "practice-8x0-echo"),
        ]
        chains = {"refused": ["cut", "fast"], "traced": ["traced_cut", "fast"], "cut": ["fast"], "mended": ["fast"]}
        fallbacks = {"fallbacks": [{alias: chain} for alias, chain in chains.items()]}
        file = read_models({"model_list": models, "router_settings": fallbacks})
        door = LlmDoor(file, Deadlines(gap_seconds=0.2))
        await door.warm_up()
        async with running_stage(tmp_path_factory.mktemp("faults"), door, tracing=tracing) as stage:
            yield Scene(stage, provider, spans)


async def test_a_whole_chain_of_refusals_is_survived_and_only_the_one_that_answered_is_seen(scene: Scene) -> None:
    scene.provider.calls.clear()
    request = await scene.stage.ask(model="refused")
    frames = await scene.stage.replies.end_of(request.turn_id)
    completed = frames[-1]
    assert isinstance(completed, Completed)
    assert completed.model == "fast"
    # LiteLLM's HTTP client itself tries a connection that was reset once more.
    assert list(dict.fromkeys(call.model for call in scene.provider.calls.newest_last())) == [
        "practice-7x0-429",
        "practice-7x0-reset0",
        "practice-8x0",
    ]
    assert all(isinstance(frame, Delta) for frame in frames[1:-1])
    answer = (await scene.stage.messages(request))[1]
    assert (answer.text, answer.model) == (answer_in(frames), "fast")


async def test_a_fault_in_the_middle_is_shown_and_the_next_model_goes_on(scene: Scene) -> None:
    request = await scene.stage.ask(model="mended")
    frames = await scene.stage.replies.end_of(request.turn_id)
    (switched,) = [frame for frame in frames if isinstance(frame, Switched)]
    assert (switched.from_model, switched.to_model, switched.reason) == ("mended", "fast", "provider_failed")
    completed = frames[-1]
    assert isinstance(completed, Completed)
    assert (completed.model, completed.usage.estimated) == ("fast", True)
    answer = (await scene.stage.messages(request))[1]
    assert (answer.text, answer.model) == (answer_in(frames), "fast")
    first, second = scene.provider.calls.newest_last()[-2:]
    assert first.tokens_sent + second.tokens_sent == 8
    assert len(answer.text[: switched.keep].split()) == first.tokens_sent + 1


@pytest.mark.parametrize(
    ("fault", "code", "says_something"),
    [
        ("reset4", ErrorCode.PROVIDER_FAILED, True),
        ("stall4", ErrorCode.PROVIDER_TIMEOUT, True),
        ("truncate4", ErrorCode.ANSWER_CUT_OFF, True),
        ("500", ErrorCode.PROVIDER_FAILED, False),
        ("reset0", ErrorCode.PROVIDER_FAILED, False),
    ],
)
async def test_a_fault_that_nobody_mends_fails_the_turn_and_keeps_what_was_shown(
    scene: Scene, fault: str, code: ErrorCode, says_something: bool
) -> None:
    request = await scene.stage.ask(model=fault)
    frames = await scene.stage.replies.end_of(request.turn_id)
    failed = frames[-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.text, failed.temporary) == (code, code.text, True)
    answer = (await scene.stage.messages(request))[1]
    assert answer.text == answer_in(frames)
    assert bool(answer.text) == says_something


async def test_a_stop_closes_the_providers_connection_and_keeps_what_was_shown(scene: Scene) -> None:
    scene.provider.calls.clear()
    request = await scene.stage.ask(model="endless")
    await scene.stage.replies.until(lambda: len(scene.stage.replies.frames(request.turn_id)) > 5)
    await scene.stage.ask_to_stop(request)
    frames = await scene.stage.replies.end_of(request.turn_id)
    assert isinstance(frames[-1], Stopped)
    await until(lambda: scene.provider.calls.newest_last()[0].ended is Ended.CLIENT_CLOSED)
    assert (await scene.stage.messages(request))[1].text == answer_in(frames) != ""


async def test_a_question_longer_than_the_model_reads_fails_before_anybody_is_asked(scene: Scene) -> None:
    scene.provider.calls.clear()
    request = await scene.stage.ask("x" * 40_000)
    failed = (await scene.stage.replies.end_of(request.turn_id))[-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.temporary) == (ErrorCode.QUESTION_TOO_LONG, False)
    assert scene.provider.calls.newest_last() == []


async def test_an_unknown_model_fails_the_turn(scene: Scene) -> None:
    request = await scene.stage.ask(model="unheard-of")
    failed = (await scene.stage.replies.end_of(request.turn_id))[-1]
    assert isinstance(failed, Failed)
    assert failed.code is ErrorCode.UNKNOWN_MODEL


async def test_an_unknown_parent_fails_the_turn_and_the_conversation_goes_on_from_its_newest_message(
    scene: Scene,
) -> None:
    first = await scene.stage.ask("one")
    await scene.stage.replies.end_of(first.turn_id)
    lost = await scene.stage.ask("two", conversation_id=first.conversation_id, parent_id=first.turn_id)
    failed = (await scene.stage.replies.end_of(lost.turn_id))[-1]
    assert isinstance(failed, Failed)
    assert failed.code is ErrorCode.UNKNOWN_PARENT
    third = await scene.stage.ask("three", conversation_id=first.conversation_id)
    await scene.stage.replies.end_of(third.turn_id)
    messages = await scene.stage.messages(first)
    assert [m.parent_id for m in messages] == [None, *(m.message_id for m in messages[:-1])]


async def test_a_model_is_given_the_conversation_so_far(scene: Scene) -> None:
    first = await scene.stage.ask("What is Samvad?")
    first_answer = answer_in(await scene.stage.replies.end_of(first.turn_id))
    second = await scene.stage.ask("And in Hindi: संवाद?", conversation_id=first.conversation_id, model="echo")
    echo = answer_in(await scene.stage.replies.end_of(second.turn_id))
    assert echo.index("What is Samvad?") < echo.index(first_answer) < echo.index("संवाद")


async def test_one_turn_is_one_trace_from_the_edges_span_down_to_every_try(scene: Scene) -> None:
    asked = a_request(model="traced")
    edge = tracing_into(InMemorySpanExporter()).turn(asked.turn_id)
    sender = edge.root().below(edge.root().start("send chat.requests"))
    await RequestProducer(scene.stage.records).ask(asked, sender.traceparent)
    await scene.stage.replies.end_of(asked.turn_id)
    await until(lambda: "finish turn" in spans_of(scene, edge.trace_id))
    spans = spans_of(scene, edge.trace_id)
    process = spans["process chat.requests"]
    assert process.parent is not None
    assert process.parent.span_id == sender.context.span_id
    tries = [
        "chat hosted_vllm/practice-7x0-429",
        "chat hosted_vllm/practice-7x0-reset0",
        "chat hosted_vllm/practice-8x0",
    ]
    steps = {"claim turn", "build context", *tries, "first token", "finish turn"}
    assert set(spans) == {"process chat.requests", *steps}
    parents = {name: span.parent and span.parent.span_id for name, span in spans.items() if span is not process}
    assert parents == dict.fromkeys(parents, process.get_span_context().span_id)
    assert [spans[name].status.is_ok for name in tries] == [False, False, True]
    assert (process.attributes or {})["samvad.turn.id"] == asked.turn_id
    assert (spans["finish turn"].attributes or {})["samvad.outcome"] == "completed"


async def test_no_span_carries_a_question_an_answer_or_a_key(scene: Scene) -> None:
    request = await scene.stage.ask("WHAT-WAS-ASKED of the model")
    answer = answer_in(await scene.stage.replies.end_of(request.turn_id))
    broken = await scene.stage.ask("WHAT-WAS-ASKED", model="reset4")
    await scene.stage.replies.end_of(broken.turn_id)
    everything = " ".join(span.to_json() for span in scene.spans.get_finished_spans())
    assert request.turn_id in everything
    for text in ("WHAT-WAS-ASKED", answer, answer[:20], SECRET):
        assert text not in everything


async def test_no_log_line_carries_a_question_an_answer_or_a_key(
    scene: Scene, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    request = await scene.stage.ask("WHAT-WAS-ASKED of the model", model="refused")
    answer = answer_in(await scene.stage.replies.end_of(request.turn_id))
    logged = "".join(capsys.readouterr()) + caplog.text
    assert "provider_attempt_failed" in logged
    for text in ("WHAT-WAS-ASKED", answer, answer[:20], SECRET):
        assert text not in logged


def spans_of(scene: Scene, trace_id: str) -> dict[str, ReadableSpan]:
    """A trace's ended spans by name."""
    found = scene.spans.get_finished_spans()
    return {span.name: span for span in found if span.context and format(span.context.trace_id, "032x") == trace_id}
