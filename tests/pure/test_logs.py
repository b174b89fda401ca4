"""Logs are JSON lines that never carry what stands under a secret's name."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from observability.logs import hide_secrets, setup_logging

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What was logged since, through structlog and through `logging`; the process's own logging is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("aiokafka", "uvicorn", "uvicorn.error", "LiteLLM")}
    stream = io.StringIO()
    setup_logging("worker", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def test_an_event_is_one_json_line_with_its_role_level_time_and_fields(lines: Lines) -> None:
    structlog.get_logger("test").info("turn_taken_over", attempt=2)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "turn_taken_over", "attempt": 2, "level": "info", "role": "worker"}


def test_a_librarys_sentence_is_said_once_in_a_while_and_counted_our_events_are_all_said(lines: Lines) -> None:
    now = 1_000.0
    restless = logging.getLogger("aiokafka.conn")
    for second in (0, 1, 2, 12):
        record = restless.makeRecord(restless.name, logging.ERROR, "f", 1, "No node %s", (second,), None)
        record.created = now + second
        restless.handle(record)
    for _ in range(2):
        structlog.get_logger("test").warning("turn_lost")
    said = [line["event"] for line in lines()]
    assert said == ["No node 0", "No node 12 [held back 2 times before]", "turn_lost", "turn_lost"]


def test_a_turns_ids_are_on_every_line_within_it(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(turn_id="t", trace_id="x"):
        structlog.get_logger("test").info("one")
        logging.getLogger("library").warning("two")
    assert [(line["event"], line["turn_id"], line["trace_id"]) for line in lines()] == [
        ("one", "t", "x"),
        ("two", "t", "x"),
    ]


@pytest.mark.parametrize(
    "name",
    ["token", "access_token", "Authorization", "OPENAI_API_KEY", "api_key", "client_secret", "password", "cookie"],
)
def test_what_stands_under_a_secrets_name_is_hidden(lines: Lines, name: str) -> None:
    structlog.get_logger("test").info("signed_in", **{name: "sk-SECRET"})
    (line,) = lines()
    assert line[name] == "[hidden]"


@pytest.mark.parametrize("name", ["input_tokens", "token_count", "key", "event"])
def test_other_names_are_left_alone(name: str) -> None:
    assert hide_secrets(None, "info", {name: 7}) == {name: 7}


def test_an_exception_is_logged_with_its_traceback_in_the_same_line(lines: Lines) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        structlog.get_logger("test").exception("attempt_broke")
    (line,) = lines()
    assert "ZeroDivisionError" in line["exception"]


def test_libraries_say_only_what_is_a_warning(lines: Lines) -> None:
    for name in ("aiokafka", "LiteLLM", "httpx", "uvicorn.error"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble")
    assert [line["event"] for line in lines()] == ["trouble"] * 4
