"""The closed list of what may go wrong as users and programs see it: code, sentence, and whether trying again helps."""

from enum import IntEnum, StrEnum


class ErrorCode(StrEnum):
    """Codes of `rejected`, `failed`, `error` frames and of REST errors.

    A code that only a newer program knows is read, kept and written as it came: an older client must not miss the end
    of its turn, nor an older edge hold it back, because of a new word for why.
    """

    BAD_FRAME = "bad_frame"
    UNKNOWN_FRAME_TYPE = "unknown_frame_type"
    NOT_AUTHENTICATED = "not_authenticated"
    WRONG_PASSWORD = "wrong_password"
    TOO_MANY_SIGN_INS = "too_many_sign_ins"
    SIGN_IN_UNAVAILABLE = "sign_in_unavailable"
    NO_SIGN_IN = "no_sign_in"
    FORBIDDEN = "forbidden"
    SECRET_IN_URL = "secret_in_url"
    NAME_TAKEN = "name_taken"
    BAD_PASSWORD = "bad_password"
    TOO_MANY_KEYS = "too_many_keys"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    UNSUPPORTED = "unsupported"
    EMPTY_TEXT = "empty_text"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_TURN = "unknown_turn"
    UNKNOWN_PARENT = "unknown_parent"
    UNKNOWN_QUESTION = "unknown_question"
    OVERLOADED = "overloaded"
    TOO_MANY_REQUESTS = "too_many_requests"
    CONVERSATION_BUSY = "conversation_busy"
    ACCEPT_UNKNOWN = "accept_unknown"
    HISTORY_UNAVAILABLE = "history_unavailable"
    TOO_MANY_WATCHED = "too_many_watched"
    CONVERSATION_DELETED = "conversation_deleted"
    QUESTION_TOO_LONG = "question_too_long"
    PROVIDER_BUSY = "provider_busy"
    PROVIDER_FAILED = "provider_failed"
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_TIMEOUT = "provider_timeout"
    ANSWER_CUT_OFF = "answer_cut_off"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    UNREADABLE = "unreadable"
    INTERNAL = "internal"

    @classmethod
    def _missing_(cls, value: object) -> "ErrorCode | None":
        if not isinstance(value, str):
            return None
        newer = str.__new__(cls, value)
        newer._name_, newer._value_ = "NEWER", value
        return newer

    @property
    def text(self) -> str:
        """A sentence for people that says what to do; never carries anybody's text."""
        return _TEXTS.get(self, _TEXT_OF_A_NEWER_ONE)

    @property
    def temporary(self) -> bool:
        """True if the same thing may succeed later."""
        return self in _TEMPORARY


_TEXTS: dict[ErrorCode, str] = {
    ErrorCode.BAD_FRAME: "The frame could not be read. See the protocol for its fields.",
    ErrorCode.UNKNOWN_FRAME_TYPE: "There is no frame of this type.",
    ErrorCode.NOT_AUTHENTICATED: "Sign in first: the token is missing, expired or not ours.",
    ErrorCode.WRONG_PASSWORD: "The name or the password is wrong.",
    ErrorCode.TOO_MANY_SIGN_INS: "There were too many tries to sign in. Wait a little, then try again.",
    ErrorCode.SIGN_IN_UNAVAILABLE: "Signing in and out can't be checked everywhere right now. Try again in a moment.",
    ErrorCode.NO_SIGN_IN: "This token belongs to no sign-in here. Whoever issued it can end it.",
    ErrorCode.FORBIDDEN: "That is not allowed from this page, or with this kind of token.",
    ErrorCode.SECRET_IN_URL: "Tokens and keys do not belong in addresses, which are logged. Send a header, or `hello`.",
    ErrorCode.NAME_TAKEN: "There is an account with this name.",
    ErrorCode.BAD_PASSWORD: "A password has 8 to 1024 characters.",
    ErrorCode.TOO_MANY_KEYS: "There are as many API keys as one user may have. Revoke one first.",
    ErrorCode.NOT_FOUND: "There is nothing of yours under this address.",
    ErrorCode.BAD_REQUEST: "The request could not be read. See the API's description for its fields.",
    ErrorCode.UNSUPPORTED: "This server does not do that yet.",
    ErrorCode.EMPTY_TEXT: "The message is empty. Write something first.",
    ErrorCode.UNKNOWN_MODEL: "There is no such model here. Choose one of the offered aliases.",
    ErrorCode.UNKNOWN_TURN: "There is no such turn of yours.",
    ErrorCode.UNKNOWN_PARENT: "The message to go on from does not exist in this conversation.",
    ErrorCode.UNKNOWN_QUESTION: "There is no such question in this conversation to be answered again.",
    ErrorCode.OVERLOADED: "Too much is waiting right now. Try again in a moment.",
    ErrorCode.TOO_MANY_REQUESTS: "That was more than is allowed in this time. Wait a moment, then go on.",
    ErrorCode.CONVERSATION_BUSY: "This conversation is still being answered. Wait for the end, or stop it.",
    ErrorCode.ACCEPT_UNKNOWN: "It is not known whether the message was accepted. Send the same request again.",
    ErrorCode.HISTORY_UNAVAILABLE: "The history can't be read right now. Live answers go on; try again in a moment.",
    ErrorCode.TOO_MANY_WATCHED: "This session watches too many conversations. Unwatch one first.",
    ErrorCode.CONVERSATION_DELETED: "The conversation was deleted.",
    ErrorCode.QUESTION_TOO_LONG: "The message is longer than this server takes or than the model can read. Shorten it.",
    ErrorCode.PROVIDER_BUSY: "The model has more requests than it takes right now. Try again in a moment.",
    ErrorCode.PROVIDER_FAILED: "The model's server failed or can't be reached. What it wrote, if anything, is kept.",
    ErrorCode.PROVIDER_REFUSED: "The model's server refused the request. An operator has to look at its settings.",
    ErrorCode.PROVIDER_TIMEOUT: "The model did not answer in time. What it wrote, if anything, is kept.",
    ErrorCode.ANSWER_CUT_OFF: "The model's answer broke off in the middle. What it wrote so far is kept; try again.",
    ErrorCode.DEADLINE_EXCEEDED: "The answer took longer than a turn may take. What there is of it is kept.",
    ErrorCode.TOO_MANY_ATTEMPTS: "The answer was tried too many times without success. Try again later.",
    ErrorCode.UNREADABLE: "The accepted message could not be read again. It was set aside for an operator.",
    ErrorCode.INTERNAL: "Something broke on our side. It was logged; try again.",
}

_TEXT_OF_A_NEWER_ONE = "Something went wrong that this program has no words for yet."

_TEMPORARY = frozenset(
    {
        ErrorCode.OVERLOADED,
        ErrorCode.TOO_MANY_SIGN_INS,
        ErrorCode.SIGN_IN_UNAVAILABLE,
        ErrorCode.TOO_MANY_REQUESTS,
        ErrorCode.CONVERSATION_BUSY,
        ErrorCode.ACCEPT_UNKNOWN,
        ErrorCode.HISTORY_UNAVAILABLE,
        ErrorCode.PROVIDER_BUSY,
        ErrorCode.PROVIDER_FAILED,
        ErrorCode.PROVIDER_TIMEOUT,
        ErrorCode.ANSWER_CUT_OFF,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.TOO_MANY_ATTEMPTS,
        ErrorCode.INTERNAL,
    }
)


class CloseCode(IntEnum):
    """Websocket close codes (DESIGN 4); below 4000 they are RFC 6455's. infra/protocol/close_codes.py says what for."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    NO_BINARY = 1003
    NOT_UTF8 = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    OVERLOADED = 1013
    NOT_THE_PROTOCOL = 4400
    NOT_AUTHENTICATED = 4401
    TOO_SLOW = 4409
    TOO_MANY_FRAMES = 4429
