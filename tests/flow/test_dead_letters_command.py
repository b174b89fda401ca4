"""`samvad dead-letters` on the embedded broker and on a real one: listed, shown, redriven once, dropped."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from infra.cli import dead_letters as command
from infra.dead_letters import handling, reading
from infra.embedded_broker import embedded_broker
from infra.topics.making import TopicOptions, make_topics
from producers import notice_producers
from producers.connected_producer import WriterSettings
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter
from producers.notice_producers import DeadLetterProducer
from schemas.headers import Headers
from schemas.ids import new_id
from schemas.topics import DEAD_LETTERS, REQUESTS, Topic, partition_of
from tests.connected.running_stack import RunningStack
from tests.flow.topic_readers import reading_topic

HEADERS: Headers = [("turn", b"3f2b"), ("odd", b"\xff\x1b")]
GARBAGE = b"\x00\xffgarbage{"


@dataclass
class Letters:
    """The topics of one test on some broker."""

    bootstrap: str
    requests: Topic
    partitions: int

    def set_aside(self, offset: int, key: bytes | None = b"u/c", value: bytes = GARBAGE) -> str:
        """As a worker does; the letter's name."""
        source = f"{self.requests.name}/2/{offset}"
        run(self._set_aside(source, key, value))
        return source

    async def _set_aside(self, source: str, key: bytes | None, value: bytes) -> None:
        async with KafkaWriter(WriterSettings(KafkaAddress(self.bootstrap), "worker")) as writer:
            await DeadLetterProducer(writer).set_aside(source, key, value, HEADERS, "not JSON")

    def requests_written(self, count: int) -> list[Any]:
        return run(self._requests_written(count))

    async def _requests_written(self, count: int) -> list[Any]:
        async with reading_topic(self.bootstrap, self.requests.name) as topic:
            return await topic.at_least(count)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.connected)])
def letters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Letters]:
    if request.param == "embedded":
        with embedded_broker({REQUESTS.name: 5}) as bootstrap:
            monkeypatch.setenv("SAMVAD_KAFKA", bootstrap)
            yield Letters(bootstrap, REQUESTS, 5)
        return
    stack: RunningStack = request.getfixturevalue("stack")
    kafka, own = stack.addresses.kafka, replace(DEAD_LETTERS, name=f"{DEAD_LETTERS.name}-{new_id()}")
    requests = replace(REQUESTS, name=f"{REQUESTS.name}-{new_id()}", partitions=5)
    assert run(make_topics(KafkaAddress(kafka), TopicOptions(manifest=(own, requests)), print))
    for module in (reading, handling, notice_producers):
        monkeypatch.setattr(module, "DEAD_LETTERS", own)
    monkeypatch.setenv("SAMVAD_KAFKA", kafka)
    yield Letters(kafka, requests, 5)


def samvad(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(command.app, list(arguments), input=typed)


def test_an_open_letter_is_listed_and_shown_whole_without_a_byte_that_a_terminal_obeys(letters: Letters) -> None:
    source = letters.set_aside(77)
    lines = samvad("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["SOURCE", source]
    assert "open" in lines[1] and "not JSON" in lines[1]
    shown = samvad("show", source)
    assert shown.exit_code == 0
    assert GARBAGE.hex(" ") in shown.stdout and "ff 1b" in shown.stdout
    [said] = json.loads(samvad("list", "--json").stdout)
    assert (said["source"], said["offset"], said["bytes"], said["handled"]) == (source, 77, len(GARBAGE), None)
    whole = json.loads(samvad("show", source, "--json").stdout)
    assert (whole["value"], whole["key"]) == ({"hex": GARBAGE.hex()}, "u/c")


def test_a_redriven_record_is_as_it_was_and_is_written_once(letters: Letters) -> None:
    source = letters.set_aside(77)
    first = samvad("redrive", source)
    assert first.exit_code == 0, first.stderr
    assert "written to" in first.stdout
    assert "Turn 3f2b ended as failed (unreadable)" in first.stdout and "keeps that end" in first.stdout
    second = samvad("redrive", source)
    assert (second.exit_code, second.stdout.strip()) == (0, f"{source}: was redriven before; nothing was done")
    after = letters.set_aside(78, key=b"\xff")
    assert samvad("redrive", after).exit_code == 0
    again, odd = letters.requests_written(2)
    if again.key != b"u/c":
        again, odd = odd, again
    assert (again.key, again.value, list(again.headers)) == (b"u/c", GARBAGE, HEADERS)
    assert again.partition == partition_of("u/c", letters.partitions)
    assert (odd.key, odd.partition) == (b"\xff", 2)
    assert samvad("list").stdout.strip() == "no dead letters are open"
    assert samvad("list", "--all").stdout.count("redriven") == 2


def test_a_letter_is_dropped_after_a_yes_and_then_neither_redriven_nor_forgotten(letters: Letters) -> None:
    source = letters.set_aside(77)
    refused = samvad("drop", source, typed="n\n")
    assert (refused.exit_code, len(json.loads(samvad("list", "--json").stdout))) == (1, 1)
    assert samvad("drop", source, "--yes").stdout.strip() == f"{source}: dropped"
    assert samvad("drop", source, typed="y\n").exit_code == 0
    late = samvad("redrive", source)
    assert (late.exit_code, late.stdout.strip()) == (1, f"{source}: was dropped before; nothing was done")
    [said] = json.loads(samvad("list", "--all", "--json").stdout)
    assert (said["handled"], said["bytes"]) == ("dropped", len(GARBAGE))


def test_a_name_that_is_no_letters_is_refused_before_anything_is_written(letters: Letters) -> None:
    source = letters.set_aside(77)
    for wrong in ("chat.requests/0/1", "nonsense", "\x1b[2Jx"):
        refused = samvad("redrive", source, wrong)
        assert (refused.exit_code, "\x1b[2J" in refused.stderr) == (1, False)
        assert "letter" in refused.stderr
    assert len(json.loads(samvad("list", "--json").stdout)) == 1


def test_without_a_broker_or_its_address_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAMVAD_KAFKA", raising=False)
    unnamed = samvad("list")
    assert (unnamed.exit_code, "name the Kafka brokers" in unnamed.stderr) == (1, True)
    monkeypatch.setenv("SAMVAD_KAFKA", "127.0.0.1:1")
    absent = samvad("list")
    assert (absent.exit_code, "no Kafka broker answers at 127.0.0.1:1" in absent.stderr) == (1, True)
    assert "Traceback" not in absent.stderr


def test_where_the_topic_is_missing_the_sentence_says_how_to_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded_broker({REQUESTS.name: 1}) as bootstrap:
        monkeypatch.setenv("SAMVAD_KAFKA", bootstrap)
        missing = samvad("list")
    assert (missing.exit_code, "`samvad topics`" in missing.stderr) == (1, True)
