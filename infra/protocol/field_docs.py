"""What a struct's fields mean: the text in the line below each field, as in settings and enums.

Such text costs nothing where frames are read and written: it is in the source alone, and only this program reads it.
"""

import ast
import inspect
import sys
from enum import Enum
from functools import cache
from itertools import pairwise

import msgspec

from infra.protocol.gap import ProtocolGap


def field_docs(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The meaning of each field. Raises ProtocolGap where one is missing."""
    said: dict[str, str] = {}
    for family in reversed(struct.__mro__):
        if family.__module__.startswith("schemas."):
            said |= _said_in(family)
    for field in struct.__struct_fields__:
        if field not in said:
            where = f"{struct.__module__.replace('.', '/')}.py"
            raise ProtocolGap(f"{where}: {struct.__name__}.{field} has no meaning: say it in a text below the field.")
    return {field: said[field] for field in struct.__struct_fields__}


def member_docs(words: type[Enum]) -> dict[str, str]:
    """The meaning of each member of an enum, by its value. Raises ProtocolGap where one is missing."""
    said = _said_in(words)
    for member in words:
        if member.name not in said:
            where = f"{words.__module__.replace('.', '/')}.py"
            raise ProtocolGap(f"{where}: {words.__name__}.{member.name} has no meaning: say it in a text below it.")
    return {member.value: said[member.name] for member in words}


def _said_in(family: type) -> dict[str, str]:
    said: dict[str, str] = {}
    lines = _classes_of(family.__module__).get(family.__name__, [])
    for line, below in pairwise(lines):
        name, text = _name(line), _text(below)
        if name is not None and text is not None:
            said[name] = " ".join(text.split())
    return said


@cache
def _classes_of(module: str) -> dict[str, list[ast.stmt]]:
    """What stands in each class of a module. Reading the source class by class parses the module for each."""
    source = ast.parse(inspect.getsource(sys.modules[module]))
    return {definition.name: definition.body for definition in source.body if isinstance(definition, ast.ClassDef)}


def _name(statement: ast.stmt) -> str | None:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return None


def _text(statement: ast.stmt) -> str | None:
    match statement:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return text
    return None
