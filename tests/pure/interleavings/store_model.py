"""The store as workers know it: rows by compare-and-set, and plain idempotent writes."""

from collections.abc import Callable, Sequence

from store.rows import Checkpoint, ConversationRow, MessageRow, TurnRow
from tests.pure.interleavings.world import World

Watch = Callable[[TurnRow | None, TurnRow], None]


class ModelTurns:
    """Rows of turns. `on_write` hears of each write that is applied, with the row before it."""

    def __init__(self, world: World, name_of: Callable[[str], str], on_write: Watch) -> None:
        self._world = world
        self._name_of = name_of
        self._on_write = on_write
        self.rows: dict[str, TurnRow] = {}

    async def load(self, turn_id: str) -> TurnRow | None:
        return await self._world.call(f"load {self._name_of(turn_id)}", lambda: self.rows.get(turn_id))

    async def compare_and_set(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
        assert row.version == (expected_version or 0) + 1
        label = f"write {self._name_of(row.turn_id)} v{row.version} {_said(row)}"
        return await self._world.call(label, lambda: self._apply(row, expected_version))

    def _apply(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
        stored = self.rows.get(row.turn_id)
        if (stored.version if stored else None) != expected_version:
            self._world.seen["refused writes"] += 1
            return stored
        self.rows[row.turn_id] = row
        self._on_write(stored, row)
        return None


def _said(row: TurnRow) -> str:
    if row.finish is not None:
        return f"attempt {row.attempt} {row.finish.status}"
    return f"attempt {row.attempt} {'held' if row.owner else 'free'}{' stop' if row.stop else ''}"


class ModelCheckpoints:
    """The newest attempt's text; a later write of a lower one does not count."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.checkpoints: dict[str, Checkpoint] = {}

    async def save(self, turn_id: str, checkpoint: Checkpoint) -> None:
        await self._world.call(f"checkpoint {checkpoint.seq}", lambda: self._apply(turn_id, checkpoint))

    async def newest(self, turn_id: str) -> Checkpoint | None:
        return await self._world.call("read checkpoint", lambda: self.checkpoints.get(turn_id))

    def _apply(self, turn_id: str, checkpoint: Checkpoint) -> None:
        known = self.checkpoints.get(turn_id)
        if known is None or known.seq <= checkpoint.seq:
            self.checkpoints[turn_id] = checkpoint


class ModelHistory:
    """Messages and the conversations' rows, in one place."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.messages: dict[str, dict[str, MessageRow]] = {}
        self.conversations: dict[str, ConversationRow] = {}

    async def page(self, user_id: str, conversation_id: str, before: str | None, limit: int) -> list[MessageRow]:
        return await self._world.call("read messages", lambda: self._page(conversation_id, before, limit))

    async def append(self, user_id: str, conversation_id: str, rows: Sequence[MessageRow], written_at_ms: int) -> None:
        kept = {row.message_id: row for row in rows}
        await self._world.call("write messages", lambda: self.messages.setdefault(conversation_id, {}).update(kept))

    async def get(self, user_id: str, conversation_id: str) -> ConversationRow | None:
        return await self._world.call("read conversation", lambda: self.conversations.get(conversation_id))

    async def touch(
        self, user_id: str, conversation_id: str, *, leaf: str, updated_at_ms: int, title_if_none: str | None
    ) -> None:
        row = ConversationRow(
            conversation_id=conversation_id, title=title_if_none, updated_at_ms=updated_at_ms, leaf=leaf
        )
        await self._world.call("write conversation", lambda: self._touch(row))

    def _page(self, conversation_id: str, before: str | None, limit: int) -> list[MessageRow]:
        rows = self.messages.get(conversation_id, {})
        ids = sorted((each for each in rows if before is None or each < before), reverse=True)
        return [rows[each] for each in ids[:limit]]

    def _touch(self, row: ConversationRow) -> None:
        """The newest moment keeps the leaf."""
        known = self.conversations.get(row.conversation_id)
        if known is None or known.updated_at_ms <= row.updated_at_ms:
            self.conversations[row.conversation_id] = row


class ModelHeartbeats:
    """Only leaving is asked of it: beats and reads are one step of passing time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.counters: dict[str, int] = {}

    async def beat(self, worker_id: str, counter: int) -> None:
        raise NotImplementedError

    async def counters_(self) -> dict[str, int]:
        raise NotImplementedError

    async def leave(self, worker_id: str) -> None:
        await self._world.call("leave", lambda: self.counters.pop(worker_id, None))
