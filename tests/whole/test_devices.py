"""Two devices of one user at one edge; at two edges, on the real stack: tests/connected/test_devices.py."""

import pytest

from tests.whole.devices import (
    a_late_device_ends_with_the_same_text,
    a_stop_on_one_device_is_seen_on_the_other,
    changes_of_the_list_reach_every_device,
    two_tabs_give_one_transcript,
)

pytestmark = pytest.mark.timeout(180)


async def test_a_device_that_comes_late_ends_with_the_same_text(edge: str) -> None:
    await a_late_device_ends_with_the_same_text(edge, edge)


async def test_a_stop_on_one_device_is_seen_on_the_other(edge: str) -> None:
    await a_stop_on_one_device_is_seen_on_the_other(edge, edge)


async def test_two_tabs_that_ask_at_the_same_time_give_one_transcript(edge: str) -> None:
    await two_tabs_give_one_transcript(edge, edge, sends=8)


async def test_changes_of_the_list_reach_every_device(edge: str) -> None:
    await changes_of_the_list_reach_every_device(edge, edge)
