"""The driver's errors to the store's words: which failures may pass, and which someone has to mend."""

from cassandra import (
    AuthenticationFailed,
    ConfigurationException,
    CoordinationFailure,
    InvalidRequest,
    OperationTimedOut,
    Timeout,
    Unauthorized,
    Unavailable,
)
from cassandra.cluster import NoHostAvailable, UnresolvableContactPoints
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.protocol import RequestExecutionException, ServerError, SyntaxException

from store.errors import StoreError, StoreUnavailable

_MAY_PASS = (
    ConnectionBusy,
    ConnectionException,
    CoordinationFailure,
    NoHostAvailable,
    OperationTimedOut,
    OSError,
    RequestExecutionException,  # overloaded, bootstrapping, truncating
    ServerError,
    Timeout,
    Unavailable,
)
_REFUSES_US = (AuthenticationFailed, Unauthorized)
_SCHEMA_DIFFERS = (InvalidRequest, ConfigurationException, SyntaxException)


def store_error(error: Exception) -> Exception:
    """StoreUnavailable for what may pass, StoreError for what someone has to mend; a bug stays what it is."""
    cause = _cause_of(error)
    if isinstance(cause, _REFUSES_US):
        return StoreError("Cassandra refuses this user: check SAMVAD_CASSANDRA_USERNAME and SAMVAD_CASSANDRA_PASSWORD")
    if _is_untrusted(cause):
        return StoreError(f"Cassandra's certificate is not trusted: {_cure_of(cause)} ({_one_line(cause)})")
    if isinstance(cause, _SCHEMA_DIFFERS):
        return StoreError(f"Cassandra's tables are not those of this program: run samvad migrate ({cause})")
    if isinstance(error, UnresolvableContactPoints):  # a container's name is known only while it runs
        return StoreUnavailable("nobody knows Cassandra's names: start it, or check SAMVAD_CASSANDRA")
    if isinstance(error, _MAY_PASS):
        return StoreUnavailable(f"Cassandra does not answer: {_one_line(error)}")
    return error


def _is_untrusted(cause: object) -> bool:
    """The driver makes a plain OSError of each error of a socket, so only the text tells."""
    return isinstance(cause, OSError) and "CERTIFICATE_VERIFY_FAILED" in str(cause)


def _cure_of(untrusted: Exception) -> str:
    if "is not valid for" in str(untrusted):
        return "have it name the node's address, or set SAMVAD_CASSANDRA_CHECK_HOST_NAME=false"
    return "check SAMVAD_CASSANDRA_CA_FILE"


def _cause_of(error: Exception) -> Exception:
    """What no host can mend is behind every host's refusal."""
    if isinstance(error, NoHostAvailable):
        causes: list[Exception] = list(error.errors.values())
        return next((one for one in causes if isinstance(one, _REFUSES_US) or _is_untrusted(one)), error)
    return error


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
