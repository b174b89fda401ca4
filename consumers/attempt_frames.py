"""Step 7 of a message's life: pieces become numbered frames. One object per attempt.

The first delta goes out at once, later ones are merged over `merge_seconds`. Nothing here waits: the provider's read
loop calls `add` and goes on; the writer below keeps what the broker has not acknowledged yet.
"""

import asyncio
from collections.abc import Callable
from itertools import groupby

from consumers.llm.pieces import Piece, Switch
from producers.errors import NotAttempted
from schemas.frames import Delta, ServerFrame, Started, Switched
from schemas.headers import ReplyAddress
from schemas.ids import seq_of
from store.rows import Checkpoint, Finish, TurnRow

RETRY_SECONDS = 0.25
MAX_DELTA_CHARACTERS = 8_000
"""32 KiB (DESIGN 5) even where each character takes four bytes."""

Shown = Piece | Switch

Publish = Callable[[str, ServerFrame], "asyncio.Future[None]"]


class AttemptFrames:
    """Numbers, merges and publishes the frames of one attempt."""

    def __init__(self, publish: Publish, claim: TurnRow, alias: str, merge_seconds: float = 0.04) -> None:
        self._publish = publish
        self._claim = claim
        self._alias = alias
        self._merge_seconds = merge_seconds
        self._loop = asyncio.get_running_loop()
        self._n = 0
        self._pending: list[Shown] = []
        self._nothing_pending = asyncio.Event()
        self._next_flush_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._published: list[str] = []
        self._last: asyncio.Future[None] | None = None

    async def start(self, request_id: str, parent_id: str | None, reason: str | None = None) -> None:
        """Publishes `started`, as soon as the writer has room."""
        while True:
            try:
                return self._send(self._started(request_id, parent_id, reason))
            except NotAttempted:
                await asyncio.sleep(RETRY_SECONDS)

    def _started(self, request_id: str, parent_id: str | None, reason: str | None) -> Started:
        claim = self._claim
        assert claim.question is not None and claim.answer_id is not None
        question = type(claim.question)(claim.question.text, parent_id, claim.question.id)
        return Started(
            conversation_id=claim.conversation_id,
            turn_id=claim.turn_id,
            seq=self.next_seq,
            request_id=request_id,
            attempt=claim.attempt,
            model=self._alias,
            user_message=question,
            answer_id=claim.answer_id,
            reason=reason,
        )

    def add(self, shown: Shown) -> None:
        """Takes a piece or a switch, in their order; it is published now or with its neighbours."""
        self._pending.append(shown)
        self._nothing_pending.clear()
        if self._timer is not None:
            return
        if self._loop.time() >= self._next_flush_at:
            self.flush()
        else:
            self._timer = self._loop.call_at(self._next_flush_at, self.flush)

    def flush(self) -> None:
        """Publishes what is pending. With a full writer it stays pending and is tried again."""
        self._cancel_timer()
        self._pending = _merged(self._pending)
        try:
            while self._pending:
                self._send_first_pending()
        except NotAttempted:
            self._timer = self._loop.call_later(RETRY_SECONDS, self.flush)
        else:
            self._nothing_pending.set()
        self._next_flush_at = self._loop.time() + self._merge_seconds

    def discard_pending(self) -> None:
        """Drops what nobody was shown: a stopped answer is exactly the published text (G8)."""
        self._cancel_timer()
        self._pending = []

    async def published_and_acknowledged(self) -> None:
        """Publishes the rest and waits until the broker has all of it.

        Acknowledgements come in the order of publishing, because an attempt's frames share a partition.
        """
        self.flush()
        await self._nothing_pending.wait()
        if self._last is not None:
            await asyncio.shield(self._last)

    @property
    def next_seq(self) -> int:
        return seq_of(self._claim.attempt, self._n)

    @property
    def text(self) -> str:
        """The answer as published so far, without reasoning."""
        return "".join(self._published)

    @property
    def alias(self) -> str:
        """The model of the text published so far: the one asked for, or of the newest switch."""
        return self._alias

    @property
    def checkpoint(self) -> Checkpoint:
        """The text up to the newest published frame."""
        return Checkpoint(self._claim.attempt, self.next_seq - 1, self.text, self._alias)

    def _send_first_pending(self) -> None:
        first = self._pending[0]
        if isinstance(first, Switch):
            self._send_switch(first)
            self._pending[:1] = []
            return
        self._send_delta(first.text[:MAX_DELTA_CHARACTERS], first.is_reasoning)
        rest = first.text[MAX_DELTA_CHARACTERS:]
        self._pending[:1] = [Piece(rest, first.is_reasoning)] if rest else []

    def _send_switch(self, switch: Switch) -> None:
        self._send(
            Switched(
                conversation_id=self._claim.conversation_id,
                turn_id=self._claim.turn_id,
                seq=self.next_seq,
                keep=switch.keep,
                from_model=switch.from_model,
                to_model=switch.to_model,
                reason=switch.reason,
            )
        )
        self._published = [self.text[: switch.keep]]
        self._alias = switch.to_model

    def _send_delta(self, text: str, is_reasoning: bool) -> None:
        claim = self._claim
        self._send(
            Delta(
                conversation_id=claim.conversation_id,
                turn_id=claim.turn_id,
                seq=self.next_seq,
                text=text,
                kind="reasoning" if is_reasoning else None,
            )
        )
        if not is_reasoning:
            self._published.append(text)

    def _send(self, frame: ServerFrame) -> None:
        self._last = self._publish(self._claim.user_id, frame)
        self._n += 1

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _merged(pending: list[Shown]) -> list[Shown]:
    """Neighbours of one kind as one piece; a full writer may leave several kinds waiting. Nothing passes a switch."""
    merged: list[Shown] = []
    for is_reasoning, run in groupby(pending, key=_kind):
        if is_reasoning is None:
            merged += list(run)
        else:
            merged.append(Piece("".join(shown.text for shown in run if isinstance(shown, Piece)), is_reasoning))
    return merged


def _kind(shown: Shown) -> bool | None:
    return shown.is_reasoning if isinstance(shown, Piece) else None


def terminal_address(row: TurnRow, finish: Finish) -> ReplyAddress:
    """Where a stored terminal frame goes."""
    return ReplyAddress(finish.terminal_kind, row.conversation_id, row.turn_id, finish.terminal_seq)
