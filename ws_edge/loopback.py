"""Is a host this very machine?"""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """True for `localhost` and loopback addresses, in any spelling."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
