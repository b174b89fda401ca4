"""What the manifest wants of a topic, and what is never changed by itself."""

import pytest

from infra.topics.comparing import ExistingTopic, differences, wanted_settings, why_a_person_must_decide
from schemas.topics import CONTROL, MANIFEST, REPLIES, REQUESTS, Topic


def as_wanted(topic: Topic, replication: int = 1, **settings: str) -> ExistingTopic:
    own = {name.replace("_", "."): value for name, value in settings.items()}
    return ExistingTopic(topic.partitions, replication, wanted_settings(topic, replication) | own)


@pytest.mark.parametrize("topic", MANIFEST, ids=lambda topic: topic.name)
@pytest.mark.parametrize("replication", [1, 2, 3])
def test_a_topic_as_it_was_made_needs_nothing(topic: Topic, replication: int) -> None:
    existing = as_wanted(topic, replication)
    assert differences(topic, existing) == []
    assert why_a_person_must_decide(topic, existing, replication) == []


def test_each_setting_that_drifted_is_named_with_both_values() -> None:
    [difference] = differences(REPLIES, as_wanted(REPLIES, retention_ms="1"))
    assert str(difference) == "chat.replies: retention.ms is 1, wanted 3600000"
    [difference] = differences(REPLIES, as_wanted(REPLIES, message_timestamp_type="CreateTime"))
    assert difference.wanted == "LogAppendTime"


def test_two_copies_in_sync_are_asked_for_only_where_there_are_three() -> None:
    assert [wanted_settings(CONTROL, copies)["min.insync.replicas"] for copies in (1, 2, 3)] == ["1", "1", "2"]
    # More brokers than copies: asking the lone copy for a second one would refuse every write.
    assert differences(CONTROL, as_wanted(CONTROL, 1)) == []


def test_partitions_are_neither_taken_away_nor_added_and_the_reason_says_what_it_would_mean() -> None:
    grown = ExistingTopic(48, 1, wanted_settings(REQUESTS, 1))
    small = ExistingTopic(4, 1, wanted_settings(REQUESTS, 1))
    assert "can't take partitions away" in why_a_person_must_decide(REQUESTS, grown, 1)[0]
    assert "moves keys" in why_a_person_must_decide(REQUESTS, small, 1)[0]


def test_too_few_copies_are_said() -> None:
    [reason] = why_a_person_must_decide(REQUESTS, as_wanted(REQUESTS, 1), 3)
    assert "1 of 3 wanted copies" in reason
