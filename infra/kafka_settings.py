"""Where Kafka is and how to sign in to it, from the environment. Half of a sign-in is refused at the start."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.credentials import refuse_half, refuse_missing_files, refuse_unset, refuse_without_effect
from producers.kafka_address import ENCRYPTED, SIGNED_IN, KafkaAddress

Security = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class KafkaSettings(BaseSettings):
    """Kafka, as operators describe it. Plain text without sign-in unless they say otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="SAMVAD_", extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    kafka: str | None = Field(
        default=None, description="bootstrap servers; without them `samvad chat` runs its own broker"
    )
    kafka_security: Security = Field(default="PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    kafka_sasl_mechanism: Mechanism | None = Field(
        default=None, description="with SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    kafka_username: str | None = Field(default=None, description="with SASL")
    kafka_password: SecretStr | None = Field(default=None, description="with SASL")
    kafka_ca_file: Path | None = Field(
        default=None, description="with TLS: PEM of the authorities to trust (default: the system's)"
    )
    kafka_certificate_file: Path | None = Field(default=None, description="with TLS: PEM of our own certificate")
    kafka_key_file: Path | None = Field(default=None, description="with TLS: PEM of its private key")

    @model_validator(mode="after")
    def _refuse_what_cannot_work(self) -> Self:
        self._check_sign_in()
        self._check_tls()
        return self

    def _check_sign_in(self) -> None:
        sign_in = {
            "SAMVAD_KAFKA_SASL_MECHANISM": self.kafka_sasl_mechanism,
            "SAMVAD_KAFKA_USERNAME": self.kafka_username,
            "SAMVAD_KAFKA_PASSWORD": self.kafka_password,
        }
        if self.kafka_security in SIGNED_IN:
            refuse_unset(sign_in, f"SAMVAD_KAFKA_SECURITY={self.kafka_security}")
        else:
            refuse_without_effect(sign_in, "they belong to SAMVAD_KAFKA_SECURITY=SASL_SSL or SASL_PLAINTEXT")

    def _check_tls(self) -> None:
        own = {
            "SAMVAD_KAFKA_CERTIFICATE_FILE": self.kafka_certificate_file,
            "SAMVAD_KAFKA_KEY_FILE": self.kafka_key_file,
        }
        files = {"SAMVAD_KAFKA_CA_FILE": self.kafka_ca_file, **own}
        if self.kafka_security not in ENCRYPTED:
            refuse_without_effect(files, "they belong to SAMVAD_KAFKA_SECURITY=SSL or SASL_SSL")
        refuse_half(own)
        refuse_missing_files(files)

    def address(self) -> KafkaAddress | None:
        """None: no brokers are named."""
        if self.kafka is None:
            return None
        return KafkaAddress(
            bootstrap_servers=self.kafka,
            security_protocol=self.kafka_security,
            sasl_mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_username,
            password=self.kafka_password.get_secret_value() if self.kafka_password else None,
            ca_file=self.kafka_ca_file,
            certificate_file=self.kafka_certificate_file,
            key_file=self.kafka_key_file,
        )
