"""What an edge writes to `chat.requests`: a turn to be answered.

Each kind carries the version that brought it: a worker of before goes on with what it knows, and takes nothing more
from the first record on that it does not (DESIGN 5).
"""

import msgspec

from schemas.client_frames import OnBusy

VERSION = 2
"""The newest version that this program reads."""


class Ask(msgspec.Struct, tag="ask", tag_field="type", frozen=True, kw_only=True):
    """One accepted user message. Times are RFC 3339 UTC; `model` is an alias from the allow-list.

    A missing `parent_id` means the conversation's newest message when the turn starts.
    """

    version: int = 1
    user_id: str
    conversation_id: str
    turn_id: str
    request_id: str
    text: str
    model: str
    parent_id: str | None = None
    on_busy: OnBusy = "queue"
    accepted_at: str


class AskAgain(Ask, tag="ask_again", frozen=True, kw_only=True):
    """A stored user message that gets another answer, beside those it has. `text` and `parent_id` are that message's:
    here a missing `parent_id` means that it begins the conversation.
    """

    version: int = 2
    question_id: str


ChatRequest = Ask | AskAgain
