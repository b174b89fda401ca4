"""RFC 6455 against a live edge, frame by frame: what is wrong is closed with the code that the standard asks for.

Each case names the section that it is about. Where the edge (uvicorn 0.54 on websockets 17.4) answers differently, the
case says what the standard wants and what comes instead: see DIFFERENT.
"""

import asyncio
import base64
import hashlib
import json
import logging
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.flow.raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    KEY,
    PING,
    PONG,
    TEXT,
    RawWebsocket,
    close,
    frame,
    raw_connection,
    raw_websocket,
    text,
    upgrade_request,
)
from tests.flow.running_edge import Stage, stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROTOCOL_ERROR, NOT_TEXT, BAD_TEXT, TOO_BIG = 1002, 1003, 1007, 1009
LIMIT = 64 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One for all: whatever one client did, the next one must find it whole."""
    async with stage(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever a client sends, nothing of ours may break over it."""
    yield
    records = caplog.get_records("call")
    assert [record.getMessage() for record in records if record.exc_info or record.levelno >= logging.ERROR] == []
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


@dataclass(frozen=True)
class Case:
    """What is sent, and the code that the standard asks for; `instead`: what this edge gives, if not that."""

    section: str
    name: str
    sent: bytes
    code: int
    instead: int | None = None


def fragments(*payloads: bytes, opcode: int = TEXT) -> bytes:
    """One message in so many frames."""
    last = len(payloads) - 1
    return b"".join(frame(CONTINUATION if n else opcode, payload, fin=n == last) for n, payload in enumerate(payloads))


def small_text(payload: bytes = b"{}") -> bytes:
    return frame(TEXT, payload)


FRAMING = [
    Case("5.1", "an unmasked text frame", frame(TEXT, b"{}", mask=None), PROTOCOL_ERROR),
    Case("5.1", "an unmasked ping", frame(PING, mask=None), PROTOCOL_ERROR),
    Case("5.1", "an unmasked close", frame(CLOSE, struct.pack("!H", 1000), mask=None), PROTOCOL_ERROR),
    *[
        Case("5.2", f"reserved bits {bits:03b} on opcode {opcode}", frame(opcode, rsv=bits), PROTOCOL_ERROR)
        for bits in (0b100, 0b010, 0b001, 0b111)
        for opcode in (TEXT, BINARY, PING)
    ],
    *[
        Case("5.2", f"reserved opcode {opcode}", frame(opcode, b"x"), PROTOCOL_ERROR)
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    ],
    Case("5.2", "a reserved opcode inside of a message", frame(TEXT, b"a", fin=False) + frame(3), PROTOCOL_ERROR),
    Case("5.2", "a 16-bit length that 7 bits hold", frame(TEXT, b"{}", length=b"\x7e\x00\x02"), PROTOCOL_ERROR, 0),
    Case("5.2", "a 64-bit length that 7 bits hold", frame(TEXT, b"{}", length=b"\x7f" + bytes(7) + b"\x02"),
         PROTOCOL_ERROR, 0),
    Case("5.2", "a 64-bit length that 16 bits hold", frame(TEXT, b" " * 200, length=b"\x7f" + struct.pack("!Q", 200)),
         PROTOCOL_ERROR, 0),
    Case("5.2", "a 64-bit length with its highest bit", frame(TEXT, b"{}", length=b"\x7f" + struct.pack("!Q", 2**63)),
         PROTOCOL_ERROR, TOO_BIG),
    Case("5.4", "a continuation of nothing", frame(CONTINUATION, b"x"), PROTOCOL_ERROR),
    Case("5.4", "a continuation of nothing that goes on", frame(CONTINUATION, b"x", fin=False), PROTOCOL_ERROR),
    Case("5.4", "a continuation after a whole message", small_text() + frame(CONTINUATION), PROTOCOL_ERROR),
    Case("5.4", "a text frame inside of a message", frame(TEXT, b"{", fin=False) + small_text(), PROTOCOL_ERROR),
    Case("5.4", "a binary frame inside of a message", frame(TEXT, b"{", fin=False) + frame(BINARY), PROTOCOL_ERROR),
    *[
        Case("5.5", f"a fragmented control frame, opcode {opcode}", frame(opcode, fin=False), PROTOCOL_ERROR)
        for opcode in (CLOSE, PING, PONG)
    ],
    *[
        Case("5.5", f"a control frame of 126 bytes, opcode {opcode}", frame(opcode, b"\x03\xe8" * 63), PROTOCOL_ERROR)
        for opcode in (CLOSE, PING, PONG)
    ],
    Case("5.5", "a ping that announces 64 KiB", frame(PING, length=b"\x7f" + struct.pack("!Q", LIMIT)) + bytes(LIMIT),
         PROTOCOL_ERROR),
]  # fmt: skip

TEXTS = [
    Case("8.1", f"text that is not UTF-8: {what}", sent, BAD_TEXT)
    for what, bad in {
        "a stray byte": b"\xff",
        "a stray continuation byte": b"\x80",
        "cut off in a character": b"\xe2\x82",
        "overlong": b"\xc0\xaf",
        "overlong, three bytes": b"\xe0\x80\xaf",
        "a surrogate": b"\xed\xa0\x80",
        "beyond U+10FFFF": b"\xf4\x90\x80\x80",
        "five bytes": b"\xf8\x88\x80\x80\x80",
    }.items()
    for sent in (small_text(b'{"type":"' + bad + b'"}'), fragments(b'"', *(bytes([byte]) for byte in bad), b'"'))
] + [Case("8.1", "a message that ends within a character", fragments(b'"\xe2', b"\x82"), BAD_TEXT)]  # fmt: skip

CLOSES = [
    Case("5.5.1", "a close of one byte", frame(CLOSE, b"\x03"), PROTOCOL_ERROR),
    Case("5.5.1", "a close without a code", frame(CLOSE), 1005),
    Case("8.1", "a reason that is not UTF-8", close(1000, b"\xff\xfe"), BAD_TEXT),
    Case("8.1", "a reason cut off in a character", close(1000, b"\xe2\x82"), BAD_TEXT),
    Case("5.5.1", "a close with a reason", close(1000, "तथास्तु".encode()), 1000),
    Case("5.5.1", "a close with the longest reason", close(1000, b"x" * 123), 1000),
    *[
        Case("7.4", f"close code {code}, which nobody may send", close(code), PROTOCOL_ERROR)
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ],
    *[
        Case("7.4", f"close code {code}", close(code), code)
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
    ],
    Case("5.4", "a close in the middle of a message", frame(TEXT, b"{", fin=False) + close(1000), 1000, PROTOCOL_ERROR),
    Case("5.5.1", "data after a close", close(1001) + text(type="ping") + frame(PING, b"x") + frame(3), 1001),
]  # fmt: skip

SIZES = [
    Case("7.4.1", "a binary message", frame(BINARY, b"\x00\x01"), NOT_TEXT),
    Case("7.4.1", "a binary message in fragments", fragments(b"a", b"b", opcode=BINARY), NOT_TEXT),
    Case("7.4.1", "an empty binary message", frame(BINARY), NOT_TEXT),
    Case("7.4.1", "a message of 64 KiB and a byte", frame(TEXT, b" " * (LIMIT + 1)), TOO_BIG),
    Case("7.4.1", "the same in two fragments", fragments(b" " * LIMIT, b" "), TOO_BIG),
    Case("7.4.1", "the same in many", fragments(*[b" " * 1000] * 66), TOO_BIG),
    Case("7.4.1", "one that only announces it", frame(TEXT, length=b"\x7f" + struct.pack("!Q", 2**40)), TOO_BIG),
]

DIFFERENT = [case for case in FRAMING + TEXTS + CLOSES + SIZES if case.instead is not None]


@pytest.mark.parametrize("case", FRAMING + TEXTS + CLOSES + SIZES, ids=lambda case: f"{case.section} {case.name}")
async def test_a_frame_is_answered_with_the_close_code_of_the_standard(scene: Stage, case: Case) -> None:
    async with raw_websocket(scene.running.address, scene.token("asha")) as socket:
        await socket.send(case.sent)
        if case.instead == 0:  # it is read like any other
            assert (await socket.hear())["type"] == "error"
            await still_answers(socket)
            return
        assert await socket.closed() == (case.instead or case.code)
        with suppress(ConnectionError):
            await socket.send(close(1000))  # the end of the handshake, if it was the edge that began it
        assert await socket.ended()


async def test_where_the_edge_differs_from_the_standard_is_known() -> None:
    """Lengths in more bytes than needed harm nobody; the other two end the connection with another code."""
    assert [(case.section, case.code, case.instead) for case in DIFFERENT] == [
        ("5.2", PROTOCOL_ERROR, 0),
        ("5.2", PROTOCOL_ERROR, 0),
        ("5.2", PROTOCOL_ERROR, 0),
        ("5.2", PROTOCOL_ERROR, TOO_BIG),
        ("5.4", 1000, PROTOCOL_ERROR),
    ]


async def still_answers(socket: RawWebsocket, nonce: str = "still there?") -> None:
    await socket.send(text(type="ping", nonce=nonce))
    assert await socket.hear() == {"type": "pong", "nonce": nonce}


PING_MESSAGE = json.dumps({"type": "ping", "nonce": "धन्यवाद €"}, ensure_ascii=False).encode()
ANSWER = {"type": "pong", "nonce": "धन्यवाद €"}


@pytest.mark.parametrize(
    ("section", "sent"),
    [
        ("5.4", fragments(PING_MESSAGE[:9], PING_MESSAGE[9:])),
        ("5.4", fragments(b"", PING_MESSAGE, b"")),
        ("5.4", fragments(b"", b"", PING_MESSAGE[:1], b"", PING_MESSAGE[1:])),
        ("5.6", fragments(*(bytes([byte]) for byte in PING_MESSAGE))),  # characters are split, too
        ("5.2", frame(TEXT, PING_MESSAGE, mask=bytes(4))),
        ("5.2", frame(TEXT, PING_MESSAGE, mask=b"\xff" * 4)),
        ("5.2", frame(TEXT, PING_MESSAGE + b" " * (LIMIT - len(PING_MESSAGE)))),
        ("5.2", frame(TEXT, PING_MESSAGE + b" " * (125 - len(PING_MESSAGE)))),
        ("5.2", frame(TEXT, PING_MESSAGE + b" " * (126 - len(PING_MESSAGE)))),
        ("5.5.3", frame(PONG, b"nobody asked") + frame(TEXT, PING_MESSAGE)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_every_way_to_write_a_message_is_read(scene: Stage, section: str, sent: bytes) -> None:
    async with raw_websocket(scene.running.address, scene.token("asha")) as socket:
        await socket.send(sent)
        assert await socket.hear() == ANSWER, section


@pytest.mark.parametrize("payload", [b"", b"hello", bytes(range(125)), b"\xff" * 125])
async def test_a_ping_is_answered_by_a_pong_with_its_payload_5_5_2(scene: Stage, payload: bytes) -> None:
    async with raw_websocket(scene.running.address, scene.token("asha")) as socket:
        await socket.send(frame(PING, payload))
        assert await socket.frame() == (PONG, payload)


async def test_pings_between_fragments_are_answered_at_once_5_4(scene: Stage) -> None:
    async with raw_websocket(scene.running.address, scene.token("asha")) as socket:
        for n, byte in enumerate(PING_MESSAGE[:10]):
            await socket.send(frame(CONTINUATION if n else TEXT, bytes([byte]), fin=False), frame(PING, b"%d" % n))
            assert await socket.frame() == (PONG, b"%d" % n)
        await socket.send(frame(CONTINUATION, PING_MESSAGE[10:]))
        assert await socket.hear() == ANSWER


async def test_frames_may_come_byte_by_byte_or_many_at_once_5_2(scene: Stage) -> None:
    async with raw_websocket(scene.running.address, scene.token("asha")) as socket:
        for byte in frame(TEXT, PING_MESSAGE):
            await socket.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await socket.hear() == ANSWER
        await socket.send(frame(TEXT, PING_MESSAGE) * 20)
        assert [await socket.hear() for _ in range(20)] == [ANSWER] * 20


async def test_the_edge_closes_the_connection_after_the_closing_handshake_7_1_1(scene: Stage) -> None:
    async with raw_websocket(scene.running.address, scene.token("asha")) as socket:
        await socket.send(close(1000))
        assert await socket.frame() == (CLOSE, struct.pack("!H", 1000))
        assert await socket.ended()


async def test_every_frame_of_the_edge_is_unmasked_and_whole_5_1(scene: Stage) -> None:
    async with raw_websocket(scene.running.address, None) as socket:
        await socket.send(text(type="hello", token=scene.token("asha")))
        first, second = await socket.reader.readexactly(2)
        assert first == 0x80 | TEXT
        assert second & 0x80 == 0


@pytest.mark.parametrize(
    ("section", "changes", "status"),
    [
        ("4.2.1 3", {"upgrade": None}, 426),
        ("4.2.1 3", {"upgrade": "h2c"}, 426),
        ("4.2.1 4", {"connection": None}, 426),
        ("4.2.1 4", {"connection": "keep-alive"}, 426),
        ("4.2.1 5", {"sec_websocket_key": None}, 400),
        ("4.2.1 5", {"sec_websocket_key": "not base64!"}, 400),
        ("4.2.1 5", {"sec_websocket_key": base64.b64encode(b"too short").decode()}, 400),
        ("4.2.1 6", {"sec_websocket_version": None}, 400),
        ("4.2.1 6", {"sec_websocket_version": "8"}, 426),
        ("4.2.1 6", {"sec_websocket_version": "14"}, 426),
        ("4.2.2 5.5", {"sec_websocket_protocol": None}, 400),
        ("4.2.2 5.5", {"sec_websocket_protocol": "samvad.v2"}, 400),
        ("4.2.2 4", {"origin": "https://evil.example"}, 403),
        ("4.2.1 1", {"line": "GET /v1/ws HTTP/1.0"}, 426),
        ("4.2.1 1", {"line": "POST /v1/ws HTTP/1.1"}, 405),
        ("4.2.1 1", {"line": "GET /v1/elsewhere HTTP/1.1"}, 404),
        ("4.2.1 1", {"line": "nonsense"}, 400),
    ],
    ids=str,
)
async def test_a_handshake_that_is_wrong_is_refused_before_the_upgrade(
    scene: Stage, section: str, changes: dict[str, str | None], status: int
) -> None:
    async with raw_connection(scene.running.address) as socket:
        await socket.send(upgrade_request(urlsplit(scene.running.address).netloc, **changes))  # type: ignore[arg-type]
        given, headers = await socket.head()
        assert given == status, section
        if status == 426:
            assert headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize("changes", [{"connection": "keep-alive, UPGRADE"}, {"upgrade": "WebSocket"},
                                     {"sec_websocket_protocol": "other, samvad.v1"}])  # fmt: skip
async def test_a_handshake_is_answered_with_the_key_and_the_protocol_4_2_2(
    scene: Stage, changes: dict[str, str]
) -> None:
    async with raw_connection(scene.running.address) as socket:
        await socket.send(upgrade_request(urlsplit(scene.running.address).netloc, **changes))
        status, headers = await socket.head()
        expected = hashlib.sha1(KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        assert (status, headers["sec-websocket-protocol"]) == (101, "samvad.v1")
        assert headers["sec-websocket-accept"] == base64.b64encode(expected).decode()
        assert "sec-websocket-extensions" not in headers
