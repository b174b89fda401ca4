"""What a secure stack keeps to itself: passwords, a server certificate, and the authority that clients check it with.

Made once for a folder, by Java's keytool (it comes with the Java that the servers need), in files that only this user
can read. No secret is ever on a command line: keytool reads its password from a file.
"""

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from infra.stack.errors import StackError
from infra.stack.layout import write_private
from infra.stack.options import MOST_NODES, loopback

USER = "samvad"
"""Kafka's user and Cassandra's superuser."""
VALID_DAYS = 3650
_STORES_PASSWORD = "stores-password"


@dataclass(frozen=True, slots=True)
class Secrets:
    """A folder with the secrets in it."""

    folder: Path
    stores_password: str = field(repr=False)
    kafka_password: str = field(repr=False)
    cassandra_password: str = field(repr=False)

    @property
    def ca_file(self) -> Path:
        """PEM: what clients trust."""
        return self.folder / "ca.crt"

    @property
    def keystore(self) -> Path:
        """PKCS12: the servers' key and certificate, one for all."""
        return self.folder / "server.p12"

    @property
    def truststore(self) -> Path:
        """PKCS12: the authority again, for Java."""
        return self.folder / "trust.p12"

    def password_files(self) -> dict[str, Path]:
        """The settings that hold a password, and where each is read."""
        return {
            "SAMVAD_KAFKA_PASSWORD": self.folder / "kafka-password",
            "SAMVAD_CASSANDRA_PASSWORD": self.folder / "cassandra-password",
        }


def read_secrets(folder: Path) -> Secrets:
    """The secrets that were made there. Raises FileNotFoundError."""
    names = (_STORES_PASSWORD, "kafka-password", "cassandra-password")
    return Secrets(folder, *((folder / name).read_text() for name in names))


def kept_secrets(folder: Path, keytool: str) -> Secrets:
    """The folder's secrets, made now if need be: whole or not at all."""
    if not folder.exists():
        making = folder.with_name(".making-" + folder.name)
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        for name in (_STORES_PASSWORD, "kafka-password", "cassandra-password"):
            write_private(making / name, secrets.token_urlsafe(24))
        _make_certificates(making, keytool)
        os.rename(making, folder)
    return read_secrets(folder)


def _make_certificates(folder: Path, keytool: str) -> None:
    key = ["-keyalg", "EC", "-groupname", "secp256r1", "-validity", str(VALID_DAYS)]
    server, trust, ca_file = str(folder / "server.p12"), str(folder / "trust.p12"), str(folder / "ca.crt")
    own = ["-ext", "bc:c", "-ext", "ku:c=keyCertSign", "-dname", "CN=samvad-stack-authority", *key]
    names = ["-ext", _names(), "-ext", "eku=serverAuth,clientAuth", "-dname", "CN=samvad-stack", *key]
    for store, *step in (
        (server, "-genkeypair", "-alias", "authority", *own),
        (server, "-genkeypair", "-alias", "server", "-signer", "authority", *names),
        (server, "-exportcert", "-rfc", "-alias", "authority", "-file", ca_file),
        (trust, "-importcert", "-noprompt", "-alias", "authority", "-file", ca_file),
        (server, "-delete", "-alias", "authority"),  # nobody signs with its key again
    ):
        _keytool([keytool, *step, "-keystore", store, "-storepass:file", str(folder / _STORES_PASSWORD)])


def _names() -> str:
    return "san=dns:localhost," + ",".join(f"ip:{loopback(number)}" for number in range(1, MOST_NODES + 1))


def _keytool(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, umask=0o077)
    if done.returncode != 0:
        raise StackError(f"keytool could not make the stack's certificates: {done.stdout.strip()[:300]}")
