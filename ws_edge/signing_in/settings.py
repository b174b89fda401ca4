"""The settings of signing in, from the environment (prefix `SAMVAD_`)."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SignInSettings(BaseSettings):
    """How long sign-ins last, and how often somebody may try."""

    model_config = SettingsConfigDict(env_prefix="SAMVAD_", extra="ignore", frozen=True, use_attribute_docstrings=True)

    sign_in_days: float = Field(default=14, gt=0, le=365)
    """A sign-in ends after this, however much it is used: then the password is asked for again."""
    access_token_minutes: float = Field(default=10, gt=0, le=60)
    """An access token is good for this long; its refresh token renews it for as long as the sign-in lasts."""
    refresh_grace_seconds: float = Field(default=20, ge=0, le=60)
    """So long after a refresh token was used it gives the same next one again: for answers that got lost, and for two
    pages that ask at once. Later it ends the sign-in. Longer than clients wait for an answer (ours: 10)."""
    ticket_seconds: int = Field(default=60, ge=1, le=600)
    """A ticket must be said in a `hello` within this time."""
    sign_in_attempts: int = Field(default=10, ge=1)
    """Wrong passwords for one name, or from one address ten times as many, before the next ones have to wait."""
    sign_in_attempt_seconds: float = Field(default=30, gt=0)
    """How long it takes until one more attempt for that name is allowed."""
    max_api_keys: int = Field(default=50, ge=1)
    """API keys of one user."""
