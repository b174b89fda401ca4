"""The secret that tokens are signed with: shared by all edges of a system, so that each takes the others' tokens.

In: a file that somebody provides, or the data folder where one is made. Out: its bytes.
"""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from infra.refused import Refused
from infra.settings import SharedSettings

SECRET_BYTES = 32


class UnusableSecret(Refused):
    """The named secret can't be read, or is too short to protect anything."""


def sign_in_secret(shared: SharedSettings) -> bytes:
    """Raises UnusableSecret."""
    if shared.sign_in_secret_file is not None:
        return _given(shared.sign_in_secret_file)
    return _own(shared.data / "sign-in-secret")


def _given(file: Path) -> bytes:
    try:
        secret = file.read_bytes()
    except OSError as error:
        raise UnusableSecret(
            f"SAMVAD_SIGN_IN_SECRET_FILE names {file}, which can't be read: {error.strerror}"
        ) from error
    if len(secret) < SECRET_BYTES:
        raise UnusableSecret(f"{file} (SAMVAD_SIGN_IN_SECRET_FILE) has {len(secret)} bytes; {SECRET_BYTES} are needed")
    return secret


def _own(file: Path) -> bytes:
    """Made once per data folder, so that tokens outlive a restart."""
    if not file.exists():
        _make(file)
    return file.read_bytes()


def _make(file: Path) -> None:
    """Whole or not at all, whoever is killed; of two processes that make it at once, the first one's stays."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "wb") as secret:
        secret.write(secrets.token_bytes(SECRET_BYTES))
    with suppress(FileExistsError):
        os.link(draft, file)
    os.unlink(draft)
