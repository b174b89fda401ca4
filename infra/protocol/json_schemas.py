"""JSON Schemas of all frames and of what they are made of, with a description of each field.

In: the structs. Out: schemas by name, as `components/schemas` of AsyncAPI holds them.
"""

from typing import Any

import msgspec

from infra.protocol.field_docs import field_docs
from infra.protocol.frames import CLIENT_FRAMES, SERVER_FRAMES, Frame
from schemas.frames import WatchedTurn
from schemas.parts import Usage, UserMessage

OBJECTS = (UserMessage, Usage, WatchedTurn)
"""What several frames carry."""
REF = "#/components/schemas/{name}"

Schema = dict[str, Any]


def json_schemas() -> dict[str, Schema]:
    """By the structs' names. Raises ProtocolGap where a field is not described."""
    structs: list[Frame] = [*CLIENT_FRAMES.values(), *SERVER_FRAMES.values(), *OBJECTS]
    _, schemas = msgspec.json.schema_components(structs, ref_template=REF)
    for schema in schemas.values():
        if "description" in schema:  # a docstring: Python 3.13 indents it otherwise than those before
            schema["description"] = " ".join(schema["description"].split())
    for struct in structs:
        _describe(schemas[struct.__name__], struct)
    schemas["ErrorCode"] = _open(schemas["ErrorCode"])
    return dict(schemas)


def _open(words: Schema) -> Schema:
    """Today's words, and any of tomorrow: a client must not refuse a frame for a word that it does not know."""
    known = {"enum": words.pop("enum"), "description": "The codes of today, see x-error-codes."}
    return {**words, "anyOf": [known, {"type": "string", "description": "A code of a newer server."}]}


def _describe(schema: Schema, struct: Frame) -> None:
    fields = field_docs(struct)
    leaves_out_null = struct.__struct_config__.omit_defaults
    for name, field in schema["properties"].items():
        if leaves_out_null:
            _without_null(field)
        if name in fields:
            field.update(_described(field, fields[name]))


def _described(field: Schema, meaning: str) -> Schema:
    """Beside a `$ref` other keywords are ignored in the JSON Schema that AsyncAPI uses."""
    if "$ref" not in field:
        return {"description": meaning}
    return {"allOf": [{"$ref": field.pop("$ref")}], "description": meaning}


def _without_null(field: Schema) -> None:
    """Our server leaves such a field out; it never sends null for it."""
    if field.get("default", ...) is None:
        del field["default"]
        (kind,) = (one for one in field.pop("anyOf") if one != {"type": "null"})
        field.update(kind)
