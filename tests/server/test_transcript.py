"""The turn that protocol/README.md shows is one that the server really gives."""

import json
from itertools import groupby
from typing import Any

import pytest

from tests.server.transcript import PATH, Line, record


@pytest.fixture(scope="module")
def shown() -> list[Line]:
    return [json.loads(line) for line in PATH.read_text().splitlines()]


def events(lines: list[Line]) -> list[dict[str, Any]]:
    return [line["event"] for line in lines if "event" in line]


def order(lines: list[Line]) -> list[str]:
    """Types of the Realtime API; ours come between them when their time has come."""
    types = [event["type"] for event in events(lines) if not event["type"].startswith("idol.")]
    return [kind for kind, _ in groupby(types)]


def fields(value: object) -> object:
    """Which fields there are, without what is in them."""
    if isinstance(value, dict):
        return {key: fields(each) for key, each in value.items()}
    return [fields(each) for each in value[:1]] if isinstance(value, list) else None


async def test_it_happens_as_it_is_shown(shown: list[Line]) -> None:
    found = await record()
    assert order(found) == order(shown)
    now, then = ({event["type"]: event for event in events(lines)} for lines in (found, shown))
    assert {kind: fields(event) for kind, event in now.items()} == {
        kind: fields(event) for kind, event in then.items()
    }
    done = "response.output_audio_transcript.done"
    assert now[done] == then[done]
    assert now["idol.gesture"]["gesture"] == then["idol.gesture"]["gesture"]
    media = [
        {line["media"]["kind"] for line in lines if "media" in line} for lines in (found, shown)
    ]
    assert media == [{"audio", "face", "pose"}] * 2
