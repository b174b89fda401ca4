"""What a run found, as it is kept in benchmarks/results/ and printed. Pure.

In: raw measurements. Out: frozen rows of figures; milliseconds, microseconds and seconds as the names say.
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.answers import Answer
from benchmarks.direct import ProviderCall
from benchmarks.figures import Spread, spread
from benchmarks.machine import Machine
from benchmarks.rounds import Measured, Way
from benchmarks.spans import Clock, TurnSpans
from benchmarks.stages import MODEL_CALL, STAGES, Stages, accepted_ms, direct_stages_of, stages_of, without_the_call

Answers = list[Answer]


@dataclass(frozen=True, slots=True)
class WayFigures:
    """One way of asking. `gap_ms` is between pieces of text, whatever their size."""

    first_token_ms: Spread
    gap_ms: Spread
    chunks_per_second: float


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """A load, both ways. The stages are medians; their sum is near the median first token, not equal to it."""

    streams: int
    model: str
    answers: int
    system: WayFigures
    direct: WayFigures
    added_first_token_p50_ms: float
    added_first_token_p99_ms: float
    accepted_ms: Spread
    frames_per_second: float
    frames_per_chunk: float
    cpu_us_per_chunk: dict[str, float]
    edge_cpu_us_per_frame: float
    stage_p50_ms: dict[str, float]
    direct_stage_p50_ms: dict[str, float]
    without_the_call_ms: Spread
    """Samvad's own share of the first token: all stages but LiteLLM's call and the provider."""


@dataclass(frozen=True, slots=True)
class Result:
    """A whole run. `idle_cpu_share` is of one core; `stop_ms` is from the stop to the provider's closed connection."""

    machine: Machine
    seconds: float
    loads: list[LoadFigures]
    idle_cpu_share: dict[str, float]
    stop_ms: Spread
    start_seconds: list[float]


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What traces and provider saw: by turn id and by marker."""

    spans: dict[str, TurnSpans]
    calls: dict[str, ProviderCall]
    clock: Clock

    def stages(self, answer: Answer) -> Stages:
        return stages_of(answer, self.spans[answer.turn_id], self.calls[answer.marker], self.clock)

    def direct_stages(self, answer: Answer) -> Stages:
        return direct_stages_of(answer, self.calls[answer.marker])


def figures_of(measured: Measured, witnesses: Witnesses) -> LoadFigures:
    """A load's figures."""
    load, answers = measured.load, measured.system.answers
    system, direct = _way(measured.system, load.chunks), _way(measured.direct, load.chunks)
    frames, chunks = sum(answer.frames for answer in answers), load.chunks * len(answers)
    return LoadFigures(
        streams=load.streams,
        model=load.model,
        answers=len(answers),
        system=system,
        direct=direct,
        added_first_token_p50_ms=round(system.first_token_ms.p50 - direct.first_token_ms.p50, 2),
        added_first_token_p99_ms=round(system.first_token_ms.p99 - direct.first_token_ms.p99, 2),
        accepted_ms=spread([accepted_ms(answer) for answer in answers]),
        frames_per_second=round(frames / measured.system.seconds, 1),
        frames_per_chunk=round(frames / chunks, 3),
        cpu_us_per_chunk={role: round(seconds / chunks * 1e6, 1) for role, seconds in measured.cpu_seconds.items()},
        edge_cpu_us_per_frame=round(measured.cpu_seconds["edge"] / frames * 1e6, 1),
        stage_p50_ms=_medians(STAGES, witnesses.stages, answers),
        direct_stage_p50_ms=_medians(MODEL_CALL, witnesses.direct_stages, measured.direct.answers),
        without_the_call_ms=spread([without_the_call(witnesses.stages(answer)) for answer in answers]),
    )


def _way(way: Way, chunks_each: int) -> WayFigures:
    return WayFigures(
        first_token_ms=spread([answer.first_token_ms for answer in way.answers]),
        gap_ms=spread([gap for answer in way.answers for gap in answer.gaps_ms]),
        chunks_per_second=round(chunks_each * len(way.answers) / way.seconds, 1),
    )


def _medians(names: tuple[str, ...], stages: Callable[[Answer], Stages], answers: Answers) -> dict[str, float]:
    each = [stages(answer) for answer in answers]
    return {name: spread([one[name] for one in each]).p50 for name in names}
