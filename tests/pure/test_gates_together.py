"""Several workers, each with its own gate, before one provider that takes ten requests a second: simulated in steps."""

from dataclasses import dataclass, field
from functools import partial

import pytest

from consumers.llm.gates_rate import RateLimit
from consumers.llm.gates_told import NOTHING_TOLD, ToldLimits
from infra.practice_provider.allowances import Allowance

RATE = 10
STEP_SECONDS = 0.005
ANSWER_STEPS = 10


@dataclass
class Crowd:
    """Workers with turns to ask; each answer or refusal comes back after 50 ms."""

    limits: list[RateLimit]
    left: list[int]
    told: ToldLimits
    provider: Allowance = field(default_factory=lambda: Allowance(RATE, 0))
    coming_back: dict[int, list[partial[None]]] = field(default_factory=dict)
    step: int = 0
    refusals: int = 0
    last_taken_at: float = 0

    def run(self) -> None:
        while any(self.left) or self.coming_back:
            self.step += 1
            for reply in self.coming_back.pop(self.step, []):
                reply()
            for worker in range(len(self.limits)):
                while self.left[worker] and self.limits[worker].wait_seconds(self.now) <= 0:
                    self.ask(worker)

    def ask(self, worker: int) -> None:
        limit, later = self.limits[worker], self.now + ANSWER_STEPS * STEP_SECONDS
        limit.ask(self.now)
        self.left[worker] -= 1
        if self.provider.take(self.now).is_taken:
            self.last_taken_at = self.now
            reply = partial(limit.taken, later, self.told)
        else:
            self.refusals += 1
            reply = partial(self.refuse, worker, self.now, later)
        self.coming_back.setdefault(self.step + ANSWER_STEPS, []).append(reply)

    def refuse(self, worker: int, asked_at: float, now: float) -> None:
        self.left[worker] += 1
        self.limits[worker].refused(asked_at, now, ToldLimits(1, self.told.rate))

    @property
    def now(self) -> float:
        return self.step * STEP_SECONDS


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("told", [ToldLimits(rate=RATE), NOTHING_TOLD], ids=["told", "untold"])
def test_a_burst_of_500_at_ten_a_second_takes_little_longer_than_it_must(workers: int, told: ToldLimits) -> None:
    crowd = Crowd([RateLimit() for _ in range(workers)], [500 // workers] * workers, told)
    crowd.run()
    assert crowd.last_taken_at == pytest.approx((500 - RATE) / RATE, rel=0.2)
    # Nobody knows of the limit before the first refusal comes back; after that few are in vain.
    assert crowd.refusals < 500 + 60 * workers
