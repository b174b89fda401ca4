"""The edge's settings, from the environment (prefix `SAMVAD_`)."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.client_frames import MAX_FRAME_BYTES
from ws_edge.loopback import is_loopback


class EdgeSettings(BaseSettings):
    """Everything about an edge that an operator may choose. Units are in the names."""

    model_config = SettingsConfigDict(env_prefix="SAMVAD_", extra="ignore", frozen=True, use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Where to listen; anything but loopback switches the development sign-in off, unless SAMVAD_DEV_SIGN_IN is set."""
    port: int = Field(default=8000, ge=0, le=65535)
    """0 lets the system choose; `RunningEdge.address` says which it was."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Pages that may connect, exactly as browsers send them: `https://chat.example.org,https://example.org`. One of
    another machine switches the development sign-in off: a proxy may stand before a loopback address."""
    dev_sign_in: bool = False
    """Whoever reaches this edge under a loopback name may be anybody, wherever it listens. For trying it out behind a
    proxy that is published on loopback only; refused beside origins of other machines."""

    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks whose `X-Forwarded-For` is believed, for limits by address: `10.1.2.0/24,fd00:1::/64`. From anybody else
    that header is ignored."""

    heartbeat_seconds: int = Field(default=20, ge=1)
    """A server frame comes at least this often (DESIGN 4)."""
    hello_seconds: float = Field(default=5, gt=0)
    """A session must say who it is within this time."""
    tcp_user_timeout_seconds: float = Field(default=20, gt=0)
    """A client that reads nothing for this long is cut off by the kernel (W1)."""
    farewell_seconds: float = Field(default=5, gt=0)
    """How long what was said before a close may take to leave."""
    drain_seconds: float = Field(default=20, ge=0)
    """After SIGTERM, sessions are closed one by one over this time; workers let turns end within it."""

    max_sessions: int = Field(default=20_000, ge=1)
    """Open sockets of this process; more are told to come back later (1013)."""
    max_sessions_per_user: int = Field(default=50, ge=1)
    """Open sockets of one user at this process (1008)."""
    max_connections_per_address: int = Field(default=2_000, ge=0)
    """Open websockets and event streams of one client address, behind which may be a whole company. 0: no such limit
    (429)."""
    new_connections_per_minute: int = Field(default=6_000, ge=0)
    """Websockets and event streams that one address may try to open. 0: no such limit (429)."""
    rest_requests_per_second: float = Field(default=100, ge=0)
    """REST requests of one address, in the long run; five times that at once. 0: no such limit (429)."""
    max_watched: int = Field(default=50, ge=1)
    """Conversations that one session watches at once."""
    max_errands: int = Field(default=8, ge=1)
    """Sends and stops of one session that wait for the broker or the store at once."""
    max_open_turns: int = Field(default=30, ge=1)
    """Turns of one user that are queued or running at once (G7)."""
    turns_per_minute: int = Field(default=120, ge=0)
    """Turns that one user may begin within a minute, on all edges together. 0: no such limit."""
    max_question_characters: int = Field(default=32_000, ge=0)
    """Longer questions are refused; a frame's 65,536 bytes are the limit of all. 0: no limit but that."""
    max_waiting_turns: int = Field(default=20_000, ge=0)
    """Turns of all users that may wait for a worker. 0: no such limit."""
    max_wait_seconds: float = Field(default=120, ge=0)
    """A turn that would wait for a worker longer than this, as workers go on now, is refused. 0: no such limit."""
    frames_per_second: float = Field(default=50, gt=0)
    """Client frames that one session may send, in the long run (4429)."""
    frame_burst: int = Field(default=100, ge=1)
    """And at once."""
    outbox_bytes: int = Field(default=256 * 1024, ge=1024)
    """Above this much unsent, a session's deltas give way to one snapshot for each turn."""
    outbox_hard_bytes: int = Field(default=1024 * 1024, ge=1024)
    """Above this much, the session is closed as too slow (4409)."""

    @field_validator("allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("dev_sign_in")
    @classmethod
    def _only_for_this_machine(cls, value: bool, info: ValidationInfo) -> bool:
        public = _of_other_machines(info.data.get("allowed_origins", ()))
        if value and public:
            raise ValueError(f"anybody could be anybody, and SAMVAD_ALLOWED_ORIGINS has {public[0]}: unset one of them")
        return value

    @property
    def has_dev_sign_in(self) -> bool:
        """Whether `POST /v1/dev/sign-in` is there."""
        return self.dev_sign_in or (is_loopback(self.host) and not _of_other_machines(self.allowed_origins))

    def limits(self) -> dict[str, int]:
        """What `ready` tells the client; a limit that is switched off is left out."""
        always = {
            "max_frame_bytes": MAX_FRAME_BYTES,
            "max_watched": self.max_watched,
            "max_asks_in_flight": self.max_errands,
            "max_open_turns": self.max_open_turns,
            "max_sessions_per_user": self.max_sessions_per_user,
            "frames_per_second": int(self.frames_per_second),
        }
        may_be_off = {
            "turns_per_minute": self.turns_per_minute,
            "max_question_characters": self.max_question_characters,
        }
        return always | {name: limit for name, limit in may_be_off.items() if limit}


def _of_other_machines(origins: tuple[str, ...]) -> list[str]:
    return [origin for origin in origins if not is_loopback(urlsplit(origin).hostname or "")]
