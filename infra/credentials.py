"""Half-set credentials are refused at the start, by the name of the variable that is missing or wrong. Pure but for
looking whether the files are there.

In: settings as variable name and value. Out: a ValueError with one sentence, or nothing.
"""

import os
from collections.abc import Mapping
from pathlib import Path


def refuse_half(pair: Mapping[str, object]) -> None:
    """Of two variables that only make sense together, one is set. Raises ValueError."""
    unset = [name for name, value in pair.items() if value is None]
    if len(unset) == 1:
        other = next(name for name in pair if name not in unset)
        raise ValueError(f"{other} is set and {unset[0]} is not: set both, or neither")


def refuse_unset(values: Mapping[str, object], because: str) -> None:
    """`because` is the variable, with its value if that matters, which needs all of these. Raises ValueError."""
    if unset := [name for name, value in values.items() if value is None]:
        raise ValueError(f"{because} needs {' and '.join(unset)}")


def refuse_without_effect(values: Mapping[str, object], cure: str) -> None:
    """Set, and silently not used: worse than an error. `cure` says what would use them. Raises ValueError."""
    if idle := [name for name, value in values.items() if value is not None]:
        raise ValueError(f"{' and '.join(idle)} would have no effect: {cure}")


def refuse_missing_files(files: Mapping[str, Path | None]) -> None:
    """A file that is named and can't be read. Raises ValueError."""
    for name, file in files.items():
        if file is not None and not (file.is_file() and os.access(file, os.R_OK)):
            raise ValueError(f"{name} names {file}, which can't be read: is it there, and yours to read?")
