"""The faults that a proof puts in, by the names of its table. Pure.

Each belongs to a lane: faults of one lane follow each other, lanes run beside each other. So several faults overlap,
and never so many that nothing runs: at most one server, one batch of processes and one other thing is broken at a time.
"""

from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    """What can't be broken twice at once."""

    SERVERS = "servers"
    PROCESSES = "processes"
    OTHERS = "others"


class FaultKind(StrEnum):
    """What the driver does. Faults of providers are scripted by model name instead (provider_faults.py)."""

    BROKER_KILL = "broker_kill"
    BROKER_FREEZE_20S = "broker_freeze_20s"
    CASSANDRA_FREEZE_30S = "cassandra_freeze_30s"
    CASSANDRA_KILL = "cassandra_kill"
    WORKER_KILL_IDLE = "worker_kill_idle"
    WORKER_KILL_BEFORE_FIRST_TOKEN = "worker_kill_before_first_token"
    WORKER_KILL_MID_STREAM = "worker_kill_mid_stream"
    WORKER_KILL_BEFORE_COMMIT = "worker_kill_before_commit"
    WORKER_FREEZE_5S = "worker_freeze_5s"
    WORKERS_SCALE = "workers_scale"
    EDGE_KILL = "edge_kill"
    WORKER_FREEZE_40S = "worker_freeze_40s"
    WORKER_NETWORK_CUT_10S = "worker_network_cut_10s"
    CLOCK_STEP = "clock_step"
    GARBAGE_RECORD = "garbage_record"
    OVERSIZED_RECORD = "oversized_record"


@dataclass(frozen=True, slots=True)
class Manner:
    """`seconds`: how long one usually takes until all is as before, with the start of what it killed."""

    lane: Lane
    seconds: float


MANNERS = {
    FaultKind.BROKER_KILL: Manner(Lane.SERVERS, 8),
    FaultKind.BROKER_FREEZE_20S: Manner(Lane.SERVERS, 20),
    FaultKind.CASSANDRA_FREEZE_30S: Manner(Lane.SERVERS, 30),
    FaultKind.CASSANDRA_KILL: Manner(Lane.SERVERS, 20),
    FaultKind.WORKER_KILL_IDLE: Manner(Lane.PROCESSES, 8),
    FaultKind.WORKER_KILL_BEFORE_FIRST_TOKEN: Manner(Lane.PROCESSES, 8),
    FaultKind.WORKER_KILL_MID_STREAM: Manner(Lane.PROCESSES, 8),
    FaultKind.WORKER_KILL_BEFORE_COMMIT: Manner(Lane.PROCESSES, 8),
    FaultKind.WORKER_FREEZE_5S: Manner(Lane.PROCESSES, 5),
    FaultKind.WORKERS_SCALE: Manner(Lane.PROCESSES, 35),
    FaultKind.EDGE_KILL: Manner(Lane.PROCESSES, 6),
    FaultKind.WORKER_FREEZE_40S: Manner(Lane.OTHERS, 40),
    FaultKind.WORKER_NETWORK_CUT_10S: Manner(Lane.OTHERS, 10),
    FaultKind.CLOCK_STEP: Manner(Lane.OTHERS, 15),
    FaultKind.GARBAGE_RECORD: Manner(Lane.OTHERS, 1),
    FaultKind.OVERSIZED_RECORD: Manner(Lane.OTHERS, 1),
}
