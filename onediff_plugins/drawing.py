"""Drawing on a picture of our own: outlines, tints and numbers, in colours that mean a kind of change.

The colours are Okabe and Ito's for colour-blind readers, darkened until white numbers are legible on them. They are
never the only cue: what was removed is dashed, what moved is thin and untinted. Lines on content have a white casing,
so that they show on light, dark and mottled images alike. Points are pixels, outer corners.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import shapely
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.types import Array, FloatArray

    Picture = NDArray[np.uint8]
    Colour = tuple[int, int, int]

KIND_COLOURS: Final[dict[str, Colour]] = {
    "added": (0, 133, 96),
    "removed": (202, 80, 0),
    "changed": (0, 104, 172),
    "moved": (158, 70, 130),
}
DRAWN_ORDER: Final = ("moved", "changed", "removed", "added")  # the last on top
_WHITE: Final = (255, 255, 255)
_TINT: Final = 0.25
_SUBPIXEL_BITS: Final = 4


def blend(picture: Picture, colour: Colour, alpha: float) -> Picture:
    """The picture under a colour of this opacity in [0, 1]."""
    mixed = picture * np.float32(1 - alpha) + np.float32(alpha) * np.array(colour, np.float32)
    covered: Picture = mixed.astype(np.uint8)
    return covered


def stroke(picture: Picture) -> tuple[int, int]:
    """Line width and font size in pixels for a picture of this size."""
    short = min(picture.shape[:2])
    return min(max(round(short / 400), 1), 8), min(max(round(short / 56), 11), 48)


def rings(geometry: BaseGeometry) -> list[FloatArray]:
    """Outlines and holes of a (Multi)Polygon, each (N, 2), closed."""
    polygons = shapely.get_parts(geometry)
    lines = [ring for polygon in polygons for ring in shapely.get_rings(polygon)]
    return [shapely.get_coordinates(line) for line in lines if not line.is_empty]


def grown_boxes(outline: Iterable[FloatArray], margin: float) -> list[FloatArray]:
    """The rings, upright boxes grown by a margin in pixels, so that a line around them hides nothing inside."""
    grown = []
    for ring in outline:
        low, high = ring.min(axis=0), ring.max(axis=0)
        is_box = len(ring) == 5 and bool(((ring == low) | (ring == high)).all())
        grown.append(np.where(ring == low, ring - margin, ring + margin) if is_box else ring)
    return grown


def _fixed_point(ring: FloatArray) -> NDArray[np.int32]:
    """OpenCV's sub-pixel integers; it counts from pixel centres, we from corners."""
    return np.rint((ring - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)


def tinted(
    picture: Picture, kinds: Sequence[str], outlines: Sequence[Sequence[FloatArray]], mask: Array | None
) -> Picture:
    """The picture with each region in its colour; what moved is left as it is.

    Args:
        picture: (H, W, 3), not written to.
        kinds: one kind per region, the last on top.
        outlines: rings per region, in pixels of the picture.
        mask: (H', W') of any size, zero where nothing is to be tinted, or None.
    """
    height, width = picture.shape[:2]
    covered = picture.copy()
    codes = np.zeros((height, width), dtype=np.uint8)  # 0 nothing, else index in DRAWN_ORDER + 1
    contents = [
        (DRAWN_ORDER.index(kind) + 1, [_fixed_point(ring) for ring in outline])
        for kind, outline in zip(kinds, outlines, strict=True)
        if kind != "moved" and outline
    ]
    for code, points in contents:
        cv2.fillPoly(codes, points, code, shift=_SUBPIXEL_BITS)
    if mask is not None:
        kept = cv2.resize(np.asarray(mask, np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        codes[kept == 0] = 0
    for code, points in contents:
        corners = np.concatenate(points) >> _SUBPIXEL_BITS
        (x0, y0), (x1, y1) = corners.min(axis=0).clip(0), (corners.max(axis=0) + 2).clip(0)
        here = codes[y0:y1, x0:x1] == code
        crop = picture[y0:y1, x0:x1]
        covered[y0:y1, x0:x1][here] = blend(crop, KIND_COLOURS[DRAWN_ORDER[code - 1]], _TINT)[here]
    return covered


def draw_outline(picture: Picture, outline: Iterable[FloatArray], kind: str, line: int) -> None:
    """Draw rings into a picture of our own.

    Args:
        picture: (H, W, 3), written to.
        outline: rings in pixels of the picture.
        kind: gives colour and style.
        line: width in pixels.
    """
    height, width = picture.shape[:2]
    thickness = max(1, line - 1) if kind == "moved" else line
    for ring in outline:
        crisp = np.floor(ring) + 0.5  # OpenCV's smooth lines of any width are centred on pixels
        inside = crisp.clip(thickness / 2, np.array([width, height]) - thickness / 2)  # whole at the picture's edge
        dashed = kind == "removed"
        strokes = [_fixed_point(part) for part in (_dashes(inside, 3.0 * line + 3) if dashed else [inside])]
        if kind != "moved":
            casing = thickness + max(1, line)
            cv2.polylines(picture, strokes, not dashed, _WHITE, casing, cv2.LINE_AA, _SUBPIXEL_BITS)
        cv2.polylines(picture, strokes, not dashed, KIND_COLOURS[kind], thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _dashes(ring: FloatArray, length: float) -> list[FloatArray]:
    """A closed line cut into dashes as long as their gaps, corners kept."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(ring, axis=0).T))])
    total = float(along[-1])
    count = max(2, round(total / (2 * length)))
    dashes = []
    for start in np.arange(count) * (total / count):
        ends = np.array([start, start + total / count / 2])
        points = np.column_stack([np.interp(ends, along, ring[:, axis]) for axis in (0, 1)])
        corners = ring[(along > ends[0]) & (along < ends[1])]
        dashes.append(np.concatenate([points[:1], corners, points[1:]]))
    return dashes


def draw_numbers(
    picture: Picture, regions: Sequence[ChangeRegion], shrink: FloatArray, line: int, font_size: int
) -> None:
    """Number the regions, strongest content first, each where its plate hides least; without a free place, not at all.

    Args:
        picture: (H, W, 3), written to.
        regions: each is numbered with its id.
        shrink: scale of x and y from after pixels to the picture.
        line: width of the outlines.
        font_size: in pixels.
    """
    font = ImageFont.load_default(size=font_size * 2)
    height, width = picture.shape[:2]
    taken = np.zeros((height, width), dtype=np.bool_)
    for region in sorted(regions, key=lambda region: (region.kind == "moved", region.id)):
        bounds = shapely.bounds(region.geometry)
        if not np.isfinite(bounds).all():
            continue
        badge = _badge(str(region.id), KIND_COLOURS[region.kind], font)
        x0, y0, x1, y1 = (round(float(v)) for v in bounds * np.tile(shrink, 2))
        rows, columns = badge.shape[:2]
        reach = line // 2 + 2
        places = (
            (x0 - reach - columns + 1, y0 - reach + 1),  # to its left
            (x0 - reach, y0 - rows - reach + 1),  # above the left corner
            (x1 + reach - columns, y0 - rows - reach + 1),  # above the right corner
            (x0 - reach, y1 + reach - 1),  # below the left corner
            (x1 + reach - 1, y0 - reach + 1),  # to its right
            (x0 - reach, y0 - reach),  # in its left corner
        )
        spots = [
            (left, top, left + columns, top + rows)
            for left, top in places
            if left >= 0 and top >= 0 and left + columns <= width and top + rows <= height
        ]
        free = [box for box in spots if not taken[box[1] : box[3], box[0] : box[2]].any()]
        if free:
            left, top, right, bottom = min(free, key=lambda box: _detail(picture, box))
            picture[top:bottom, left:right] = badge
            taken[top:bottom, left:right] = True


def _detail(picture: Picture, box: tuple[int, int, int, int]) -> float:
    """How much a plate here would hide; steps of 8, so that the first of equal places is taken."""
    x0, y0, x1, y1 = box
    return round(float(picture[y0:y1:2, x0:x1:2].std(axis=(0, 1)).max()) / 8)


def _badge(text: str, colour: Colour, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Picture:
    """White text on a coloured plate with a white rim, drawn at twice its size and reduced."""
    x0, y0, x1, y1 = font.getbbox(text)
    text_height = font.getbbox("0")[3] - font.getbbox("0")[1]
    pad = max(4, round(text_height * 0.35))
    height = round(text_height + 2 * pad) // 2 * 2 + 4
    width = max(round(x1 - x0 + 2.4 * pad) // 2 * 2 + 4, height)
    plate = Image.new("RGB", (width, height), _WHITE)
    draw = ImageDraw.Draw(plate)
    draw.rectangle((2, 2, width - 3, height - 3), fill=colour)
    draw.text(((width - x0 - x1) / 2, (height - y0 - y1) / 2), text, font=font, fill=_WHITE, stroke_width=1)
    return np.asarray(plate.reduce(2), dtype=np.uint8)
