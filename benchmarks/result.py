"""What a run found, as it is kept in benchmarks/results/ and printed. Pure.

In: raw measurements. Out: frozen rows of figures; milliseconds, microseconds and seconds as the names say.
"""

from dataclasses import dataclass

from benchmarks.answers import Answer
from benchmarks.direct import ProviderCall
from benchmarks.figures import Spread, spread
from benchmarks.loads import title_of
from benchmarks.machine import Machine
from benchmarks.rounds import Measured, Way
from benchmarks.spans import Clock, TurnSpans
from benchmarks.stages import STAGES, Stages, accepted_ms, stages_of, without_the_call

LoadAverage = tuple[float, float, float]
"""The machine's over 1, 5 and 15 minutes, before the run."""


@dataclass(frozen=True, slots=True)
class WayFigures:
    """One way of asking. `gap_ms` is between pieces of text, whatever their size."""

    first_token_ms: Spread
    gap_ms: Spread
    chunks_per_second: float


@dataclass(frozen=True, slots=True)
class CpuFigures:
    """What one role used while the system's rounds ran. Chunks are the provider's, frames the clients'."""

    cores: float
    us_per_chunk: float
    us_per_frame: float
    ms_per_turn: float


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """A load, both ways. The stages' medians sum to nearly the median first token, not exactly."""

    streams: int
    chunks: int
    pause_ms: int
    answers: int
    system: WayFigures
    direct: WayFigures
    accepted_ms: Spread
    frames_per_second: float
    cpu: dict[str, CpuFigures]
    stages_ms: dict[str, Spread]
    without_the_call_ms: Spread
    """Samvad's own share of the first token: all stages but LiteLLM's call and the provider."""

    @property
    def title(self) -> str:
        return title_of(self.streams, self.pause_ms)

    def added_ms(self, name: str) -> float:
        """What the system adds to the first token straight from the provider: `p50` or `p99`."""
        system: float = getattr(self.system.first_token_ms, name)
        direct: float = getattr(self.direct.first_token_ms, name)
        return system - direct


@dataclass(frozen=True, slots=True)
class Result:
    """A whole run. `idle_cpu_share` is of one core; `stop_ms` is from the stop to the provider's closed connection;
    `start_seconds` is of `samvad chat`, and empty where that was not measured."""

    measured: str
    processes: dict[str, int]
    machine: Machine
    load_average: LoadAverage
    seconds: float
    warm_up_answers: int
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


def figures_of(measured: Measured, witnesses: Witnesses) -> LoadFigures:
    """A load's figures."""
    load, answers = measured.load, measured.system.answers
    stages, frames = [witnesses.stages(answer) for answer in answers], sum(answer.frames for answer in answers)
    return LoadFigures(
        streams=load.streams,
        chunks=load.chunks,
        pause_ms=load.pause_ms,
        answers=len(answers),
        system=_way(measured.system, load.chunks),
        direct=_way(measured.direct, load.chunks),
        accepted_ms=spread([accepted_ms(answer) for answer in answers]),
        frames_per_second=round(frames / measured.system.seconds, 1),
        cpu=_cpu(measured, frames),
        stages_ms={name: spread([each[name] for each in stages]) for name in STAGES},
        without_the_call_ms=spread([without_the_call(each) for each in stages]),
    )


def _way(way: Way, chunks_each: int) -> WayFigures:
    return WayFigures(
        first_token_ms=spread([answer.first_token_ms for answer in way.answers]),
        gap_ms=spread([gap for answer in way.answers for gap in answer.gaps_ms]),
        chunks_per_second=round(chunks_each * len(way.answers) / way.seconds, 1),
    )


def _cpu(measured: Measured, frames: int) -> dict[str, CpuFigures]:
    turns, used = len(measured.system.answers), measured.cpu_seconds
    return {
        role: CpuFigures(
            cores=round(seconds / measured.system.seconds, 3),
            us_per_chunk=round(seconds / (turns * measured.load.chunks) * 1e6, 1),
            us_per_frame=round(seconds / frames * 1e6, 1),
            ms_per_turn=round(seconds / turns * 1e3, 2),
        )
        for role, seconds in used.items()
    }
