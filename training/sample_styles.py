"""Shows which styles the prior of a face run gives for tags.

    python -m training.sample_styles --run runs/face --tag lively --tag cheerful --count 8

Prints the codes, ready for `style = [...]` in a character.toml, and writes a picture of their
named axes among styles without any tag.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.face.style import AXES
from training.face.style_flow import TAG_NAMES, asked, load_prior, tags_of
from training.face.upper import STYLE_AXES

ALL_STYLES = 400
"""How many styles without a tag stand behind those asked for."""


def draw_picture(
    codes: NDArray[np.float32], others: NDArray[np.float32], title: str, path: Path
) -> None:
    """Writes a picture of codes [N, 16] on the named axes among others [M, 16]."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    plot = figure.add_subplot()
    rng = np.random.default_rng(0)
    for axis in range(AXES):
        aside = axis - 0.2 + rng.uniform(-0.12, 0.12, len(others))
        plot.scatter(aside, others[:, axis], s=4, color="0.75", linewidths=0)
    for code in codes:
        plot.plot(np.arange(AXES) + 0.1, code[:AXES], marker="o", markersize=4, linewidth=0.8)
    plot.axhline(0, color="0.5", linewidth=0.6)
    plot.set_xticks(range(AXES), STYLE_AXES)
    plot.set_ylabel("standard deviations")
    plot.set_title(f"{title}; grey: any style")
    figure.savefig(path, dpi=120)


def sample_styles(run: Path, tags: Sequence[str], count: int, seed: int) -> Path:
    """Prints `count` codes with these tags and returns the path of their picture."""
    prior, drawn = load_prior(run), torch.Generator().manual_seed(seed)
    codes = prior.sample(asked(tags).expand(count, -1), drawn).numpy()
    others = prior.sample(asked([]).expand(ALL_STYLES, -1), drawn).numpy()
    for code, held in zip(codes, tags_of(codes), strict=True):
        names = [name for name, holds in zip(TAG_NAMES, held, strict=True) if holds]
        print(f"style = [{', '.join(f'{value:.2f}' for value in code)}]  # {', '.join(names)}")
    title = ", ".join(tags) or "any style"
    path = run / f"styles_{'_'.join(tags).replace(' ', '-') or 'any'}.png"
    draw_picture(codes, others, title, path)
    print(f"{path}: their axes")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Samples styles by tag.")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument(
        "--tag", action="append", default=[], metavar="TAG", help=f"any of {', '.join(TAG_NAMES)}"
    )
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    sample_styles(args.run, args.tag, args.count, args.seed)


if __name__ == "__main__":
    main()
