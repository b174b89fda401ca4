"""The driver's errors to the store's words: which failures may pass, and which someone has to mend."""

import ssl

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
_SCHEMA_DIFFERS = (InvalidRequest, ConfigurationException, SyntaxException)


def store_error(error: Exception) -> Exception:
    """StoreUnavailable for what may pass, StoreError for what someone has to mend; a bug stays what it is."""
    cause = _cause_of(error)
    if isinstance(cause, (AuthenticationFailed, Unauthorized)):
        return StoreError("Cassandra refuses this user: check SAMVAD_CASSANDRA_USERNAME and SAMVAD_CASSANDRA_PASSWORD")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return StoreError(f"Cassandra's certificate is not trusted: check SAMVAD_CASSANDRA_CA_FILE ({cause.reason})")
    if isinstance(cause, _SCHEMA_DIFFERS):
        return StoreError(f"Cassandra's tables are not those of this program: run samvad migrate ({cause})")
    if isinstance(error, UnresolvableContactPoints):  # a container's name is known only while it runs
        return StoreUnavailable("nobody knows Cassandra's names: start it, or check SAMVAD_CASSANDRA")
    if isinstance(error, _MAY_PASS):
        return StoreUnavailable(f"Cassandra does not answer: {_one_line(error)}")
    return error


def _cause_of(error: Exception) -> Exception:
    """What no host can mend is behind every host's refusal."""
    if isinstance(error, NoHostAvailable):
        lasting = (AuthenticationFailed, Unauthorized, ssl.SSLCertVerificationError)
        return next((cause for cause in dict(error.errors).values() if isinstance(cause, lasting)), error)
    return error


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
