"""Whether the words of an answer are what a provider said, in its order.

In: an attempt's text, and the seeds of the provider's calls for its turn. Out: what is missing, displaced, repeated,
or was never said for this turn.

Practice answers begin with their seed ("Answer 7:") and go on as `answer_tokens` says. So an attempt's text is, from
each such beginning to the next, a prefix of that answer: also where it was carried over from an earlier attempt, cut
by `switched`, or continued by another model from where the first one fell silent.
"""

import itertools
import re
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache

from infra.practice_provider.words import answer_tokens
from infra.prove.checking.irregular import Irregular, Kind

_BEGINNING = re.compile(r"Answer (\d+):")
_TOKEN = re.compile(r"\s*\S(?:(?!Answer)\S)*")
_WINDOW = 4_000
"""How far from its place a word is searched for, in characters."""
_CONTEXTS = (240, 60)
"""Characters after a word that are looked for with it, for words come again every 180: as many as can be found."""
WHERE = "text"


def find_unsaid(text: str, seeds: Collection[int], is_foreign: Callable[[int], bool]) -> list[Irregular]:
    """`seeds` of the turn's own calls; `is_foreign`: whether a seed was only ever of other users' calls."""
    found: list[Irregular] = []
    seen: set[int] = set()
    for start, seed, part in _parts(text, seeds):
        if seed not in seeds:
            found.append(Irregular(Kind.FOREIGN if is_foreign(seed) else Kind.UNSAID, WHERE, start))
        elif seed in seen:
            found.append(Irregular(Kind.REPEATED, WHERE, start))
        elif part != _beginning_of_answer(seed, len(part)):
            said = _beginning_of_answer(seed, len(part) + 2 * _WINDOW)
            found += [Irregular(kind, WHERE, start + place) for kind, place in _Walk(said, part).misplaced()]
        seen.add(seed)
    return found


def _parts(text: str, seeds: Collection[int]) -> Iterator[tuple[int, int, str]]:
    """Place, seed and text of each answer in the text."""
    marks = [(mark.start(), int(mark[1])) for mark in _BEGINNING.finditer(text)]
    if not text:
        return
    if not marks or marks[0][0] > 0:
        marks = _with_missing_beginning(marks, seeds)
    ends = [start for start, _ in marks[1:]] + [len(text)]
    for (start, seed), end in zip(marks, ends, strict=True):
        yield start, seed, text[start:end]


def _with_missing_beginning(marks: list[tuple[int, int]], seeds: Collection[int]) -> list[tuple[int, int]]:
    """The text does not begin as answers do: the beginning is missing, or it came late."""
    named = {seed for _, seed in marks}
    unnamed = [seed for seed in seeds if seed not in named]
    if not unnamed and marks:
        return [(0, marks[0][1]), *marks[1:]]
    return [(0, max(unnamed, default=-1)), *marks]


def _beginning_of_answer(seed: int, length: int) -> str:
    return _answer(seed, 1 << max(10, length.bit_length()))[:length]


@lru_cache(maxsize=64)
def _answer(seed: int, at_least: int) -> str:
    """At least so many characters of it: a token has at least four."""
    return "".join(itertools.islice(answer_tokens(seed), at_least // 4 + 1))


class _Walk:
    """Goes through a text that is not what was said, word by word, and finds out what became of each."""

    def __init__(self, said: str, text: str) -> None:
        self._text = text
        self._said = said
        self._next = 0
        self._holes: list[tuple[int, int, int]] = []  # from, to, place in the text

    def misplaced(self) -> list[tuple[Kind, int]]:
        """One for each cause: of a run of words with the same trouble only the first is named."""
        found: list[tuple[Kind, int]] = []
        before: Kind | None = None
        for token in _TOKEN.finditer(self._text):
            kind = self._place(token[0], token.start())
            if kind is not None and kind is not before:
                found.append((kind, token.start()))
            before = kind
        return found + [(Kind.SKIPPED, place) for _, _, place in self._holes]

    def _place(self, token: str, start: int) -> Kind | None:
        if self._said.startswith(token, self._next):
            self._next += len(token)
            return None
        if self._fills_a_hole(token):
            return Kind.LATE
        for length in (*_CONTEXTS, len(token)):
            words = self._text[start : start + max(length, len(token))]
            ahead = self._said.find(words, self._next, self._next + _WINDOW)
            behind = self._said.rfind(words, max(0, self._next - _WINDOW), self._next + len(words) - 1)
            if ahead >= 0 or behind >= 0:
                return self._jump(len(token), ahead, behind)
        return Kind.UNSAID

    def _jump(self, length: int, ahead: int, behind: int) -> Kind | None:
        """To the nearer of the two places where the word might belong."""
        if ahead < 0 or (behind >= 0 and self._next - behind - length <= ahead - self._next):
            return Kind.REPEATED
        self._holes.append((self._next, ahead, self._next))
        self._next = ahead + length
        return None

    def _fills_a_hole(self, token: str) -> bool:
        for index, (start, end, place) in enumerate(self._holes):
            if start + len(token) <= end and self._said.startswith(token, start):
                rest = (start + len(token), end, place)
                self._holes[index : index + 1] = [rest] if rest[0] < end else []
                return True
        return False
