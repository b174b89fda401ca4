"""Whose address counts, and how much one address may open and ask for."""

from contextlib import ExitStack
from ipaddress import ip_network
from typing import Any

import pytest

from ws_edge import address_limits
from ws_edge.address_limits import AddressLimits, AddressRules, Limited, Paces, Refused
from ws_edge.client_address import MAX_HOPS, Networks, client_address, note_client_address

PROXIES: Networks = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
SOMEBODY, ANOTHER = "203.0.113.9", "198.51.100.7"


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"client": None if peer is None else (peer, 50_000), "headers": [(b"host", b"edge"), *headers]}


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        (scope(SOMEBODY), SOMEBODY),
        (scope(SOMEBODY, ANOTHER), SOMEBODY),
        (scope("127.0.0.1", ANOTHER), "127.0.0.1"),
        (scope("10.1.2.3"), "10.1.2.3"),
        (scope("10.1.2.3", ANOTHER), ANOTHER),
        (scope("10.1.2.3", f"{SOMEBODY}, {ANOTHER}"), ANOTHER),
        (scope("10.1.2.3", SOMEBODY, ANOTHER), ANOTHER),
        (scope("10.1.2.3", f"{SOMEBODY},{ANOTHER} , 10.9.9.9"), ANOTHER),
        (scope("10.1.2.3", "10.0.0.1, 10.0.0.2"), "10.0.0.1"),
        (scope("10.1.2.3", "10.0.0.1", f"{ANOTHER}, 10.0.0.2"), ANOTHER),
        (scope("10.1.2.3", f"{ANOTHER}:61234"), ANOTHER),
        (scope("10.1.2.3", f"{SOMEBODY}, unknown"), "10.1.2.3"),
        (scope("10.1.2.3", f"{SOMEBODY}, <script>, 10.0.0.2"), "10.0.0.2"),
        (scope("10.1.2.3", ""), "10.1.2.3"),
        (scope("10.1.2.3", "\xff"), "10.1.2.3"),
        (scope("10.1.2.3", f"{SOMEBODY}," + "10.0.0.1," * MAX_HOPS + "10.0.0.1"), "10.0.0.1"),
        (scope("::ffff:10.1.2.3", f"::ffff:{ANOTHER}"), ANOTHER),
        (scope("fd00::1", "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"),
        (scope("fd00::1", "[2001:db8:1:2:ffff::1]:443"), "2001:db8:1:2::/64"),
        (scope("2001:db8::1"), "2001:db8::/64"),
        (scope("fe80::1%eth0"), "fe80::/64"),
        (scope("::1"), "::1"),
        (scope(None), "unknown"),
        (scope("", ANOTHER), "unknown"),
    ],
)
def test_only_trusted_proxies_are_believed_and_only_the_last_hop_that_is_none(asked: Any, address: str) -> None:
    assert client_address(asked, PROXIES) == address


def test_without_trusted_proxies_the_header_is_nothing() -> None:
    assert client_address(scope("10.1.2.3", ANOTHER)) == "10.1.2.3"


def test_an_address_that_was_noted_at_the_door_is_the_same_for_whoever_asks_later() -> None:
    asked = scope("10.1.2.3", ANOTHER)
    note_client_address(asked, PROXIES)
    assert client_address(asked) == ANOTHER


def limits(max_open: int = 0, new_per_minute: int = 0, requests_per_second: float = 0) -> AddressLimits:
    return AddressLimits(AddressRules(max_open, new_per_minute, requests_per_second))


def test_an_address_has_only_so_many_connections_open_until_one_ends() -> None:
    addresses = limits(max_open=2)
    with addresses.counted(SOMEBODY):
        assert addresses.refusal_of_connection(SOMEBODY, 0) is None
        with pytest.raises(ZeroDivisionError), addresses.counted(SOMEBODY):
            refused = addresses.refusal_of_connection(SOMEBODY, 0)
            assert refused is not None
            assert refused.reason is Limited.CONNECTIONS
            assert addresses.refusal_of_connection(ANOTHER, 0) is None
            raise ZeroDivisionError  # however it ends
        assert addresses.refusal_of_connection(SOMEBODY, 0) is None


def test_an_address_opens_only_so_many_connections_a_minute_and_hears_when_the_next_may_come() -> None:
    addresses = limits(new_per_minute=30)
    assert [addresses.refusal_of_connection(SOMEBODY, 0) for _ in range(30)] == [None] * 30
    assert addresses.refusal_of_connection(SOMEBODY, 0) == Refused(Limited.NEW_CONNECTIONS, 2.0)
    assert addresses.refusal_of_connection(SOMEBODY, 1) == Refused(Limited.NEW_CONNECTIONS, 1.0)
    assert addresses.refusal_of_connection(ANOTHER, 1) is None
    assert addresses.refusal_of_connection(SOMEBODY, 2) is None


def test_an_address_asks_only_so_fast() -> None:
    addresses = limits(requests_per_second=2)
    assert [addresses.seconds_before_request(SOMEBODY, 0) for _ in range(11)] == [None] * 10 + [0.5]
    assert addresses.seconds_before_request(SOMEBODY, 0.5) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "unknown"])
def test_this_machine_itself_is_not_counted(address: str) -> None:
    addresses = limits(1, 1, 0.1)
    with addresses.counted(address):
        assert [addresses.refusal_of_connection(address, 0) for _ in range(5)] == [None] * 5
    assert [addresses.seconds_before_request(address, 0) for _ in range(5)] == [None] * 5


def test_a_limit_of_nothing_is_no_limit() -> None:
    addresses = limits()
    with ExitStack() as connections:
        for _ in range(100):
            assert addresses.refusal_of_connection(SOMEBODY, 0) is None
            assert addresses.seconds_before_request(SOMEBODY, 0) is None
            connections.enter_context(addresses.counted(SOMEBODY))


def test_addresses_without_end_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_limits, "MAX_REMEMBERED", 10)
    paces = Paces(1, 1)
    assert paces.take(SOMEBODY, 0) is None
    for n in range(100):
        assert paces.take(f"a{n}", 0) is None
        assert paces.take(SOMEBODY, 0) is not None  # who goes on is not forgotten
    assert len(paces) == 10
