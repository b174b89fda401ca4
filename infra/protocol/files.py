"""The committed files that are made from the structs: what they should say.

In: a checkout. Out: each file's path and text; of docs/protocol.md only what stands between its marks is replaced.
"""

import re
from pathlib import Path

from infra.protocol.asyncapi import asyncapi_yaml
from infra.protocol.gap import ProtocolGap
from infra.protocol.tables import parts

ASYNCAPI = Path("docs/protocol/asyncapi.yaml")
DOCUMENT = Path("docs/protocol.md")


def made_files(root: Path) -> dict[Path, str]:
    """Relative paths, and what should stand there. Raises ProtocolGap."""
    return {ASYNCAPI: asyncapi_yaml(), DOCUMENT: _with_parts((root / DOCUMENT).read_text())}


def _with_parts(document: str) -> str:
    for name, text in parts().items():
        mark = re.compile(rf"(<!-- made: {name} -->\n).*?(<!-- /made -->)", re.DOTALL)
        place = mark.search(document)
        if place is None:
            raise ProtocolGap(f"{DOCUMENT} has no place for the {name}: put `<!-- made: {name} -->` there.")
        before, after = place.span(1)[1], place.span(2)[0]
        document = f"{document[:before]}{text}\n{document[after:]}"
    return document
