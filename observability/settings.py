"""Where a process shows how it is, and when it counts as stuck; from the environment (prefix `SAMVAD_`)."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class AdminSettings(BaseSettings):
    """The same for every role."""

    model_config = SettingsConfigDict(env_prefix="SAMVAD_", extra="ignore", frozen=True)

    admin_port: int | None = Field(
        default=None, ge=0, le=65535, description="serve /metrics, /healthz and /readyz here; 0: the system chooses"
    )
    admin_host: str = Field(default="127.0.0.1", description="where that port listens; it asks nobody who they are")
    stuck_loop_seconds: float = Field(
        default=10.0, gt=0, description="an event loop that stands still for longer makes /healthz answer 503"
    )
