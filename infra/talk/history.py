"""How stored things look on the screen: the list of conversations, and the messages of one. Pure.

In: rows of the REST calls. Out: lines, pieces and notes.
"""

from datetime import datetime

from infra.talk.prompting import MARK
from infra.talk.telling import Note
from infra.talk.unfolding import Piece, Unfolding
from infra.talk.visible import one_line, visible
from samvad_client.rest import ConversationRow, MessageRow

ROOM_BEFORE_TITLE = 20
"""Columns that the mark, the number and the time take in a list."""
_PLAIN_ENDS = (None, "completed")


def conversation_lines(rows: list[ConversationRow], current_id: str, columns: int) -> list[str]:
    """One line each, numbered from 1, the current one marked."""
    room = max(10, columns - ROOM_BEFORE_TITLE)
    return [
        f"{'*' if row.id == current_id else ' '} {number:>2}  {_when(row.updated_at)}  {title_of(row, room)}"
        for number, row in enumerate(rows, start=1)
    ]


def title_of(row: ConversationRow, columns: int) -> str:
    return one_line(row.title or "(no title yet)", columns)


def message_items(message: MessageRow, model_title: str) -> list[Piece | Note]:
    """A stored message as it looked when it was new."""
    if message.role == "user":
        return [question(message.text)]
    items: list[Piece | Note] = [Note(model_title)] if model_title else []
    items += Unfolding().show(visible(message.text), ended=True).finished
    if message.status not in _PLAIN_ENDS:
        items.append(Note(str(message.status)))
    return [*items, Note("")]


def question(text: str) -> Note:
    """A question as the prompt shows it."""
    return Note(MARK + visible(text).replace("\n", "\n  "), "question")


def _when(updated_at: str) -> str:
    try:
        return datetime.fromisoformat(updated_at).astimezone().strftime("%d %b %H:%M")
    except ValueError:
        return one_line(updated_at, 12)
