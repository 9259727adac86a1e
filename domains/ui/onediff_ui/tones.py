"""Colours of a whole page that went through another gamma or gain, as of another screen's profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray

# So much of the page has to differ, and no channel by more than this. Beyond, somebody chose other colours.
_MOST: Final = 0.5
_GAMMA: Final = (0.93, 1.08)
_GAIN: Final = (0.98, 1.02)
# Where curves explain the page, they do so for nearly all of it, to a level or two of rounding.
_EXPLAINED: Final = 0.9
_ROUNDED: Final = 2
_LEVELS: Final = 16  # fewer different ones tell no curve from a colour
_DARKEST: Final = 8  # levels below say hardly anything of a gamma, and a lot by rounding
_SAMPLE: Final = 400_000  # pixels are enough to fit curves


def same_tones(before: Array, after: Array, comparable: BoolArray) -> Array:
    """The before image in the tones of the after image, where a gamma and a gain per channel explain nearly all of it.

    Args:
        before: (H, W, 3) uint8 RGB on the after grid.
        after: (H, W, 3) uint8 RGB.
        comparable: (H, W) bool.

    Returns:
        (H, W, 3) uint8: `before` itself where most pixels are the same, or where no such curves do.
    """
    step = max(1, round((before.shape[0] * before.shape[1] / _SAMPLE) ** 0.5))
    some = np.s_[::step, ::step]
    old, new = before[some][comparable[some]], after[some][comparable[some]]  # (N, 3)
    if not len(old) or np.count_nonzero((old != new).any(axis=1)) < _MOST * len(old):
        return before
    curves = [_curve(old[:, channel], new[:, channel]) for channel in range(3)]
    known = [curve for curve in curves if curve is not None]
    if len(known) < len(curves):
        return before
    table = np.stack(known, axis=1)  # (256, 3)
    explained = np.abs(table[old, np.arange(3)].astype(np.int16) - new).max(axis=1) <= _ROUNDED
    if np.count_nonzero(explained) < _EXPLAINED * len(old):
        return before
    seen: Array = cv2.LUT(before, table[None])
    return seen


def _curve(old: Array, new: Array) -> Array | None:
    """(256,) uint8: the new level of each old one by the gamma and gain that fit best; None where that is too much."""
    counts = np.bincount(old, minlength=256)
    levels = np.flatnonzero(counts[_DARKEST:]) + _DARKEST
    if len(levels) < _LEVELS:
        return None
    usual = np.array([np.median(new[old == level]) for level in levels]).clip(1)
    # new / 255 = gain * (old / 255) ** gamma, a line in logarithms; a level counts by how often it is seen.
    weights = np.sqrt(counts[levels])
    gamma, offset = np.polyfit(np.log(levels / 255), np.log(usual / 255), 1, w=weights)
    gain = float(np.exp(offset))
    if not (_GAMMA[0] <= gamma <= _GAMMA[1] and _GAIN[0] <= gain <= _GAIN[1]):
        return None
    curve: Array = np.rint(255 * gain * (np.arange(256) / 255) ** gamma).clip(0, 255).astype(np.uint8)
    return curve
