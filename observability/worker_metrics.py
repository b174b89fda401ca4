"""What a worker counts: turns, claims, providers, tokens, and how far it is behind.

In: a word at each step of a turn, none per piece of an answer. What the worker keeps anyway is read at the scrape.
"""

from collections.abc import Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram

from observability.metrics import ANSWER_SECONDS, ReadAtScrape, new_registry


class WorkerNumbers(Protocol):
    """What a running worker keeps. All of it may be asked on any thread."""

    def open_turns(self) -> float: ...
    def turns_by_state(self) -> Mapping[str, float]: ...
    def unread_by_partition(self) -> Mapping[str, float]: ...
    def oldest_uncommitted_seconds(self) -> float: ...
    def last_commit_seconds(self) -> float: ...
    def last_poll_seconds(self) -> float: ...
    def broker_silent_seconds(self) -> float: ...
    def assignments(self) -> float: ...
    def dead_letters(self) -> float: ...


class WorkerMetrics:
    """A worker's own metrics, in a registry that may hold others beside them."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._registry = registry or new_registry()
        self._read = ReadAtScrape(self._registry)
        self._count_turns()
        self._count_providers()

    def _count_turns(self) -> None:
        self._queue_wait = Histogram(
            "samvad_queue_wait_seconds",
            "From the record's time until a worker began with the turn, first claims only",
            registry=self._registry,
            buckets=ANSWER_SECONDS,
        )
        self._claims = self._counter("samvad_claims", "Looks at a turn's row that decided", "kind")
        self._turns_ended = self._counter("samvad_turns_ended", "Turns whose end this worker stored", "outcome")
        self._turns_failed = self._counter("samvad_turns_failed", "Those that failed, by error code", "code")
        self._given_up = self._counter("samvad_attempts_given_up", "Attempts that ended no turn", "reason")
        self._tokens = self._counter("samvad_tokens", "Tokens of ended turns, all attempts", "model", "direction")

    def _count_providers(self) -> None:
        self._attempts = self._counter("samvad_provider_attempts", "Calls of a deployment", "model", "outcome")
        self._fallbacks = self._counter("samvad_provider_fallbacks", "Next deployments tried", "model", "reason")
        self._switches = self._counter(
            "samvad_provider_switches", "Answers that another deployment went on with", "model", "reason"
        )
        self._waits = Histogram(
            "samvad_provider_wait_seconds",
            "How long turns waited until a provider took them",
            ["model", "reason"],
            registry=self._registry,
            buckets=ANSWER_SECONDS,
        )
        self._first_token = Histogram(
            "samvad_provider_first_token_seconds",
            "From calling a deployment to its first piece",
            ["model"],
            registry=self._registry,
            buckets=ANSWER_SECONDS,
        )

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self._registry)

    def claimed(self, kind: str, waited_seconds: float) -> None:
        """`kind`: first, takeover (any later attempt), redelivery (the turn had ended)."""
        self._claims.labels(kind).inc()
        if kind == "first":
            self._queue_wait.observe(waited_seconds)

    def turn_ended(self, outcome: str, code: str | None) -> None:
        """`outcome`: completed, stopped, failed; `code` of a failed one."""
        self._turns_ended.labels(outcome).inc()
        if code is not None:
            self._turns_failed.labels(code).inc()

    def spent(self, model: str, input_tokens: int, output_tokens: int) -> None:
        """What a turn cost. Nothing is counted for a turn that asked nobody: its alias may be anything."""
        if input_tokens or output_tokens:
            self._tokens.labels(model, "input").inc(input_tokens)
            self._tokens.labels(model, "output").inc(output_tokens)

    def given_up(self, reason: str) -> None:
        """`reason`: fenced, released, broken."""
        self._given_up.labels(reason).inc()

    def provider_attempt(self, model: str, outcome: str) -> None:
        """`outcome`: answered, left (stopped or taken over meanwhile), or the fault's error code."""
        self._attempts.labels(model, outcome).inc()

    def fell_back(self, model: str, reason: str) -> None:
        """Another deployment is tried, because of a fault with this error code."""
        self._fallbacks.labels(model, reason).inc()

    def switched(self, model: str, reason: str) -> None:
        """Another deployment went on with an answer that had begun, because of a fault with this error code."""
        self._switches.labels(model, reason).inc()

    def waited_for_provider(self, model: str, reason: str, seconds: float) -> None:
        """`reason`: rate_limited, provider_down."""
        self._waits.labels(model, reason).observe(seconds)

    def first_token(self, model: str, seconds: float) -> None:
        self._first_token.labels(model).observe(seconds)

    def read_from(self, worker: WorkerNumbers) -> None:
        """Shows what the worker keeps."""
        read = self._read
        read.gauge("samvad_open_turns", "Queued and running turns, for scaling: sum it over workers", worker.open_turns)
        read.gauges("samvad_turns", "Turns by where they are", "state", worker.turns_by_state)
        read.gauges(
            "samvad_consumer_lag_records", "Requests that nobody polled yet", "partition", worker.unread_by_partition
        )
        read.gauge(
            "samvad_oldest_uncommitted_seconds",
            "Age of the oldest request that was taken and has not ended",
            worker.oldest_uncommitted_seconds,
        )
        read.gauge("samvad_last_commit_age_seconds", "Since offsets were committed", worker.last_commit_seconds)
        read.gauge("samvad_last_poll_age_seconds", "Since requests were polled", worker.last_poll_seconds)
        read.counter("samvad_rebalances_total", "Times that the group gave out its partitions", worker.assignments)
        read.counter("samvad_dead_letters_total", "Requests set aside as unreadable", worker.dead_letters)
        read.gauge(
            "samvad_broker_silent_seconds", "Since the broker answered the watchdog", worker.broker_silent_seconds
        )
