"""The models a person may choose, and the one that is chosen. Pure.

In: what the edge offers. Out: titles, the alias to send, and sentences about the choice.
"""

from samvad_client.rest import Models


class UnknownModel(ValueError):
    """There is no such alias; the text names those there are."""


class ModelChoice:
    """`alias` is None while the edge's own default is meant."""

    def __init__(self, offered: Models) -> None:
        self._offered = offered
        self._titles = {model.alias: model.title for model in offered.models}
        self.alias: str | None = None

    def choose(self, alias: str) -> None:
        """Raises UnknownModel."""
        if alias not in self._titles:
            raise UnknownModel(f"There is no model {alias} here. There are: {', '.join(self._titles)}.")
        self.alias = alias

    @property
    def current(self) -> str:
        return self.alias or self._offered.default

    def title_of(self, alias: str) -> str:
        """`fast · SmolLM2 135M`, or the alias alone where it says everything."""
        title = self._titles.get(alias, alias)
        return alias if title == alias else f"{alias} · {title}"

    def lines(self) -> list[str]:
        """The offered models, the current one marked."""
        return [f"{'*' if alias == self.current else ' '} {self.title_of(alias)}" for alias in self._titles]
