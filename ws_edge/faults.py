"""Which field of what a client sent can't be read, and why: words for developers that repeat nothing of it. Pure.

In: the reason of `codec.Unreadable`, or pydantic's errors. Out: an error's sentence. Names and bounds in it are those
of our own structs and models, and no more than three faults are told.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from schemas.errors import ErrorCode

MAX_FAULTS = 3
NEITHER_NOR = "neither_nor"
"""pydantic's type of the error of a question that has both `text` and `message_id`, or none of them."""


class Wrong(StrEnum):
    """What may be wrong with a field, as the second half of a sentence."""

    MISSING = "is missing"
    KIND = "is of the wrong type"
    NO_UUID = "is no UUID"
    NO_SUCH_WORD = "is none of the words that it may be"
    OUT_OF_BOUNDS = "is out of bounds"
    REFUSED = "is not as it has to be"
    NOT_ONE_OF_BOTH = "or `message_id` has to be there, and not both"
    NO_OBJECT = "is no JSON object"


@dataclass(frozen=True, slots=True)
class Fault:
    """`field`: None for all that came. `bound`: what it goes beyond, such as `of length <= 50`, where that is known.
    `is_within`: it is an element of the field.
    """

    field: str | None
    wrong: Wrong
    bound: str | None = None
    is_within: bool = False

    def __str__(self) -> str:
        what = "it" if self.field is None else f"{'something in ' if self.is_within else ''}`{self.field}`"
        return f"{what} {self.wrong}" + (f" (must be {self.bound})" if self.bound else "")


def sentence(code: ErrorCode, faults: Sequence[Fault]) -> str:
    """The code's own words, and the faults between its first sentence and the next."""
    if not faults:
        return code.text
    first, _, then = code.text.partition(".")
    return f"{first}: {'; '.join(str(fault) for fault in faults[:MAX_FAULTS])}.{then}"


_PLACE = re.compile(r"(?:required field `|(?P<key>`key` in )?`\$\.)(?P<field>[a-z_]{1,40})(?P<element>\[)?")
_BOUND = re.compile(r"Expected `\w+` (?:(of length) )?([<>]= \d{1,20})")
_OF_FRAMES = (
    ("missing required field", Wrong.MISSING),
    ("Invalid UUID", Wrong.NO_UUID),
    ("Expected `uuid", Wrong.NO_UUID),
    ("Invalid enum value", Wrong.NO_SUCH_WORD),
)


def fault_of_frame(reason: str) -> Fault:
    """From msgspec's sentence about a client frame."""
    place = _PLACE.search(reason)
    if place is None:
        return Fault(None, Wrong.NO_OBJECT)
    is_within = bool(place["key"] or place["element"])
    if bound := _BOUND.match(reason):
        return Fault(place["field"], Wrong.OUT_OF_BOUNDS, " ".join(filter(None, bound.groups())), is_within)
    wrong = next((wrong for words, wrong in _OF_FRAMES if words in reason), Wrong.KIND)
    return Fault(place["field"], wrong, is_within=is_within)


_OF_REQUESTS = (
    (re.compile("missing"), Wrong.MISSING),
    (re.compile("uuid_.*"), Wrong.NO_UUID),
    (re.compile("literal_error|enum"), Wrong.NO_SUCH_WORD),
    (re.compile(".*(too_long|too_short)|(greater|less)_than.*"), Wrong.OUT_OF_BOUNDS),
    (re.compile(".*_type|.*_parsing"), Wrong.KIND),
)


def faults_of_request(errors: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """From pydantic's errors: their `loc` and `type`, never `input`, nor what else may hold a piece of it."""
    return [_fault_of_request(error["loc"], error["type"]) for error in errors[:MAX_FAULTS]]


def _fault_of_request(loc: Sequence[str | int], kind: str) -> Fault:
    """`loc` begins with `body`, `query` or `path`. A field that we do not know is the client's own word."""
    if kind == NEITHER_NOR:
        return Fault("text", Wrong.NOT_ONE_OF_BOTH)
    field = next((name for name in loc[1:2] if isinstance(name, str) and kind != "extra_forbidden"), None)
    if field is None and kind != "value_error":
        return Fault(None, Wrong.NO_OBJECT)
    wrong = next((wrong for pattern, wrong in _OF_REQUESTS if pattern.fullmatch(kind)), Wrong.REFUSED)
    return Fault(field, wrong, is_within=len(loc) > 2)
