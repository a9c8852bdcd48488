"""A trained face run, played over streams: for evaluation, pictures and validation."""

from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from idol_protocol.frames import FPS
from training.checkpoint import checkpoint_of, load_weights, read_json
from training.face.data import Stream
from training.face.model import STYLE_SIZE, FaceConditions, FaceGenerator, FaceModelConfig
from training.face.upper import NOISE
from training.ingest.shipping import SEEN_FILE, read_seen
from training.noise import draw_noise
from training.style import STYLES_FILE

_PIECE = 1800
"""Frames in one pass; the state carries over, so an hour needs no more memory than a minute."""

Motion = NDArray[np.float32]


class FacePlayer:
    """A generator with what it needs to be played: look-ahead and the styles of its speakers."""

    def __init__(
        self,
        generator: FaceGenerator,
        lookahead_frames: int,
        *,
        seen: frozenset[str] | None = None,
        styles: dict[str, list[float]] | None = None,
    ) -> None:
        self._generator = generator.eval()
        self._ahead = lookahead_frames
        self.seen = seen
        """Names of the recordings that had a part in the weights; None when the run is silent."""
        self._styles = styles or {}

    @classmethod
    def open(cls, run: Path) -> Self:
        """The averaged weights of a run folder.

        Raises:
            SystemExit: the folder holds no face run.
        """
        config = _read(run, "config.json")
        try:
            model = msgspec.convert(config["model"], FaceModelConfig)
            lookahead = msgspec.convert(config["lookahead_frames"], int)
        except (KeyError, msgspec.ValidationError) as error:
            raise SystemExit(
                f"{run}: expected the settings of a face run, but {error}; "
                "give a folder that `python -m training.train_face` wrote."
            ) from None
        generator = FaceGenerator(model)
        load_weights(run, "generator_ema", generator)
        spoken = checkpoint_of(run) / STYLES_FILE
        styles = read_json(spoken) if spoken.exists() else {}
        seen = frozenset(read_seen(run).recordings) if (run / SEEN_FILE).exists() else None
        return cls(generator, lookahead, seen=seen, styles=styles)

    def style_for(self, speaker: str) -> NDArray[np.float32]:
        """The style code [16] that training found for a speaker; zeros, the average, for others."""
        return np.array(self._styles.get(speaker, [0.0] * STYLE_SIZE), np.float32)

    @torch.no_grad()
    def play(self, stream: Stream, *, seed: int | None = None) -> Motion:
        """The motion [frames, 51] in `MADE` order (weights, then degrees) for a stream.

        Args:
            stream: sound, phonemes and situation; its targets are not looked at.
            seed: draws other noise than the stream's own.
        """
        frames = len(stream.audio)
        later = np.minimum(np.arange(frames) + self._ahead, frames - 1)
        noise = stream.noise
        if seed is not None:
            noise = draw_noise(NOISE, frames, FPS, np.random.default_rng(seed))
        given = FaceConditions(
            audio=torch.from_numpy(stream.audio[later])[None],
            phonemes=torch.from_numpy(stream.phonemes[later])[None],
            activity=torch.from_numpy(stream.activity)[None],
            emotion=torch.from_numpy(stream.emotion)[None],
            style=torch.from_numpy(stream.style)[None],
            noise=torch.from_numpy(noise)[None],
        )
        state = torch.zeros(1, self._generator.state_size)
        pieces = []
        for start in range(0, frames, _PIECE):
            part = FaceConditions(*(value[:, start : start + _PIECE] for value in given))
            made, state = self._generator(part, state)
            pieces.append(made[0].numpy())
        return np.concatenate(pieces)


def _read(run: Path, name: str) -> dict[str, Any]:
    try:
        return read_json(run / name)
    except (FileNotFoundError, NotADirectoryError):
        raise SystemExit(
            f"{run}: expected a face run with {name}, found none; "
            "make one with `python -m training.train_face`."
        ) from None
    except ValueError as error:
        raise SystemExit(f"{run / name}: expected JSON, but {error}.") from None
