"""What is asked of Cassandra: statements of some kinds, which decide consistency and whether to try again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_TABLE = re.compile(r"\b(FROM|INTO|UPDATE) (\w+)")


class Kind(Enum):
    """How a statement is run."""

    READ = "read"
    """At LOCAL_QUORUM: sees every write that was acknowledged."""
    SERIAL_READ = "serial read"
    """At SERIAL: finishes or drops a compare-and-set whose outcome nobody knows, then reads."""
    WRITE = "write"
    """At LOCAL_QUORUM. The same again changes nothing: keys and timestamps come from what is written."""
    COMPARE_AND_SET = "compare-and-set"
    """Paxos at SERIAL, committed at LOCAL_QUORUM. Never repeated below the caller, who recognises its own."""


@dataclass(frozen=True, slots=True)
class Statement:
    """CQL with `?` for each parameter. Prepared once for each connection to a cluster."""

    cql: str
    kind: Kind
    passes_by: bool = False
    """Whether it runs at once, however many others wait for their turn (permits.py)."""

    def cql_in(self, keyspace: str) -> str:
        """With the keyspace named at its table: `USE` would make the server warn of every prepared statement."""
        return _TABLE.sub(rf"\1 {keyspace}.\2", self.cql)

    @property
    def may_be_repeated(self) -> bool:
        return self.kind is not Kind.COMPARE_AND_SET


Write = tuple[Statement, Sequence[object]]
"""A write with its parameters, for a batch."""
