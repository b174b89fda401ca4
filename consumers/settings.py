"""A worker's settings, from the environment (prefix `SAMVAD_`)."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class UnusableSetting(Exception):
    """The broker does not take a setting; the message says which, and what to do."""


class WorkerSettings(BaseSettings):
    """Defaults fit one worker on one machine."""

    model_config = SettingsConfigDict(env_prefix="SAMVAD_", extra="ignore")

    max_running: int = Field(default=200, ge=1, description="turns that stream at the same time")
    max_running_per_user: int = Field(
        default=30, ge=1, description="of these, turns of one user for one model, those that wait for it included"
    )
    max_waiting: int = Field(
        default=10_000, ge=1, description="turns that wait here in all; above it no more requests are taken"
    )
    merge_ms: int = Field(default=40, ge=0, le=500, description="deltas after the first are merged over this time")
    linger_ms: int = Field(
        default=5, ge=0, le=100, description="how long frames wait for company on their way to the broker"
    )
    first_token_seconds: float = Field(
        default=60.0, gt=0, description="the model must begin to answer within this time"
    )
    gap_seconds: float = Field(default=30.0, gt=0, description="longest silence in the middle of an answer")
    provider_down_seconds: float = Field(
        default=30.0, ge=0, description="a turn waits so long while no provider of its model works, before it fails"
    )
    turn_seconds: float = Field(default=600.0, gt=0, description="longest time from a turn's first claim to its end")
    dead_after_seconds: float = Field(
        default=5.0, gt=0, description="a worker without heartbeat for so long is dead: others may claim its turns"
    )
    session_seconds: float = Field(
        default=8.0,
        ge=1,
        le=300,
        description="the broker gives a worker's partitions to others after so long without a word from it",
    )
    stuck_seconds: float = Field(
        default=60.0,
        gt=0,
        description="if nothing moves for so long though there is work and the broker answers, a worker ends",
    )
    drain_seconds: float = Field(default=30.0, ge=0, description="running turns may end within this time after SIGTERM")
