"""Structured logs: one JSON line per event, with trace and turn ids, never user text."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

SECRET_NAMES = ("token", "secret", "password", "authorization", "api_key", "cookie")


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


def _quieten_libraries() -> None:
    for name in ("aiokafka", "LiteLLM", "LiteLLM Router", "httpx", "uvicorn", "openai", "asyncio"):
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
