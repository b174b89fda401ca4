"""Alive and ready, with reasons: what `/healthz` and `/readyz` answer.

In: checks that the parts of a process bring along. A check gives the reason why not, or None, at once: it only reads
what is known, because it is asked on the admin server's thread too. Out: a status and a body.

*Not alive* means that a restart would help: nothing moves although it could. *Not ready* means that what this process
depends on, or its own state, keeps it from serving. *Degraded* says what users will notice, and takes nobody out of
service.
"""

from collections.abc import Callable
from dataclasses import dataclass

Check = Callable[[], str | None]

OK = 200
UNAVAILABLE = 503


class Stuck(Exception):
    """This process can work and makes no progress: it should end and be started again. The message says what stands."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An HTTP status and the object that says why."""

    status: int
    body: dict[str, str | list[str]]


class Health:
    """The checks of one process. While `is_starting` it is not ready, for not all of its parts have brought theirs."""

    def __init__(self, is_starting: bool = False) -> None:
        self.is_starting = is_starting
        self._alive: list[Check] = []
        self._ready: list[Check] = [lambda: "starting" if self.is_starting else None]
        self._whole: list[Check] = []

    def alive_unless(self, check: Check) -> None:
        self._alive.append(check)

    def ready_unless(self, check: Check) -> None:
        self._ready.append(check)

    def degraded_if(self, check: Check) -> None:
        self._whole.append(check)

    def liveness(self) -> Verdict:
        """200 or 503: should this process be ended and started again?"""
        return _verdict("alive", _reasons(self._alive))

    def readiness(self) -> Verdict:
        """200 or 503: should work be sent here? With what is degraded, which changes no status."""
        verdict = _verdict("ready", _reasons(self._ready))
        degraded = _reasons(self._whole)
        if degraded:
            verdict.body["degraded"] = degraded
        return verdict


def _reasons(checks: list[Check]) -> list[str]:
    return [reason for check in checks if (reason := check()) is not None]


def _verdict(state: str, reasons: list[str]) -> Verdict:
    if not reasons:
        return Verdict(OK, {"status": state})
    return Verdict(UNAVAILABLE, {"status": f"not {state}", "reasons": list(reasons)})
