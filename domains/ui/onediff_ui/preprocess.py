"""Stage 4: screenshots need no radiometry, only one scale."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from onediff_plugins import images

if TYPE_CHECKING:
    from onediff_plugins.types import Frame, ImagePair


def preprocess_pair(pair: ImagePair) -> ImagePair:
    """The after image and the aligned before image as float32 sRGB in [0, 1]; `before` stays as read.

    Args:
        pair: aligned; integers span their dtype, floats lie in [0, 1] already.
    """
    return replace(pair, after=_unit(pair.after), before_on_after=_unit(pair.aligned))


def _unit(frame: Frame) -> Frame:
    if frame.pixels.dtype == np.float32:
        return frame
    scale = np.float32(1 / images.full_range(frame.pixels, frame.source))
    pixels = np.multiply(frame.hwc, scale, dtype=np.float32)
    return replace(frame, pixels=np.moveaxis(pixels, 2, 0))
