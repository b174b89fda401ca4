"""The protocol's description says what the structs say: the AsyncAPI file, tables and examples of docs/protocol.md."""

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import msgspec
import pytest

from infra.protocol import close_codes, examples
from infra.protocol.asyncapi import asyncapi
from infra.protocol.close_codes import close_meanings
from infra.protocol.field_docs import field_docs
from infra.protocol.files import ASYNCAPI, made_files
from infra.protocol.frames import CLIENT_FRAMES, SERVER_FRAMES, Frame, type_of
from infra.protocol.gap import ProtocolGap
from samvad_client.errors import SessionRefused, session_end
from schemas.codec import decode_client_frame, decode_server_frame
from schemas.errors import CloseCode, ErrorCode
from ws_edge.closing import SignInEnd
from ws_edge.session import KNOWN_TYPES
from ws_edge.settings import EdgeSettings

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "protocol.md").read_text()
FRAMES = [*CLIENT_FRAMES.values(), *SERVER_FRAMES.values()]
OUT_OF_DATE = "is not what the structs in schemas/ say. Run `samvad protocol --write` and commit what changed."


@cache
def described() -> dict[str, Any]:
    return asyncapi()


@pytest.mark.parametrize("path", ["docs/protocol/asyncapi.yaml", "docs/protocol.md"])
def test_the_committed_description_is_what_the_structs_say(path: str) -> None:
    assert (ROOT / path).read_text() == made_files(ROOT)[Path(path)], f"{path} {OUT_OF_DATE}"


def test_the_file_is_the_document_and_every_reference_in_it_leads_somewhere() -> None:
    document = msgspec.yaml.decode((ROOT / ASYNCAPI).read_bytes())
    assert document == described()
    references = set(re.findall(r"\$ref: '#/(.*)'", (ROOT / ASYNCAPI).read_text()))
    assert len(references) > 2 * len(FRAMES)
    for reference in references:
        node: Any = document
        for name in reference.split("/"):
            node = node[name]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.__name__)
def test_the_example_of_every_frame_fits_its_schema_and_is_what_our_own_reader_reads(frame: Frame) -> None:
    document = described()
    message = document["components"]["messages"][type_of(frame)]
    schema = {**message["payload"], "components": document["components"]}
    (example,) = message["examples"]
    jsonschema.Draft7Validator(schema).validate(example["payload"])
    decode = decode_client_frame if frame in CLIENT_FRAMES.values() else decode_server_frame
    assert type(decode(json.dumps(example["payload"]))) is frame


def test_a_schema_refuses_what_is_no_such_frame() -> None:
    document = described()
    schema = {"$ref": "#/components/schemas/Delta", "components": document["components"]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate({"type": "delta", "text": "no address"})


def test_a_schema_takes_an_error_code_that_only_a_newer_server_knows() -> None:
    document = described()
    schema = {"$ref": "#/components/schemas/ErrorFrame", "components": document["components"]}
    frame = {"type": "error", "code": "of_the_future", "text": "Later.", "temporary": True}
    jsonschema.Draft7Validator(schema).validate(frame)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate({**frame, "code": 7})


def test_a_client_may_say_null_for_every_field_that_it_may_leave_out() -> None:
    for frame in CLIENT_FRAMES.values():
        example = examples.example_of(frame)
        optional = [field.encode_name for field in msgspec.structs.fields(frame) if not field.required]
        decode_client_frame(json.dumps({**example, **dict.fromkeys(optional)}))


def test_a_frame_without_an_example_says_where_one_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "_client_frames", list)
    with pytest.raises(ProtocolGap, match=r"infra/protocol/examples\.py: the frame Hello has no example: add one"):
        asyncapi()


def test_a_field_without_a_meaning_says_where_one_is_wanted() -> None:
    silent = msgspec.defstruct("Silent", [("colour", str)], module="schemas.frames")
    with pytest.raises(ProtocolGap, match=r"schemas/frames\.py: Silent\.colour has no meaning: say it in a text below"):
        field_docs(silent)


def test_a_close_code_without_a_meaning_says_where_one_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close_codes, "_MEANINGS", {})
    with pytest.raises(ProtocolGap, match=r"close_codes\.py: close code 1000 \(NORMAL\) has no meaning: say there why"):
        close_meanings()


@pytest.mark.parametrize("code", [code for code in CloseCode if code is not CloseCode.NORMAL])
def test_the_python_client_comes_back_after_exactly_the_close_codes_that_say_so(code: CloseCode) -> None:
    stays_away = isinstance(session_end(code, "why"), SessionRefused)
    assert stays_away is not close_meanings()[code].reconnect, (
        f"infra/protocol/close_codes.py and samvad_client/errors.py say different things about {int(code)}"
    )


def test_the_edge_knows_every_client_frame_by_its_type() -> None:
    assert set(CLIENT_FRAMES) == KNOWN_TYPES


def test_every_limit_that_ready_tells_is_explained() -> None:
    limits = DOCUMENT.partition("\n## 12. Limits\n")[2].partition("\n## ")[0]
    for name, value in EdgeSettings().limits().items():
        assert f"| `{name}` | {value} |" in limits, f"docs/protocol.md, 12: add a row for `{name}`, default {value}"


def test_every_error_code_and_frame_is_in_the_document() -> None:
    reference = DOCUMENT.partition("\n## Client frames\n")[2]
    assert [code for code in ErrorCode if f"| `{code}` | {'yes' if code.temporary else 'no'} |" not in reference] == []
    assert [type_of(frame) for frame in FRAMES if f"### `{type_of(frame)}`\n" not in reference] == []


def test_every_reason_of_4401_is_in_the_document() -> None:
    reference = DOCUMENT.partition("\n## Close codes\n")[2]
    assert [why.value for why in SignInEnd if f"| `{why.value}` |" not in reference] == []


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


def test_every_json_example_in_the_document_is_read_by_our_own_readers() -> None:
    assert len(_blocks("json")) == len(FRAMES)
    for block in _blocks("json"):
        raw = json.loads(block)
        decode = decode_client_frame if raw["type"] in CLIENT_FRAMES else decode_server_frame
        decode(block)


def test_every_line_of_the_transcripts_is_a_frame_of_who_says_it() -> None:
    names = {name: f"00000000-0000-4000-8000-0000000000{name.encode().hex()[:2]}" for name in ("c1", "t1", "r1")}
    lines = [line for kind in ("transcript", "story") for block in _blocks(kind) for line in block.splitlines()]
    said = [line.partition(": ") for line in lines if not line.startswith("#")]
    assert len(said) > 30
    for who, _, frame in said:
        whole = re.sub('"([ctr]1)"', lambda short: f'"{names[short[1]]}"', frame)
        {"client": decode_client_frame, "server": decode_server_frame}[who](whole)


def _pseudo_code() -> Callable[[Any, Any], str]:
    """`take` of the document, as it stands there."""
    (code,) = [block for block in _blocks("python") if "def take" in block]

    def show(turn: Any, frame: Any) -> None:
        turn.has_ended = is_terminal(frame.status if frame.type == "snapshot" else frame.type)

    def is_terminal(status: str) -> bool:
        return status in ("completed", "stopped", "failed")

    names: dict[str, Any] = {"show": show, "is_terminal": is_terminal}
    exec(code, names)
    take: Callable[[Any, Any], str] = names["take"]
    return take


def _set_back(turns: dict[str, Any], step: dict[str, Any]) -> None:
    """What a case does to turns beside their frames: they are asked anew, or rejected."""
    for listed in step.get("hear", {}).get("turns", []):
        if listed["status"] == "unknown" and listed["turn_id"] in turns:
            turns[listed["turn_id"]].seq = -1
    if any(shown.get("status") == "rejected" for shown in step.get("show", [])):
        for turn in turns.values():
            turn.has_ended = True


def test_the_pseudo_code_of_the_document_passes_the_vectors_too() -> None:
    take, verdicts = _pseudo_code(), Counter[str]()
    for file in (ROOT / "docs" / "protocol" / "vectors").glob("*.json"):
        for case in json.loads(file.read_text())["cases"]:
            turns: dict[str, Any] = {}
            for step in case["steps"]:
                _set_back(turns, step)
                if step.get("then") in ("applied", "dropped", "hole"):
                    frame = SimpleNamespace(**step["hear"])
                    new = SimpleNamespace(has_ended=False, seq=-1, held=False)
                    assert take(turns.setdefault(frame.turn_id, new), frame) == step["then"], (case["name"], step)
                    verdicts[step["then"]] += 1
    assert min(verdicts.values()) > 10


def test_an_error_code_of_a_newer_program_is_read_kept_and_written_as_it_came() -> None:
    raw = b'{"type":"error","code":"of_the_future","text":"Later.","temporary":true}'
    frame = decode_server_frame(raw)
    assert msgspec.json.encode(frame) == raw
    assert frame == decode_server_frame(raw)
    assert ErrorCode("of_the_future").text == "Something went wrong that this program has no words for yet."
    assert not ErrorCode("of_the_future").temporary
    assert len(ErrorCode) == len(set(ErrorCode))
