"""The course of one answer over several deployments: what was said, by whom, and how the next one goes on. Pure.

In: the deployments as they are tried, their pieces and faults. Out: what to ask each, and what the user is told.
Before a deployment's first piece its fault is not told: the next one is simply asked. After it the fault is told as a
`Switch`, with the first word of the deployment that goes on, so that nothing is cut before there is something new.
"""

from consumers.llm.pieces import EmptyAnswer, End, EverythingBusy, Piece, ProviderFault, Switch, Told
from consumers.llm.prefill import to_go_on_from
from consumers.llm.questions import Question
from schemas.errors import ErrorCode
from schemas.models_file import OnFault

NOT_THE_PROVIDERS_FAULT = "content_filter"
"""An empty answer that was ordered: nobody else is asked to say it."""

_REFUSALS = (ErrorCode.PROVIDER_REFUSED, ErrorCode.QUESTION_TOO_LONG)


class Course:
    """One answer's way through its chain."""

    def __init__(self, question: Question, on_fault: OnFault) -> None:
        self._on_fault = on_fault
        self._said = [question.kept] if question.kept else []
        self._writer = question.kept_by or question.alias
        self._broken_off = question.broken_off
        self._asked = ""
        self._has_begun = False
        self.kept = ""
        """What the deployment asked last goes on from; empty: it answers from the beginning."""
        self.fault: ProviderFault | None = None

    def turn_to(self, alias: str, *, may_continue: bool) -> None:
        """The next deployment is asked."""
        self._asked, self._has_begun = alias, False
        continues = may_continue and self._on_fault is OnFault.CONTINUE
        self.kept = to_go_on_from("".join(self._said)) if continues else ""

    def tell(self, said: Piece | End) -> list[Told]:
        """What the user is told of a piece or the end. Raises EmptyAnswer."""
        if isinstance(said, End) and self._is_empty(said):
            raise EmptyAnswer(said)
        told: list[Told] = [] if self._has_begun else self._switch()
        self._begin()
        if isinstance(said, Piece) and not said.is_reasoning:
            self._said.append(said.text)
        return [*told, said]

    def broke(self, fault: ProviderFault) -> bool:
        """The deployment failed. True: the next one may be asked."""
        self.fault = fault
        if not self._has_begun:
            return fault.try_another
        self._broken_off = fault.code
        return fault.try_another and self._on_fault is not OnFault.FAIL

    def last_word(self, busy: EverythingBusy | None = None) -> End:
        """The end, where nobody is left to ask: an empty answer's. Raises ProviderFault, or `busy` if there is."""
        fault = self.fault or ProviderFault(ErrorCode.PROVIDER_BUSY, "nobody_to_ask")
        if isinstance(fault, EmptyAnswer) and not self._said:
            return fault.end
        fault = busy or fault
        fault.broken_off = self._broken_off
        raise fault

    @property
    def was_refused_to_go_on(self) -> bool:
        """The deployment asked last took the kept text for a bad request: it may still answer from the beginning."""
        return bool(self.kept) and not self._has_begun and self.fault is not None and self.fault.code in _REFUSALS

    def _is_empty(self, end: End) -> bool:
        # The text that was kept may have been the whole answer: then there is nothing to add, and that is an end.
        if self._has_begun or self.kept:
            return False
        return bool(self._said) or end.finish_reason != NOT_THE_PROVIDERS_FAULT

    def _begin(self) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        self._said = [self.kept] if self.kept else []
        self._writer, self._broken_off = self._asked, None

    def _switch(self) -> list[Told]:
        is_cut = self.kept != "".join(self._said)
        if self._broken_off is None and not is_cut:
            return []
        before = self.fault.code if self.fault else ErrorCode.ANSWER_CUT_OFF
        return [Switch(len(self.kept), self._writer, self._asked, self._broken_off or before)]
