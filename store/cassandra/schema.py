"""The keyspace's version: which numbered migrations there are, and whether a keyspace has just these."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.errors import StoreError

_FOLDER = Path(__file__).with_name("migrations")
_NAME = re.compile(r"(\d{4})_(\w+)\.cql")

VERSIONS_TABLE = "schema_migrations"


class NewerSchema(StoreError):
    """A newer program migrated the keyspace; this one would not understand it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name and its statements."""

    version: int
    name: str
    statements: tuple[str, ...]


def known_migrations() -> list[Migration]:
    """All that this program knows, in order."""
    return [_read(path) for path in sorted(_FOLDER.glob("*.cql"))]


def applied_versions(session: Any, keyspace: str) -> set[int]:
    """What was applied to the keyspace; blocks. The driver's InvalidRequest if nobody ever migrated it."""
    rows = session.execute(f"SELECT version FROM {keyspace}.{VERSIONS_TABLE}")
    return {version for (version,) in rows.all() if version > 0}


def check_schema(session: Any, keyspace: str) -> None:
    """Raises StoreError if the keyspace is missing or older than this program, NewerSchema if it is newer. Blocks."""
    known = {migration.version for migration in known_migrations()}
    tables = session.cluster.metadata.keyspaces.get(keyspace)
    if tables is None or VERSIONS_TABLE not in tables.tables:
        raise StoreError(f"there is no keyspace {keyspace} with Samvad's tables: run samvad migrate")
    applied = applied_versions(session, keyspace)
    refuse_newer(keyspace, applied, known)
    if known - applied:
        raise StoreError(f"keyspace {keyspace} is older than this program: run samvad migrate")


def refuse_newer(keyspace: str, applied: set[int], known: set[int]) -> None:
    """Raises NewerSchema."""
    if applied - known:
        raise NewerSchema(
            f"keyspace {keyspace} was migrated by a newer Samvad (schema {max(applied)}, this one knows {max(known)}): "
            "upgrade this program"
        )


def _read(path: Path) -> Migration:
    found = _NAME.fullmatch(path.name)
    assert found is not None, f"{path.name} is not named like 0001_tables.cql"
    lines = path.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    statements = tuple(statement.strip() for statement in text.split(";") if statement.strip())
    return Migration(int(found[1]), found[2], statements)
