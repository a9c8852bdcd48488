"""Pictures put together: contact sheets with labels, and films."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

INK: Final = "#1f2430"
PAPER: Final = "#ffffff"
_MARGIN_PX: Final = 22
_TEXT_PX: Final = 14

Labelled = tuple[Image.Image, str]


def contact_sheet(rows: Mapping[str, Sequence[Labelled]], title: str = "") -> Image.Image:
    """One row a name, written on its left; each picture with its own words above it."""
    tallest = [max(picture.height for picture, _ in row) for row in rows.values()]
    widest = max(sum(picture.width for picture, _ in row) for row in rows.values())
    top = _MARGIN_PX if title else 0
    height = top + sum(each + _MARGIN_PX for each in tallest)
    sheet = Image.new("RGB", (widest + _MARGIN_PX, height), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT_PX)
    pen.text((sheet.width / 2, 2), title, INK, font, anchor="ma")
    for (name, row), high in zip(rows.items(), tallest, strict=True):
        label = Image.new("RGB", (high, _MARGIN_PX), PAPER)
        ImageDraw.Draw(label).text((high / 2, 2), name, INK, font, anchor="ma")
        sheet.paste(label.transpose(Image.Transpose.ROTATE_90), (0, top + _MARGIN_PX))
        left = _MARGIN_PX
        for picture, words in row:
            sheet.paste(picture, (left, top + _MARGIN_PX))
            pen.text((left + picture.width / 2, top + 2), words, INK, font, anchor="ma")
            left += picture.width
        top += _MARGIN_PX + high
    return sheet


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """As a PNG of 256 colours, a third of the size that all of them take."""
    sheet.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def side_by_side(
    columns: Mapping[str, Iterable[Image.Image]], captions: Iterable[str]
) -> Iterator[Image.Image]:
    """Pictures of a film: every name's next to the others', as long as the shortest lasts."""
    for *pictures, caption in zip(*columns.values(), captions, strict=False):
        row = [(picture, name) for name, picture in zip(columns, pictures, strict=True)]
        sheet = contact_sheet({"": row}, caption)
        # H.264 halves the colours' resolution: sides are even.
        yield sheet.crop((_MARGIN_PX, 0, sheet.width - sheet.width % 2, sheet.height // 2 * 2))


def write_film(pictures: Iterable[Image.Image], path: Path, fps: int) -> None:
    """As `.mp4` (H.264, needs PyAV of the `pictures` extra) or `.gif`.

    Raises:
        ValueError: another ending.
    """
    first, *rest = pictures
    if path.suffix == ".gif":
        small = [picture.quantize(64) for picture in (first, *rest)]
        frame_ms = round(1000 / fps)
        small[0].save(path, save_all=True, append_images=small[1:], duration=frame_ms, loop=0)
        return
    if path.suffix != ".mp4":
        raise ValueError(f"Expected a film's name to end in .mp4 or .gif, got {path}.")
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=Fraction(fps), options={"crf": "30"})
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = first.size
        for picture in chain([first], rest):
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
