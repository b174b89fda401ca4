"""Settings that every role shares, from the environment. `samvad settings` prints them all."""

import getpass
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from observability.tracing import TraceTarget


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user entry
        return "me"


class SharedSettings(BaseSettings):
    """Where things are. The names are fixed (DESIGN 8)."""

    model_config = SettingsConfigDict(env_prefix="SAMVAD_", extra="ignore", frozen=True)

    data: Path = Field(default=Path(".samvad"), description="folder of the embedded mode: conversations, journal, log")
    models: Path | None = Field(default=None, description="a models.yaml; without it the environment decides")
    name: str = Field(default_factory=_user_name, description="who `talk` and `chat` sign in as")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    trace_file: Path | None = Field(default=None, description="write spans to this file, one JSON object per line")
    trace_ratio: float = Field(default=1.0, ge=0, le=1, description="share of turns that are traced")
    sign_in_secret_file: Path | None = Field(
        default=None, description="32 bytes or more, for tokens, that all edges share (default: made in SAMVAD_DATA)"
    )


class EnvironmentSettings(BaseSettings):
    """Read where they are needed, and named here so that they are printed and known."""

    model_config = SettingsConfigDict(env_prefix="SAMVAD_", extra="ignore", frozen=True)

    model: str | None = Field(default=None, description="name of the model, where the environment offers a provider")
    stack: str | None = Field(default=None, description="folder of `samvad stack` (default: .samvad/stack)")
    debug: str | None = Field(default=None, description="1: the small local model's own log on standard error")


class TraceSettings(BaseSettings):
    """OpenTelemetry's own variable."""

    model_config = SettingsConfigDict(env_prefix="OTEL_EXPORTER_", extra="ignore", frozen=True)

    otlp_endpoint: str | None = Field(
        default=None, description="an OTLP collector such as Jaeger: http://127.0.0.1:4318"
    )


def trace_target(shared: SharedSettings) -> TraceTarget:
    """Where this process's spans go."""
    return TraceTarget(TraceSettings().otlp_endpoint, shared.trace_file, shared.trace_ratio)
