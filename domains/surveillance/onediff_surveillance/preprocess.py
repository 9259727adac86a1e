"""Stage 4: one scale for both images, and the before image's exposure and white balance fitted to the after image's.

Every number comes from the overview of the view, so that windows of one view are treated alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_plugins import plain

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray, FloatArray, Frame, ImagePair


# An image whose channels differ by less than this, in all but one pixel of a hundred, has no colour: infrared at night.
# Asphalt in daylight differs by more.
_COLOURLESS: Final = 3 / 255
_SAMPLE: Final = 3_000  # pixels: a gain and an offset a band need no more
_SATURATED: Final = 250 / 255
_GAINS: Final = (0.25, 4.0)  # two stops either way
# Reweighted least squares: what lies further off than this many robust deviations hardly counts.
_OUTLYING: Final = 1.5
_LEAST_DEVIATION: Final = 2 / 255
_ROUNDS: Final = 6
# Pulls the gain to the ratio of the means where a band hardly varies and the slope says nothing (variance of 7 levels).
_SHRINKAGE: Final = (7 / 255) ** 2


def preprocess_pair(pair: ImagePair, overview: ImagePair) -> ImagePair:
    """Bring both images of a pair to one scale.

    Args:
        pair: warped.
        overview: the view that statistics come from, warped, as read or preprocessed.

    Returns:
        float32 in [0, 1]. Where one of the images has no colour (infrared) both are grey. The before image has the
        gain and offset that make the part of the view that stayed like the after image, clipped as a sensor clips.
    """
    scaled = plain.preprocess(pair, overview)
    seen = scaled if overview is pair else plain.preprocess(overview, overview)
    if colourless(seen.aligned) != colourless(seen.after):
        scaled, seen = _in_grey(scaled), _in_grey(seen)
    both = seen.aligned.valid & seen.after.valid
    gain, offset = photometric_fit(seen.aligned.pixels, seen.after.pixels, both)
    fitted = scaled.aligned.pixels * gain[:, None, None] + offset[:, None, None]
    return replace(scaled, before_on_after=replace(scaled.aligned, pixels=np.clip(fitted, 0, 1)))


def colourless(frame: Frame) -> bool:
    """Whether an image shows no colour, as at night under infrared light.

    Args:
        frame: values in [0, 1].
    """
    if len(frame.pixels) == 1:
        return True
    sample = frame.pixels[:, ::6, ::6]
    return float(np.percentile(sample.max(axis=0) - sample.min(axis=0), 99)) < _COLOURLESS


def _in_grey(pair: ImagePair) -> ImagePair:
    def grey(frame: Frame) -> Frame:
        if len(frame.pixels) == 1:
            return frame
        return replace(frame, pixels=frame.pixels.mean(axis=0, keepdims=True, dtype=np.float32), bands=("gray",))

    return replace(pair, after=grey(pair.after), before_on_after=grey(pair.aligned))


def photometric_fit(before: Array, after: Array, valid: BoolArray) -> tuple[Array, Array]:
    """Gain and offset of each band that make the before image like the after image where the view stayed.

    Args:
        before: (C, H, W) float32 in [0, 1], on the after grid.
        after: (C, H, W) float32 in [0, 1].
        valid: (H, W) bool, where both mean something.

    Returns:
        gain and offset, (C,) float32 each: after = gain * before + offset. 1 and 0 where nothing is valid.

    Source: iteratively reweighted least squares with Geman and McClure's weights, "Statistical methods for tomographic
    image reconstruction", Bull. ISI 1987; pixels that are saturated in one of the images do not count.
    """
    bands = len(after)
    step = max(1, int((valid.size / _SAMPLE) ** 0.5))
    inside = valid[::step, ::step]
    x, y = (image[:, ::step, ::step][:, inside].astype(np.float64) for image in (before, after))
    unclipped = (x.max(axis=0) < _SATURATED) & (y.max(axis=0) < _SATURATED) if x.size else inside[inside]
    if unclipped.sum() > len(unclipped) // 16:
        x, y = x[:, unclipped], y[:, unclipped]
    if x.shape[1] < 16:
        return np.ones(bands, np.float32), np.zeros(bands, np.float32)
    gain, offset = np.median(y + 0.02, axis=1) / np.median(x + 0.02, axis=1), np.zeros(bands)
    for _ in range(_ROUNDS):
        astray = np.abs(y - gain[:, None] * x - offset[:, None]).max(axis=0)
        deviation = 1.4826 * np.median(astray) + _LEAST_DEVIATION
        weight = 1 / (1 + (astray / (_OUTLYING * deviation)) ** 2) ** 2
        weight /= weight.sum()
        gain, offset = _weighted_line(x, y, weight)
    return gain.astype(np.float32), offset.astype(np.float32)


def _weighted_line(x: FloatArray, y: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean_x, mean_y = x @ weight, y @ weight
    off_x, off_y = x - mean_x[:, None], y - mean_y[:, None]
    ratio = mean_y / np.maximum(mean_x, 1 / 255)
    gain = ((off_x * off_y) @ weight + _SHRINKAGE * ratio) / ((off_x * off_x) @ weight + _SHRINKAGE)
    gain = np.clip(gain, *_GAINS)
    return gain, mean_y - gain * mean_x
