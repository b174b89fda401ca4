"""What the REST API says and takes, as OpenAPI describes it (DESIGN 8)."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from schemas.clock import rfc3339
from store.rows import ConversationRow, MessageRow

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
