"""The generated parts of docs/protocol.md: what each frame carries, the error codes, the close codes. Markdown.

In: the same as of the AsyncAPI document. Out: text by the name of its place in the document.
"""

import json
from collections.abc import Iterable
from typing import Any

from infra.protocol.close_codes import close_meanings
from infra.protocol.examples import example_of
from infra.protocol.field_docs import member_docs
from infra.protocol.frames import CLIENT_FRAMES, SERVER_FRAMES, Frame, type_of
from infra.protocol.json_schemas import OBJECTS, Schema, json_schemas
from schemas.errors import ErrorCode
from schemas.statuses import TurnStatus

LONG_EXAMPLE = 100
OBJECT_WORDS = {"ErrorCode": "error code", "TurnStatus": "status"}


def parts() -> dict[str, str]:
    """Raises ProtocolGap where something is not described."""
    schemas = json_schemas()
    return {
        "client frames": _frames(CLIENT_FRAMES.values(), schemas),
        "server frames": _frames(SERVER_FRAMES.values(), schemas),
        "objects": "\n\n".join(_object(one, schemas[one.__name__]) for one in OBJECTS),
        "statuses": _table(
            ("status", "meaning"), ((f"`{name}`", text) for name, text in member_docs(TurnStatus).items())
        ),
        "error codes": _table(("code", "temporary", "sentence"), (_error(code) for code in ErrorCode)),
        "close codes": _table(
            ("code", "why", "what the client does"),
            ((str(int(code)), meaning.why, meaning.then) for code, meaning in close_meanings().items()),
        ),
    }


def _frames(frames: Iterable[Frame], schemas: dict[str, Schema]) -> str:
    return "\n\n".join(_frame(frame, schemas[frame.__name__]) for frame in frames)


def _frame(frame: Frame, schema: Schema) -> str:
    example = json.dumps(example_of(frame), ensure_ascii=False)
    if len(example) > LONG_EXAMPLE:
        example = json.dumps(json.loads(example), ensure_ascii=False, indent=2)
    return f"### `{type_of(frame)}`\n{_object_text(frame, schema)}\n```json\n{example}\n```"


def _object(struct: Frame, schema: Schema) -> str:
    return f"### {struct.__name__}\n{_object_text(struct, schema)}".rstrip()


def _object_text(struct: Frame, schema: Schema) -> str:
    rows = [
        (f"`{name}`" + ("" if name in schema["required"] else "?"), _kind(field), field["description"])
        for name, field in schema["properties"].items()
        if name != "type"
    ]
    about = " ".join((struct.__doc__ or "").split())
    return about + "\n\n" + (_table(("field", "type", "meaning"), rows) + "\n" if rows else "")


def _kind(field: dict[str, Any]) -> str:
    """A field's type in words."""
    match field:
        case {"anyOf": [kind, {"type": "null"}]}:
            words = f"{_kind(kind)} or null"
        case {"allOf": [{"$ref": str(ref)}]} | {"$ref": str(ref)}:
            name = ref.rpartition("/")[2]
            words = OBJECT_WORDS.get(name, name)
        case {"enum": values}:
            words = " or ".join(f"`{value}`" for value in values)
        case {"type": "array", "items": items}:
            words = f"list of {_kind(items)}"
        case {"type": "object", "additionalProperties": values}:
            words = f"object: {_kind(values)} by name"
        case _:
            words = "UUID" if field.get("format") == "uuid" else str(field["type"])
    return words


def _error(code: ErrorCode) -> tuple[str, str, str]:
    return f"`{code}`", "yes" if code.temporary else "no", code.text


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
