"""Pieces that several frames and records share."""

import msgspec


class UserMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question as frames show it. `id` is missing until the turn's first claim minted it."""

    text: str
    parent_id: str | None = None
    id: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """What an attempt cost, in tokens. `estimated` when the provider did not say."""

    input_tokens: int
    output_tokens: int
    estimated: bool
