"""What is asked of a system, and how much of it at once. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """`streams` users at once, each asking `turns_each` times in a round, for answers of `chunks` tokens that the
    provider sends `pause_ms` apart. They begin evenly over `spread_seconds`: people do not press enter in the same
    millisecond."""

    streams: int
    chunks: int
    pause_ms: int
    rounds: int
    turns_each: int
    spread_seconds: float

    @property
    def model(self) -> str:
        """The practice model that answers like this."""
        return f"practice-{self.chunks}x{self.pause_ms}"

    @property
    def turns(self) -> int:
        """In all rounds together."""
        return self.streams * self.rounds * self.turns_each

    @property
    def title(self) -> str:
        return title_of(self.streams, self.pause_ms)


def title_of(streams: int, pause_ms: int) -> str:
    """A load in a table's words."""
    return f"{'1 stream' if streams == 1 else f'{streams} streams'} × {1000 // pause_ms}/s"
