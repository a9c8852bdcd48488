"""Which data may be in weights that are shipped.

Training on non-commercial data is fine; shipping what came of it is not. A run keeps the cards of
all that its weights have seen in `seen.json` (`write_seen`). Whoever writes a checkpoint or a
bundle asks `may_ship`; whoever is about to ship calls `require_shippable(read_seen(run).cards)`.
Faces and bodies alike.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from training.ingest.card import DatasetCard

SEEN_FILE: Final = "seen.json"

CMU_MOCAP: Final = "LicenseRef-CMU-mocap"
"""Of the CMU Graphics Lab Motion Capture Database: any use, commercial too; only the data itself
may not be resold."""
PERMISSIVE: Final = (
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-3.0", "CC-BY-4.0", "CC0-1.0",
    "CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "Unlicense", CMU_MOCAP,
)  # fmt: skip
"""SPDX identifiers of licences that let derived weights be shipped, some with attribution."""
OWN: Final = "own-recording"
"""For people who recorded themselves: theirs to decide."""
_RESTRICTED = re.compile(
    r"\b(NC|ND)\b|non-?\s?commercial|no-?\s?deriv|research|academic|unknown|proprietary", re.I
)


def licence_permits(licence: str) -> bool:
    """Whether a licence is one that is known to let derived weights be shipped."""
    known = {name.lower() for name in (*PERMISSIVE, OWN)}
    return licence.strip().lower() in known


def check_claim(licence: str, *, may_ship: bool) -> None:
    """Refuses a claim that the licence does not carry.

    Raises:
        SystemExit: `may_ship` is claimed under a licence that forbids it or is not known to allow.
    """
    if not may_ship or licence_permits(licence):
        return
    if _RESTRICTED.search(licence):
        raise SystemExit(
            f"--may-ship: expected a licence that lets derived weights be shipped, but {licence!r} "
            "restricts use; leave --may-ship away: the data can be trained on, not shipped."
        )
    raise SystemExit(
        f"--may-ship: expected one of {', '.join((*PERMISSIVE, OWN))}, got {licence!r}; give the "
        "SPDX identifier, or leave --may-ship away: the data can be trained on, not shipped."
    )


def may_ship(cards: Iterable[DatasetCard]) -> bool:
    """Whether weights that saw all of these may be shipped; a card's word alone is not enough."""
    return all(card.may_ship and licence_permits(card.licence) for card in cards)


def require_shippable(cards: Iterable[DatasetCard]) -> None:
    """Stops before anything is shipped that saw other data.

    Raises:
        SystemExit: names every data set that forbids it, with its licence.
    """
    barred = [f"{card.name} ({card.licence})" for card in cards if not may_ship([card])]
    if barred:
        raise SystemExit(
            "Expected weights that saw only data that may be shipped, but they saw "
            f"{', '.join(barred)}; train again without, or keep the weights to yourself."
        )


class Seen(msgspec.Struct, frozen=True):
    """What a run's weights were trained on, its base's included."""

    cards: tuple[DatasetCard, ...]
    recordings: tuple[str, ...]


def write_seen(run: Path, seen: Seen) -> None:
    """Writes `seen.json` whole or not at all."""
    partial = run / f"{SEEN_FILE}.part"
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(seen), indent=1))
    partial.replace(run / SEEN_FILE)


def read_seen(run: Path) -> Seen:
    """What a run's weights have seen.

    Raises:
        SystemExit: the folder does not say.
    """
    try:
        return msgspec.json.decode((run / SEEN_FILE).read_bytes(), type=Seen)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SystemExit(
            f"{run}: expected {SEEN_FILE}, the record of what the weights have seen, but {error}; "
            "give the folder of a run."
        ) from None
