"""What follows from the protocol's types is up to date and true."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from idol_protocol.codec import decode_header, decode_message
from idol_protocol.events import (
    CLIENT_EVENTS,
    SERVER_EVENTS,
    encode_event,
    parse_client_event,
    parse_server_event,
)
from idol_protocol.frames import AudioChunk, FaceFrame
from idol_protocol.idol_events import IdolStreamOpened

PROTOCOL = Path(__file__).parents[2] / "protocol"
FIXTURES = PROTOCOL / "fixtures"


def test_nothing_generated_is_stale() -> None:
    done = subprocess.run(
        [sys.executable, PROTOCOL / "generate.py", "--check"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_the_golden_events_are_read_and_written_the_same() -> None:
    fixtures = json.loads((FIXTURES / "events.json").read_text())
    for side, parse, known in (
        ("client", parse_client_event, CLIENT_EVENTS),
        ("server", parse_server_event, SERVER_EVENTS),
    ):
        assert [each["type"] for each in fixtures[side]] == list(known)
        for event in fixtures[side]:
            assert json.loads(encode_event(parse(json.dumps(event)))) == event


@pytest.mark.parametrize(
    "fixture", json.loads((FIXTURES / "media.json").read_text()), ids=lambda each: each["file"]
)
def test_the_golden_messages_hold_what_is_written_beside_them(fixture: dict[str, Any]) -> None:
    message = (FIXTURES / fixture["file"]).read_bytes()
    stream = parse_server_event(json.dumps(fixture["stream"]))
    assert isinstance(stream, IdolStreamOpened)
    expected = fixture["expected"]
    assert decode_header(message)[0].seq == expected["seq"]
    media = decode_message(message, stream)
    if isinstance(media, AudioChunk):
        assert media.samples.tolist() == expected["samples"]
        return
    assert [each.pts_us for each in media] == [each["pts_us"] for each in expected["frames"]]
    values = [
        np.concatenate([each.weights, each.head_eyes_deg])
        if isinstance(each, FaceFrame)
        else np.concatenate([each.rotations.ravel(), each.hips_m])
        for each in media
    ]
    wanted = [each["values"] for each in expected["frames"]]
    np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("side", ["client", "server"])
def test_the_schema_accepts_every_golden_event_and_refuses_others(side: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((PROTOCOL / "schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    name = "ClientEvent" if side == "client" else "ServerEvent"
    validator = jsonschema.Draft202012Validator({**schema, "anyOf": [{"$ref": f"#/$defs/{name}"}]})
    for event in json.loads((FIXTURES / "events.json").read_text())[side]:
        validator.validate(event)
        assert not validator.is_valid({**event, "type": "response.explode"})


def test_the_asyncapi_document_refers_to_what_it_holds() -> None:
    text = (PROTOCOL / "asyncapi.json").read_text()
    document = json.loads(text)
    for reference in set(_references(document)):
        at = document
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]
    assert len(document["components"]["messages"]) == len(CLIENT_EVENTS) + len(SERVER_EVENTS)


def test_the_typescript_types_name_every_event() -> None:
    types = (PROTOCOL / "clients" / "events.d.ts").read_text()
    for event in (*CLIENT_EVENTS.values(), *SERVER_EVENTS.values()):
        assert f"export interface {event.__name__} {{" in types
        for field in msgspec.structs.fields(event):
            assert f"  {field.encode_name}" in types


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_the_javascript_client_reads_the_golden_messages() -> None:
    done = subprocess.run(
        ["node", "--test", PROTOCOL / "clients" / "idol.test.mjs"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for part in value.values() for each in _references(part)]
    if isinstance(value, list):
        return [each for part in value for each in _references(part)]
    return []
