"""Displacement between two images of the same size: over all of it, and tile by tile.

Everywhere a displacement (dx, dy) means: what lies at (x, y) in `after` lies at (x + dx, y + dy) in `before`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from onediff_plugins.errors import MismatchedPairError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_plugins.types import BoolArray, FloatArray

    FloatImage = NDArray[np.float32]

# Width of the Gaussian over frequencies, in cycles per pixel. High frequencies differ most between two dates, and
# without it the peak is a sinc whose neighbours pull a sub-pixel estimate to whole pixels.
_PASS_BAND: Final = 0.12
# Unrelated images reach about 9 (measured on real scenes turned upside down), related ones 15 to 80.
SIGNIFICANT: Final = 8.0

# At most eight tiles along each side, of 128 px in large images and of 64 px in others.
_TILES_A_SIDE: Final = 8
# A tile must be this much valid, and its contrast this share of the image's, to be measured.
_TILE_VALID: Final = 0.9
_TILE_CONTRAST: Final = 0.1
# Further apart than this, a tile says only that it does not fit.
_FAR_PX: Final = 6.0
_ENOUGH_TILES: Final = 4


class Shift(NamedTuple):
    """A measured displacement.

    Attributes:
        dx: columns.
        dy: rows.
        response: height of the correlation peak in [0, 1]; 1 for copies.
        significance: the response against what chance gives; under 8 it is not to be trusted.
    """

    dx: float
    dy: float
    response: float
    significance: float


def phase_shift(before: FloatImage, after: FloatImage) -> Shift:
    """Displacement of a whole image, by phase correlation over low and middle frequencies.

    The images are first cut to what they share under the shift found so far, so that the rest is sub-pixel.

    Args:
        before: (H, W) float32, any range; at least 8 px a side.
        after: (H, W) float32, same shape.

    Returns:
        The displacement, to about a hundredth of a pixel for images of the same content.

    Raises:
        MismatchedPairError: the shapes differ.

    Source: Kuglin and Hines, "The phase correlation image alignment method", 1975; the sub-pixel peak under a spectral
    weighting after Stone et al., "A fast direct Fourier-based algorithm for subpixel registration", IEEE TGRS 2001.
    """
    if before.shape != after.shape:
        raise MismatchedPairError(f"phase correlation needs one shape, got {before.shape} and {after.shape}")
    height, width = after.shape
    whole_x, whole_y = 0, 0
    found = _first(before, after)
    for _ in range(3):
        step_x, step_y = round(found.dx), round(found.dy)
        if (step_x, step_y) == (whole_x, whole_y) or abs(step_x) > width // 2 or abs(step_y) > height // 2:
            break
        whole_x, whole_y = step_x, step_y
        x0, x1 = max(0, -whole_x), min(width, width - whole_x)
        y0, y1 = max(0, -whole_y), min(height, height - whole_y)
        rest = _first(before[y0 + whole_y : y1 + whole_y, x0 + whole_x : x1 + whole_x], after[y0:y1, x0:x1])
        found = rest._replace(dx=rest.dx + whole_x, dy=rest.dy + whole_y)
    return found


def _first(before: FloatImage, after: FloatImage) -> Shift:
    return Shift(*(float(value) for value in phase_shifts(before[None], after[None])[0]))


def phase_shifts(before: FloatImage, after: FloatImage) -> FloatArray:
    """Displacements of a stack of image pairs.

    Args:
        before: (N, H, W) float32.
        after: (N, H, W) float32.

    Returns:
        (N, 4): dx, dy, response, significance, as in `Shift`. All 0 for an image without texture.
    """
    count, height, width = after.shape
    taper = (np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[None, 1:-1]).astype(np.float32)
    spectra = [
        np.fft.rfft2((stack - stack.mean(axis=(1, 2), keepdims=True)) * taper).astype(np.complex64)
        for stack in (before, after)
    ]
    cross = spectra[0] * np.conj(spectra[1])
    size = np.abs(cross)
    cross = np.where(size > 0, cross / np.maximum(size, 1e-30), 0)
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]
    weight = np.exp(-(rows**2 + columns**2) / (2 * _PASS_BAND**2)).astype(np.float32)
    surface = np.fft.irfft2(cross * weight[:, : width // 2 + 1], s=(height, width)) * (height * width / weight.sum())
    y, x = np.unravel_index(surface.reshape(count, -1).argmax(axis=1), (height, width))
    each = np.arange(count)
    peak = surface[each, y, x]
    dx = x + _vertex(surface[each, y, x - 1], peak, surface[each, y, (x + 1) % width])
    dy = y + _vertex(surface[each, y - 1, x], peak, surface[each, (y + 1) % height, x])
    independent = weight.sum() ** 2 / (weight**2).sum()
    response = np.clip(peak, 0, 1)
    out = np.stack(
        [
            (dx + width / 2) % width - width / 2,
            (dy + height / 2) % height - height / 2,
            response,
            response * np.sqrt(independent),
        ],
        axis=1,
    )
    return np.where(peak[:, None] > 0, out, 0).astype(np.float64)


def _vertex(left: FloatImage, peak: FloatImage, right: FloatImage) -> FloatArray:
    """Offset of a Gaussian peak from three samples, within half a pixel."""
    floor = np.maximum(peak * 1e-3, 1e-30)
    a, b, c = (np.log(np.maximum(value, floor)) for value in (left, peak, right))
    offset: FloatArray = 0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-6)
    return np.clip(offset, -0.5, 0.5)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How well two images lie on each other, from the displacements of their tiles.

    Attributes:
        tiles: how many tiles had enough texture to be measured.
        trusted: how many of them found their counterpart.
        residual_px: median displacement of the trusted ones, or None when there are fewer than four.
        cost: mean displacement in pixels, a tile counting six at most and six when it is not trusted.
    """

    tiles: int
    trusted: int
    residual_px: float | None
    cost: float


def agreement(before: FloatImage, after: FloatImage, valid: BoolArray) -> Agreement:
    """How well two images lie on each other, tile by tile.

    Args:
        before: (H, W) float32.
        after: (H, W) float32, same shape.
        valid: (H, W) bool, where both mean something.

    Returns:
        See `Agreement`; no tile at all for images without texture or under 64 px.
    """
    found = tile_displacements(before, after, valid)
    if not len(found):
        return Agreement(tiles=0, trusted=0, residual_px=None, cost=_FAR_PX)
    distance, trusted = np.hypot(found[:, 0], found[:, 1]), found[:, 3] >= SIGNIFICANT
    enough = int(trusted.sum()) >= _ENOUGH_TILES
    return Agreement(
        tiles=len(found),
        trusted=int(trusted.sum()),
        residual_px=float(np.median(distance[trusted])) if enough else None,
        cost=float(np.where(trusted, np.minimum(distance, _FAR_PX), _FAR_PX).mean()),
    )


def tile_displacements(before: FloatImage, after: FloatImage, valid: BoolArray) -> FloatArray:
    """Displacements of half-overlapping square tiles, each measured on its own.

    Args:
        before: (H, W) float32.
        after: (H, W) float32, same shape.
        valid: (H, W) bool, where both mean something.

    Returns:
        (N, 4) as `phase_shifts`; tiles without texture, or with too much that is not valid, are left out.
    """
    height, width = after.shape
    side = 128 if min(height, width) >= 8 * 64 else 64
    if min(height, width) < side or not valid.any():
        return np.zeros((0, 4))
    floor_after, floor_before = _TILE_CONTRAST * after[valid].std(), _TILE_CONTRAST * before[valid].std()
    tiles = [np.s_[y : y + side, x : x + side] for y in _starts(height, side) for x in _starts(width, side)]
    usable = [
        tile
        for tile in tiles
        if valid[tile].mean() >= _TILE_VALID and after[tile].std() > floor_after and before[tile].std() > floor_before
    ]
    if not usable:
        return np.zeros((0, 4))
    return phase_shifts(np.stack([before[tile] for tile in usable]), np.stack([after[tile] for tile in usable]))


def _starts(length: int, side: int) -> list[int]:
    count = min(_TILES_A_SIDE, max(1, 2 * length // side - 1))
    return [int(start) for start in np.linspace(0, length - side, count)]
