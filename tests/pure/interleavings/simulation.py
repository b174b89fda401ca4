"""One run: a schedule of bytes decides, at each step, what happens next; then all goes quiet, and one worker is left.

A small byte lets something go on that was under way; a large one lets something go wrong, while faults are left.
After the schedule every worker but one dies, frozen ones wake up at the very end, and everything must be as promised.
"""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

from tests.pure.interleavings.cluster import Cluster
from tests.pure.interleavings.scenario import Scenario
from tests.pure.interleavings.worker_model import SimulatedWorker

FAULTS_FROM = 192
"""Bytes from here on let something go wrong."""
QUIET_SECONDS = 90
MAX_QUIET_STEPS = 4_000
MAX_WORKERS = 5
Action = tuple[str, Callable[[], object]]


class Broken(AssertionError):
    """Something promised does not hold. The message says what, and every step that led there."""


class Simulation:
    """Runs one scenario to its end."""

    def __init__(self, scenario: Scenario) -> None:
        self.cluster = Cluster(scenario)
        self.trace: list[str] = []
        self._scenario = scenario
        self._schedule = iter(scenario.schedule)
        self._faults_left = scenario.faults

    def run(self) -> None:
        """Raises Broken."""
        asyncio._set_running_loop(self.cluster.world.loop)
        try:
            self._begin()
            while self._step():
                pass
            self._leave_one_worker()
            self._go_quiet()
            self._wake_the_frozen()
            self._go_quiet()
            self.cluster.checks.at_the_end()
            self._raise_if_broken()
        finally:
            self.cluster.end()

    def _begin(self) -> None:
        for _ in range(self._scenario.workers):
            self.cluster.join()
        self.cluster.group.share_out(0)
        self._settle()

    def _step(self) -> bool:
        """The next byte's choice. False at the end of the schedule."""
        byte = next(self._schedule, None)
        if byte is None:
            return False
        actions = self._mishaps() if byte >= FAULTS_FROM and self._faults_left else []
        if actions:
            self._faults_left -= 1
            choice = next(self._schedule, 0)
        else:
            actions, choice = list(self._progress()), byte
        if len(actions) > 1 or not self.cluster.is_all_done():
            self._act(*actions[choice % len(actions)])
        return True

    def _act(self, label: str, action: Callable[[], object]) -> None:
        self.trace.append(label)
        action()
        self._settle()

    def _settle(self) -> None:
        self.cluster.world.loop.run_ready()
        self._raise_if_broken()

    def _raise_if_broken(self) -> None:
        problems = self.cluster.world.bugs + self.cluster.world.loop.troubles
        if problems:
            steps = "\n  ".join(self.trace)
            raise Broken(f"{'; '.join(problems)}\n{self._scenario}\nsteps:\n  {steps}")

    # What may happen next

    def _progress(self) -> Iterator[Action]:
        """What is under way, the oldest first, and at last: time."""
        cluster, world = self.cluster, self.cluster.world
        for operation in world.under_way:
            if operation.can_happen:
                yield operation.label, partial(world.carry_out, operation)
        for worker in cluster.awake():
            for writer in (worker.frames, worker.records):
                if writer.waiting:
                    yield f"the broker takes from {worker.name}", writer.deliver
            if worker.heard < len(cluster.checks.notices):
                yield f"{worker.name} hears a notice", partial(cluster.hear, worker)
        if cluster.sent < len(self._scenario.sends):
            yield "the next question", cluster.send_next
        yield "time passes", cluster.pass_time

    def _mishaps(self) -> list[Action]:
        """The faults that belong to the scenario."""
        words = self._scenario.mishaps
        return [each for each in self._faults() if not words or any(word in each[0] for word in words)]

    def _faults(self) -> list[Action]:
        """What may go wrong, or come at a bad moment."""
        cluster = self.cluster
        actions: list[Action] = [("rebalance", partial(cluster.group.share_out, turn)) for turn in (1, 2)]
        for worker in cluster.awake():
            actions += self._faults_of(worker)
        frozen = [each for each in cluster.workers if each.is_frozen]
        actions += [(f"{each.name} wakes up", partial(cluster.thaw, each)) for each in frozen]
        if len(cluster.workers) < MAX_WORKERS:
            actions.append(("a worker joins", cluster.join_and_share))
        if cluster.sent:
            actions.append(("the newest question again", cluster.send_again))
        open_turns = [each for each in cluster.checks.turns.values() if each.turn_id not in cluster.checks.stopped]
        actions += [(f"stop {each.name}", partial(cluster.stop, each.turn_id)) for each in open_turns]
        return actions + self._unknown_outcomes()

    def _faults_of(self, worker: SimulatedWorker) -> list[Action]:
        cluster, name = self.cluster, worker.name
        actions: list[Action] = [
            (f"{name} dies", partial(cluster.kill, worker)),
            (f"{name} freezes", partial(cluster.freeze, worker)),
        ]
        drains = (f"{name} hurries", worker.hurry.set) if worker.is_draining else (f"{name} drains", worker.drain)
        actions.append(drains)
        writers = [each for each in (worker.frames, worker.records) if each.waiting]
        return actions + [(f"sent twice by {name}", partial(each.deliver_unacknowledged, 2)) for each in writers]

    def _unknown_outcomes(self) -> list[Action]:
        cluster, world = self.cluster, self.cluster.world
        actions: list[Action] = []
        for each in world.under_way:
            if each.fails_with is not None and each.can_happen:
                actions.append((f"unknown, not yet applied: {each.label}", partial(world.leave_unknown, each, False)))
                actions.append((f"unknown, but applied: {each.label}", partial(world.leave_unknown, each, True)))
        actions += [(f"late: {each.label}", partial(cluster.arrive_late, each)) for each in world.adrift]
        ghosts = [each for each in cluster.ghosts if each.waiting]
        return actions + [(f"late of {each.owner.name}", each.deliver) for each in ghosts]

    # The end

    def _go_quiet(self) -> None:
        """Until nothing more can happen, or, with a clock that goes on, nothing more does."""
        quiet_since = self.cluster.world.loop.now
        for _ in range(MAX_QUIET_STEPS):
            label, action = next(self._progress())
            is_late = self.cluster.world.loop.now - quiet_since > QUIET_SECONDS
            if label == "time passes" and (is_late or self.cluster.is_all_done()):
                return
            self._act(label, action)
        self.cluster.checks.bug("it never goes quiet")

    def _leave_one_worker(self) -> None:
        cluster = self.cluster
        able = [each for each in cluster.awake() if not each.is_draining]
        for worker in cluster.awake():
            if worker not in able[:1]:
                self._act(f"{worker.name} dies", partial(cluster.kill, worker))
        if not able:
            self._act("a worker joins", cluster.join)
        self._act("rebalance", partial(cluster.group.share_out, 0))

    def _wake_the_frozen(self) -> None:
        for worker in [each for each in self.cluster.workers if each.is_frozen]:
            self._act(f"{worker.name} wakes up", partial(self.cluster.thaw, worker))
        self._go_quiet()
        self._act("rebalance", partial(self.cluster.group.share_out, 1))
