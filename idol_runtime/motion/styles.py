"""The style code: how large and how lively a character's face and body move."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from idol_runtime.character import CHARACTER_FILE, STYLE_SIZE, Motion
from idol_runtime.errors import ConfigError
from idol_runtime.inference.bundle import open_bundle
from idol_runtime.inference.session import OnnxSession

MODEL_FILE = "style.onnx"
LARGEST = 3.0
"""A drawn code stays within this: beyond it the generators were never trained."""

Array = NDArray[np.float32]


class Styles:
    """Makes a character's style code.

    A face bundle may hold a prior: a flow that turns standard normal numbers and the tags asked for
    into the code of a style (`style.onnx`). The same seed and tags always give the same
    code, and the same seed with other tags a related one. Without a prior, a seed draws the code
    itself, standard normal, and tags cannot be asked for.
    """

    def __init__(self, tags: Sequence[str] = (), flow: OnnxSession | None = None) -> None:
        """Takes the prior of a face bundle; without one a seed alone draws a style.

        Args:
            tags: What the flow can be asked for, in the order of its input `tags`.
            flow: `latent` [B, 16] and `tags` [B, K] -> `style` [B, 16].
        """
        self.tags = tuple(tags)
        self._flow = flow

    @classmethod
    def open(cls, folder: Path, tags: Sequence[str]) -> Self:
        """Opens the prior of a face bundle.

        Args:
            folder: The bundle.
            tags: The `style_tags` of its settings; none means that it has no prior.

        Raises:
            BundleError: the bundle is damaged, or has tags and no prior.
        """
        if not tags:
            return cls()
        return cls(tags, OnnxSession(open_bundle(folder, "face").path(MODEL_FILE)))

    def code(self, motion: Motion) -> Array:
        """The style code [16] that a character asks for.

        Raises:
            ConfigError: a tag is asked for that is not known here.
        """
        if motion.style is not None:
            return np.array(motion.style, np.float32)
        asked = self._asked(motion.style_tags)
        drawn = np.random.default_rng(motion.style_seed).standard_normal(STYLE_SIZE)
        code: Array = drawn.astype(np.float32)
        if self._flow is not None:
            [code] = self._flow.run({"latent": code[None], "tags": asked})["style"]
            np.clip(code, -LARGEST, LARGEST, out=code)
        return code

    def body_code(
        self, motion: Motion, axes: Sequence[str], tags: Mapping[str, Mapping[str, float]]
    ) -> Array:
        """The code [16] that the body reads: the face's, its second half moved by the tags.

        Args:
            motion: What the character asks for; a code set by hand stays as it is.
            axes: What the second half of a code means to the body.
            tags: How far a tag moves which axes; tags that say nothing of bodies are absent.

        Raises:
            ConfigError: a tag is asked for that is not known here.
        """
        code = self.code(motion)
        if motion.style is None:
            for tag in motion.style_tags:
                for axis, shift in tags.get(tag, {}).items():
                    code[STYLE_SIZE - len(axes) + axes.index(axis)] += shift
            np.clip(code, -LARGEST, LARGEST, out=code)
        return code

    def _asked(self, names: Sequence[str]) -> Array:
        """[1, K], 1 where asked for."""
        if unknown := ", ".join(name for name in names if name not in self.tags):
            expected = (
                f"style tags among {', '.join(self.tags)}, found {unknown}; choose one of these."
                if self.tags
                else f"no style tags, as this face has no style prior, found {unknown}; "
                "take motion.style_tags out."
            )
            raise ConfigError(f"{CHARACTER_FILE}: expected {expected}")
        return np.array([[name in names for name in self.tags]], np.float32)
