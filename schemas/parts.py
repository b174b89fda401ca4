"""Pieces that several frames and records share."""

from collections.abc import Collection

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


def sum_of(usages: Collection[Usage]) -> Usage:
    """All of them together; one estimate makes the sum an estimate."""
    return Usage(
        sum(usage.input_tokens for usage in usages),
        sum(usage.output_tokens for usage in usages),
        estimated=any(usage.estimated for usage in usages),
    )
