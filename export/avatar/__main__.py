"""Writes the generated avatar as a VRM file, for renders and vertex errors of the face training.

python -m export.avatar --out avatar.vrm
"""

import argparse
from pathlib import Path

from export.avatar import build_avatar


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Writes the generated avatar as a VRM file.")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(arguments)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    content = build_avatar()
    args.out.write_bytes(content)
    print(f"wrote {args.out}, {len(content) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
