"""Where Kafka is and how to prove to it who we are: the same for every aiokafka client of the process.

In: brokers, and what the settings say of TLS and SASL. Out: the keyword arguments that any aiokafka client takes.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENCRYPTED = ("SSL", "SASL_SSL")
SIGNED_IN = ("SASL_PLAINTEXT", "SASL_SSL")


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """`bootstrap_servers`: `host:port`, several by commas. Without `ca_file` the system's authorities are trusted."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def options(self) -> dict[str, Any]:
        """What a client is constructed with. Raises OSError for files that are no certificates."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol in ENCRYPTED:
            options["ssl_context"] = self._tls()
        if self.security_protocol in SIGNED_IN:
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context
