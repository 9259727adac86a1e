"""Stage 6: strokes into words and lines, and what happened to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins import ChangeMap
from onediff_plugins.regions import components, covered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_documents.settings import DocumentsSettings
    from onediff_plugins import ChangeRegion
    from onediff_plugins.records import Kind
    from onediff_plugins.types import BoolArray, Box

    FloatImage = NDArray[np.float32]

_DIRECTIONS: Final[tuple[Kind, ...]] = ("added", "removed")
# Share of a region's ink that must speak for one direction: a new number in the place of an old one is "changed".
_ONE_WAY: Final = 0.9


def extract_regions(change: ChangeMap, settings: DocumentsSettings) -> list[ChangeRegion]:
    """Regions of a change map.

    Args:
        change: of this domain's detector, with the class scores "added" and "removed".
        settings: `threshold`, `join_px`, `min_ink_px`.

    Returns:
        One region for all strokes with gaps of less than `join_px`, or twice that along the line. Its kind is "added"
        or "removed" when nearly all of its ink came or went, else "changed". The host finds its place in the before
        scan, sorts and numbers.
    """
    strokes = (change.score >= settings.threshold) & change.valid
    height, width = change.score.shape

    regions = []
    # The shared `components` knows outlines, boxes and areas; what a stroke is, only this domain knows.
    for region in components(ChangeMap(score=_blots(strokes, settings.join_px), valid=change.valid), threshold=1):
        box, inside = covered(region.geometry, width, height)
        ink = strokes[box.slices] & inside
        ink_px = int(np.count_nonzero(ink))
        if ink_px < settings.min_ink_px:
            continue
        score = float(change.score[box.slices][ink].mean())
        kind = _kind(change, box, ink, settings.threshold)
        regions.append(region.replace(kind=kind, score=score, attributes={"ink_px": ink_px}))
    return regions


def _kind(change: ChangeMap, box: Box, ink: BoolArray, threshold: float) -> Kind:
    """What nearly all of a region's ink says; "changed" where that is not one thing."""
    if change.class_scores is None:  # a detector of another plugin was asked for, which gives no evidence of direction
        return "changed"
    evidence = dict(zip(change.class_names, change.class_scores[:, *box.slices], strict=True))
    one_way = [
        kind for kind in _DIRECTIONS if kind in evidence and np.mean(evidence[kind][ink] >= threshold) >= _ONE_WAY
    ]
    return one_way[0] if len(one_way) == 1 else "changed"


def _blots(strokes: BoolArray, join_px: int) -> FloatImage:
    """(H, W) of 0 and 1: strokes grown together over gaps, and what a frame of ink encloses, as a stamp does."""
    kernel = np.ones((join_px, 2 * join_px), np.uint8)  # writing runs along the line: words are wider apart than lines
    joined = cv2.morphologyEx(strokes.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(joined, outlines, -1, 1, cv2.FILLED).astype(np.float32)
