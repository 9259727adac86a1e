"""The detector "ui-blocks": which elements of a page were added, removed, changed or moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.types import Box, ChangeMap
from onediff_ui import regions as build
from onediff_ui.blobs import Blob, enclosing, find_blobs, group_boxes
from onediff_ui.elements import element_box, look
from onediff_ui.evidence import Evidence, compare
from onediff_ui.gaps import gap_contents
from onediff_ui.io import to_screen
from onediff_ui.stretch import stretched
from onediff_ui.tones import same_tones

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.types import Array, BoolArray, ImagePair, Piece
    from onediff_ui.settings import UiSettings

_GAP_SCORE: Final = 0.95
_EXCUSED_SCORE: Final = 0.99  # of the operating point, for evidence that has an innocent explanation
_VISIBLE: Final = 8  # levels; pixels of an element that differ less are left out of the mask
_MAX_WEAK: Final = 50  # candidates below the operating point that are worth ranking


class BlockDetector:
    """Compares aligned screenshots element by element."""

    def detect(
        self, pairs: Sequence[ImagePair], overviews: Sequence[ImagePair], settings: UiSettings
    ) -> list[ChangeMap]:
        """One change map with candidates per pair.

        Args:
            pairs: aligned and preprocessed.
            overviews: not read; a screenshot is compared whole.
            settings: of the UI domain.
        """
        return [detect_pair(pair, settings) for pair in pairs]


def detect_pair(pair: ImagePair, settings: UiSettings) -> ChangeMap:
    """Elements that differ, strong and weak, and the pixels that show it.

    Args:
        pair: aligned and preprocessed.
        settings: of the UI domain.

    Returns:
        The score holds each element's confidence on the pixels of it that differ; `candidates` are regions of all
        kinds, those under the operating point included.
    """
    after, before = to_screen(pair.after), to_screen(pair.aligned)
    score = np.zeros(after.shape[:2], np.float32)
    comparable = pair.after.valid & pair.aligned.valid
    found: list[ChangeRegion] = []
    original = before if pair.aligned.pixels is pair.before.pixels else to_screen(pair.before)
    pieces = (pair.registration.pieces or ()) if pair.registration is not None else ()
    before = same_tones(before, after, comparable)
    evidence = compare(_filled(before, after, comparable), after, settings)
    if evidence is not None:
        seeds = evidence.seeds & comparable
        seeds &= ~stretched(seeds, pieces, original, after)
        found += _elements(evidence, seeds, before, after, score, settings)
    found += _added(pair, after, score, settings)
    found += _removed(pair, original, pieces, score, settings)
    found += build.moved_regions(pieces, cv2.cvtColor(after, cv2.COLOR_RGB2GRAY), settings.min_move)
    return ChangeMap(score=score, valid=pair.valid, candidates=tuple(found))


def _filled(before: Array, after: Array, comparable: BoolArray) -> Array:
    """The before image with the after image wherever it has nothing to compare."""
    if comparable.all():
        return before
    filled: Array = cv2.copyTo(before, comparable.view(np.uint8), after.copy())
    return filled


def _elements(
    evidence: Evidence,
    seeds: BoolArray,
    before: Array,
    after: Array,
    score: NDArray[np.float32],
    settings: UiSettings,
) -> list[ChangeRegion]:
    blobs = find_blobs(evidence, seeds, before, after, settings)
    moved = [blob for blob in blobs if blob.moved]
    placed = [blob for blob in blobs if not blob.moved]
    strong = [blob for blob in placed if blob.score >= settings.threshold]
    strong = [blob for blob in strong if not _is_border(blob.box, after.shape, settings.edge_slack)]
    if settings.ignore_caret and sum(blob.is_caret(after.shape[1]) for blob in strong) == 1:
        strong = [blob for blob in strong if not blob.is_caret(after.shape[1])]
    if settings.ignore_scroll_bar:
        strong = [blob for blob in strong if not blob.is_scroll_bar(after.shape[1])]
    weak = [blob for blob in placed if blob not in strong]
    found = []
    for group in group_boxes([blob.box for blob in strong]):
        parts = [strong[index] for index in group]
        tight = enclosing([part.box for part in parts])
        confidence = 1 - float(np.prod([1 - part.score for part in parts]))
        looked = look(before, after, tight)
        box = element_box(before if looked.kind == "removed" else after, tight, looked)
        _paint(score, tight, (evidence.delta[tight.slices] > _VISIBLE) | seeds[tight.slices], confidence)
        found.append(build.element_region(box, looked, confidence, before, after))
    for blob in sorted(weak, key=lambda blob: -blob.score)[:_MAX_WEAK]:
        confidence = min(blob.score, _EXCUSED_SCORE * settings.threshold)
        _paint(score, blob.box, seeds[blob.box.slices], confidence)
        found.append(build.region("changed", blob.box, confidence))
    return found + _shifted(moved, settings)


def _is_border(box: Box, shape: tuple[int, ...], slack: int) -> bool:
    """A sliver along the border of the page: sizes were rounded, or a neighbour shows by a pixel."""
    height, width = shape[:2]
    upright = box.width <= slack and (box.x0 == 0 or box.x1 == width) and box.height >= height / 2
    level = box.height <= slack and (box.y0 == 0 or box.y1 == height) and box.width >= width / 2
    return (upright and width > 2 * slack) or (level and height > 2 * slack)


def _shifted(moved: Sequence[Blob], settings: UiSettings) -> list[ChangeRegion]:
    """Elements that stand a little beside their old place; neighbours that went the same way are one."""
    found = []
    shifts = {(blob.likeness.dx, blob.likeness.dy) for blob in moved}
    for dx, dy in sorted(shifts):
        boxes = [blob.box for blob in moved if (blob.likeness.dx, blob.likeness.dy) == (dx, dy)]
        for group in group_boxes(boxes):
            found.append(build.shifted_region(enclosing([boxes[index] for index in group]), dx, dy, settings.min_move))
    return found


def _paint(score: NDArray[np.float32], box: Box, pixels: BoolArray, confidence: float) -> None:
    """Raise the score on the pixels of an element; small holes belong to it."""
    closed = cv2.morphologyEx(pixels.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).astype(np.bool_)
    part = score[box.slices]
    part[closed] = np.maximum(part[closed], np.float32(confidence))


def _added(pair: ImagePair, after: Array, score: NDArray[np.float32], settings: UiSettings) -> list[ChangeRegion]:
    if pair.unmatched_after is None or not pair.unmatched_after.any():
        return []
    found = []
    for box in gap_contents(after, pair.unmatched_after & pair.after.valid):
        confidence = _gap_score(box, settings)
        score[box.slices] = np.maximum(score[box.slices], np.float32(confidence))
        found.append(build.region("added", box, confidence))
    return found


def _removed(
    pair: ImagePair, original: Array, pieces: Sequence[Piece], score: NDArray[np.float32], settings: UiSettings
) -> list[ChangeRegion]:
    if pair.unmatched_before is None or not pair.unmatched_before.any():
        return []
    found = []
    for box in gap_contents(original, pair.unmatched_before & pair.before.valid):
        place = build.removed_place(box, pieces, pair.after.box)
        confidence = _gap_score(box, settings)
        score[place.slices] = np.maximum(score[place.slices], np.float32(confidence))
        found.append(build.region("removed", place, confidence, bbox_before=box))
    return found


def _gap_score(box: Box, settings: UiSettings) -> float:
    """Slivers come and go when sizes are rounded."""
    sliver = min(box.width, box.height) <= settings.edge_slack
    return _EXCUSED_SCORE * settings.threshold if sliver else _GAP_SCORE
