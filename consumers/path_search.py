"""How much of a conversation has to be read for a question: no more than the model's context can take. Pure.

In: the message to go on from, the room that the context has, pages of messages, newest first. Out: which page to read
next, and at the end the path. So a question costs the same in a conversation of fifty messages and of five thousand.
"""

import sys
from collections.abc import Sequence

from consumers.context import fills, path_to
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


class PathSearch:
    """Looks for the path to `leaf`, with pages that grow: most questions need one small one."""

    def __init__(self, leaf: str, room_tokens: int) -> None:
        self._leaf = leaf
        self._room_tokens = room_tokens
        self._rows: list[MessageRow] = []
        self._pages = 0
        self._is_at_the_end = False
        self.path: list[MessageRow] = []
        """From the oldest message read so far, oldest first; empty while the leaf was not found."""

    @property
    def limit(self) -> int:
        """How many messages to read next."""
        return min(FIRST_PAGE << self._pages, LARGEST_PAGE)

    @property
    def before(self) -> str | None:
        """Where to go on reading."""
        return self._rows[-1].message_id if self._rows else None

    @property
    def is_over(self) -> bool:
        """Nothing more has to be read, or is worth it."""
        return self._is_at_the_end or self._pages >= MAX_PAGES or is_enough(self.path, self._room_tokens)

    def add(self, page: Sequence[MessageRow]) -> None:
        """Takes the page that was asked for."""
        self._is_at_the_end = len(page) < self.limit
        self._pages += 1
        self._rows.extend(page)
        self.path = path_to(self._leaf, self._rows)
