"""The AsyncAPI 3.0 document of the protocol.

In: the frames, their schemas and examples, the error and close codes. Out: one dict, or its YAML. An operation's
`action` is the edge's: it receives client frames and sends server frames.
"""

from typing import Any

import msgspec

from infra.protocol.close_codes import close_meanings
from infra.protocol.examples import example_of
from infra.protocol.frames import CLIENT_FRAMES, SERVER_FRAMES, Frame, type_of
from infra.protocol.json_schemas import REF, json_schemas
from schemas.errors import ErrorCode

SUBPROTOCOL = "samvad.v1"

Node = dict[str, Any]

REPLIES = {
    "hello": ("ready",),
    "send": ("accepted", "rejected", "error"),
    "regenerate": ("accepted", "rejected", "error"),
    "stop": ("error",),
    "watch": ("watching", "error"),
    "ping": ("pong",),
}
"""What answers a client frame directly. A stop that goes well is answered by the turn's end."""

_ABOUT = """The websocket protocol of Samvad: ask, follow, stop and resume answers of language models.
One JSON object with a `type` per text frame. Clients ignore unknown fields and unknown server frames.
The rules that frames follow, with examples and test vectors, are in docs/protocol.md."""


def asyncapi_yaml() -> str:
    """As it is committed."""
    note = "# Made from the structs in schemas/ by `samvad protocol --write`. Not to be edited.\n"
    return note + msgspec.yaml.encode(asyncapi()).decode()


def asyncapi() -> Node:
    """Raises ProtocolGap where something is not described."""
    frames = [*CLIENT_FRAMES.values(), *SERVER_FRAMES.values()]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Samvad",
            "version": "1.0.0",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {"session": _session(frames)},
        "operations": _operations(),
        "components": {
            "messages": {type_of(frame): _message(frame) for frame in frames},
            "schemas": json_schemas(),
        },
        "x-error-codes": [{"code": c.value, "text": c.text, "temporary": c.temporary} for c in ErrorCode],
        "x-close-codes": [
            {"code": int(code), "name": code.name.lower(), "why": is_.why, "then": is_.then, "reconnect": is_.reconnect}
            for code, is_ in close_meanings().items()
        ],
    }


def _servers() -> Node:
    return {
        "installation": {
            "host": "{host}",
            "protocol": "wss",
            "description": "An installation behind its TLS proxy.",
            "variables": {"host": {"default": "chat.example.org"}},
        },
        "local": {"host": "127.0.0.1:8000", "protocol": "ws", "description": "What `make chat` starts."},
    }


def _session(frames: list[Frame]) -> Node:
    header = {
        "type": "string",
        "const": SUBPROTOCOL,
        "description": "Without it the upgrade is refused (400).",
    }
    upgrade = {"type": "object", "properties": {"Sec-WebSocket-Protocol": header}}
    return {
        "address": "/v1/ws",
        "title": "A session",
        "description": "One websocket. The first client frame is `hello`, unless a session cookie came along.",
        "messages": {type_of(frame): {"$ref": f"#/components/messages/{type_of(frame)}"} for frame in frames},
        "bindings": {"ws": {"method": "GET", "headers": upgrade, "bindingVersion": "0.1.0"}},
    }


def _operations() -> Node:
    received = {
        f"receive_{kind}": {"action": "receive", "channel": _channel(), **_about(frame), "messages": _refs(kind)}
        | ({"reply": {"channel": _channel(), "messages": _refs(*REPLIES[kind])}} if kind in REPLIES else {})
        for kind, frame in CLIENT_FRAMES.items()
    }
    sent = {
        f"send_{kind}": {"action": "send", "channel": _channel(), **_about(frame), "messages": _refs(kind)}
        for kind, frame in SERVER_FRAMES.items()
    }
    return received | sent


def _channel() -> Node:
    return {"$ref": "#/channels/session"}


def _message(frame: Frame) -> Node:
    kind = type_of(frame)
    return {
        "name": kind,
        "title": kind,
        **_about(frame),
        "payload": {"$ref": REF.format(name=frame.__name__)},
        "examples": [{"name": kind, "payload": example_of(frame)}],
    }


def _about(frame: Frame) -> Node:
    return {"summary": " ".join((frame.__doc__ or "").split())}


def _refs(*kinds: str) -> list[Node]:
    return [{"$ref": f"#/channels/session/messages/{kind}"} for kind in kinds]
