"""Step 5 of a message's life: what the model is shown, within its token budget. Pure.

In: a system prompt, the conversation's path (oldest first) and the question. Out: messages in the provider's shape.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from store.rows import MessageRow

ProviderMessage = dict[str, str]

# Token counts are estimated from UTF-8 bytes: about 4 bytes per token in English prose, 3 in code and other scripts.
# The smaller figure overestimates, which costs old context and never a refused request.
BYTES_PER_TOKEN = 3
TOKENS_PER_MESSAGE = 4


class QuestionTooLong(ValueError):
    """The question alone does not fit into the model's budget."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is sent to a provider. `input_tokens` is our estimate; `dropped` counts messages of the path left out."""

    messages: list[ProviderMessage]
    input_tokens: int
    dropped: int


def estimate_tokens(text: str) -> int:
    """A cautious estimate of a text's tokens."""
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def build_context(system_prompt: str | None, path: Sequence[MessageRow], question: str, budget_tokens: int) -> Context:
    """The newest part of `path` (oldest first) that fits, after the system prompt and before the question.

    Raises QuestionTooLong.
    """
    around = _around(system_prompt, question)
    room_tokens = room_for_path(system_prompt, question, budget_tokens)
    if room_tokens < 0:
        raise QuestionTooLong(f"about {budget_tokens - room_tokens} tokens, the model takes {budget_tokens}")
    kept = _from_a_question_on(_newest_that_fit(list(_said(path, room_tokens)), room_tokens))
    used = budget_tokens - room_tokens + sum(map(_cost, kept))
    return Context([*around[:-1], *kept, around[-1]], used, dropped=len(path) - len(kept))


def room_for_path(system_prompt: str | None, question: str, budget_tokens: int) -> int:
    """The tokens that are left for the conversation's past; below 0 if the question alone is too long."""
    return budget_tokens - sum(map(_cost, _around(system_prompt, question)))


def fills(path: Sequence[MessageRow], room_tokens: int) -> bool:
    """Whether a path, of which the oldest part may be missing, has all that a context of that room can take."""
    return sum(map(_cost, _said(path, room_tokens))) > room_tokens


def _around(system_prompt: str | None, question: str) -> list[ProviderMessage]:
    opening = [_message("system", system_prompt)] if system_prompt else []
    return [*opening, _message("user", question)]


def _said(path: Sequence[MessageRow], room_tokens: int) -> Iterator[ProviderMessage]:
    # A question that was refused for its length would push out everything before it, for ever.
    for row, answer in zip_longest(path, path[1:]):
        message = _message(row.role, row.text)
        is_unanswered = answer is not None and not answer.text
        if row.text and not (is_unanswered and _cost(message) > room_tokens):
            yield message


def _newest_that_fit(messages: Sequence[ProviderMessage], budget_tokens: int) -> list[ProviderMessage]:
    kept: list[ProviderMessage] = []
    for message in reversed(messages):
        budget_tokens -= _cost(message)
        if budget_tokens < 0:
            break
        kept.append(message)
    return kept[::-1]


def _from_a_question_on(messages: list[ProviderMessage]) -> list[ProviderMessage]:
    # An answer without its question confuses models, and some providers refuse a conversation that begins with one.
    first = next((i for i, message in enumerate(messages) if message["role"] == "user"), len(messages))
    return messages[first:]


def _message(role: str, text: str) -> ProviderMessage:
    return {"role": role, "content": text}


def _cost(message: ProviderMessage) -> int:
    return estimate_tokens(message["content"]) + TOKENS_PER_MESSAGE


def path_to(leaf: str | None, rows: Iterable[MessageRow]) -> list[MessageRow]:
    """The messages from the oldest known ancestor to `leaf`, oldest first."""
    by_id = {row.message_id: row for row in rows}
    path: list[MessageRow] = []
    row = by_id.pop(leaf, None) if leaf else None
    while row is not None:
        path.append(row)
        row = by_id.pop(row.parent_id, None) if row.parent_id else None
    return path[::-1]
