"""The development sign-in's secret: a file in the data folder, which the edges of one installation share.

In: the data folder. Out: the secret, made at the first call.
"""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

SECRET_BYTES = 32


def sign_in_secret(data: Path) -> bytes:
    """The development sign-in's secret: made once per data folder, so that tokens outlive a restart."""
    file = data / "sign-in-secret"
    if not file.exists():
        _make_secret(file)
    return file.read_bytes()


def _make_secret(file: Path) -> None:
    """Whole or not at all, whoever is killed; of two processes that make it at once, the first one's stays."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "wb") as secret:
        secret.write(secrets.token_bytes(SECRET_BYTES))
    with suppress(FileExistsError):
        os.link(draft, file)
    os.unlink(draft)
