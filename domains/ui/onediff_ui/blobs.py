"""From pixels that differ to words, buttons and icons that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from onediff_plugins.types import Box
from onediff_ui.labelling import connected_parts
from onediff_ui.structure import OTHER, Likeness, likeness, wobble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.types import Array, BoolArray
    from onediff_ui.evidence import Evidence
    from onediff_ui.settings import UiSettings

# Seeds this near each other belong to one word: half-widths of the dilation.
_NEAR_X, _NEAR_Y = 3, 2
# So much contrast (in pixels of black on white) is at the operating point.
_HALF_MASS: Final = 0.3
# How much more is asked where everything around is rendered differently too.
_NOISY_MASS: Final = 12.0
_CARET_WIDTH: Final = 3
_CARET_HEIGHT: Final = (8, 48)
_CARET_SOLID: Final = 0.95
_HANDLE_WIDTH: Final = 16
_HANDLE_HEIGHT: Final = 40
# Lines of text are at most so high, and lines of a paragraph lie at most so far apart.
_MAX_LINE: Final = 48
_MAX_GAP: Final = 36
_PRIOR: Final = 40  # pixels
_TELLING: Final = 40  # pixels; smaller drawings say nothing of the renderer
# Patches above this size, or plain in so large a part, are no drawings of strokes.
_MAX_DRAWING: Final = 400_000
_MAX_PLAIN: Final = 0.3


class Blob(NamedTuple):
    """Seeds that lie together.

    Attributes:
        box: their bounds on the after grid.
        mass: their contrast in pixels of black on white.
        plain: share of them that is plain in both images.
        solid: share of its box that is evidence.
        noise: share of the drawings around that is rendered differently.
        likeness: how alike its two sides are as drawings.
    """

    box: Box
    mass: float
    plain: float
    solid: float
    noise: float = 0.0
    likeness: Likeness = OTHER

    @property
    def is_drawing(self) -> bool:
        """Made of strokes and strong enough to be worth a closer look."""
        return self.mass >= _HALF_MASS and self.plain < _MAX_PLAIN and self.box.area < _MAX_DRAWING

    @property
    def moved(self) -> bool:
        """The same drawing, pixel for pixel, a little beside its old place."""
        return self.likeness.exact and (self.likeness.dx, self.likeness.dy) != (0, 0)

    def is_caret(self, width: int) -> bool:
        """A thin upright bar inside a page of that width: the cursor of a text field, which blinks."""
        return (
            0 < self.box.x0 < self.box.x1 < width
            and self.box.width <= _CARET_WIDTH
            and _CARET_HEIGHT[0] <= self.box.height <= _CARET_HEIGHT[1]
            and self.solid >= _CARET_SOLID
        )

    def is_scroll_bar(self, width: int) -> bool:
        """A long thin bar along the right edge of a page of that width: the handle shows when somebody scrolls."""
        return (
            self.box.x1 == width
            and self.box.width <= min(_HANDLE_WIDTH, width // 8)
            and self.box.height >= max(_HANDLE_HEIGHT, 4 * self.box.width)
        )

    @property
    def score(self) -> float:
        """Confidence that somebody would call it a change, in [0, 1]."""
        return self.mass / (self.mass + _HALF_MASS + _NOISY_MASS * self.noise) * (1 - self.likeness.same(self.noise))


def find_blobs(evidence: Evidence, seeds: BoolArray, before: Array, after: Array, settings: UiSettings) -> list[Blob]:
    """Changed places of about the size of a word, each with its confidence.

    Args:
        evidence: see `Evidence`.
        seeds: (H, W) bool, the evidence that counts.
        before: (H, W, 3) uint8 RGB, on the after grid.
        after: (H, W, 3) uint8 RGB.
        settings: `drift`.

    Returns:
        Blobs in reading order, weak ones included.
    """
    kernel = np.ones((2 * _NEAR_Y + 1, 2 * _NEAR_X + 1), np.uint8)
    grown = cv2.dilate(seeds.view(np.uint8), kernel)
    blobs = []
    for wide, pixels in connected_parts(grown.view(np.bool_)):
        own = seeds[wide.slices] & pixels
        across, down = np.flatnonzero(own.any(axis=0)), np.flatnonzero(own.any(axis=1))
        box = Box(int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1).shifted(wide.x0, wide.y0)
        size = np.count_nonzero(own)
        mass = float(evidence.delta[wide.slices][own].sum()) / 255
        plain = np.count_nonzero(evidence.plain[wide.slices] & own)
        blobs.append(Blob(box, mass, plain / size, size / box.area))
    return _with_likeness(blobs, evidence, before, after, settings)


def _with_likeness(
    blobs: list[Blob], evidence: Evidence, before: Array, after: Array, settings: UiSettings
) -> list[Blob]:
    """The same blobs; drawings know how alike their sides are, and how noisily all around them is rendered."""
    done = list(blobs)
    drawings = [number for number, blob in enumerate(blobs) if blob.is_drawing]
    for number in drawings:
        done[number] = done[number]._replace(likeness=likeness(before, after, blobs[number].box, settings.drift))
    changed = np.zeros(after.shape[:2], np.bool_)
    for blob in blobs:
        changed[max(blob.box.y0 - 3, 0) : blob.box.y1 + 3, max(blob.box.x0 - 3, 0) : blob.box.x1 + 3] = True
    overall = _rendering_share([done[number] for number in drawings])
    for number in drawings:
        differing, total = wobble(evidence.delta, changed, after, done[number].box)
        # Where little stands around, the page as a whole says how it was rendered.
        done[number] = done[number]._replace(noise=(differing + _PRIOR * overall) / (total + _PRIOR))
    return done


def _rendering_share(drawings: Sequence[Blob]) -> float:
    """Share of the drawings that differ without having changed."""
    telling = [blob for blob in drawings if blob.box.area >= _TELLING and not blob.likeness.exact]
    return sum(blob.likeness.same(0.0) for blob in telling) / max(len(telling), 1)


def enclosing(boxes: Sequence[Box]) -> Box:
    """The smallest box around some boxes.

    Args:
        boxes: at least one.
    """
    corners = np.array(boxes)
    return Box(*(int(v) for v in (*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0))))


def group_boxes(boxes: Sequence[Box]) -> list[list[int]]:
    """Boxes that make up one element: words of a line, lines of a paragraph, parts of a button.

    Args:
        boxes: bounds of blobs.

    Returns:
        Groups of indices.
    """
    corners = np.array(boxes, dtype=np.int64).reshape(-1, 4)
    order = np.argsort(corners[:, 1], kind="stable")
    corners = corners[order]
    parent = np.arange(len(order))
    for index, box in enumerate(corners):
        # Sorted by their top, all that can be linked to a box follow it closely.
        end = int(np.searchsorted(corners[:, 1], box[3] + _MAX_GAP, side="right"))
        partners = index + 1 + np.flatnonzero(_linked(box, corners[index + 1 : end]))
        roots = {_root(parent, int(number)) for number in (index, *partners)}
        parent[list(roots)] = min(roots)
    groups: dict[int, list[int]] = {}
    for index, number in enumerate(order):
        groups.setdefault(_root(parent, index), []).append(int(number))
    return list(groups.values())


def _root(parent: Array, index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = int(parent[index])
    return index


def _linked(box: Array, others: Array) -> BoolArray:
    """(N,) bool: which of (N, 4) boxes belong to the same element as one box."""
    width, height = box[2] - box[0], box[3] - box[1]
    widths, heights = others[:, 2] - others[:, 0], others[:, 3] - others[:, 1]
    gap_x = np.maximum(box[0], others[:, 0]) - np.minimum(box[2], others[:, 2])
    gap_y = np.maximum(box[1], others[:, 1]) - np.minimum(box[3], others[:, 3])
    lower, tallest = np.minimum(height, heights), np.maximum(height, heights)
    line = (-gap_y >= 0.5 * lower) & (gap_x <= np.clip(lower, 6, 24)) & (tallest <= 3 * np.maximum(lower, 6))
    paragraph = (-gap_x >= 0.3 * np.minimum(width, widths)) & (gap_y <= 0.75 * lower) & (tallest <= _MAX_LINE)
    touching = (gap_x <= 2) & (gap_y <= 2)
    together: BoolArray = line | paragraph | touching
    return together
