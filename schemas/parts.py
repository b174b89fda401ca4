"""Pieces that several frames and records share."""

from collections.abc import Collection

import msgspec


class UserMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question as frames show it. `id` is missing until the turn's first claim minted it, if it is new."""

    text: str
    """The question."""
    parent_id: str | None = None
    """The message that it goes on from; absent for the first of a conversation."""
    id: str | None = None
    """Its message id; absent until the first attempt has begun, but for a question that is answered again."""


class Usage(msgspec.Struct, frozen=True):
    """What an attempt cost, in tokens. `estimated` when the provider did not say."""

    input_tokens: int
    """What the model was given."""
    output_tokens: int
    """What it wrote."""
    estimated: bool
    """`true` if the provider did not say and the numbers are ours."""


def sum_of(usages: Collection[Usage]) -> Usage:
    """All of them together; one estimate makes the sum an estimate."""
    return Usage(
        sum(usage.input_tokens for usage in usages),
        sum(usage.output_tokens for usage in usages),
        estimated=any(usage.estimated for usage in usages),
    )
