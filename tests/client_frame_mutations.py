"""Client frames gone wrong in every way that JSON allows, and in some that it does not: the same ones for one seed.

In: a seed. Out: texts. Each began as a valid frame, and one to three things were done to it; CANARY stands in whatever
free text there was, so that a test can look for it where it must not be.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

CANARY = "canary-8842"

Frame = dict[str, Any]
Change = Callable[[random.Random, Frame], None]


def mutations(seed: int, count: int) -> Iterator[str]:
    """So many texts."""
    draw = random.Random(seed)
    for _ in range(count):
        frame = draw.choice(VALID)(draw)
        for _ in range(draw.randint(1, 3)):
            draw.choice(CHANGES)(draw, frame)
        text = json.dumps(frame, ensure_ascii=draw.random() < 0.5)
        yield draw.choice(SPOILINGS)(draw, text) if draw.random() < 0.4 else text


def _id(draw: random.Random) -> str:
    digits = f"{draw.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


VALID: list[Callable[[random.Random], Frame]] = [
    lambda draw: {"type": "hello", "token": CANARY},
    lambda draw: {
        "type": "send",
        "request_id": _id(draw),
        "conversation_id": _id(draw),
        "text": f"{CANARY} क्यों?",
        "model": "fast",
        "parent_id": _id(draw),
        "on_busy": "queue",
    },
    lambda draw: {"type": "send", "request_id": _id(draw), "conversation_id": _id(draw), "text": CANARY},
    lambda draw: {
        "type": "regenerate",
        "request_id": _id(draw),
        "conversation_id": _id(draw),
        "message_id": _id(draw),
    },
    lambda draw: {"type": "stop", "turn_id": _id(draw)},
    lambda draw: {"type": "watch", "conversation_id": _id(draw), "after": {_id(draw): 1_000_003, _id(draw): 0}},
    lambda draw: {"type": "unwatch", "conversation_id": _id(draw)},
    lambda draw: {"type": "ping", "nonce": CANARY},
]

ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, -0.0, float("nan"), float("inf"), float("-inf"), 2**31, 2**53 + 1, 2**63,
    2**64, -(2**63) - 1, 10**400, "", " ", "\x00", "\u202e", "\ud800", "\udfff\ud800", "\uffff", "💥" * 3, "null",
    "../../etc/passwd", "' OR 1=1 --", "${jndi:ldap://x}", "<script>", CANARY, CANARY * 50, [], {}, [[]], [None],
    [CANARY], "NaN",
    {"": ""}, {CANARY: CANARY}, {"type": "send"}, [{"type": "ping"}], "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-0000-0000-000000000000}", "0" * 32, "not-a-uuid", "00000000-0000-0000-0000-00000000000g",
    "urn:uuid:00000000-0000-0000-0000-000000000000",
]  # fmt: skip
NAMES = ["type", "token", "request_id", "conversation_id", "text", "turn_id", "message_id", "after", "nonce", "model",
         "parent_id", "attachments", "on_busy", "", "__class__", "\ud83d", CANARY, "Type", "TYPE", "type "]  # fmt: skip
TYPES = ["hello", "send", "regenerate", "stop", "watch", "unwatch", "ping", "pong", "ready", "accepted", "dance", "",
         "SEND", "send ", "\x00", CANARY, "x" * 500]  # fmt: skip


def _set(draw: random.Random, frame: Frame) -> None:
    frame[draw.choice(list(frame) or NAMES)] = draw.choice(ODD_VALUES)


def _add(draw: random.Random, frame: Frame) -> None:
    frame[draw.choice(NAMES)] = draw.choice(ODD_VALUES)


def _drop(draw: random.Random, frame: Frame) -> None:
    if frame:
        del frame[draw.choice(list(frame))]


def _retype(draw: random.Random, frame: Frame) -> None:
    frame["type"] = draw.choice(TYPES)


def _nest(draw: random.Random, frame: Frame) -> None:
    deep: Any = CANARY
    for _ in range(draw.randint(1, 40)):
        deep = [deep] if draw.random() < 0.5 else {"x": deep}
    frame[draw.choice(NAMES)] = deep


CURSORS = [0, 0, 0, 1_000_001, -1, 2**63, 1.0, "1", None]


def _many_cursors(draw: random.Random, frame: Frame) -> None:
    frame["after"] = {_id(draw): draw.choice(CURSORS) for _ in range(draw.choice([0, 1, 2, 50, 51]))}


CHANGES: list[Change] = [_set, _set, _set, _add, _add, _drop, _drop, _retype, _nest, _many_cursors]


def _cut(draw: random.Random, text: str) -> str:
    return text[: draw.randrange(len(text) + 1)]


def _swap(draw: random.Random, text: str) -> str:
    where = draw.randrange(len(text))
    return text[:where] + draw.choice('{}[]",:\\0-eE.x\x00\x7f€\u2028') + text[where + 1 :]


def _repeat_a_name(draw: random.Random, text: str) -> str:
    again = f'"{draw.choice(NAMES[:12])}":{json.dumps(draw.choice(ODD_VALUES))}'
    return text[:-1] + ("," if len(text) > 2 else "") + again + "}"


def _very_deep(draw: random.Random, text: str) -> str:
    return draw.choice(['{"type":"ping","x":', "", '{"type":']) + draw.choice("[{") * draw.randint(100, 5000)


def _around(draw: random.Random, text: str) -> str:
    return draw.choice(["[{}]", "\ufeff{}", " {}\n", "{}{}", "{},", "//\n{}", "'{}'"]).replace("{}", text)


def _unquoted(draw: random.Random, text: str) -> str:
    return text.replace('"', draw.choice(["'", "", '\\"', "“"]))


def _numbers(draw: random.Random, text: str) -> str:
    return text.replace("0", draw.choice(["00", "0x0", "1e999", "-", "0.", "+0", "NaN"]), 1)


def _escapes(draw: random.Random, text: str) -> str:
    return text.replace("a", draw.choice(["\\ud800", "\\udc00\\ud800", "\\u00", "\\x41", "\\u0000", "\\/"]), 1)


SPOILINGS: list[Callable[[random.Random, str], str]] = [
    _cut, _swap, _swap, _repeat_a_name, _very_deep, _around, _unquoted, _numbers, _escapes,
]  # fmt: skip
