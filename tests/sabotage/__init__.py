"""Roles with one bug injected: the proof that the checker of `samvad prove` finds what it looks for.

`python -m tests.sabotage BUG worker` is `samvad worker` with one function replaced (bugs.py), and nothing of it is in
production code. `samvad prove` runs such a role as its `worker_command` or `edge_command` (`sabotaged`).
"""

import sys


def sabotaged(bug: str, role: str) -> tuple[str, ...]:
    """The command that runs a role with a bug."""
    return (sys.executable, "-m", "tests.sabotage", bug, role)
