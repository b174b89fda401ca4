"""Where the time to the first token goes: each answer's way, cut into stages that follow one another. Pure.

In: what the user, the traces and the provider saw of one answer. Out: milliseconds by stage; they sum to its first
token. `MODEL_CALL` names the stages that are LiteLLM's and the provider's, and not Samvad's.
"""

from datetime import timedelta
from itertools import pairwise

from benchmarks.answers import Answer
from benchmarks.direct import ProviderCall
from benchmarks.spans import Clock, TurnSpans
from observability import conventions as c

EDGE = "client → edge, until the request is given to the broker"
TO_WORKER = "broker → worker, until the request is taken"
CLAIM = "claim, history and context"
CALL_OUT = "LiteLLM: from there until the provider has the request"
PROVIDER = "provider's own first token"
CALL_BACK = "LiteLLM: from the provider's first token to the worker's first piece"
APPEND = "worker → broker, until it is appended"
HAND_OVER = "broker → edge, until it is handed to the session"
OUT = "edge → client"
STAGES = (EDGE, TO_WORKER, CLAIM, CALL_OUT, PROVIDER, CALL_BACK, APPEND, HAND_OVER, OUT)
MODEL_CALL = (CALL_OUT, PROVIDER, CALL_BACK)

Stages = dict[str, float]


def stages_of(answer: Answer, spans: TurnSpans, call: ProviderCall, clock: Clock) -> Stages:
    """Milliseconds by stage, of an answer through the system."""
    first_piece = spans[c.CHAT].start_time + timedelta(
        seconds=float(str(spans[c.CHAT].attributes[c.GEN_AI_TIME_TO_FIRST_CHUNK]))
    )
    moments_ns = (
        answer.sent_ns,
        clock.monotonic_ns(spans[c.PRODUCE_REQUEST].start_time),
        clock.monotonic_ns(spans[c.PROCESS_REQUEST].start_time),
        clock.monotonic_ns(spans[c.CONTEXT].end_time),
        call.started_at_ns,
        call.first_token_at_ns or 0,
        clock.monotonic_ns(first_piece),
        clock.monotonic_ns(spans[c.DELIVER_FIRST].start_time),
        clock.monotonic_ns(spans[c.DELIVER_FIRST].end_time),
        answer.shown_ns[0],
    )
    durations = [(after - before) / 1e6 for before, after in pairwise(moments_ns)]
    return dict(zip(STAGES, durations, strict=True))


def without_the_call(stages: Stages) -> float:
    """Samvad's own share of a first token."""
    return sum(ms for name, ms in stages.items() if name not in MODEL_CALL)


def accepted_ms(answer: Answer) -> float:
    """Until the user knew that the question is durable."""
    return (answer.accepted_ns - answer.sent_ns) / 1e6
