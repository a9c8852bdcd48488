"""A cue as a line of `events.jsonl`."""

from dataclasses import astuple, fields
from typing import Any

import msgspec

from idol_runtime.timeline import Cue, PlacedCue


def event_line(cue: Cue, start_us: int) -> bytes:
    """JSON and a line break: `time_s` since `start_us`, `name`, then what the cue says.

    What is None or empty is left out; the parts of a cue are lists of their values, and what a
    clause does is its tag and its place in the text.
    """
    event: dict[str, object] = {
        "time_s": round((cue.pts_us - start_us) / 1e6, 6),
        "name": cue.name,
    }
    for field in fields(cue):
        value = getattr(cue, field.name)
        if field.name == "pts_us" or value in (None, ()):
            continue
        event[field.name] = [_plain(each) for each in value] if isinstance(value, tuple) else value
    return msgspec.json.encode(event) + b"\n"


def _plain(part: Any) -> object:
    return [part.cue.tag, part.offset] if isinstance(part, PlacedCue) else astuple(part)
