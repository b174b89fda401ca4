"""`samvad protocol`: the websocket protocol as an AsyncAPI 3.0 document, made from the structs."""

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.refusals import clear_refusals
from infra.protocol.asyncapi import asyncapi_yaml
from infra.protocol.files import made_files

Write = Annotated[
    bool,
    typer.Option("--write", help="Bring docs/protocol/asyncapi.yaml and docs/protocol.md of this folder up to date."),
]


def protocol(write: Write = False) -> None:
    """Print the websocket protocol as AsyncAPI 3.0."""
    with clear_refusals():
        if not write:
            print(asyncapi_yaml(), end="")
            return
        for path, text in made_files(Path()).items():
            path.write_text(text, encoding="utf-8")
            print(path)
