"""The protocol's test vectors (docs/protocol.md, 14), passed by the Python client as by those in other languages."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from samvad_client.conversation_view import ConversationView
from samvad_client.reducer import Applied
from samvad_client.state import ClientState
from samvad_client.turn_view import TurnView
from schemas.client_frames import AnyClientFrame, Regenerate, Send
from schemas.codec import Unreadable, decode_client_frame, decode_server_frame
from schemas.frames import AnyTurnFrame, Queued, TurnFrame

VECTORS = Path(__file__).parents[2] / "docs" / "protocol" / "vectors"
KINDS = {"hear", "ask", "regenerate", "watch", "stop", "reconnect", "pause"}
Step = dict[str, Any]


def _cases() -> list[Any]:
    files = [(path.stem, json.loads(path.read_text())) for path in sorted(VECTORS.glob("*.json"))]
    return [pytest.param(case["steps"], id=f"{name}: {case['name']}") for name, file in files for case in file["cases"]]


@dataclass
class Player:
    """A client that is led through a case. `verdicts`: what became of the turn frames of the step."""

    state: ClientState = field(default_factory=ClientState)
    verdicts: list[str] = field(default_factory=list)
    conversation_id: str = ""

    def play(self, step: Step) -> list[AnyClientFrame]:
        """What the client says."""
        (kind,) = step.keys() & KINDS
        acts: dict[str, Callable[[Any], list[AnyClientFrame]]] = {
            "hear": self._hear,
            "ask": lambda asked: self._asks(msgspec.convert(asked, Send)),
            "regenerate": lambda asked: self._asks(msgspec.convert(asked, Regenerate)),
            "watch": self._watches,
            "stop": lambda wanted: self.state.stop(self._turn(wanted)),
            "reconnect": lambda _: self.state.opened(),
            "pause": lambda _: self.state.retry(),
        }
        return acts[kind](step[kind])

    def shown(self) -> list[dict[str, Any]]:
        return [_shown(turn) for turn in self.state.conversations[self.conversation_id].turns]

    def _hear(self, raw: dict[str, Any]) -> list[AnyClientFrame]:
        try:
            frame = decode_server_frame(json.dumps(raw))
        except Unreadable:
            self.verdicts.append("ignored")
            return []
        is_of_a_turn = isinstance(frame, TurnFrame | Queued)
        if is_of_a_turn and frame.conversation_id not in self.state.conversations:
            self.verdicts.append("ignored")
        return self.state.receive(frame).say

    def _watches(self, conversation_id: str) -> list[AnyClientFrame]:
        self.conversation_id = conversation_id
        return self.state.watch(conversation_id)

    def _asks(self, asking: Send | Regenerate) -> list[AnyClientFrame]:
        self.conversation_id = str(asking.conversation_id)
        return self.state.ask(asking)

    def _turn(self, wanted: dict[str, str]) -> TurnView:
        conversation = self.state.conversations[self.conversation_id]
        is_named = "turn_id" in wanted
        turn = conversation.turn(wanted["turn_id"]) if is_named else conversation.turn_of(wanted["request_id"])
        assert turn is not None
        return turn


def _shown(turn: TurnView) -> dict[str, Any]:
    waiting = turn.waiting
    return {
        "turn_id": turn.turn_id,
        "request_id": turn.request_id,
        "status": "rejected" if turn.rejection else turn.status.value,
        "text": turn.answer,
        "reasoning": turn.reasoning,
        "question": turn.question,
        "model": turn.model,
        "seq": turn.seq,
        "held": turn.is_held,
        "code": turn.code,
        "waiting": None if waiting is None else {"position": waiting.position, "eta_ms": waiting.eta_ms},
    }


@pytest.fixture
def player(monkeypatch: pytest.MonkeyPatch) -> Player:
    player, apply = Player(), ConversationView.apply

    def noted(view: ConversationView, frame: AnyTurnFrame | Queued) -> Applied:
        verdict = apply(view, frame)
        player.verdicts.append(verdict.value)
        return verdict

    monkeypatch.setattr(ConversationView, "apply", noted)
    return player


@pytest.mark.parametrize("steps", _cases())
def test_the_python_client_passes_every_vector(steps: list[Step], player: Player) -> None:
    for number, step in enumerate(steps, start=1):
        player.verdicts.clear()
        said = player.play(step)
        wanted = [decode_client_frame(json.dumps(frame)) for frame in step.get("say", [])]
        assert [_normal(frame) for frame in said] == [_normal(frame) for frame in wanted], f"step {number}: {step}"
        assert player.verdicts == ([step["then"]] if "then" in step else []), f"step {number}: {step}"
        if "show" in step:
            assert _compared(player.shown(), step["show"]) == step["show"], f"step {number}: {step}"


def _compared(shown: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each turn, only what the vector names."""
    assert len(shown) == len(wanted), (shown, wanted)
    return [{name: turn[name] for name in names} for turn, names in zip(shown, wanted, strict=True)]


def _normal(frame: AnyClientFrame) -> dict[str, Any]:
    left_out: tuple[object, ...] = (None, {}, "queue")
    return {name: value for name, value in msgspec.to_builtins(frame).items() if value not in left_out}


def test_every_vector_can_be_read_as_the_document_says() -> None:
    fields = set(_shown(TurnView(conversation_id="")))
    for case in _cases():
        for step in case.values[0]:
            (kind,) = step.keys() - {"then", "say", "show"}
            assert kind in KINDS
            assert "then" not in step or (kind == "hear" and step["then"] in ("applied", "dropped", "hole", "ignored"))
            assert all(set(turn) <= fields for turn in step.get("show", []))


def test_ids_in_vectors_are_those_of_the_protocol() -> None:
    for case in _cases():
        for step in case.values[0]:
            ids = [value for name, value in step.get("hear", {}).items() if name.endswith("_id") and value]
            assert all(str(uuid.UUID(value)) == value for value in ids)
