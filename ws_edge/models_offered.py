"""The model aliases that users may choose, and what they are called. Names are never passed through (DESIGN 6)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OfferedModels:
    """`titles` by alias, in the order to be shown; `default` is one of them."""

    default: str
    titles: dict[str, str]

    def __post_init__(self) -> None:
        if self.default not in self.titles:
            raise ValueError(f"the default model {self.default!r} is not among the offered ones")

    def alias(self, wanted: str | None) -> str | None:
        """The alias to use, or None if there is no such model."""
        alias = self.default if wanted is None else wanted
        return alias if alias in self.titles else None
