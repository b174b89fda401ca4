"""Answers that are no answer, in OpenAI's error shape {"error": {"message", "type", "param", "code"}}.

In: the reason. Out: an aiohttp response.
"""

from aiohttp import web

from infra.practice_provider.wire import error_body


def json_response(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def bad_request(reason: str) -> web.Response:
    return json_response(error_body(reason, "invalid_request_error", None), 400)


def model_not_found(model: str) -> web.Response:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return json_response(error_body(message, "invalid_request_error", "model_not_found"), 404)


def too_many_requests(headers: dict[str, str]) -> web.Response:
    body = error_body("Rate limit reached, as scripted.", "requests", "rate_limit_exceeded")
    return json_response(body, 429, headers)


def scripted_refusal(status: int) -> web.Response:
    """`status` 429, to be tried again after a second, or 500."""
    if status == 429:
        return too_many_requests({"Retry-After": "1"})
    return json_response(error_body("The server had an error, as scripted.", "server_error", None), status)
