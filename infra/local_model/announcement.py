"""The one line that the child says to its parent: where it answers, or why it cannot. JSON, ended by a newline."""

import msgspec


class Announcement(msgspec.Struct, frozen=True, omit_defaults=True):
    """Either `base_url` (ending in /v1, as OpenAI clients want it) and `model`, or `error`, one sentence."""

    base_url: str = ""
    model: str = ""
    error: str = ""

    def to_line(self) -> bytes:
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Announcement":
        """Raises msgspec.DecodeError when the line is something else."""
        return msgspec.json.decode(line, type=cls)
