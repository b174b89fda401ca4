"""A question answered again on Kafka and Cassandra, over one edge and with two workers."""

import pytest

from schemas.ids import new_id
from tests.connected.roles import Roles
from tests.whole.answering_again import have_answered_again

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]


async def test_siblings_are_stored_beside_each_other_in_cassandra_too(roles: Roles) -> None:
    with roles.worker() as _, roles.worker() as _, roles.edge() as edge:
        await have_answered_again(edge.said["edge"], f"again {new_id()}")
