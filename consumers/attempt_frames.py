"""Step 7 of a message's life: pieces become numbered frames. One object per attempt.

The first delta goes out at once, later ones are merged over `merge_seconds`. Nothing here waits: the provider's read
loop calls `add` and goes on; the writer below keeps what the broker has not acknowledged yet.
"""

import asyncio
from collections.abc import Callable
from itertools import groupby

from consumers.llm.pieces import Piece
from producers.errors import NotAttempted
from schemas.frames import Delta, ServerFrame, Started
from schemas.headers import ReplyAddress
from schemas.ids import seq_of
from store.rows import Checkpoint, Finish, TurnRow

RETRY_SECONDS = 0.25
MAX_DELTA_CHARACTERS = 8_000
"""32 KiB (DESIGN 5) even where each character takes four bytes."""

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
        self._pending: list[Piece] = []
        self._nothing_pending = asyncio.Event()
        self._next_flush_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._published: list[str] = []
        self._last: asyncio.Future[None] | None = None

    async def start(self, request_id: str, parent_id: str | None) -> None:
        """Publishes `started`, as soon as the writer has room."""
        while True:
            try:
                return self._send(self._started(request_id, parent_id))
            except NotAttempted:
                await asyncio.sleep(RETRY_SECONDS)

    def _started(self, request_id: str, parent_id: str | None) -> Started:
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
        )

    def add(self, piece: Piece) -> None:
        """Takes a piece; it is published now or with its neighbours."""
        self._pending.append(piece)
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
    def checkpoint(self) -> Checkpoint:
        """The text up to the newest published frame."""
        return Checkpoint(self._claim.attempt, self.next_seq - 1, self.text, self._alias)

    def _send_first_pending(self) -> None:
        piece = self._pending[0]
        self._send_delta(piece.text[:MAX_DELTA_CHARACTERS], piece.is_reasoning)
        rest = piece.text[MAX_DELTA_CHARACTERS:]
        self._pending[:1] = [Piece(rest, piece.is_reasoning)] if rest else []

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


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighbours of one kind as one piece; a full writer may leave several kinds waiting."""
    kinds = groupby(pieces, key=lambda piece: piece.is_reasoning)
    return [Piece("".join(piece.text for piece in run), is_reasoning) for is_reasoning, run in kinds]


def terminal_address(row: TurnRow, finish: Finish) -> ReplyAddress:
    """Where a stored terminal frame goes."""
    return ReplyAddress(finish.terminal_kind, row.conversation_id, row.turn_id, finish.terminal_seq)
