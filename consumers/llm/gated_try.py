"""One provider attempt as the gate before its deployment hears of it: taken, answered, refused, failed or left.

In: the headers, the first piece, the fault. Out: what the gate learned, in the log where it changed its mind.
"""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog

from consumers.llm.faults import is_providers_own
from consumers.llm.gates import Asking, Gate
from consumers.llm.gates_told import NOTHING_TOLD, told_by
from consumers.llm.pieces import ProviderFault
from schemas.errors import ErrorCode

log = structlog.get_logger(__name__)


class GatedTry:
    """What the one who asks says on the way."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def taken(self, headers: Mapping[str, str]) -> None:
        """The provider did not refuse the request."""
        self._asking.taken(time.monotonic(), told_by(headers, time.time()))

    def answered(self) -> None:
        """There is a piece, or an end."""
        self._asking.answered()


@contextmanager
def gated_try(gate: Gate, model: str) -> Iterator[GatedTry]:
    """Around one try. Leaving it early, as a stop does, tells the gate nothing."""
    asking = gate.ask(time.monotonic())
    try:
        yield GatedTry(asking)
    except ProviderFault as fault:
        _learn(gate, asking, fault, model)
        raise
    finally:
        asking.left()


def _learn(gate: Gate, asking: Asking, fault: ProviderFault, model: str) -> None:
    rate, was_closed = gate.limit.rate, gate.circuit.is_closed
    if fault.code is ErrorCode.PROVIDER_BUSY:
        asking.refused(time.monotonic(), fault.limits or NOTHING_TOLD)
    elif is_providers_own(fault):
        asking.failed(time.monotonic(), random.random())
    if gate.limit.rate is not None and gate.limit.rate != rate:
        log.warning("provider_rate_limited", model=model, requests_per_second=round(gate.limit.rate, 2))
    if was_closed and not gate.circuit.is_closed:
        log.warning("provider_circuit_opened", model=model)
