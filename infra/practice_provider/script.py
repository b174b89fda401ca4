"""What a practice model does, told by its name, as timed steps. Pure.

In: a name such as `practice-64x20-ttft500-stall8`: 64 tokens, 20 ms apart, the first after 500 ms, silence after 8.
Out: a frozen `Script`, and with an answer's tokens its `Step`s, each with the time at which it is due.

Suffixes, in any order, each at most once, at most one of the first row and one of the second:
  -429 -500 -reset8 -stall8 -truncate8 -garbage8
  -endless -empty -echo
  -ttft500
  -think3: three tokens of reasoning come before the answer; faults count them too
  -rate10: ten requests a second for this name in this process, ten at once; then 429 with Retry-After and
           x-ratelimit-* headers
A fault behind the last token comes in place of the finish; one further behind never happens.
"""

import enum
import re
from collections.abc import Iterable, Iterator

import msgspec

_NAME = re.compile(r"practice-(\d{1,6})x(\d{1,6})((?:-[a-z0-9]+)*)", re.ASCII)
_SUFFIX = re.compile(r"(ttft|think|rate|reset|stall|truncate|garbage)(\d{1,6})|(429|500|endless|empty|echo)", re.ASCII)
_ONE_OF_EACH = (
    frozenset({"429", "500", "reset", "stall", "truncate", "garbage"}),
    frozenset({"endless", "empty", "echo"}),
)


class UnknownScript(ValueError):
    """The name is no practice model's."""


class Act(enum.Enum):
    """What one step does to the answer."""

    THINK = "think"  # send the token as reasoning
    SAY = "say"  # send the token
    GARBAGE = "garbage"  # send the token's line broken off in the middle, and go on
    FINISH = "finish"  # finish reason, usage, [DONE]
    RESET = "reset"  # TCP reset
    STALL = "stall"  # silence, the connection stays open
    TRUNCATE = "truncate"  # a clean end of the stream, without finish reason and [DONE]

    @property
    def goes_on(self) -> bool:
        return self in (Act.THINK, Act.SAY, Act.GARBAGE)


class Step(msgspec.Struct, frozen=True, gc=False):
    """One thing to do `at_ms` milliseconds after the call began; `text` is a token or empty."""

    act: Act
    at_ms: int
    text: str = ""


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed name. `tokens` is None for an endless answer; `status` is 429 or 500 for a refusal.

    `rate`: requests a second, None for as many as come.
    """

    name: str
    tokens: int | None
    gap_ms: int
    first_token_ms: int = 0
    thoughts: int = 0
    status: int = 200
    fault: Act | None = None
    fault_after: int | None = None
    echo: bool = False
    rate: int | None = None

    @property
    def resets_at_once(self) -> bool:
        """True when the connection is reset before any byte of an answer."""
        return self.fault is Act.RESET and self.fault_after == 0


def parse_script(name: str) -> Script:
    """Raises UnknownScript for a name that is not one, doubles a suffix or contradicts itself."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise UnknownScript(name)
    suffixes = _parse_suffixes(name, match[3])
    fault, fault_after = _fault(suffixes)
    return Script(
        name=name,
        tokens=_count(int(match[1]), suffixes),
        gap_ms=int(match[2]),
        first_token_ms=suffixes.get("ttft", 0),
        thoughts=suffixes.get("think", 0),
        status=next((int(word) for word in ("429", "500") if word in suffixes), 200),
        fault=fault,
        fault_after=fault_after,
        echo="echo" in suffixes,
        rate=suffixes.get("rate"),
    )


def steps(script: Script, tokens: Iterable[str]) -> Iterator[Step]:
    """The steps of an answer that says `tokens`; the last one never `goes_on`, unless the tokens are endless."""
    at_ms, position = script.first_token_ms, 0
    for usual, token in _spoken(script, tokens):
        act = _act_at(script, position) or usual
        yield Step(act, at_ms, token)
        if not act.goes_on:
            return
        at_ms += script.gap_ms
        position += 1
    yield from _last_steps(script, at_ms, position)


def _spoken(script: Script, tokens: Iterable[str]) -> Iterator[tuple[Act, str]]:
    yield from ((Act.THINK, f"Thought {number}. ") for number in range(1, script.thoughts + 1))
    yield from ((Act.SAY, token) for token in tokens)


def _last_steps(script: Script, at_ms: int, position: int) -> Iterator[Step]:
    fault = _act_at(script, position)
    if fault is not None:
        yield Step(fault, at_ms)
    if fault is None or fault.goes_on:
        yield Step(Act.FINISH, at_ms - script.gap_ms if position else at_ms)


def _act_at(script: Script, position: int) -> Act | None:
    return script.fault if position == script.fault_after else None


def _parse_suffixes(name: str, text: str) -> dict[str, int]:
    suffixes: dict[str, int] = {}
    for suffix in text.split("-")[1:]:
        match = _SUFFIX.fullmatch(suffix)
        if match is None:
            raise UnknownScript(name)
        word = match[1] or match[3]
        if word in suffixes:
            raise UnknownScript(name)
        suffixes[word] = int(match[2] or 0)
    if any(len(group & suffixes.keys()) > 1 for group in _ONE_OF_EACH) or suffixes.get("rate") == 0:
        raise UnknownScript(name)
    return suffixes


def _count(named: int, suffixes: dict[str, int]) -> int | None:
    if "endless" in suffixes:
        return None
    return 0 if "empty" in suffixes else named


def _fault(suffixes: dict[str, int]) -> tuple[Act | None, int | None]:
    for act in (Act.RESET, Act.STALL, Act.TRUNCATE, Act.GARBAGE):
        if act.value in suffixes:
            return act, suffixes[act.value]
    return None, None
