"""Two users with the same kinds of things, for tests of who may see and change what.

Each has a stored conversation with a question and its answer, a turn that ended, one that runs, and a request of that
turn. `unknown` has ids that nobody has.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from schemas.ids import new_id, new_message_id, turn_id_of
from store.rows import MessageRow
from tests.edge_turns import Turn, answer_frames
from tests.flow.running_edge import Stage

SECRET = "what only its user may read"


@dataclass(frozen=True)
class Things:
    """One user's, by id."""

    user_id: str
    conversation: str
    question: str
    answer: str
    ended: str
    running: str
    request: str

    def ids(self) -> dict[str, str]:
        """For filling in."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def leaks_into(self, text: str) -> list[str]:
        """What of it, beside its conversation's id (which whoever asks knows), is in a text."""
        secrets = {SECRET, self.user_id, self.question, self.answer, self.ended, self.running, self.request}
        return sorted(secret for secret in secrets if secret in text)


def unknown() -> Things:
    return Things(*(new_id() for _ in Things.__dataclass_fields__))


async def things_of(scene: Stage, name: str) -> tuple[Things, Turn]:
    """Makes them, in the store and in flight; and the running turn."""
    user_id, conversation_id, request_id = scene.user_id(name), new_id(), new_id()
    running = Turn(user_id, conversation_id, turn_id_of(user_id, conversation_id, request_id), request_id)
    ended = Turn(user_id, conversation_id, question=SECRET)
    question = MessageRow(message_id=new_message_id(), role="user", text=SECRET, created_at_ms=1)
    answer = MessageRow(message_id=new_message_id(), role="assistant", text=SECRET, created_at_ms=2)
    await scene.store.messages.append(user_id, conversation_id, [question, answer], 2)
    await scene.store.conversations.touch(
        user_id, conversation_id, leaf=answer.message_id, updated_at_ms=2, title_if_none=SECRET
    )
    *_, terminal = answer_frames(ended, 1)
    assert await scene.store.turns.compare_and_set(ended.ended_row(terminal), None) is None  # type: ignore[arg-type]
    scene.publish(user_id, running.started(), running.delta(SECRET))
    assert await scene.store.turns.compare_and_set(running.row(), None) is None
    await scene.store.checkpoints.save(running.turn_id, running.checkpoint())
    ids = (user_id, conversation_id, question.message_id, answer.message_id, ended.turn_id, running.turn_id, request_id)
    return Things(*ids), running


def stored_of(folder: Path, things: Things) -> list[str]:
    """Every row of the database that names the user or one of the user's turns and messages."""
    with closing(sqlite3.connect(f"file:{folder / 'samvad.db'}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [f"{table} {row}" for table in tables for row in database.execute(f"SELECT * FROM {table}")]
    return sorted(row for row in rows if things.leaks_into(row))
