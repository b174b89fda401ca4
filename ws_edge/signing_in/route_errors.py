"""What goes wrong while somebody signs in, in REST's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import ErrorCode
from ws_edge.coming_back import SOON_MS
from ws_edge.rest_errors import RestError, bad_field, not_found
from ws_edge.sign_in import NotSignedIn
from ws_edge.signing_in.accounts import NameTaken, NoSuchUser
from ws_edge.signing_in.api_keys import TooManyKeys
from ws_edge.signing_in.attempts import TooManyAttempts
from ws_edge.signing_in.names import BadName, BadPassword
from ws_edge.signing_in.passwords import TooManyAtOnce


@contextmanager
def refusals_named(not_signed_in: ErrorCode = ErrorCode.NOT_AUTHENTICATED) -> Iterator[None]:
    """Raises RestError for each of them."""
    try:
        yield
    except NotSignedIn as error:
        raise RestError(401, not_signed_in) from error
    except TooManyAttempts as error:
        raise RestError(429, ErrorCode.TOO_MANY_SIGN_INS, int(error.retry_after_seconds * 1000)) from error
    except TooManyAtOnce as error:
        raise RestError(503, ErrorCode.OVERLOADED, SOON_MS) from error
    except NameTaken as error:
        raise RestError(409, ErrorCode.NAME_TAKEN) from error
    except TooManyKeys as error:
        raise RestError(409, ErrorCode.TOO_MANY_KEYS) from error
    except NoSuchUser as error:
        raise not_found() from error
    except BadName as error:
        raise bad_field("name") from error
    except BadPassword as error:
        raise RestError(422, ErrorCode.BAD_PASSWORD) from error
