"""One person of a proof: asks, waits, asks again, stops, loses the connection, comes back elsewhere.

In: a signed-in user, the edges, a seed. Out: questions and stops, each recorded as it is said.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random

from infra.prove import habits
from infra.prove.device import NOWHERE, Device
from infra.prove.events import Asked, StopAsked
from infra.prove.habits import Course
from infra.prove.open_turns import AskedTurn, OpenTurns
from infra.prove.recording import Recorder
from samvad_client import ConversationView, SamvadError
from samvad_client.rest import SignedIn
from schemas.client_frames import OnBusy
from schemas.ids import new_id, turn_id_of

PATIENCE_SECONDS = 90.0
"""Then a person goes on with something else; the answer may still come."""
VANISHED_SECONDS = (10.0, 45.0)
WATCHED_WITHIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all people share."""

    edges: Sequence[str]
    recorder: Recorder
    turns: OpenTurns
    think_seconds: float


@dataclass(slots=True)
class Conversation:
    """`asked`: how many questions so far."""

    conversation_id: str = field(default_factory=new_id)
    asked: int = 0


class Person:
    """`async with person: await person.live()`."""

    def __init__(self, user: SignedIn, name: str, around: Surroundings, seed: str, has_two_devices: bool) -> None:
        self._around = around
        self._random = Random(seed)
        self._name = name
        self._user = user
        self._conversations = [Conversation()]
        self._questions = 0
        self._stack = AsyncExitStack()
        self.devices = [self._device(1), *([self._device(2)] if has_two_devices else [])]

    async def __aenter__(self) -> "Person":
        for device in self.devices:
            await self._stack.enter_async_context(device.client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def live(self) -> None:
        """Until cancelled; what was asked last may still be open then."""
        await asyncio.sleep(self._random.uniform(0, self._around.think_seconds))
        while True:
            await self._say_something()
            await asyncio.sleep(habits.pause_seconds(self._random, self._around.think_seconds))

    def stop_if_endless(self, turn: AskedTurn) -> None:
        """Nobody waits for the end of an answer that has none."""
        if turn.model == "endless" and turn.device in self.devices:
            self._note_stop(turn, turn.device)
            turn.device.client.stop_turn(turn.handle.view)

    def come_back(self) -> None:
        """Whatever device is switched off goes to an edge again."""
        for device in self.devices:
            if device.edge == NOWHERE:
                device.move_to(self._any_edge())

    async def _say_something(self) -> None:
        model = habits.model(self._random)
        turn = self._ask(self._conversation(), model)
        then = habits.course(self._random, model)
        if then is Course.LEAVE:
            turn.device.vanish()
            await asyncio.Event().wait()
        else:
            await self._follow(turn, then)

    async def _follow(self, turn: AskedTurn, then: Course) -> None:
        match then:
            case Course.STOP_EARLY:
                await self._stop(turn, self._random.uniform(0, 1.0))
            case Course.STOP_LATE:
                await self._stop(turn, self._random.uniform(1.0, 8.0))
            case Course.STOP_ELSEWHERE:
                await self._stop_elsewhere(turn)
            case Course.ASK_AGAIN:
                await self._ask_again(turn)
            case Course.WATCH_ELSEWHERE:
                await self._watch_elsewhere(turn)
            case Course.LOSE_CONNECTION | Course.MOVE | Course.VANISH:
                await self._be_away(turn, then)
        await _ended(turn, PATIENCE_SECONDS)

    def _ask(self, conversation: Conversation, model: str, on_busy: OnBusy = "queue") -> AskedTurn:
        conversation.asked += 1
        self._questions += 1
        device, text = self.devices[0], habits.question(self._random, self._name, self._questions)
        handle = device.client.ask(conversation.conversation_id, text, model, on_busy=on_busy)
        request_id = str(handle.view.request_id)
        turn_id = turn_id_of(self._user.user_id, conversation.conversation_id, request_id)
        self._around.recorder.write(
            Asked(
                at=time.monotonic(),
                client=device.name,
                user_id=self._user.user_id,
                conversation_id=conversation.conversation_id,
                request_id=request_id,
                turn_id=turn_id,
                number=conversation.asked,
                text=text,
                model=model,
                on_busy=on_busy,
            )
        )
        turn = AskedTurn(turn_id, conversation.conversation_id, model, text, device, handle)
        self._around.turns.add(turn)
        return turn

    async def _stop(self, turn: AskedTurn, after_seconds: float) -> None:
        if not await _ended(turn, after_seconds):
            self._note_stop(turn, turn.device)
            turn.device.client.stop_turn(turn.handle.view)  # which may have been refused at this very moment

    async def _stop_elsewhere(self, turn: AskedTurn) -> None:
        """The other device has to learn of the turn first."""
        seen = await self._watch_elsewhere(turn)
        await _ended(turn, self._random.uniform(0, 4.0))
        view = seen.turn(turn.turn_id) if seen else None
        if view is not None and not view.has_ended:
            self._note_stop(turn, self.devices[1])
            self.devices[1].client.stop_turn(view)

    async def _watch_elsewhere(self, turn: AskedTurn) -> ConversationView | None:
        """As the second device sees it; None if there is none, or its edge did not answer in time."""
        if len(self.devices) == 1:
            return None
        try:
            async with asyncio.timeout(WATCHED_WITHIN_SECONDS):
                return await self.devices[1].client.watch(turn.conversation_id)
        except (TimeoutError, SamvadError):
            return None

    async def _ask_again(self, turn: AskedTurn) -> None:
        await _ended(turn, self._random.uniform(0, 3.0))
        conversation = next(c for c in self._conversations if c.conversation_id == turn.conversation_id)
        on_busy: OnBusy = habits.drawn(self._random, habits.ON_BUSY)
        await _ended(self._ask(conversation, habits.model(self._random), on_busy), PATIENCE_SECONDS)

    async def _be_away(self, turn: AskedTurn, then: Course) -> None:
        await _ended(turn, self._random.uniform(0, 4.0))
        if then is Course.LOSE_CONNECTION:
            turn.device.client.drop_connection()
        elif then is Course.MOVE:
            turn.device.move_to(self._any_edge())
        else:
            turn.device.vanish()
            await asyncio.sleep(self._random.uniform(*VANISHED_SECONDS))
            turn.device.move_to(self._any_edge())

    def _conversation(self) -> Conversation:
        """One to go on with, or a new one; the oldest is left when there are too many."""
        if self._random.random() < habits.NEW_CONVERSATION or not self._conversations:
            self._conversations.append(Conversation())
        chosen = self._random.choice(self._conversations)
        if chosen.asked >= habits.QUESTIONS_IN_A_CONVERSATION:
            self._conversations.remove(chosen)
            return self._conversation()
        return chosen

    def _device(self, number: int) -> Device:
        return Device(f"{self._name}/{number}", self._user, self._any_edge(), self._around.recorder)

    def _any_edge(self) -> str:
        return self._random.choice(list(self._around.edges))

    def _note_stop(self, turn: AskedTurn, device: Device) -> None:
        self._around.recorder.write(StopAsked(at=time.monotonic(), client=device.name, turn_id=turn.turn_id))


async def _ended(turn: AskedTurn, seconds: float) -> bool:
    """Whether its end came within the time, or will never come here: a refusal, or the end of the client."""
    try:
        async with asyncio.timeout(seconds):
            await turn.handle.ended()
    except TimeoutError:
        return False
    except SamvadError:
        return True
    return True
