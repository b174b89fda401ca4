"""What a benchmark makes of raw measurements: stages of a first token, CPU by role, and tables that stay whole."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from benchmarks.answers import Answer
from benchmarks.command import kept
from benchmarks.direct import ProviderCall
from benchmarks.figures import spread
from benchmarks.loads import Load
from benchmarks.machine import Machine
from benchmarks.result import LoadFigures, Result, Witnesses, figures_of
from benchmarks.rounds import Measured, Way
from benchmarks.spans import Clock, Span, SpanContext, TurnSpans
from benchmarks.stages import STAGES, stages_of, without_the_call
from benchmarks.tables import print_result
from observability import conventions as c

MS = 1_000_000
LOAD = Load(streams=1, chunks=4, pause_ms=20, rounds=1, turns_each=1, spread_seconds=0.0)


class ClockAtZero(Clock):
    """Monotonic time as long ago as 1970: spans of millisecond `n` are at monotonic millisecond `n`."""

    def __init__(self) -> None:
        self._offset_ns = 0


def span(start_ms: float, end_ms: float, **attributes: str | float) -> Span:
    began, ended = (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms) for ms in (start_ms, end_ms))
    return Span("", SpanContext("trace"), began, ended, dict(attributes))


def turn_spans() -> TurnSpans:
    return {
        c.PRODUCE_REQUEST: span(2, 5),
        c.PROCESS_REQUEST: span(6, 200),
        c.CONTEXT: span(14, 15),
        c.DELIVER_FIRST: span(25, 28),
        c.CHAT: span(15, 190, **{c.GEN_AI_TIME_TO_FIRST_CHUNK: 0.008}),
    }


def answer(sent_ms: float = 1, shown_ms: tuple[float, ...] = (30, 70)) -> Answer:
    shown = [int(each * MS) for each in shown_ms]
    return Answer("marker", int(sent_ms * MS), "turn", int(6 * MS), shown, frames=8)


def call() -> ProviderCall:
    return ProviderCall([], started_at_ns=19 * MS, tokens_sent=4, first_token_at_ns=20 * MS)


def figures() -> LoadFigures:
    measured = Measured(LOAD, Way([answer()], 0.1), Way([answer(1, (3, 23))], 0.1), Counter(worker=0.008, edge=0.004))
    return figures_of(measured, Witnesses({"turn": turn_spans()}, {"marker": call()}, ClockAtZero()))


def result(measured: str) -> Result:
    machine = Machine(2, "a processor", "Linux", "3.11.7", {})
    idle, stop = {"worker": 0.05, "edge": 0.02}, spread([10.0])
    return Result(measured, {"worker": 1}, machine, (0.1, 0.2, 0.3), 9.0, 5, [figures()], idle, stop, [])


def printed(first: Result, beside: Result | None) -> str:
    console = Console(width=200, file=StringIO())
    with console.capture() as text:
        print_result(first, beside, console)
    return text.get()


def test_the_stages_of_an_answer_follow_one_another_and_sum_to_its_first_token() -> None:
    stages = stages_of(answer(), turn_spans(), call(), ClockAtZero())

    assert tuple(stages) == STAGES
    assert list(stages.values()) == [1.0, 4.0, 9.0, 4.0, 1.0, 3.0, 2.0, 3.0, 2.0]
    assert sum(stages.values()) == pytest.approx(answer().first_token_ms)


def test_samvads_own_share_leaves_out_the_call_and_the_provider() -> None:
    assert without_the_call(stages_of(answer(), turn_spans(), call(), ClockAtZero())) == pytest.approx(21.0)


def test_what_is_added_is_the_system_minus_the_provider_asked_straight() -> None:
    assert figures().added_ms("p50") == pytest.approx(27.0)


def test_cpu_is_counted_in_cores_per_chunk_per_frame_and_per_answer() -> None:
    worker = figures().cpu["worker"]

    assert (worker.cores, worker.us_per_chunk, worker.us_per_frame, worker.ms_per_turn) == (0.08, 2000, 1000, 8)


def test_a_p99_is_a_sample_that_happened() -> None:
    assert spread([float(each) for each in range(1, 201)]).p99 == 198.0
    assert spread([3.0, 1.0, 2.0]).p99 == 3.0


def test_a_result_is_printed_with_the_same_load_of_the_other_one_beside_it() -> None:
    text = printed(result("real stack"), result("embedded"))

    assert "1 stream × 50/s: real stack" in text
    assert "1 stream × 50/s: embedded" in text


def test_a_result_is_printed_alone_where_there_is_no_other() -> None:
    text = printed(result("embedded"), None)

    assert "real stack" not in text
    assert "store" not in text


def test_a_kept_result_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(msgspec.json.encode(result("embedded")))

    assert kept(file) == result("embedded")


def test_a_result_of_another_version_counts_as_none(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(msgspec.json.encode(result("embedded")).replace(STAGES[0].encode(), b"a stage of long ago"))

    assert kept(file) is None
    file.write_bytes(b'{"machine": {}}')
    assert kept(file) is None
    assert kept(tmp_path / "nowhere.json") is None
