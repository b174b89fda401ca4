"""Which turns of a conversation may be open: entries beside `turns`, which only compare-and-set writes may touch.

An entry is written together with each write of a turn without an end, so every open turn has one. It is a hint: who
reads it checks the turn itself. Ended turns' entries go with the conversation's touch that follows each end anyway (the
same partition key, so the same mutation); what a crash leaves behind, the next reader takes away.
"""

from collections import OrderedDict
from uuid import UUID

from store.cassandra.known import MAX_CONVERSATIONS, Key
from store.cassandra.statements import Kind, Statement, Write

NOTE = Statement("INSERT INTO open_turns (user_id, conversation_id, turn_id) VALUES (?, ?, ?)", Kind.WRITE)
FORGET = Statement("DELETE FROM open_turns WHERE user_id = ? AND conversation_id = ? AND turn_id = ?", Kind.WRITE)
NOTED = Statement("SELECT turn_id FROM open_turns WHERE user_id = ? AND conversation_id = ?", Kind.READ)

STATEMENTS = (NOTE, FORGET, NOTED)


def note(user_id: str, conversation_id: str, turn_id: str) -> Write:
    """Writes a turn's entry."""
    return NOTE, (UUID(user_id), UUID(conversation_id), UUID(turn_id))


def forget(user_id: str, conversation_id: str, turn_id: str) -> Write:
    """Takes an ended turn's entry away. A claim that comes too late notes it once more, and has it taken away again."""
    return FORGET, (UUID(user_id), UUID(conversation_id), UUID(turn_id))


class EndedTurns:
    """Turns that this process knows as ended and whose entries may still be there."""

    def __init__(self) -> None:
        self._turns: OrderedDict[Key, set[str]] = OrderedDict()

    def add(self, key: Key, turn_id: str) -> None:
        self._turns.setdefault(key, set()).add(turn_id)
        while len(self._turns) > MAX_CONVERSATIONS:
            self._turns.popitem(last=False)

    def of(self, key: Key) -> frozenset[str]:
        return frozenset(self._turns.get(key, ()))

    def remove(self, key: Key, turn_ids: frozenset[str]) -> None:
        """Their entries are gone."""
        left = self._turns.get(key, set()) - turn_ids
        if left:
            self._turns[key] = left
        else:
            self._turns.pop(key, None)
