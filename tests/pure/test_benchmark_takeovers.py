"""What a benchmark of killed workers makes of frames and logs: who was hit, and how long each waited."""

import json
import time
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from benchmarks.faults import Hits
from benchmarks.machine import Machine
from benchmarks.reading import Reading, Resumed
from benchmarks.rebalances import Rebalance, rebalance_after
from benchmarks.takeover_result import TakeoverResult, figures_of, print_takeovers
from schemas.ids import seq_of

KILLED_AT = 10.0


def reading(*frames: tuple[float, int, int]) -> Reading:
    """Each frame: when it came, its attempt, its number; the first of an attempt carries no text."""
    read = Reading()
    for at, attempt, n in frames:
        read.note(at, seq_of(attempt, n), is_text=n > 0)
    return read


def test_a_turn_that_goes_on_in_a_later_attempt_is_timed_from_the_kill_and_from_its_last_frame() -> None:
    read = reading((1, 0, 0), (2, 1, 0), (9.5, 1, 1), (10.1, 1, 2), (19, 2, 0), (20, 2, 1))
    assert read.resumed(KILLED_AT) == Resumed(frame_seconds=9, text_seconds=10, pause_seconds=pytest.approx(8.9))
    assert not read.was_spared(KILLED_AT, KILLED_AT)


def test_a_turn_is_undecided_until_text_comes_again_or_its_attempt_is_seen_alive() -> None:
    read = reading((2, 1, 0), (9.5, 1, 1))
    assert (read.resumed(KILLED_AT), read.was_spared(KILLED_AT, KILLED_AT)) == (None, False)
    read.note(11.4, seq_of(1, 2), is_text=True)
    assert not read.was_spared(KILLED_AT, KILLED_AT)
    read.note(11.6, seq_of(1, 3), is_text=True)
    assert read.was_spared(KILLED_AT, KILLED_AT)
    assert not read.was_spared(KILLED_AT, over_at=12)


def test_a_turn_that_has_ended_or_had_not_begun_was_spared() -> None:
    ended = reading((2, 1, 0), (9.5, 1, 1))
    ended.has_ended = True
    assert ended.was_spared(KILLED_AT, KILLED_AT)
    assert reading((2, 0, 0), (12, 1, 0)).was_spared(KILLED_AT, KILLED_AT)


def test_a_rebalance_lasts_from_the_first_that_is_told_to_the_last_that_is_given_partitions(tmp_path: Path) -> None:
    fault_at = time.time()
    events = {"a": [(-5, "revoked"), (8.5, "revoked"), (9, "assigned")], "b": [(8.2, "revoked"), (9.25, "assigned")]}
    for name, seen in events.items():
        lines = [{"event": f"partitions_{what}", "timestamp": _stamp(fault_at + after)} for after, what in seen]
        (tmp_path / name).write_text("\n".join(["not JSON", *map(json.dumps, lines)]))
    found = rebalance_after(fault_at, sorted(tmp_path.iterdir()))
    assert found == Rebalance(pytest.approx(8.2, abs=0.001), pytest.approx(9.25, abs=0.001))
    assert rebalance_after(fault_at + 60, sorted(tmp_path.iterdir())) is None


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def test_a_result_is_a_table_and_survives_being_kept() -> None:
    hits = Hits(2, [Resumed(8, 8.5, 8.2), Resumed(10, 10.5, 10.2)], [Rebalance(8, 9)])
    figures = figures_of("kill -9", {"SAMVAD_SESSION_SECONDS": "3"}, hits)
    result = TakeoverResult(Machine(2, "CPU", "Linux", "3.11", {}), (1, 2, 3), 4, 24, "practice-1x1", 60, [figures])
    assert msgspec.json.decode(msgspec.json.encode(result), type=TakeoverResult) == result
    screen = StringIO()
    print_takeovers(result, Console(file=screen, width=400))
    assert "| kill -9 (SESSION_SECONDS=3) |" in screen.getvalue()
    assert "9.0 / 10.0 / 10.0" in screen.getvalue()
