"""Drawn pictures that suit any domain, the same on every machine.

A *place* is drawn once, at four samples a pixel, and seen from anywhere: `terrain` and `page` say what a camera sees
that was displaced by (dx, dy) pixels. Pixel p of such a picture shows what lies at p + (dx, dy) in the undisplaced one.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.types import Box

if TYPE_CHECKING:
    from onediff_plugins.types import Array

SAMPLES: Final = 4  # a side of a pixel; displacements are multiples of a quarter of a pixel
_MARGIN: Final = 32  # pixels that are drawn around what the undisplaced camera sees
_PAPER: Final = (247, 248, 250)
_INK: Final = (38, 44, 58)
_CARDS: Final = ((206, 226, 250), (250, 224, 200), (214, 240, 216), (236, 220, 246))


def terrain(width: int, height: int, dx: float = 0, dy: float = 0, *, place: int = 0) -> Array:
    """A textured place from above: smooth ground of several scales, and roofs that stand out from it.

    Args:
        width: columns.
        height: rows.
        dx: how far right the camera stands, in pixels: a multiple of 0.25 within 32.
        dy: how far down, likewise.
        place: another number is another place, which shares nothing with this one.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        ValueError: a displacement that is too large or too fine.
    """
    left, top = (round((_MARGIN + shift) * SAMPLES) for shift in (dx, dy))
    exact = all(float(shift * SAMPLES).is_integer() and abs(shift) <= _MARGIN for shift in (dx, dy))
    if not exact:
        raise ValueError(f"a displacement is a multiple of 0.25 px within {_MARGIN} px, got ({dx}, {dy})")
    seen = _terrain(width, height, place)[top : top + height * SAMPLES, left : left + width * SAMPLES]
    return np.asarray(cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA))  # means of 4 x 4 samples


@functools.lru_cache(maxsize=4)  # drawing one takes a tenth of a second, and every check looks at the same
def _terrain(width: int, height: int, place: int) -> Array:
    rng = np.random.default_rng(place)
    wide, high = ((side + 2 * _MARGIN) * SAMPLES for side in (width, height))
    ground = sum(_noise(rng, wide, high, scale) for scale in (2, 6, 20)) / 3**0.5
    tint = np.array([1.0, 1.1, 0.8]) * 14
    image = np.stack([118 + ground * t + 5 * _noise(rng, wide, high, 8) for t in tint], axis=2)
    image = np.clip(image, 40, 200).astype(np.uint8)
    for _ in range(max(12, width * height // 1600)):
        centre = (float(rng.uniform(0, wide)), float(rng.uniform(0, high)))
        sides = (float(rng.uniform(8, 26) * SAMPLES), float(rng.uniform(8, 20) * SAMPLES))
        corners = cv2.boxPoints((centre, sides, float(rng.uniform(0, 90))))
        colour = [float(value) for value in rng.uniform(60, 190, 3)]
        cv2.fillPoly(image, [np.rint(corners).astype(np.int32)], colour)
    drawn: Array = image
    drawn.flags.writeable = False
    return drawn


def _noise(rng: np.random.Generator, width: int, height: int, scale_px: float) -> Array:
    """(height, width) smooth noise of deviation 1; structure of about `scale_px` pixels."""
    step = max(1, round(scale_px * SAMPLES / 2))
    coarse = rng.normal(size=(height // step + 4, width // step + 4)).astype(np.float32)
    smooth = cv2.GaussianBlur(coarse, (0, 0), 1)
    grown = cv2.resize(smooth, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)[:height, :width]
    return np.asarray(grown / grown.std())


def page(width: int, height: int, dx: int = 0, dy: int = 0, *, place: int = 0) -> Array:
    """A page: cards with lines of text on plain paper, its middle right free; the paper around them stays.

    Args:
        width: columns, at least 160.
        height: rows, at least 160.
        dx: how far right the camera stands, in whole pixels within 16: the cards lie so much further left.
        dy: how far down, likewise.
        place: another number is another page.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    rng = np.random.default_rng(place)
    image = np.full((height, width, 3), _PAPER, dtype=np.uint8)
    columns = (np.array([0, 0.46]) * (width - 48)).astype(int)
    for row, top in enumerate(range(0, height - 84, 52)):
        for column, left in enumerate(columns):
            if column and row == 1:
                continue  # the free place, see `free_box`
            x0, y0 = 24 - int(dx) + int(left), 24 - int(dy) + top
            x1, y1 = x0 + int(0.4 * (width - 48)), y0 + 38
            cv2.rectangle(image, (x0, y0), (x1, y1), _CARDS[(row + 2 * column + place) % 4], -1)
            for line in (14, 29):
                words = "".join(chr(int(code)) for code in rng.integers(97, 123, size=max(3, (width - 60) // 28)))
                place_at = (x0 + 6, y0 + line)
                cv2.putText(image, words, place_at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)
    return image


def free_box(width: int, height: int) -> Box:
    """The box of a picture where `insert_rectangle` puts its rectangle; a page is free there."""
    left, top = 24 + int(0.5 * (width - 48)), 24 + 54
    return Box(left, top, left + int(0.3 * (width - 48)), min(top + 34, height))


def insert_rectangle(picture: Array, box: Box) -> Array:
    """A picture with a plain rectangle that stands out clearly from what was there.

    Args:
        picture: (H, W) or (H, W, C), unsigned integers or floats in [0, 1].
        box: where.

    Returns:
        A copy.
    """
    full = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    dark = picture[box.slices].mean() < full / 2
    level = np.array([0.95, 0.9, 0.85] if dark else [0.08, 0.14, 0.2]) * full
    changed = picture.copy()
    channels = picture.shape[2] if picture.ndim == 3 else 1
    changed[box.slices] = np.resize(level, channels).astype(picture.dtype) if picture.ndim == 3 else level[0]
    return changed
