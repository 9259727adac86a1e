"""Light as an explanation of what differs: shadows, sun patches, clouds, lamps and flicker.

Light that changes on a surface multiplies all its colours by nearly one factor, and leaves its texture as it was.
So a neighbourhood is explained by light when one gain, the same for all bands, turns its before image into its after
image. An object has other colours, another texture, or more contrast than any light has.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray
    from onediff_surveillance.noise import Roughness


# Side of a neighbourhood, in pixels.
WINDOW: Final = 7
# A shadow leaves at least this share of the light; a sun patch is the reverse.
_LEAST_GAIN: Final = 0.3
# Added to both sums so that noise in the dark is no gain: five levels of 255.
_DARK: Final = (5 / 255) ** 2
_SATURATED: Final = 250 / 255
_ENOUGH_UNSATURATED: Final = 0.3
# A neighbourhood is explained when its residual stays under so many usual ones, three levels, and what the colour of
# the light itself may change of it: shade is bluer than sun.
_USUAL: Final = 1.75
# No camera is noisier than this; more is usual only where more than half of the view changed.
_MOST_USUAL: Final = np.float32(14 / 255)
_LEAST: Final = 3 / 255
_TINT: Final = 0.15
# The gain of a window beside a pixel explains the pixel when it fits it this well, relative to a window's own limit.
_BESIDE: Final = 4
_BESIDE_FIT: Final = 3.0
# The light over the view is the median of the gains over an eighth of its longer side: larger than most objects, and a
# median keeps the edges of shadows.
_FIELD_SHARE: Final = 8
_FIELD_SIDE: Final = 64
_FIELD_STEPS: Final = 80.0  # per unit of log gain, as 8 bits
_FIELD_LEAST: Final = 0.03


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalGain:
    """The one gain that best turns each neighbourhood of the before image into the after image.

    Attributes:
        gain: (H, W) float32, clipped to what light can do.
        explained: (H, W) bool, whether nothing else is left to explain.
        limit: (H, W) float32, the residual (root mean square, of values in [0, 1]) up to which it is.
    """

    gain: Array
    explained: BoolArray
    limit: Array


def local_gain(before: Array, after: Array, roughness: Roughness) -> LocalGain:
    """The gain of each neighbourhood, and whether it explains the neighbourhood.

    Args:
        before: (C, H, W) float32 in [0, 1], fitted to the after image as a whole.
        after: (C, H, W) float32 in [0, 1].
        roughness: of the pair.
    """
    ab, bb = _blurred((before * after).mean(axis=0)), _blurred((before * before).mean(axis=0))
    clipped = (before >= _SATURATED) | (after >= _SATURATED)
    gain = (ab + _DARK) / (bb + _DARK)
    if clipped.any():
        gain = _gain_of_the_rest(before, after, ~clipped, gain)
    possible = np.clip(gain, _LEAST_GAIN, 1 / _LEAST_GAIN)
    residual = _residual(before, after, possible)
    limit = (
        _USUAL * np.minimum(roughness.usual(residual), _MOST_USUAL)
        + _TINT * np.abs(1 - possible) * np.sqrt(bb)
        + _LEAST
    )
    within = (gain > 0.95 * _LEAST_GAIN) & (gain < 1.05 / _LEAST_GAIN)
    return LocalGain(gain=possible, explained=(residual < limit) & within, limit=limit)


def light_field(local: LocalGain) -> Array | None:
    """The light over the whole view: a gain that follows clouds and the shadows of buildings, but no object.

    Args:
        local: gains of neighbourhoods.

    Returns:
        (H, W) float32, or None where the light is the same all over.
    """
    height, width = local.gain.shape
    step = max(1, min(height, width) // _FIELD_SIDE)
    size = max(3, width // step), max(3, height // step)
    logs = np.where(local.explained, np.log(local.gain), np.float32(0)).astype(np.float32)
    coded = np.clip(cv2.resize(logs, size, interpolation=cv2.INTER_AREA) * _FIELD_STEPS + 128, 0, 255).astype(np.uint8)
    side = (max(size) // _FIELD_SHARE) | 1
    pad = side // 2
    framed = cv2.copyMakeBorder(coded, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    middle = cv2.medianBlur(framed, side)[pad : pad + size[1], pad : pad + size[0]] if side > 1 else coded
    field = (middle.astype(np.float32) - 128) / _FIELD_STEPS
    field[np.abs(field) < _FIELD_LEAST] = 0
    if not field.any():
        return None
    gain: Array = np.exp(cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR))
    return gain


def explained_beside(local: LocalGain, before: Array, after: Array, rows: Array, columns: Array) -> BoolArray:
    """Whether single pixels are explained by the gain of a window beside them.

    No window across the edge of a shadow has one gain; the windows on either side of it do.

    Args:
        local: gains of neighbourhoods.
        before: (C, H, W) float32.
        after: (C, H, W) float32.
        rows: (N,) rows of the pixels.
        columns: (N,) their columns.

    Returns:
        (N,) bool.
    """
    height, width = local.gain.shape
    explained = local.explained[rows, columns].copy()
    left = np.flatnonzero(~explained)
    for down, along in itertools.product((-_BESIDE, 0, _BESIDE), repeat=2):
        row, column = rows[left], columns[left]
        y, x = np.clip(row + down, 0, height - 1), np.clip(column + along, 0, width - 1)
        astray = np.abs(after[:, row, column] - np.minimum(local.gain[y, x] * before[:, row, column], 1)).max(axis=0)
        fits = local.explained[y, x] & (astray < _BESIDE_FIT * local.limit[row, column])
        explained[left[fits]] = True
        left = left[~fits]
    return explained


def _gain_of_the_rest(before: Array, after: Array, counts: BoolArray, gain: Array) -> Array:
    """The gain of each neighbourhood over the values that no sensor clipped; the given one where hardly any is left.

    Args:
        before: (C, H, W) float32.
        after: (C, H, W) float32.
        counts: (C, H, W) bool, the values to fit.
        gain: (H, W) float32, over all values.
    """
    share = _blurred(counts.mean(axis=0, dtype=np.float32))
    rest = before * counts
    ab, bb = _blurred((rest * after).mean(axis=0)), _blurred((rest * before).mean(axis=0))
    dark = _DARK * share + np.float32(1e-9)
    return np.where(share < _ENOUGH_UNSATURATED, gain, (ab + dark) / (bb + dark))


def _residual(before: Array, after: Array, gain: Array) -> Array:
    """What a gain leaves unexplained. Where a sensor clipped, a value was at least as bright as it is.

    Args:
        before: (C, H, W) float32.
        after: (C, H, W) float32.
        gain: (H, W) float32.

    Returns:
        (H, W) float32, root mean square over neighbourhoods and bands.
    """
    left = after - gain * before
    np.maximum(left, 0, out=left, where=after >= _SATURATED)
    np.minimum(left, 0, out=left, where=before >= _SATURATED)
    return np.sqrt(_blurred((left * left).mean(axis=0)))


def _blurred(image: Array) -> Array:
    """(H, W) means over neighbourhoods of values that are not negative."""
    # OpenCV keeps a running sum, whose rounding can end a little below zero.
    mean: Array = np.maximum(cv2.blur(image, (WINDOW, WINDOW)), 0)
    return mean
