"""The phases of a run with very many sockets: all come, all stay, the edge is killed, all come back.

In: a crowd, an edge's process. Out: the figures of each phase.
"""

import asyncio
import os
import signal
import time
from statistics import median

import psutil

from benchmarks.cpu import cpu_seconds, cpu_seconds_since
from benchmarks.crowd import Crowd, Record, most_in_a_second
from benchmarks.figures import spread
from benchmarks.loop_lag import HELD, LATE, lag_since, look
from benchmarks.processes import Program
from benchmarks.socket_users import Users
from benchmarks.sockets_result import Memory, Return, Steady

FEW = 100
"""Sockets after which the edge's memory is read first: what is made once is made by then."""
CONNECTS_PER_SECOND = 200.0
SETTLE_SECONDS = 5.0
HEARTBEAT_SECONDS = 20.0
"""The default of SAMVAD_HEARTBEAT_SECONDS."""
BACK_SECONDS = 180.0


async def all_come(crowd: Crowd, edge: Program) -> Memory:
    """`at_the_end` is filled in later. Raises TimeoutError."""
    await crowd.come(FEW, CONNECTS_PER_SECOND)
    few = await _settled_kib(edge)
    more = len(crowd.members) - FEW
    await crowd.come(more, CONNECTS_PER_SECOND)
    everybody = await _settled_kib(edge)
    return Memory(few, everybody, everybody, round((everybody - few) / more, 1))


def resident_kib(edge: Program) -> int:
    """Of the edge's process."""
    return int(psutil.Process(edge.pid).memory_info().rss / 1024)


async def all_stay(crowd: Crowd, users: Users, edge: Program, minutes: float) -> Steady:
    """Nobody may be lost, whatever `users` do meanwhile."""
    crowd.record = Record()
    users.figures.begin()
    pids, lag = {"edge": [edge.pid]}, await look(edge.said["admin"])
    before, began = cpu_seconds(pids), time.monotonic()
    longest, missed = await _silences(crowd, minutes * 60)
    used, lag_after = cpu_seconds_since(before, pids)["edge"], await look(edge.said["admin"])
    return Steady(
        minutes=minutes,
        dropped=dict(crowd.record.lost),
        missed=missed,
        longest_silence=round(longest, 1),
        ends=dict(users.figures.ends),
        first_delta_ms=spread(users.figures.first_delta_ms),
        pong_ms=spread(users.figures.pong_ms),
        edge_cores=round(used / (time.monotonic() - began), 3),
        loop_late=lag_since(lag[LATE], lag_after[LATE]),
        loop_held=lag_since(lag[HELD], lag_after[HELD]),
    )


def kill(crowd: Crowd, edge: Program) -> float:
    """The moment."""
    crowd.record = Record()
    os.kill(edge.pid, signal.SIGKILL)
    return time.monotonic()


async def all_come_back(crowd: Crowd, edge: Program, killed_at: float) -> Return:
    """To the edge that has just become ready. Raises TimeoutError."""
    ready = time.monotonic() - killed_at
    await crowd.all_in(BACK_SECONDS)
    record, lag = crowd.record, await look(edge.said["admin"])
    turned_away = record.lost.copy()
    turned_away["cut"] -= len(crowd.members)  # by the kill
    back = [moment - killed_at for moment in record.ready_at]
    return Return(
        edge_ready=round(ready, 1),
        half_back=round(median(back), 1),
        all_back=round(max(back), 1),
        tries=len(record.tried_at),
        refused=record.refused,
        turned_away=dict(+turned_away),
        most_tries_a_second=most_in_a_second(record.tried_at),
        most_ready_a_second=most_in_a_second(record.ready_at),
        edge_cpu_seconds=round(cpu_seconds({"edge": [edge.pid]})["edge"], 1),
        loop_held=lag_since({}, lag[HELD]),
    )


async def _settled_kib(edge: Program) -> int:
    await asyncio.sleep(SETTLE_SECONDS)
    return resident_kib(edge)


async def _silences(crowd: Crowd, seconds: float) -> tuple[float, int]:
    """The longest that a socket heard nothing, and how many heard nothing for two heartbeats, looked at each second."""
    until, longest, missed = time.monotonic() + seconds, 0.0, set[int]()
    while time.monotonic() < until:
        now = time.monotonic()
        for member in crowd.members:
            silent = now - member.heard_at
            longest = max(longest, silent)
            if silent > 2 * HEARTBEAT_SECONDS:
                missed.add(member.number)
        await asyncio.sleep(1)
    return longest, len(missed)
