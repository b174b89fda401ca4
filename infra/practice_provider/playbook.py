"""Which script a call of a model follows. Pure.

In: orders ("the next calls of this model follow these scripts"), then calls. Out: each call's script; a model
without an order, or whose order is used up, follows its own name.
"""

from collections import deque
from collections.abc import Iterable

from infra.practice_provider.script import Script, parse_script


class Playbook:
    """Raises UnknownScript for a model or step that is no practice model's name."""

    def __init__(self) -> None:
        self._orders: dict[str, deque[Script]] = {}

    def order(self, model: str, step_names: Iterable[str]) -> None:
        """Replaces what was left of an earlier order; no steps: back to the model's own name."""
        parse_script(model)
        self._orders[model] = deque(parse_script(name) for name in step_names)

    def next_script(self, model: str) -> Script:
        steps = self._orders.get(model)
        return steps.popleft() if steps else parse_script(model)
