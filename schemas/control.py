"""What travels on `chat.control`: notices that every worker hears."""

import msgspec

VERSION = 1


class Notice(msgspec.Struct, tag_field="type", frozen=True, kw_only=True):
    """The family of notices; `type` tells them apart."""

    version: int = VERSION


class StopAsked(Notice, tag="stop", frozen=True, kw_only=True):
    """The turn's user asked for a stop; the turn's row says so too."""

    turn_id: str


class TurnTaken(Notice, tag="taken", frozen=True, kw_only=True):
    """A worker claimed this attempt; whoever runs a lower one falls silent."""

    turn_id: str
    attempt: int


class ConversationLeaving(Notice, tag="leaving", frozen=True, kw_only=True):
    """The conversation is about to be deleted: forget what is remembered of it, so that the store is asked again."""

    user_id: str
    conversation_id: str


class ConversationDropped(Notice, tag="dropped", frozen=True, kw_only=True):
    """The conversation was deleted: forget what is remembered of it and stop its open turns."""

    user_id: str
    conversation_id: str


class ConversationRenamed(Notice, tag="renamed", frozen=True, kw_only=True):
    """The conversation has a new title."""

    user_id: str
    conversation_id: str
    title: str


AnyNotice = StopAsked | TurnTaken | ConversationLeaving | ConversationDropped | ConversationRenamed
