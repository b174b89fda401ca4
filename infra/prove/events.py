"""What a proof is made from: a history of events, one JSON object a line, told apart by `what`.

`at` is the driver's monotonic clock in seconds, the same in all of its lines: faults and clients share one machine.
`client` names one simulated device, `session` one of its websocket connections.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from schemas.usage import UsageRecord
from store.rows import MessageRow, TurnRow


class Event(msgspec.Struct, tag_field="what", frozen=True, kw_only=True, omit_defaults=True):
    """The family of events."""

    at: float


class Connected(Event, tag="connected", frozen=True, kw_only=True):
    """A session began: `ready` came."""

    client: str
    user_id: str
    session: str
    edge: str


class Disconnected(Event, tag="disconnected", frozen=True, kw_only=True):
    """A session ended, for whatever reason."""

    client: str
    session: str


class Asked(Event, tag="asked", frozen=True, kw_only=True):
    """A client asked: once for each request, however often it is sent again. `number` counts within a conversation."""

    client: str
    user_id: str
    conversation_id: str
    request_id: str
    turn_id: str
    number: int
    text: str
    model: str
    on_busy: str = "queue"


class StopAsked(Event, tag="stop_asked", frozen=True, kw_only=True):
    """A client asked to stop a turn."""

    client: str
    turn_id: str


class Received(Event, tag="received", frozen=True, kw_only=True):
    """One frame as it came in over a session, before any rule was applied to it."""

    client: str
    session: str
    frame: msgspec.Raw


class GaveUp(Event, tag="gave_up", frozen=True, kw_only=True):
    """A client waited for its turn's end no longer: the turn is *unknown* to it, not failed."""

    client: str
    turn_id: str


class FaultBegan(Event, tag="fault_began", frozen=True, kw_only=True):
    """A fault was put in. `fault` is its kind as the table names it, `target` the process or the link.

    `turns`: those that ran there at that moment, as far as the driver knew; of a provider's fault, the turn it hit.
    """

    fault: str
    target: str
    turns: tuple[str, ...] = ()


class FaultEnded(Event, tag="fault_ended", frozen=True, kw_only=True):
    """The fault is over (a process started again or continued, a link restored)."""

    fault: str
    target: str


class Call(Event, tag="call", frozen=True, kw_only=True):
    """One call that the practice provider got; `at` is when it began, on this machine's monotonic clock.

    `seed` tells which answer it gave; `question` is the newest user message's text; `closed_at` None: still open.
    """

    call_id: str
    model: str
    question: str
    seed: int | None = None
    tokens_sent: int = 0
    ended: str | None = None
    closed_at: float | None = None


class Published(Event, tag="published", frozen=True, kw_only=True):
    """One record of `chat.replies`, in the order of its partition, read after the run. `at` is the broker's time."""

    partition: int
    offset: int
    user_id: str
    turn_id: str | None
    seq: int | None
    kind: str
    frame: msgspec.Raw


class StoredTurn(Event, tag="stored_turn", frozen=True, kw_only=True):
    """A turn's row when all was over."""

    row: TurnRow


class StoredMessage(Event, tag="stored_message", frozen=True, kw_only=True):
    """A message of a conversation when all was over, in the order of history."""

    user_id: str
    conversation_id: str
    message: MessageRow


class Billed(Event, tag="billed", frozen=True, kw_only=True):
    """One record of `chat.usage`, in the order of its partition."""

    record: UsageRecord


AnyEvent = (
    Connected
    | Disconnected
    | Asked
    | StopAsked
    | Received
    | GaveUp
    | FaultBegan
    | FaultEnded
    | Call
    | Published
    | StoredTurn
    | StoredMessage
    | Billed
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def line_of(event: AnyEvent) -> bytes:
    """The event as a line of a history file."""
    return _encoder.encode(event) + b"\n"


def read_history(files: Iterable[Path]) -> Iterator[AnyEvent]:
    """The events of history files, file by file. Raises msgspec.ValidationError for a line that is none."""
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                yield _decoder.decode(line)
