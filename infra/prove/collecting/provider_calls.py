"""The practice provider's calls, fetched while the run goes on (it remembers only the newest), and the faults in them.

In: the provider's address. Out: a `Call` for each call, and for each that went as badly as scripted, a fault.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec

from infra.practice_provider.script import Act, Script, UnknownScript, parse_script
from infra.prove.events import AnyEvent, Call, FaultBegan, FaultEnded
from infra.prove.recording import Recorder

LOOK_SECONDS = 15.0
TIMEOUT_SECONDS = 20.0
NS = 1e9

NAMES = {Act.STALL: "stall", Act.TRUNCATE: "truncation", Act.GARBAGE: "garbage"}


class CallCollector:
    """`turn_of`: which turn asked with this text; None for one that no turn did."""

    def __init__(self, provider_url: str, recorder: Recorder, turn_of: Callable[[str], str | None]) -> None:
        self._url = provider_url.removesuffix("/v1") + "/practice/calls"
        self._recorder = recorder
        self._turn_of = turn_of
        self._written: set[int] = set()
        self._after = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.collect(over=False)
            except httpx.HTTPError:
                continue  # a busy machine: the next look brings the same

    async def collect(self, over: bool) -> None:
        """Writes down what ended since the last look; when all is over, also what did not end. Raises HTTPError."""
        async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as http:
            answer = await http.get(self._url, params={"after": self._after})
        answer.raise_for_status()
        found = [call for call in msgspec.json.decode(answer.content)["calls"] if call["number"] not in self._written]
        for call in found:
            if over or call["ended"] is not None:
                self._write(call)
        running = [call["number"] for call in found if call["ended"] is None]
        self._after = min(running, default=max(self._written, default=0) + 1) - 1

    def _write(self, found: dict[str, Any]) -> None:
        self._written.add(found["number"])
        question = newest_question(found["messages"])
        call = Call(
            at=found["started_at_ns"] / NS,
            call_id=found["id"],
            model=found["script"],
            question=question,
            seed=found["number"],
            tokens_sent=found["tokens_sent"],
            ended=found["ended"],
            closed_at=None if found["closed_at_ns"] is None else found["closed_at_ns"] / NS,
        )
        self._recorder.write(call)
        for event in faults_in(call, self._turn_of(question)):
            self._recorder.write(event)


def newest_question(messages: list[dict[str, Any]]) -> str:
    """The text of the last message that is a user's."""
    texts = [message["content"] for message in messages if message["role"] == "user"]
    newest = texts[-1] if texts else ""
    return newest if isinstance(newest, str) else "".join(part.get("text", "") for part in newest)


def faults_in(call: Call, turn_id: str | None) -> Iterator[AnyEvent]:
    """The fault that its script put into this call, as a beginning and an end at the moment when the call ended."""
    kind = _fault_of(call)
    if kind is None:
        return
    at, turns = call.closed_at or time.monotonic(), (turn_id,) if turn_id else ()
    yield FaultBegan(at=at, fault=f"provider_{kind}", target=call.call_id, turns=turns)
    yield FaultEnded(at=at, fault=f"provider_{kind}", target=call.call_id)


def _fault_of(call: Call) -> str | None:
    try:
        script = parse_script(call.model)
    except UnknownScript:
        return None
    if call.ended == "refused":
        return str(script.status)
    if script.fault is not None:
        return _scripted_fault(script, call)
    if script.tokens is None:
        return "endless"
    return "zero_tokens" if script.tokens == 0 and call.ended == "completed" else None


def _scripted_fault(script: Script, call: Call) -> str | None:
    """None when the call ended before its fault came."""
    if script.fault is Act.RESET:
        when = "before" if script.resets_at_once else "after"
        return f"reset_{when}_first_token" if call.ended == "reset" else None
    came = call.ended in ("stalled", "truncated") or (
        script.fault is Act.GARBAGE and call.tokens_sent >= (script.fault_after or 0)
    )
    return NAMES[script.fault] if script.fault and came else None
