"""Addresses as people write them into variables, made whole. Pure."""

from urllib.parse import SplitResult, urlsplit

from infra.model_discovery.discovered import ModelDiscoveryFailed

_OLLAMA_PORT = 11434
_EVERY_INTERFACE = ("", "0.0.0.0", "::")


def base_url(variable: str, value: str) -> str:
    """An address such as http://host:8000/v1, without a slash at its end. Raises ModelDiscoveryFailed."""
    parts = _split(variable, value)
    if not parts.hostname:
        raise _not_an_address(variable)
    return parts.geturl().rstrip("/")


def ollama_url(variable: str, value: str) -> str:
    """As `base_url`, for what Ollama accepts: a port may be missing, and a listening address such as 0.0.0.0 or :11434
    means this machine.
    """
    parts = _split(variable, value)
    host = parts.hostname or ""
    if host in _EVERY_INTERFACE:
        host = "127.0.0.1"
    port = parts.port or (None if "://" in value else _OLLAMA_PORT)
    netloc = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{netloc}:{port}" if port else netloc).geturl().rstrip("/")


def _split(variable: str, value: str) -> SplitResult:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        _ = parts.port  # raises for one that is no number
    except ValueError as error:
        raise _not_an_address(variable) from error
    if parts.scheme not in ("http", "https"):
        raise _not_an_address(variable)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ModelDiscoveryFailed(
            f"{variable} holds more than an address; put the key into its own variable and leave user, password and"
            " query out."
        )
    return parts


def _not_an_address(variable: str) -> ModelDiscoveryFailed:
    # The value is not repeated: it may be a key in the wrong variable.
    return ModelDiscoveryFailed(f"{variable} is not an address; it should look like http://127.0.0.1:8000/v1.")
