"""What was asked and how it stands, as the people see it: whoever puts in a fault chooses his moment by it.

In: questions as they are asked. Out: the turns that stream, that wait for their first word, that have no end yet.
"""

from dataclasses import dataclass, field
from itertools import islice

from infra.practice_provider.script import parse_script
from infra.practice_provider.words import answer_tokens
from infra.prove.device import Device
from infra.prove.practice_models import DEPLOYMENTS
from samvad_client import TurnHandle
from schemas.statuses import TurnStatus


@dataclass(frozen=True, slots=True, eq=False)
class AskedTurn:
    """One question and who asked it."""

    turn_id: str
    conversation_id: str
    model: str
    text: str
    device: Device
    handle: TurnHandle

    @property
    def is_open(self) -> bool:
        """No end was seen, and it was not refused."""
        return not self.handle.view.has_ended

    @property
    def is_followed(self) -> bool:
        """Its asker sees it now."""
        return self.is_open and self.device.client.connected.is_set()

    @property
    def streams(self) -> bool:
        return self.is_followed and bool(self.handle.view.answer)

    @property
    def awaits_its_first_token(self) -> bool:
        """A worker holds it, and nothing was shown."""
        view = self.handle.view
        return self.is_followed and view.status is TurnStatus.RUNNING and not view.answer

    @property
    def shows_everything(self) -> bool:
        """The last word that its practice model says is there; the end is not."""
        return self.is_open and self.handle.view.answer == whole_answer(self.model, self.handle.view.answer)


@dataclass
class OpenTurns:
    """`asked`: every turn of the run. Ended ones are let go."""

    asked: dict[str, tuple[str, str]] = field(default_factory=dict)
    """User and conversation of each turn."""
    turn_by_text: dict[str, str] = field(default_factory=dict)
    ended: int = 0
    """How many have ended, as far as somebody looked."""
    _open: dict[str, AskedTurn] = field(default_factory=dict)

    def add(self, turn: AskedTurn) -> None:
        self.asked[turn.turn_id] = (turn.device.user.user_id, turn.conversation_id)
        self.turn_by_text[turn.text] = turn.turn_id
        self._open[turn.turn_id] = turn

    def still_open(self) -> list[AskedTurn]:
        """In the order of asking."""
        before = len(self._open)
        self._open = {turn_id: turn for turn_id, turn in self._open.items() if turn.is_open}
        self.ended += before - len(self._open)
        return list(self._open.values())

    def streaming(self) -> list[AskedTurn]:
        return [turn for turn in self.still_open() if turn.streams]

    def awaiting_first_token(self) -> list[AskedTurn]:
        return [turn for turn in self.still_open() if turn.awaits_its_first_token]

    def streaming_to_a_known_end(self) -> list[AskedTurn]:
        """Their last word is known beforehand."""
        return [turn for turn in self.streaming() if whole_answer(turn.model, turn.handle.view.answer)]


def whole_answer(model: str, begun: str) -> str | None:
    """All that the alias's practice model will have said, judging by how it began; None if that can't be told."""
    script = parse_script(DEPLOYMENTS[model])
    first, colon, _ = begun.partition(":")
    seed = first.removeprefix("Answer ")
    if not colon or not seed.isdecimal() or script.tokens is None or script.fault is not None:
        return None
    return "".join(islice(answer_tokens(int(seed)), script.tokens))
