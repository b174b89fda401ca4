"""What the REST API says and takes, as OpenAPI describes it (DESIGN 8)."""

import uuid
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.client_frames import OnBusy, Regenerate, Send
from schemas.clock import rfc3339
from store.rows import ConversationRow, MessageRow
from ws_edge.faults import NEITHER_NOR


def _as_utf_8(text: str) -> str:
    """JSON can hold halves of characters (`"\\ud800"`), which can be neither sent on nor stored."""
    text.encode()  # a UnicodeEncodeError is a ValueError: the request is a bad one
    return text


Text = Annotated[str, AfterValidator(_as_utf_8)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ErrorDetailModel(BaseModel):
    code: str
    text: str
    temporary: bool


class ErrorModel(BaseModel):
    """Every error has this shape; the codes are a closed list."""

    error: ErrorDetailModel


class ConversationModel(BaseModel):
    id: str
    title: str | None
    updated_at: str


class ConversationsPage(BaseModel):
    """Newest first. `next`: give it as `before` to read on; null at the end."""

    conversations: list[ConversationModel]
    next: str | None


class MessageModel(BaseModel):
    id: str
    role: str
    text: str
    parent_id: str | None
    model: str | None
    status: str | None
    created_at: str


class MessagesPage(BaseModel):
    """The newest page first, the oldest message first within it."""

    messages: list[MessageModel]
    next: str | None


class Rename(BaseModel):
    title: Title


class AskTurn(BaseModel):
    """A question (`text`), or one asked before that is to be answered again (`message_id`); as `send` and `regenerate`
    have it. Make a new `request_id` for each, and send the very same again when no answer came.
    """

    request_id: uuid.UUID
    conversation_id: uuid.UUID = Field(description="A new one begins a conversation.")
    text: Text | None = None
    message_id: uuid.UUID | None = Field(default=None, description="Of a user message.")
    model: str | None = Field(default=None, description="One of the offered aliases.")
    parent_id: uuid.UUID | None = None
    attachments: list[str] | None = None
    on_busy: OnBusy | None = "queue"

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.text is None) == (self.message_id is None):
            raise PydanticCustomError(NEITHER_NOR, "either text or message_id")
        return self

    def frame(self) -> Send | Regenerate:
        """What a client on a websocket would say."""
        if self.message_id is not None:
            return Regenerate(self.request_id, self.conversation_id, self.message_id, self.model)
        asked = (self.request_id, self.conversation_id, self.text or "", self.model)
        return Send(*asked, self.parent_id, self.attachments, self.on_busy)


class AcceptedTurn(BaseModel):
    """Durable: it will be answered, whatever happens to this connection."""

    turn_id: str
    request_id: str


class OfferedModel(BaseModel):
    alias: str
    title: str


class OfferedModelsList(BaseModel):
    default: str
    models: list[OfferedModel]


class SignInRequest(BaseModel):
    name: str = Field(examples=["asha"])


class SignedIn(BaseModel):
    token: str
    user_id: str


def conversation_model(row: ConversationRow) -> ConversationModel:
    return ConversationModel(id=row.conversation_id, title=row.title, updated_at=rfc3339(row.updated_at_ms))


def message_model(row: MessageRow) -> MessageModel:
    return MessageModel(
        id=row.message_id,
        role=row.role,
        text=row.text,
        parent_id=row.parent_id,
        model=row.model,
        status=None if row.status is None else row.status.value,
        created_at=rfc3339(row.created_at_ms),
    )
