"""The Python client library of Samvad: ask, follow, stop and resume over the websocket, and the REST calls."""

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
from samvad_client.rest import EdgeRest
from samvad_client.strict import StrictObserver
from samvad_client.turn_handle import TurnHandle
from samvad_client.turn_view import TurnView

__all__ = [
    "Applied",
    "ClientClosed",
    "ConnectionLost",
    "ConversationView",
    "EdgeRefused",
    "EdgeRest",
    "EdgeUnreachable",
    "QuestionTooLong",
    "RequestRejected",
    "SamvadClient",
    "SamvadError",
    "SessionRefused",
    "SignInAgain",
    "StrictObserver",
    "TurnHandle",
    "TurnView",
]
