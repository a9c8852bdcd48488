"""What a data set of captures says about itself: `card.toml`."""

import tomllib
from pathlib import Path
from typing import Final, Literal

import msgspec
import tomli_w

CARD_FILE: Final = "card.toml"

FaceKind = Literal["video", "livelink", "pairs", "beat"]
BodyKind = Literal["motion", "beat-body", "film-body"]
Kind = FaceKind | BodyKind | Literal["made", "written"]


class RecordingError(Exception):
    """A recording that cannot be used; the message is a sentence that names it."""


class DatasetCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where recordings come from and what may be done with weights that saw them."""

    name: str
    licence: str
    """An SPDX identifier where there is one (`MIT`, `CC-BY-4.0`), else the licence's name."""
    may_ship: bool
    """Whether weights trained on these recordings may be shipped under the project's licence."""
    kind: Kind
    source: str = ""
    attribution: str = ""
    command: str = ""
    notes: tuple[str, ...] = ()
    """What a reader of the curves should know: lost frames, cuts, skipped files."""
    trained_on: tuple[str, ...] = ()
    """Names of the recordings whose faces a model learnt to make these; empty for captures."""


def read_card(folder: Path) -> DatasetCard:
    """The card of a data set.

    Raises:
        SystemExit: there is none, or it does not fit.
    """
    path = folder / CARD_FILE
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), DatasetCard)
    except (FileNotFoundError, NotADirectoryError):
        raise SystemExit(
            f"{folder}: expected a data set with a {CARD_FILE}, found none; "
            "make one with `python -m training.ingest`."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise SystemExit(f"{path}: expected a data set's card, but {error}.") from None


def write_card(folder: Path, card: DatasetCard) -> None:
    """Writes `card.toml`; a folder keeps the name, licence and kind that it began with.

    Raises:
        SystemExit: the folder holds recordings of something else, or without a card.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CARD_FILE
    if path.exists():
        before = read_card(folder)
        for field in ("name", "licence", "may_ship", "kind"):
            if getattr(before, field) != getattr(card, field):
                raise SystemExit(
                    f"{folder}: holds data set {before.name!r} with {field} "
                    f"{getattr(before, field)!r}, expected {getattr(card, field)!r}; "
                    "one folder holds one data set: give another --out, or delete this one."
                )
    elif recording_paths(folder):
        raise SystemExit(
            f"{folder}: holds .npz files but no {CARD_FILE}, so nobody knows their licence; "
            "give an empty folder."
        )
    partial = path.with_suffix(".part")
    partial.write_text(tomli_w.dumps(msgspec.to_builtins(card)), "utf-8")
    partial.replace(path)


def recording_paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))
