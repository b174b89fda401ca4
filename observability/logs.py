"""Structured logs: one JSON line per event, with trace and turn ids, never user text."""

import logging
import sys
from collections import Counter
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

SECRET_NAMES = ("token", "secret", "password", "authorization", "api_key", "cookie")


MOST_SENTENCES = 1_000
"""Libraries put values into some of theirs: what is remembered of them stays bounded."""


def setup_logging(role: str, level: str = "INFO", stream: TextIO | None = None, json_lines: bool = True) -> None:
    """Sends our logs, and what libraries log through `logging`, to `stream` (default: standard error)."""
    target = stream or sys.stderr
    renderer: Any = structlog.processors.JSONRenderer() if json_lines else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[*_shared_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_shared_processors(), processors=_final(renderer))
    )
    handler.addFilter(LibrariesOnceInAWhile())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    _quieten_libraries()
    structlog.contextvars.bind_contextvars(role=role)


def _shared_processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
        structlog.processors.format_exc_info,
    ]


def _final(renderer: Any) -> list[Any]:
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]


class LibrariesOnceInAWhile(logging.Filter):
    """Lets each sentence of a library pass once in `seconds`, and says then how often it was held back.

    With a broker away aiokafka says ten sentences ten times a second for as long as it lasts (1 GB a day), and what
    matters drowns in them. Our own events are all let through: they are structures, not sentences.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._passed_at: dict[str, float] = {}
        self._held_back: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        sentence = record.msg
        return not isinstance(sentence, str) or self._may_pass(f"{record.name} {sentence}", record)

    def _may_pass(self, sentence: str, record: logging.LogRecord) -> bool:
        if record.created - self._passed_at.get(sentence, 0.0) < self._seconds:
            self._held_back[sentence] += 1
            return False
        if len(self._passed_at) >= MOST_SENTENCES:
            self._passed_at.clear()
        self._passed_at[sentence] = record.created
        if times := self._held_back.pop(sentence, 0):
            record.msg = f"{record.msg} [held back {times} times before]"
        return True


def _quieten_libraries() -> None:
    for name in ("aiokafka", "LiteLLM", "LiteLLM Router", "httpx", "uvicorn", "openai", "asyncio", "cassandra"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # O5: spans that nobody takes are told of once by `span_export`, and counted there.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    # W9: uvicorn's own lines carry the whole address, with whatever somebody put behind the question mark.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Second line of defence: a value under a secret's name is never written."""
    for name in event:
        if name.lower().endswith(SECRET_NAMES):
            event[name] = "[hidden]"
    return event
