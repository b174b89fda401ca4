"""What a provider's exception means for the user and for the next try. LiteLLM maps all providers to these names."""

import time

from consumers.llm.gates_told import told_by
from consumers.llm.pieces import ProviderFault
from schemas.errors import ErrorCode

_MEANINGS: dict[str, tuple[ErrorCode, bool]] = {
    "RateLimitError": (ErrorCode.PROVIDER_BUSY, True),
    "Timeout": (ErrorCode.PROVIDER_TIMEOUT, True),
    "AuthenticationError": (ErrorCode.PROVIDER_REFUSED, True),
    "PermissionDeniedError": (ErrorCode.PROVIDER_REFUSED, True),
    "NotFoundError": (ErrorCode.PROVIDER_REFUSED, True),
    "BadRequestError": (ErrorCode.PROVIDER_REFUSED, True),
    "ContextWindowExceededError": (ErrorCode.QUESTION_TOO_LONG, True),
    "ContentPolicyViolationError": (ErrorCode.PROVIDER_REFUSED, False),
}

_OWN_CODES = (ErrorCode.PROVIDER_FAILED, ErrorCode.PROVIDER_TIMEOUT, ErrorCode.ANSWER_CUT_OFF)
_OWN_ERRORS = ("AuthenticationError", "PermissionDeniedError", "NotFoundError")
OUT_OF_CREDIT = "insufficient_quota"
"""OpenAI's 429 for an account without credit: no waiting helps."""


def fault_of(error: BaseException) -> ProviderFault:
    """The fault that an exception of LiteLLM, or of the network below it, stands for."""
    # LiteLLM wraps a fault after the first chunk; what it wraps says more.
    name = type(getattr(error, "original_exception", None) or error).__name__
    code, try_another = _MEANINGS.get(name, (ErrorCode.PROVIDER_FAILED, True))
    if code is not ErrorCode.PROVIDER_BUSY:
        return ProviderFault(code, name, try_another)
    if OUT_OF_CREDIT in str(error):
        return ProviderFault(ErrorCode.PROVIDER_REFUSED, name, try_another)
    headers = getattr(error, "litellm_response_headers", None) or {}
    return ProviderFault(code, name, try_another, told_by(headers, time.time()))


def is_providers_own(fault: ProviderFault) -> bool:
    """Whether the next question would meet the same fault, whatever it asks."""
    return fault.code in _OWN_CODES or fault.error_type in _OWN_ERRORS


def root_cause(error: BaseException) -> str:
    """The kinds of exceptions below a fault, innermost last, such as `APIConnectionError < ConnectError`; no texts."""
    kinds: list[str] = []
    below = error.__cause__ or error.__context__
    while below is not None and len(kinds) < 6:
        kinds.append(type(below).__name__)
        below = below.__cause__ or below.__context__
    return " < ".join(kinds)
