"""What an edge writes to `chat.requests`: a turn to be answered."""

import msgspec

from schemas.client_frames import OnBusy

VERSION = 1


class Ask(msgspec.Struct, tag="ask", tag_field="type", frozen=True, omit_defaults=True, kw_only=True):
    """One accepted user message. Times are RFC 3339 UTC; `model` is an alias from the allow-list."""

    version: int = VERSION
    user_id: str
    conversation_id: str
    turn_id: str
    request_id: str
    text: str
    model: str
    parent_id: str | None = None
    on_busy: OnBusy = "queue"
    accepted_at: str


ChatRequest = Ask
