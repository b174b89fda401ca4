"""What an attempt's answer cost, where several models wrote it: a leg for each of them. Pure (DESIGN 6, "Details").

In: what the door tells, and at the end the last provider's own figures if it gave any. Out: the sum of all legs.
A leg that broke off is estimated from what it said; text that a leg was given to go on from is its input.
"""

from consumers.context import estimate_tokens
from consumers.llm.pieces import Piece, Switch
from schemas.parts import Usage, sum_of


class Legs:
    """The legs of one attempt; the last one runs. `length` counts the characters of the answer and the running leg's
    reasoning.
    """

    def __init__(self, input_tokens: int, kept: str = "") -> None:
        self._input_tokens = input_tokens
        self._kept = kept
        self._answer: list[str] = []
        self._reasoning: list[str] = []
        self._broken_off: list[Usage] = []
        self.length = len(kept)

    def add(self, told: Piece | Switch) -> None:
        if isinstance(told, Switch):
            return self._switch(told.keep)
        (self._reasoning if told.is_reasoning else self._answer).append(told.text)
        self.length += len(told.text)
        return None

    def total(self, said_by_provider: Usage | None) -> Usage:
        """All legs; the running one as its provider said, or estimated."""
        return sum_of([*self._broken_off, said_by_provider or self._estimate()])

    def _switch(self, keep: int) -> None:
        self._broken_off.append(self._estimate())
        self._kept = (self._kept + "".join(self._answer))[:keep]
        self._answer, self._reasoning = [], []
        self.length = len(self._kept)

    def _estimate(self) -> Usage:
        said = "".join([*self._reasoning, *self._answer])
        return Usage(self._input_tokens + estimate_tokens(self._kept), estimate_tokens(said), estimated=True)
