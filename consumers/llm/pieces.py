"""What comes through the door: pieces of an answer, switches to another model, its end, and faults."""

from dataclasses import dataclass

from consumers.llm.gates_told import ToldLimits
from schemas.errors import ErrorCode
from schemas.parts import Usage


@dataclass(frozen=True, slots=True)
class Piece:
    """Text as the provider sent it. Reasoning is shown apart and is no part of the answer."""

    text: str
    is_reasoning: bool = False


@dataclass(frozen=True, slots=True)
class Switch:
    """After a fault another deployment goes on from the first `keep` code points of the answer; models are aliases.

    Both are the same where the deployments serve one alias. `reason` is the fault's error code.
    """

    keep: int
    from_model: str
    to_model: str
    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """The provider finished. `alias` is the one that answered, after fallbacks."""

    finish_reason: str
    usage: Usage | None
    alias: str


Told = Piece | Switch | End
"""An answer is told as pieces and switches, and one End."""


class ProviderFault(Exception):
    """A provider did not do its part. `code` is what the user is told if nobody else answers.

    `try_another` is False where another deployment would fail in the same way (the request itself is refused).
    `broken_off`: the fault that ended the text said last, where whoever asks again has to tell of a switch.
    `limits`: what the provider told of its limits, on a refusal because of them.
    """

    def __init__(
        self, code: ErrorCode, error_type: str, try_another: bool = True, limits: ToldLimits | None = None
    ) -> None:
        super().__init__(f"{code}: {error_type}")
        self.code = code
        self.error_type = error_type
        self.try_another = try_another
        self.limits = limits
        self.broken_off: ErrorCode | None = None


class EverythingBusy(ProviderFault):
    """No deployment of the chain may be asked right now, and one may be later: wait, then ask again.

    `retry_after_seconds`: how long at least. `failed`: deployments that failed otherwise; ask the others only.
    """

    def __init__(self, code: ErrorCode, retry_after_seconds: float, failed: frozenset[str] = frozenset()) -> None:
        super().__init__(code, "everything_busy")
        self.retry_after_seconds = retry_after_seconds
        self.failed = failed


class EmptyAnswer(ProviderFault):
    """A deployment ended without a word. If nobody says more, its `end` is the answer's."""

    def __init__(self, end: End) -> None:
        super().__init__(ErrorCode.PROVIDER_FAILED, "empty_answer")
        self.end = end
