"""What differs between two stills of a view in which nothing happened, estimated from the pair itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray


_KINDS: Final = 8
_SAMPLE: Final = 20_000  # pixels, 2,500 a kind: their median is known to some percent
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


class Roughness:
    """Pixels sorted by how rough the view is there, to ask what a difference usually is at a pixel of its kind."""

    def __init__(self, rough: Array, valid: BoolArray) -> None:
        """Sort a sample of the pixels into eight kinds of equal number.

        Args:
            rough: (H, W) float32 from `texture`.
            valid: (H, W) bool; the rest does not count.
        """
        step = max(1, int((valid.size / _SAMPLE) ** 0.5))
        self._sample = np.s_[::step, ::step]
        self._inside = valid[self._sample]
        top = max(float(rough.max()), 1e-6)
        self._level: Array = (rough * np.float32(255 / top)).astype(np.uint8)
        key = self._level[self._sample][self._inside]
        self._kinds = np.array_split(np.argsort(key, kind="stable"), _KINDS) if key.size >= _KINDS else []
        self._centres = [float(np.median(key[kind])) for kind in self._kinds]

    def usual(self, values: Array) -> Array:
        """What a value usually is at a pixel as rough as each: the median of its kind, interpolated between kinds.

        The median is that of the quiet part as long as less than half of the pixels of a kind changed.

        Args:
            values: (H, W) float32, not negative.

        Returns:
            (H, W) float32, in the unit of `values`; 0 where hardly anything is valid.
        """
        if not self._kinds:
            return np.zeros_like(values)
        sample = values[self._sample][self._inside]
        medians = [float(np.median(sample[kind])) for kind in self._kinds]
        of_level: Array = np.interp(np.arange(256), self._centres, medians).astype(np.float32)
        return of_level[self._level]
