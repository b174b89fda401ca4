"""A burst above what the provider takes: every turn waits for its turn, and no user waits for another user's crowd.

The default is small. `SAMVAD_TEST_BURST=400,99,10` is the burst that the guarantees speak of: 500 turns, ten a second.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.practice_provider import PracticeProvider, practice_provider
from tests.flow.bursts import Size, bursting
from tests.flow.practice_models import LITELLM_WARNS

pytestmark = [LITELLM_WARNS, pytest.mark.timeout(200)]

SIZE = Size(*map(int, os.environ.get("SAMVAD_TEST_BURST", "95,24,40").split(",")))
MOST_OF_THE_CROWD = SIZE.rate * 3 // 2
"""The provider takes a second's worth at once; from then on users take turns, and the single one's comes soon. In
seconds, on real servers: tests/connected/test_bursts.py.
"""


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[PracticeProvider]:
    async with practice_provider() as provider:
        yield provider


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_burst_is_answered_in_order_at_the_providers_rate_and_a_single_turn_does_not_wait_for_it(
    tmp_path: Path, provider: PracticeProvider, workers: int
) -> None:
    async with bursting(tmp_path, provider, SIZE, workers) as burst:
        outcome = await burst.run()
    assert outcome.ends == {"completed": SIZE.turns}
    assert outcome.out_of_order == 0
    assert outcome.crowd_before <= MOST_OF_THE_CROWD
