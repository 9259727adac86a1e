"""What differs between two stills of a view in which nothing happened, estimated from the pair itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray


_BINS: Final = 8
_SAMPLE: Final = 20_000
_SMOOTH: Final = (9, 9)


def texture(before: Array, after: Array) -> Array:
    """How rough a view is at each pixel, in both images: where a little shake, wind or compression shows.

    Args:
        before: (H, W) float32 grey.
        after: (H, W) float32 grey.

    Returns:
        (H, W) float32, the smaller of the two local ranges, smoothed; an object that came is rough in one image only.
    """
    kernel = np.ones((3, 3), np.uint8)
    rough = [cv2.blur(cv2.morphologyEx(image, cv2.MORPH_GRADIENT, kernel), _SMOOTH) for image in (before, after)]
    smaller: Array = np.minimum(rough[0], rough[1])
    return smaller


def usual(values: Array, rough: Array, valid: BoolArray) -> Array:
    """What a difference usually is at a pixel of that roughness: its median over pixels that are as rough.

    The median is that of the quiet part as long as less than half of the pixels of a kind changed.

    Args:
        values: (H, W) float32, not negative.
        rough: (H, W) float32 from `texture`.
        valid: (H, W) bool; the rest does not count.

    Returns:
        (H, W) float32, in the unit of `values`.
    """
    step = max(1, int((valid.size / _SAMPLE) ** 0.5))
    inside = valid[::step, ::step]
    key, sample = rough[::step, ::step][inside], values[::step, ::step][inside]
    if key.size < _BINS:
        return np.zeros_like(values)
    order = np.argsort(key, kind="stable")
    parts = np.array_split(order, _BINS)
    centres = np.array([np.median(key[part]) for part in parts])
    medians = np.array([np.median(sample[part]) for part in parts])
    found: Array = np.interp(rough, centres, medians).astype(np.float32)
    return found
