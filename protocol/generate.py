"""Writes everything that follows from the protocol's types: schemas, documents, types, fixtures.

    python protocol/generate.py            write
    python protocol/generate.py --check    fail if anything written differs

The one definition is `idol_protocol`; no file made here is edited by hand.
"""

import argparse
import sys
from pathlib import Path

from generated_documents import asyncapi, json_schema, readme, typescript
from generated_fixtures import event_fixtures, media_fixtures

HERE = Path(__file__).parent


def documents() -> dict[str, bytes]:
    """Every generated file by its path under `protocol/`."""
    return {
        "schema.json": json_schema(),
        "asyncapi.json": asyncapi(),
        "README.md": readme(),
        "clients/events.d.ts": typescript(),
        "fixtures/events.json": event_fixtures(),
        **media_fixtures(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Generate the protocol's documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args().check
    stale = [
        name
        for name, content in documents().items()
        if not (HERE / name).is_file() or (HERE / name).read_bytes() != content
    ]
    if check:
        for name in stale:
            print(f"protocol/{name} is stale; run `python protocol/generate.py`.", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(documents()[name])
        print(f"wrote protocol/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
