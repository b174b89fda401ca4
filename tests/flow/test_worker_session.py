"""The worker's session with the broker: how long it may be silent, and what is said when the broker refuses that."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import InvalidSessionTimeoutError

from consumers.request_listener import ListenerSettings
from consumers.settings import UnusableSetting
from producers.kafka_address import KafkaAddress
from tests.flow.scripted_door import ScriptedDoor
from tests.flow.worker_stage import running_stage


@pytest.mark.parametrize(("session_ms", "heartbeat_ms"), [(3_000, 500), (8_000, 1_000), (60_000, 1_000)])
def test_a_member_hears_of_a_rebalance_within_a_second_however_long_its_session_is(
    session_ms: int, heartbeat_ms: int
) -> None:
    assert ListenerSettings(KafkaAddress("nowhere:1"), "w", session_ms=session_ms).heartbeat_ms == heartbeat_ms


async def test_a_session_that_the_broker_refuses_ends_the_worker_with_the_setting_to_change(tmp_path: Path) -> None:
    async def refused(**_: Any) -> None:
        raise InvalidSessionTimeoutError

    async with running_stage(tmp_path, ScriptedDoor([])) as stage:
        stage.worker._requests._consumer.getmany = refused
        with pytest.raises(UnusableSetting, match="session of 8 s: change SAMVAD_SESSION_SECONDS"):
            await stage.worker.failed_or(asyncio.Event())
