"""`python -m tests.sabotage BUG ROLE ...`: injects the bug, then is `samvad ROLE ...`."""

import sys

from infra.cli.main import app
from tests.sabotage.bugs import BUGS

BUGS[sys.argv.pop(1)]()
app()
