"""The text of practice answers. Pure.

In: a seed, or the messages to echo. Out: tokens that are never equal for long (L9: LiteLLM takes 100 equal chunks
for a fault) and the same for the same seed, so that every answer differs from others and can be known again: also
from its beginning, to go on from there.
"""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

# fmt: off
_WORDS = (
    "river", "lantern", "walks", "under", "quiet", "copper", "trees", "while", "seven", "boats",
    "carry", "letters", "north", "and", "morning", "opens", "green", "windows", "above",
    "another", "patient", "market", "where", "voices", "trade", "salt", "for", "stories",
)
# fmt: on
_OPENING = re.compile(r"Answer (\d{1,18}):", re.ASCII)


def answer_tokens(seed: int) -> Iterator[str]:
    """Endless: "Answer 7:" and then words, with the token's own index after every round of the list."""
    yield f"Answer {seed}:"
    for index in itertools.count(1):
        word = _WORDS[(seed + index) % len(_WORDS)]
        yield f" {word} {index}." if index % len(_WORDS) == 0 else f" {word}"


def seed_of(beginning: str) -> int | None:
    """The seed of the answer that begins like this, if it is one of ours."""
    known = _OPENING.match(beginning)
    return int(known[1]) if known else None


def rest_of(tokens: Iterable[str], beginning: str) -> Iterator[str]:
    """What follows after `beginning` in the text that the tokens make; the first may be the rest of a token."""
    unsaid = len(beginning)
    for token in tokens:
        if unsaid < len(token):
            yield token[unsaid:]
        unsaid = max(0, unsaid - len(token))


def unfinished_answer(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of a last message that is the assistant's, which is to be gone on with; else empty."""
    last = messages[-1] if messages else {}
    return "".join(_texts(last.get("content"))) if last.get("role") == "assistant" else ""


def pieces(text: str, count: int) -> list[str]:
    """`text` cut into at most `count` pieces of equal length, but at least one; together they are `text`."""
    size = math.ceil(len(text) / max(count, 1)) or 1
    return [text[start : start + size] for start in range(0, len(text), size)]


def count_words(messages: Sequence[Mapping[str, Any]]) -> int:
    """Words in the messages' texts, whether plain strings or lists of parts: a rough count of prompt tokens."""
    return sum(len(text.split()) for message in messages for text in _texts(message.get("content")))


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
