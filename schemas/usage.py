"""What travels on `chat.usage`: one record for each (turn, attempt) (G5)."""

import msgspec

VERSION = 1


class UsageRecord(msgspec.Struct, tag="usage", tag_field="type", frozen=True, kw_only=True):
    """Tokens that one attempt took. Aggregation drops repeats by (turn_id, attempt)."""

    version: int = VERSION
    user_id: str
    conversation_id: str
    turn_id: str
    attempt: int
    model: str
    input_tokens: int
    output_tokens: int
    estimated: bool
    finished_at: str
