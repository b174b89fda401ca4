"""Where Cassandra is and how to sign in to it, from the environment. Half of a sign-in is refused at the start."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infra.credentials import refuse_half, refuse_missing_files, refuse_unset
from store.cassandra.address import CassandraAddress

DEFAULT_PORT = 9042


class CassandraSettings(BaseSettings):
    """Cassandra, as operators describe it. Naming a CA file switches TLS on."""

    model_config = SettingsConfigDict(
        env_prefix="SAMVAD_", extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    cassandra: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="contact points, `host:port`, several by commas; without them SQLite in SAMVAD_DATA"
    )
    cassandra_keyspace: str = Field(default="samvad", pattern=r"^[a-z][a-z0-9_]{0,47}$", description="its keyspace")
    cassandra_datacenter: str | None = Field(
        default=None, description="the datacenter to ask (default: the first contact point's)"
    )
    cassandra_username: str | None = Field(default=None, description="with password authentication")
    cassandra_password: SecretStr | None = Field(default=None, description="with password authentication")
    cassandra_ca_file: Path | None = Field(default=None, description="with TLS: PEM of the authorities to trust")
    cassandra_certificate_file: Path | None = Field(default=None, description="with TLS: PEM of our own certificate")
    cassandra_key_file: Path | None = Field(default=None, description="with TLS: PEM of its private key")

    cassandra_check_host_name: bool = Field(
        default=True, description="with TLS: certificates must name the IP address at which a node is reached"
    )

    @field_validator("cassandra", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(_with_port(part.strip()) for part in value.split(",") if part.strip())

    @model_validator(mode="after")
    def _refuse_what_cannot_work(self) -> Self:
        refuse_half(
            {
                "SAMVAD_CASSANDRA_USERNAME": self.cassandra_username,
                "SAMVAD_CASSANDRA_PASSWORD": self.cassandra_password,
            }
        )
        own = {
            "SAMVAD_CASSANDRA_CERTIFICATE_FILE": self.cassandra_certificate_file,
            "SAMVAD_CASSANDRA_KEY_FILE": self.cassandra_key_file,
        }
        refuse_half(own)
        if self.cassandra_certificate_file is not None:
            because = "SAMVAD_CASSANDRA_CERTIFICATE_FILE"
            refuse_unset({"SAMVAD_CASSANDRA_CA_FILE": self.cassandra_ca_file}, because)
        refuse_missing_files({"SAMVAD_CASSANDRA_CA_FILE": self.cassandra_ca_file, **own})
        return self

    def address(self) -> CassandraAddress | None:
        """None: no contact points are named."""
        if not self.cassandra:
            return None
        return CassandraAddress(
            contact_points=self.cassandra,
            keyspace=self.cassandra_keyspace,
            datacenter=self.cassandra_datacenter,
            username=self.cassandra_username,
            password=self.cassandra_password.get_secret_value() if self.cassandra_password else None,
            ca_file=self.cassandra_ca_file,
            certificate_file=self.cassandra_certificate_file,
            key_file=self.cassandra_key_file,
            check_host_name=self.cassandra_check_host_name,
        )


def _with_port(contact_point: str) -> str:
    host, colon, port = contact_point.rpartition(":")
    if not colon:
        return f"{contact_point}:{DEFAULT_PORT}"
    if not host or not port.isdigit():
        raise ValueError(f"{contact_point} is no contact point such as 10.0.0.1:9042")
    return contact_point
