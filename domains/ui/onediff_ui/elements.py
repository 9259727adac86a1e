"""What a person would point at: the changed thing itself, or the small card that holds hardly anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import cv2
import numpy as np

from onediff_plugins.types import Box
from onediff_ui.evidence import largest
from onediff_ui.text import changed_text

if TYPE_CHECKING:
    from onediff_plugins.types import Array

# Pixels within so many levels of the paper are paper.
_PAPER: Final = 4
_INK: Final = 12
# A side with less than this share of the other side's ink is empty there.
_EMPTY: Final = 0.06
# How far around an element its card may reach, and how much larger than the element it may be.
_REACH_X, _REACH_Y = 420, 160
_MAX_CARD: Final = 36
_MIN_SHARE: Final = 0.25
_SAME_OUTLINE: Final = 0.8
_NEAR: Final = 16  # levels within which colours are one
_REPLACED: Final = 0.6
_CODE: Final = np.array([65536, 256, 1])  # a colour as one number
_SAMPLE: Final = 2000  # pixels are enough to name a colour


class Look(NamedTuple):
    """What became of an element.

    Attributes:
        kind: added, removed or changed.
        recoloured: the same outlines in other colours.
        resized: the element's ink has other bounds.
        words: bounds of the words that changed, where other letters in the same colours are what changed.
    """

    kind: Literal["added", "removed", "changed"]
    recoloured: bool
    resized: bool
    words: Box | None = None


def look(before: Array, after: Array, box: Box) -> Look:
    """Compare an element's two sides.

    Args:
        before: (H, W, 3) uint8 RGB on the after grid.
        after: (H, W, 3) uint8 RGB.
        box: bounds of what differs.
    """
    height, width = after.shape[:2]
    around = Box(box.x0 - 6, box.y0 - 4, box.x1 + 6, box.y1 + 4).intersection(Box(0, 0, width, height))
    side_b, side_a = before[around.slices], after[around.slices]
    inside = np.zeros(side_a.shape[:2], np.bool_)
    inside[box.shifted(-around.x0, -around.y0).slices] = True
    if inside.all():
        recoloured = _same_outlines(side_b, side_a) and _one_for_another(side_b, side_a)
        return Look("changed", recoloured, resized=False)
    ink_b, ink_a = _ink(side_b, paper_colour(side_b, inside)), _ink(side_a, paper_colour(side_a, inside))
    mass_b, mass_a = float(ink_b[inside].sum()), float(ink_a[inside].sum())
    if mass_b < _EMPTY * mass_a:
        return Look("added", recoloured=False, resized=False)
    if mass_a < _EMPTY * mass_b:
        return Look("removed", recoloured=False, resized=False)
    resized = bool(np.abs(_extent(ink_b) - _extent(ink_a)).max() > 2)
    own = np.s_[box.y0 - around.y0 : box.y1 - around.y0, box.x0 - around.x0 : box.x1 - around.x0]
    recoloured = not resized and _same_outlines(side_b, side_a) and _one_for_another(side_b[own], side_a[own])
    return Look("changed", recoloured, resized, None if recoloured else changed_text(before, after, box))


def paper_colour(patch: Array, inside: Array) -> Array:
    """The most common colour of a patch outside an element.

    Args:
        patch: (H, W, 3) uint8.
        inside: (H, W) bool, the element.

    Returns:
        (3,) int16.
    """
    ring = patch[~inside]
    ring = ring[:: max(1, len(ring) // 4000)].astype(np.int64)
    codes, counts = np.unique(ring @ _CODE, return_counts=True)
    code = int(codes[counts.argmax()])
    return np.array([code >> 16, code >> 8 & 255, code & 255], dtype=np.int16)


def _ink(patch: Array, paper: Array) -> Array:
    distance: Array = largest(np.abs(patch.astype(np.int16) - paper))
    strong: Array = distance * (distance > _INK)
    return strong


def _extent(ink: Array) -> Array:
    """Bounds of the ink in its patch."""
    across, down = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
    if not across.size:
        return np.zeros(4, np.int64)
    return np.array([across[0], down[0], across[-1], down[-1]])


def _same_outlines(before: Array, after: Array) -> bool:
    edges_b, edges_a = _edges(before), _edges(after)
    scale = float(np.sqrt((edges_b**2).sum() * (edges_a**2).sum()))
    return scale == 0 or float((edges_b * edges_a).sum()) / scale > _SAME_OUTLINE


def _one_for_another(before: Array, after: Array) -> bool:
    """Whether one colour took another's place wherever that was: letters that changed leave both where they were."""
    old, new = main_colours(before, after)
    gone, came = (
        largest(np.abs(side.astype(np.int16) - colour)) <= _NEAR for side, colour in ((before, old), (after, new))
    )
    both = np.count_nonzero(gone & came)
    return bool(both >= _REPLACED * max(np.count_nonzero(gone), np.count_nonzero(came)))


def main_colours(before: Array, after: Array) -> tuple[Array, Array]:
    """The most common pair of colours among the pixels that differ most.

    Args:
        before: (H, W, 3) uint8 RGB, some pixel of it different from `after`.
        after: (H, W, 3) uint8 RGB.

    Returns:
        (3,) int16 each.
    """
    distance = largest(cv2.absdiff(before, after))
    rows, columns = np.nonzero(distance > 0.5 * distance.max())
    step = max(1, len(rows) // _SAMPLE)
    rows, columns = rows[::step], columns[::step]
    # One number per pair of colours: sorting numbers is fast, sorting rows is not.
    old, new = (side[rows, columns].astype(np.int64) @ _CODE for side in (before, after))
    codes, counts = np.unique(old << 24 | new, return_counts=True)
    code = int(codes[counts.argmax()])
    colours = np.array([code >> shift & 255 for shift in (40, 32, 24, 16, 8, 0)], dtype=np.int16)
    return colours[:3], colours[3:]


def _edges(patch: Array) -> Array:
    """Presence of edges whatever their contrast, smoothed."""
    grey = patch.astype(np.float32).max(axis=2) + patch.astype(np.float32).min(axis=2)
    strength = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    smooth: Array = cv2.blur(np.minimum(strength, 128), (3, 3))
    return smooth


def card_around(image: Array, box: Box) -> tuple[Box, bool] | None:
    """The bordered plain area that an element lies on.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: the element's bounds.

    Returns:
        Its bounds, and whether it ends on the left and right nearby (a card) or goes on (a row); None where it has no
        border above and below.
    """
    height, width = image.shape[:2]
    window = Box(box.x0 - _REACH_X, box.y0 - _REACH_Y, box.x1 + _REACH_X, box.y1 + _REACH_Y).intersection(
        Box(0, 0, width, height)
    )
    patch = np.ascontiguousarray(image[window.slices])
    local = box.shifted(-window.x0, -window.y0)
    seed = _paper_beside(patch, local)
    if seed is None:
        return None
    flooded = np.zeros((patch.shape[0] + 2, patch.shape[1] + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8)
    near = (_PAPER, _PAPER, _PAPER)
    _, _, _, (x, y, w, h) = cv2.floodFill(patch, flooded, seed, (0, 0, 0), near, near, flags)
    card = Box(x, y, x + w, y + h)
    if card.y0 == 0 or card.y1 == patch.shape[0] or local.intersection(card).area < 0.9 * local.area:
        return None
    return card.shifted(window.x0, window.y0), card.x0 > 0 and card.x1 < patch.shape[1]


def _paper_beside(patch: Array, box: Box) -> tuple[int, int] | None:
    """A pixel of the most common colour around a box."""
    ring = Box(box.x0 - 2, box.y0 - 2, box.x1 + 2, box.y1 + 2).intersection(Box(0, 0, patch.shape[1], patch.shape[0]))
    outside = np.ones((ring.height, ring.width), np.bool_)
    outside[box.shifted(-ring.x0, -ring.y0).slices] = False
    if not outside.any():
        return None
    paper = paper_colour(patch[ring.slices], ~outside)
    rows, columns = np.nonzero(outside & (patch[ring.slices] == paper).all(axis=2))
    return ring.x0 + int(columns[0]), ring.y0 + int(rows[0])


def element_box(image: Array, box: Box, looked: Look) -> Box:
    """The box that a person would draw.

    A recoloured, added or removed element is itself. One that was replaced by another is the card that holds it where
    the card holds little else, or the cell that it has to itself between two lines; else the whole words.

    Args:
        image: (H, W, 3) uint8 RGB, the side on which the element is seen.
        box: bounds of what differs.
        looked: see `look`.
    """
    if looked.kind != "changed" or looked.recoloured:
        return box
    found = card_around(image, box)
    if found is None:
        return looked.words or box
    card, ends = found
    if ends and card.area <= _MAX_CARD * box.area and box.area >= _MIN_SHARE * _content(image, card, box).area:
        return Box(card.x0 - 1, card.y0 - 1, card.x1 + 1, card.y1 + 1).intersection(
            Box(0, 0, image.shape[1], image.shape[0])
        )
    pad = min(box.y0 - card.y0, card.y1 - box.y1)
    if looked.resized and 0 < pad <= box.height:
        return Box(max(box.x0 - pad, card.x0), box.y0 - pad, min(box.x1 + pad, card.x1), box.y1 + pad)
    return looked.words or box


def _content(image: Array, card: Box, box: Box) -> Box:
    """Bounds of everything on a card that is not its paper, the element included."""
    inner = Box(card.x0 + 3, card.y0 + 3, card.x1 - 3, card.y1 - 3)
    patch = image[inner.slices]
    if not patch.size:
        return box
    local = box.shifted(-inner.x0, -inner.y0).intersection(Box(0, 0, inner.width, inner.height))
    inside = np.zeros(patch.shape[:2], np.bool_)
    inside[local.slices] = True
    if inside.all():
        return box
    x0, y0, x1, y1 = (int(v) for v in _extent(_ink(patch, paper_colour(patch, inside))))
    found = Box(inner.x0 + x0, inner.y0 + y0, inner.x0 + x1 + 1, inner.y0 + y1 + 1)
    return Box(min(found.x0, box.x0), min(found.y0, box.y0), max(found.x1, box.x1), max(found.y1, box.y1))
