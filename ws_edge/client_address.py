"""Who is asking, as far as a network can tell: the address that limits are counted by. Pure.

In: the ASGI scope, and the networks of proxies that may say for whom they ask (SAMVAD_TRUSTED_PROXIES). Out: an
address as text, always a parsed one. An IPv6 client has at least a /64 of its own: all of it counts as one.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]

UNKNOWN = "unknown"
"""The server does not tell, as behind a socket file."""
MAX_HOPS = 16
"""More proxies than stand before anything real; what is left of them is never looked at."""
_NOTED = "samvad.client_address"


def client_address(scope: Mapping[str, Any], trusted: Networks = ()) -> str:
    """The peer; or, if that is a trusted proxy, the last hop of `X-Forwarded-For` that is none.

    Whatever stands left of that hop may have been written by the client itself, and is not believed.
    """
    if (noted := scope.get(_NOTED)) is not None:
        return str(noted)
    peer = _parsed(str(scope["client"][0])) if scope.get("client") else None
    if peer is None:
        return UNKNOWN
    for hop in _hops_from_the_right(scope, peer):
        if hop is None:
            break  # not an address: the proxy that passed it on is all that is known
        peer = hop
        if not _is_in(peer, trusted):
            break
    return _counted_as(peer)


def note_client_address(scope: MutableMapping[str, Any], trusted: Networks) -> None:
    """At the application's door, once for each request: whoever asks later hears the same without the networks."""
    scope[_NOTED] = client_address(scope, trusted)


def _hops_from_the_right(scope: Mapping[str, Any], peer: Address) -> Iterator[Address | None]:
    yield peer
    values = [value for name, value in scope.get("headers", ()) if name == b"x-forwarded-for"]
    hops = b",".join(values).decode("latin-1").rsplit(",", MAX_HOPS)
    for hop in reversed(hops[-MAX_HOPS:] if values else []):
        yield _parsed(hop.strip())


def _parsed(text: str) -> Address | None:
    """With or without a port; an IPv4 address stays one when it comes as IPv6."""
    for candidate in (text, text.partition("]")[0].removeprefix("["), text.rpartition(":")[0]):
        with suppress(ValueError):
            address = ip_address(candidate)
            return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
    return None


def _is_in(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


def _counted_as(address: Address) -> str:
    if isinstance(address, IPv4Address) or address.is_loopback:
        return str(address)
    return str(ip_network((int(address), 64), strict=False))
