"""Whether what changed of an element is its text: other letters in the same colours on the same paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from onediff_plugins.types import Box
from onediff_ui.evidence import largest

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray

_SAME_COLOUR: Final = 40  # levels
_MIN_CONTRAST: Final = 48  # levels between paper and ink
_FOREIGN: Final = 32  # levels beside the mixtures of paper and ink
_MAX_FOREIGN: Final = 0.05  # of the inked pixels
# Letters are so high, in pixels, at most so many times as wide, and cover so much of the paper around them.
_HEIGHTS: Final = (4, 60)
_MAX_ASPECT: Final = 3.0
_COVER: Final = (0.04, 0.6)
# Letters further apart than this share of their height belong to two words.
_WORD_GAP: Final = 0.3
_LETTERS: Final = (2, 3)  # on both sides, and on one of them
_SAME_SHAPE: Final = 0.92
_MAX_SIDE: Final = 1200  # px; larger elements are no words


class _Reading(NamedTuple):
    """What one side shows as text."""

    paper: Array  # (3,) int16
    ink: Array  # (3,) int16
    letters: int
    word: Box
    shape: BoolArray  # ink of what differs, without margins


def changed_text(before: Array, after: Array, box: Box) -> Box | None:
    """The words that changed.

    Both sides must show letters (several separate shapes of one height's order) in one ink on one paper, the same on
    both: an icon, a photograph, a recoloured word or one that only moved is no changed text.

    Args:
        before: (H, W, 3) uint8 RGB on the after grid.
        after: (H, W, 3) uint8 RGB.
        box: bounds of what differs.

    Returns:
        Bounds of the words that what differs is part of, on either side; None where it is not text.
    """
    if max(box.width, box.height) > _MAX_SIDE:
        return None
    reach = 3 * min(box.height, _HEIGHTS[1]) + 8
    window = Box(box.x0 - reach, box.y0 - 4, box.x1 + reach, box.y1 + 4).intersection(
        Box(0, 0, after.shape[1], after.shape[0])
    )
    local = box.shifted(-window.x0, -window.y0)
    readings = [_read(side[window.slices], local) for side in (before, after)]
    one, other = readings
    if one is None or other is None:
        return None
    if max(_apart(one.paper, other.paper), _apart(one.ink, other.ink)) > _SAME_COLOUR:
        return None
    if _overlap(one.shape, other.shape) > _SAME_SHAPE:  # the same words, a little beside
        return None
    fewest, most = sorted((one.letters, other.letters))
    if fewest < _LETTERS[0] or most < _LETTERS[1]:
        return None
    words = (local, one.word, other.word)
    return Box(
        min(w.x0 for w in words), min(w.y0 for w in words), max(w.x1 for w in words), max(w.y1 for w in words)
    ).shifted(window.x0, window.y0)


def _read(patch: Array, local: Box) -> _Reading | None:
    """One side as text; None where it is something else."""
    around = Box(local.x0 - 2, local.y0 - 2, local.x1 + 2, local.y1 + 2).intersection(
        Box(0, 0, patch.shape[1], patch.shape[0])
    )
    paper = _most_common(patch[around.slices])
    signed = patch.astype(np.int16) - paper
    distance = largest(np.abs(signed))
    near = distance[around.slices]
    contrast = int(near.max())
    if contrast < _MIN_CONTRAST:
        return None
    ink = np.median(patch[around.slices][near > 0.7 * contrast], axis=0).astype(np.int16)
    inked = distance > 0.4 * contrast
    if _foreign_share(signed[around.slices][inked[around.slices]], ink - paper) > _MAX_FOREIGN:
        return None
    word = _word(inked, local)
    letters, cover = _letters(inked[word.slices])
    if not _COVER[0] <= cover <= _COVER[1]:
        return None
    return _Reading(paper, ink, letters, word, _trimmed(inked[around.slices]))


def _most_common(patch: Array) -> Array:
    codes, counts = np.unique(patch.reshape(-1, 3).astype(np.int64) @ [65536, 256, 1], return_counts=True)
    code = int(codes[counts.argmax()])
    return np.array([code >> 16, code >> 8 & 255, code & 255], dtype=np.int16)


def _foreign_share(pixels: Array, axis: Array) -> float:
    """Share of (N, 3) differences from the paper that are no mixture of paper and ink."""
    mixed = np.outer(pixels @ axis.astype(np.float64) / float(axis @ axis.astype(np.float64)), axis)
    return float((np.abs(pixels - mixed).max(axis=1) > _FOREIGN).mean())


def _word(inked: BoolArray, local: Box) -> Box:
    """The words that lie in a box or reach into it; the box itself where they are much higher than it."""
    gap = 2 * max(1, round(_WORD_GAP * min(local.height, _HEIGHTS[1]) / 2)) + 1
    joined = cv2.morphologyEx(inked.view(np.uint8), cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))
    _, labels = cv2.connectedComponents(joined)
    touched = np.unique(labels[local.slices])
    own = inked & np.isin(labels, touched[touched > 0])
    across, down = np.flatnonzero(own.any(axis=0)), np.flatnonzero(own.any(axis=1))
    if not across.size or down[-1] + 1 - down[0] > 1.5 * local.height + 4:
        return local
    return Box(int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1)


def _letters(inked: BoolArray) -> tuple[int, float]:
    """Number of shapes that can be letters, 0 where others have more ink; and the share of the word that is ink."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(inked).view(np.uint8))
    if count == 1:
        return 0, 0.0
    width, height, area = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_AREA]
    letter = (height >= _HEIGHTS[0]) & (height <= _HEIGHTS[1]) & (width <= _MAX_ASPECT * height)
    total = int(area.sum())
    most = int(area[letter].sum()) >= 0.8 * total
    return int(np.count_nonzero(letter)) if most else 0, total / inked.size


def _trimmed(inked: BoolArray) -> BoolArray:
    across, down = np.flatnonzero(inked.any(axis=0)), np.flatnonzero(inked.any(axis=1))
    return inked[down[0] : down[-1] + 1, across[0] : across[-1] + 1]


def _overlap(one: BoolArray, other: BoolArray) -> float:
    """Cosine between two shapes brought to one size, 0 to 1."""
    scaled = cv2.resize(other.astype(np.float32), one.shape[::-1], interpolation=cv2.INTER_AREA)
    return float(scaled[one].sum() / np.sqrt(np.count_nonzero(one) * (scaled**2).sum()))


def _apart(one: Array, other: Array) -> int:
    return int(np.abs(one - other).max())
