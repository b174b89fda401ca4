"""Every REST error in one shape, whatever raised it: `{"error": {"code", "text", "temporary"}}`.

In: exceptions of routes, of FastAPI and of the store. Out: a response from the closed list of codes; never a
traceback, and never a word of what the client sent.
"""

from collections.abc import Mapping

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from schemas.errors import ErrorCode
from store.errors import StoreUnavailable
from ws_edge.coming_back import SOON_MS, retry_after
from ws_edge.error_body import error_body
from ws_edge.faults import Fault, Wrong, faults_of_request, sentence
from ws_edge.sign_in import SignInUnavailable

log = structlog.get_logger(__name__)

_CODES = {
    401: ErrorCode.NOT_AUTHENTICATED,
    404: ErrorCode.NOT_FOUND,
    500: ErrorCode.INTERNAL,
    503: ErrorCode.OVERLOADED,
}


class RestError(Exception):
    """A route's refusal. `retry_after_ms`: when another try may go better. `fault`: what is wrong with the request."""

    def __init__(
        self, status: int, code: ErrorCode, retry_after_ms: int | None = None, fault: Fault | None = None
    ) -> None:
        super().__init__(code.value)
        self.status = status
        self.code = code
        self.retry_after_ms = retry_after_ms
        self.text = sentence(code, [] if fault is None else [fault])


def not_found() -> RestError:
    """What is not the user's does not exist (DESIGN 6)."""
    return RestError(404, ErrorCode.NOT_FOUND)


def install(app: FastAPI) -> None:
    """Sets the handlers."""
    app.add_exception_handler(RestError, _on_rest_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(StoreUnavailable, _on_store_unavailable)
    app.add_exception_handler(SignInUnavailable, _on_sign_in_unavailable)
    app.add_exception_handler(Exception, _on_bug)


def bad_field(field: str) -> RestError:
    """A field that can be read, and is not as it has to be."""
    return RestError(422, ErrorCode.BAD_REQUEST, fault=Fault(field, Wrong.REFUSED))


def response(
    status: int, code: ErrorCode, headers: Mapping[str, str] | None = None, text: str | None = None
) -> JSONResponse:
    """An error as every client finds it."""
    every = {"www-authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(msgspec.to_builtins(error_body(code, text)), status, {**every, **(headers or {})})


async def _on_rest_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RestError)
    wait_ms = error.retry_after_ms
    return response(error.status, error.code, retry_after(wait_ms) if wait_ms else None, error.text)


async def _on_http_exception(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return response(error.status_code, _CODES.get(error.status_code, ErrorCode.BAD_REQUEST), error.headers)


async def _on_bad_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return response(422, ErrorCode.BAD_REQUEST, text=sentence(ErrorCode.BAD_REQUEST, faults_of_request(error.errors())))


async def _on_store_unavailable(_: Request, error: Exception) -> JSONResponse:
    log.warning("rest_without_history", reason=repr(error))
    return response(503, ErrorCode.HISTORY_UNAVAILABLE, retry_after(SOON_MS))


async def _on_sign_in_unavailable(_: Request, error: Exception) -> JSONResponse:
    log.warning("rest_without_sign_in", reason=repr(error))
    return response(503, ErrorCode.SIGN_IN_UNAVAILABLE, retry_after(SOON_MS))


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    return response(500, ErrorCode.INTERNAL)
