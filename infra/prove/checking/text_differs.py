"""*text differs from store*: every frame came, once and in order, and still the text is not the stored one.

The store's word is the end in the turn's row, and the row's question. Exactly, each must be equal to it:
- what a client shows by the client rule once it has that same end;
- what the topic's frames of the attempt that ended show;
- the answer's text in history;
- the question as the client asked it, in the row and in history.
Turns with another finding of how their frames came are left out (`verdict.py`): their text differs for that reason.
"""

from collections.abc import Iterator

from infra.prove.checking.case import Case
from infra.prove.checking.violations import Finding, Violation
from schemas.ids import attempt_of
from store.rows import Finish


def find_text_differs(case: Case) -> Iterator[Finding]:
    """At most one for each place that has the text."""
    if case.finish is not None:
        for where, text in _answers(case, case.finish):
            if text != case.finish.text:
                yield _differing(case, f"the answer {where}", text, case.finish.text)
    asked = case.turn.asked
    for where, text in _questions(case):
        if asked is not None and text != asked.text:
            yield _differing(case, f"the question {where}", text, asked.text)


def _answers(case: Case, finish: Finish) -> Iterator[tuple[str, str]]:
    for client, reading in case.clients.items():
        if reading.end == (finish.status, finish.terminal_seq) and reading.view.status.is_terminal:
            yield f"at client {client}", reading.view.answer
    attempt = attempt_of(finish.terminal_seq)
    if case.topic.ends and attempt in case.published_text:
        yield "in the topic", case.published_text[attempt]
    for stored in case.turn.messages:
        if stored.message.role == "assistant":
            yield f"in history as {stored.message.message_id}", stored.message.text


def _questions(case: Case) -> Iterator[tuple[str, str]]:
    row = case.turn.row
    if row is not None and row.question is not None:
        yield "in its row", row.question.text
    for stored in case.turn.messages:
        if stored.message.role == "user":
            yield f"in history as {stored.message.message_id}", stored.message.text


def _differing(case: Case, where: str, text: str, stored: str) -> Finding:
    same = next((place for place, (one, other) in enumerate(zip(text, stored, strict=False)) if one != other), None)
    place = min(len(text), len(stored)) if same is None else same
    detail = f"{where} has {len(text)} characters and not {len(stored)}, or others from {place} on"
    return case.finding(Violation.TEXT_DIFFERS, detail)
