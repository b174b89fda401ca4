"""A chunk that can't be read is a provider's fault: LiteLLM takes it for an empty one, and the answer would go on
with a word missing and look whole (found by `samvad prove`; LiteLLM 1.106-1.109, `BaseModelResponseIterator`).

In: LiteLLM's reading of one line of a stream. Out: the same, or a ValueError, which LiteLLM raises as a broken stream.
"""

from typing import Any

from litellm.llms.base_llm.base_model_iterator import BaseModelResponseIterator

DATA = "data:"
DONE = "[DONE]"

_read_line = BaseModelResponseIterator._string_to_dict_parser


class BrokenChunk(ValueError):
    """A line of data that is no JSON. It says nothing of what the line was: that may be somebody's text."""


def read_line(str_line: str) -> dict[str, Any] | None:
    """The line's object; None for a line without data, and for the end mark. Raises BrokenChunk."""
    found: dict[str, Any] | None = _read_line(str_line)
    line = str_line.strip()
    has_data = line.startswith(DATA) and line.removeprefix(DATA).strip() not in ("", DONE)
    if found is None and has_data:
        raise BrokenChunk
    return found


def refuse_broken_chunks() -> None:
    """From now on, in this process."""
    BaseModelResponseIterator._string_to_dict_parser = staticmethod(read_line)
