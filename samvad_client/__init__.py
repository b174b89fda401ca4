"""The Python client library of Samvad: ask, follow, stop and resume over the websocket, and the REST calls.

`SamvadClient` is one device of one user, connected for as long as its context; `TurnHandle` follows one answer, and
`TurnView` is how it stands; `EdgeRest` has history, the list of conversations and the models. All that goes wrong on
purpose is a `SamvadError`. docs/python-client.md has a program to begin with, docs/protocol.md what is said below.
"""

from samvad_client.client import SamvadClient
from samvad_client.conversation_view import ConversationView
from samvad_client.errors import (
    ClientClosed,
    ConnectionLost,
    EdgeRefused,
    EdgeUnreachable,
    QuestionTooLong,
    RequestRejected,
    SamvadError,
    SessionRefused,
    SignInAgain,
)
from samvad_client.reducer import Applied
from samvad_client.rest import (
    ConversationPage,
    ConversationRow,
    EdgeRest,
    MessagePage,
    MessageRow,
    ModelRow,
    Models,
    SignedIn,
)
from samvad_client.strict import StrictObserver
from samvad_client.turn_handle import TurnHandle
from samvad_client.turn_view import TurnView
from schemas.errors import ErrorCode
from schemas.parts import Usage
from schemas.statuses import TurnStatus

__all__ = [
    "Applied",
    "ClientClosed",
    "ConnectionLost",
    "ConversationPage",
    "ConversationRow",
    "ConversationView",
    "EdgeRefused",
    "EdgeRest",
    "EdgeUnreachable",
    "ErrorCode",
    "MessagePage",
    "MessageRow",
    "ModelRow",
    "Models",
    "QuestionTooLong",
    "RequestRejected",
    "SamvadClient",
    "SamvadError",
    "SessionRefused",
    "SignInAgain",
    "SignedIn",
    "StrictObserver",
    "TurnHandle",
    "TurnStatus",
    "TurnView",
    "Usage",
]
