"""What is said about turns in words: their state, their switches, their end. Pure.

In: a `TurnView` and what the reader knows besides. Out: sentences for people, without colours.
"""

from infra.talk.visible import one_line
from samvad_client.turn_view import TurnView
from schemas.frames import Queued, Switched
from schemas.parts import Usage
from schemas.statuses import TurnStatus

WITHDRAWN = "— what is above does not hold any more; the answer from its beginning: —"
_UNREMARKABLE_FINISHES = (None, "", "stop", "stopped")


def state_of(turn: TurnView, *, is_connected: bool, seconds: float) -> str:
    """One short line about a turn that has not ended; empty while its text speaks for itself."""
    if turn.stop_asked:
        return "stopping… (Ctrl-C again leaves)" if is_connected else "reconnecting to stop… (Ctrl-C again leaves)"
    if not is_connected:
        return "reconnecting…"
    if turn.waiting is not None:
        return queued(turn.waiting)
    if turn.turn_id is None or turn.status is TurnStatus.UNKNOWN:
        return "sending…"
    if turn.status is TurnStatus.QUEUED:
        return "waiting for a worker…"
    return "" if turn.answer else f"thinking… {seconds:.0f} s"


def queued(waiting: Queued) -> str:
    """A turn that waits, as far as the server can tell."""
    ahead = "next in line" if waiting.position <= 1 else f"number {waiting.position} in line"
    soon = f", about {max(1, round(waiting.eta_ms / 1000))} s" if waiting.eta_ms > 0 else ""
    reason = one_line(waiting.reason, 60).replace("_", " ")
    return f"queued: {ahead}{soon} ({reason})" if reason else f"queued: {ahead}{soon}"


def switched(switch: Switched) -> str:
    """A fault that was survived."""
    reason = one_line(switch.reason, 60).replace("_", " ")
    if switch.from_model == switch.to_model:
        return f"— another server of {switch.to_model} goes on: {reason} —"
    return f"— switched from {switch.from_model} to {switch.to_model}: {reason} —"


def end_of(turn: TurnView, seconds: float | None) -> str:
    """The line under an ended answer: how it ended, what it cost, how long it took."""
    parts = [how_it_ended(turn), _tokens(turn.usage), "" if seconds is None else f"{seconds:.1f} s"]
    return " · ".join(part for part in parts if part)


def how_it_ended(turn: TurnView) -> str:
    """Empty where the model simply finished."""
    if turn.status is TurnStatus.STOPPED:
        return "stopped"
    if turn.status is TurnStatus.FAILED:
        return f"failed: {turn.failure or 'no reason was given'} ({turn.code})"
    return "" if turn.finish_reason in _UNREMARKABLE_FINISHES else f"ended early: {turn.finish_reason}"


def _tokens(usage: Usage | None) -> str:
    if usage is None:
        return ""
    about = "about " if usage.estimated else ""
    return f"{about}{usage.input_tokens} tokens in, {usage.output_tokens} out"
