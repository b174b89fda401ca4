"""What a test needs and this machine lacks: a failure with the sentence that says how to get it.

SAMVAD_SKIP_CONNECTED=1 makes a skip of it, for whoever knows what is not tested then.
"""

import os
from typing import NoReturn

import pytest


def missing(sentence: str) -> NoReturn:
    """Ends the test."""
    if os.environ.get("SAMVAD_SKIP_CONNECTED"):
        pytest.skip(sentence)
    pytest.fail(f"{sentence} (SAMVAD_SKIP_CONNECTED=1 skips these tests)", pytrace=False)
