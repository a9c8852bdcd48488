"""A head with ARKit morph targets, from any GLB or VRM file: what blendshape errors look like.

Lip-vertex errors (LVE, as in MeshTalk, Richard et al. 2021, arXiv:2104.08223) are distances on its
vertices, in metres, instead of differences of weights.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES
from training.gltf import Glb, GltfError

Floats = NDArray[np.float32]

LIP_CHANNELS: Final = tuple(
    name
    for name in ARKIT_BLENDSHAPES
    if re.match("mouth(Close|Roll|Press|LowerDown|UpperUp)", name)
)
"""Weights that move lips and little else: `jawOpen` takes the chin along, rounding the cheeks."""
UPPER_CHANNELS: Final = tuple(
    name
    for name in ARKIT_BLENDSHAPES
    if name.startswith(("brow", "eyeBlink", "eyeSquint", "eyeWide", "cheekSquint", "noseSneer"))
)
BELONGS: Final = 1.25
"""Shares of the longest way of each channel, summed, from which a vertex belongs to a part.

One channel alone is not enough: many rigs have a stray vertex in some morph target.
"""


@dataclass(frozen=True, eq=False)
class Head:
    """A face mesh at rest and how each ARKit weight moves it. +Y is up; it looks along +Z."""

    rest: Floats
    """[V, 3] metres."""
    morphs: Floats
    """[52, V, 3] metres at weight 1, in `ARKIT_BLENDSHAPES` order; 0 for names it lacks."""
    names: frozenset[str]
    """ARKit names that the file has a morph target for."""

    @classmethod
    def open(cls, path: Path) -> "Head":
        """Reads every mesh of a GLB or VRM file that has ARKit morph targets.

        Names may be spelled as ARKit does or with other cases and `_L`, `_R` endings.

        Raises:
            SystemExit: the file is missing, broken or has no such mesh.
        """
        try:
            parts = list(_parts(Glb.parse(path.read_bytes())))
        except FileNotFoundError:
            raise SystemExit(
                f"{path}: expected a GLB or VRM file, found none; "
                "`python -m export.avatar --out avatar.vrm` writes ours."
            ) from None
        except GltfError as error:
            raise SystemExit(f"{path}: {error}") from None
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise SystemExit(f"{path}: expected meshes as in glTF 2.0, but {error}.") from None
        if not parts:
            raise SystemExit(
                f"{path}: expected a mesh with ARKit morph targets (jawOpen, eyeBlinkLeft, ...), "
                "found none; `python -m export.avatar --out avatar.vrm` writes one that has them."
            )
        return cls(
            rest=np.concatenate([part.positions for part in parts]),
            morphs=np.concatenate([part.morphs for part in parts], axis=1),
            names=frozenset().union(*(part.names for part in parts)),
        )

    def vertices(self, weights: NDArray[Any]) -> Floats:
        """Where weights put the mesh.

        Args:
            weights: [T, 52] in `ARKIT_BLENDSHAPES` order.

        Returns:
            [T, V, 3] metres, the head unturned.
        """
        weights = np.asarray(weights, np.float32)
        if weights.ndim != 2 or weights.shape[1] != len(ARKIT_BLENDSHAPES):
            raise ValueError(
                f"Expected weights [frames, {len(ARKIT_BLENDSHAPES)}], found "
                f"{list(weights.shape)}; leave head and eye angles out."
            )
        moved = weights @ self.morphs.reshape(len(self.morphs), -1)
        return self.rest + moved.reshape(len(weights), *self.rest.shape)

    @cached_property
    def lips(self) -> NDArray[np.int64]:
        """Indices of the vertices that `LIP_CHANNELS` move most."""
        return np.flatnonzero(self._moved_by(LIP_CHANNELS) >= BELONGS)

    @cached_property
    def upper(self) -> NDArray[np.int64]:
        """Indices of the vertices that `UPPER_CHANNELS` move most; none of them is in `lips`."""
        moved = np.flatnonzero(self._moved_by(UPPER_CHANNELS) >= BELONGS)
        return np.setdiff1d(moved, self.lips)

    def _moved_by(self, channels: tuple[str, ...]) -> Floats:
        """[V], each vertex's shares of the longest move of every channel, summed."""
        length = np.linalg.norm(self.morphs[[ARKIT_BLENDSHAPES.index(c) for c in channels]], axis=2)
        longest = length.max(axis=1, keepdims=True)
        shares: Floats = (length / np.maximum(longest, 1e-9)).sum(axis=0)
        return shares


_SPELLINGS: Final = {name.lower(): name for name in ARKIT_BLENDSHAPES}


def arkit_name(target: str) -> str | None:
    """The ARKit name that a morph target's name means: `EyeBlink_L` is `eyeBlinkLeft`."""
    name = re.split(r"[.:]", target)[-1].lower()
    name = re.sub(r"[_ -]l$", "left", re.sub(r"[_ -]r$", "right", name))
    return _SPELLINGS.get(re.sub(r"[^a-z]", "", name))


class _Part(NamedTuple):
    positions: Floats
    morphs: Floats
    names: frozenset[str]


def _parts(glb: Glb) -> Iterator[_Part]:
    places = glb.places()
    for number, node in enumerate(glb.document.get("nodes", [])):
        if "mesh" not in node:
            continue
        mesh = glb.document["meshes"][node["mesh"]]
        # glTF: a skinned mesh stays where its joints put it, whatever its node says.
        place = np.eye(4) if "skin" in node else places[number]
        for primitive in mesh["primitives"]:
            targets = _targets(mesh, primitive)
            if targets and primitive.get("mode", 4) == 4:
                yield _part(glb, primitive, targets, place)


def _targets(mesh: dict[str, Any], primitive: dict[str, Any]) -> dict[str, int]:
    """ARKit name -> accessor of its position differences."""
    extras = [mesh.get("extras", {}), primitive.get("extras", {})]
    named = [each["targetNames"] for each in extras if "targetNames" in each]
    found = {}
    for target, accessors in zip(
        named[0] if named else (), primitive.get("targets", []), strict=False
    ):
        name = arkit_name(target)
        if name and "POSITION" in accessors:
            found[name] = accessors["POSITION"]
    return found


def _part(
    glb: Glb, primitive: dict[str, Any], targets: dict[str, int], place: NDArray[Any]
) -> _Part:
    positions = glb.accessor(primitive["attributes"]["POSITION"])
    morphs = np.zeros((len(ARKIT_BLENDSHAPES), *positions.shape), np.float32)
    for name, accessor in targets.items():
        morphs[ARKIT_BLENDSHAPES.index(name)] = glb.accessor(accessor)
    return _Part(
        (positions @ place[:3, :3].T + place[:3, 3]).astype(np.float32),
        (morphs @ place[:3, :3].T).astype(np.float32),
        frozenset(targets),
    )
