"""How much of a conversation has to be read for a question: no more than the model's context can take. Pure.

In: the message to go on from, the room that the context has, pages of messages, newest first. Out: which page to read
next, and at the end the path. So a question costs the same in a conversation of fifty messages and of five thousand.

Each page begins right at the message that is wanted next: the newer ones, and other branches, are not read.
"""

import sys
import uuid
from collections.abc import Sequence

from consumers.context import fills, path_to
from schemas.ids import is_id
from store.rows import MessageRow

FIRST_PAGE = 50
LARGEST_PAGE = 200
MAX_PAGES = 12
MAX_PATH_MESSAGES = 200
"""What is kept warm of a conversation (tails.py); more is never shown to a model."""
ALL_ROOM = sys.maxsize


def is_enough(path: Sequence[MessageRow], room_tokens: int) -> bool:
    """Whether older messages than these would change nothing: they begin the conversation, or fill the context."""
    if not path:
        return False
    return path[0].parent_id is None or len(path) >= MAX_PATH_MESSAGES or fills(path, room_tokens)


def just_above(message_id: str) -> str:
    """The id next to this one in the order of ids, which is that of their text."""
    return str(uuid.UUID(int=min(uuid.UUID(message_id).int + 1, 2**128 - 1)))


class PathSearch:
    """Looks for the path to `leaf`, with pages that grow: most questions need one small one."""

    def __init__(self, leaf: str, room_tokens: int) -> None:
        self._leaf = leaf
        self._room_tokens = room_tokens
        self._rows: list[MessageRow] = []
        self._pages = 0
        self._is_broken_off = not is_id(leaf)  # under anything else nothing is stored
        self.path: list[MessageRow] = []
        """From the oldest message read so far, oldest first; empty while the leaf was not found."""

    @property
    def limit(self) -> int:
        """How many messages to read next."""
        return min(FIRST_PAGE << self._pages, LARGEST_PAGE)

    @property
    def before(self) -> str:
        """Where to go on reading."""
        parent_id = self.path[0].parent_id if self.path else None
        return just_above(parent_id or self._leaf)

    @property
    def is_over(self) -> bool:
        """Nothing more has to be read, or is worth it."""
        return self._is_broken_off or self._pages >= MAX_PAGES or is_enough(self.path, self._room_tokens)

    def add(self, page: Sequence[MessageRow]) -> None:
        """Takes the page that was asked for."""
        self._pages += 1
        self._rows.extend(page)
        path = path_to(self._leaf, self._rows)
        self._is_broken_off = len(path) == len(self.path)
        self.path = path
