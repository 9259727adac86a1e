"""The detector "documents-ink": ink that only one of the scans has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins import ChangeMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_documents.settings import DocumentsSettings
    from onediff_plugins import ImagePair

    FloatImage = NDArray[np.float32]

# A stroke that is merely paler was scanned paler; one this much darker is new.
_FADE: Final = 1.5
# Side in px of a neighbourhood that is printed and scanned as one: a few letters.
_WORD: Final = 25
# A stroke's soft edge falls on other pixels in every scan.
_SOFT_EDGE: Final = np.ones((3, 3), np.uint8)


class InkDetector:
    """Compares ink with the ink around the same place of the other scan."""

    def detect(
        self, pairs: Sequence[ImagePair], overviews: Sequence[ImagePair], settings: DocumentsSettings
    ) -> list[ChangeMap]:
        """One change map per pair. Plural, because the detectors that run on an accelerator take many at once.

        Args:
            pairs: aligned and preprocessed: one band, paper is 1.
            overviews: not needed; `preprocess` has taken from them what there is to take.
            settings: `jitter_px`, `contrast`.
        """
        return [detect_pair(pair, settings) for pair in pairs]


def detect_pair(pair: ImagePair, settings: DocumentsSettings) -> ChangeMap:
    """Where ink was added and where it was removed.

    Args:
        pair: aligned and preprocessed.
        settings: `jitter_px`, `contrast`.

    Returns:
        The score on the after grid, 0.5 at a stroke of just the contrast asked for, and the two class scores "added"
        and "removed" that it is the larger of.
    """
    # At the edge of what the before scan covers, a stroke may have its counterpart just outside.
    reach = np.ones((2 * settings.jitter_px + 1,) * 2, np.uint8)
    valid = cv2.erode(pair.valid.astype(np.uint8), reach).astype(np.bool_)
    before, after = (np.where(pair.valid, 1 - frame.pixels[0], np.float32(0)) for frame in (pair.aligned, pair.after))

    def only(one: FloatImage, other: FloatImage) -> FloatImage:
        around = cv2.dilate(_as_it_lies(other, one, settings.jitter_px), _SOFT_EDGE)
        excess = np.maximum(one - np.float32(_FADE) * around, 0)
        score: FloatImage = np.where(valid, excess / (excess + np.float32(settings.contrast)), np.float32(0))
        return score

    classes = np.stack([only(after, before), only(before, after)])  # (2, H, W)
    return ChangeMap(score=classes.max(axis=0), valid=valid, class_scores=classes, class_names=("added", "removed"))


def _as_it_lies(ink: FloatImage, target: FloatImage, jitter_px: int) -> FloatImage:
    """The ink, each neighbourhood of it moved by the whole pixels at which it fits the target best.

    One shift must explain all of a word. A tolerance for each pixel alone would let any letter pass for its neighbour
    and a line through a word for the word.
    """
    height, width = ink.shape
    padded = np.pad(ink, jitter_px)
    steps = sorted(range(2 * jitter_px + 1), key=lambda step: abs(step - jitter_px))  # in place first: it wins a draw
    best, least = ink, np.full(ink.shape, np.inf, np.float32)
    for top in steps:
        for left in steps:
            moved = padded[top : top + height, left : left + width]
            misfit = cv2.blur(np.abs(target - moved), (_WORD, _WORD))
            best, least = np.where(misfit < least, moved, best), np.minimum(misfit, least)
    return best
