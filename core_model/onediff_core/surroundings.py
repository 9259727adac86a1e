"""What of a mask counts: not specks, and not what only surrounds the things of another, such as a building's site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_core.heads.config import HeadConfig

    BoolArray = NDArray[np.bool_]
    FloatArray = NDArray[np.float32]

# Pieces of either mask that are less than twice this far apart are one area: a site is seldom found in one piece.
REACH_PX: Final = 16


def surroundings(areas: BoolArray, things: BoolArray, most: float) -> BoolArray:
    """The areas that only surround things: at most so many times as large as the things in them.

    Args:
        areas: (H, W), such as changed land.
        things: (H, W), such as new buildings.
        most: how many times as large as its things an area may be to be no more than what is around them.

    Returns:
        (H, W): those pixels of `areas`.
    """
    if not (areas.any() and things.any()):
        return np.zeros_like(areas)
    side = 2 * REACH_PX + 1
    joined = cv2.dilate((areas | things).astype(np.uint8), np.ones((side, side), np.uint8))
    count, labels = cv2.connectedComponents(joined, connectivity=8)
    around = np.bincount(labels[areas], minlength=count)
    inside = np.bincount(labels[things], minlength=count)
    no_more = (inside > 0) & (around <= most * inside)
    return np.asarray(areas & no_more[labels])


def specks(mask: BoolArray, least: float) -> BoolArray:
    """The 8-connected blobs of a mask that are too small.

    Args:
        mask: (H, W).
        least: pixels that a blob must have.

    Returns:
        (H, W): those pixels of the mask.
    """
    if least <= 1 or not mask.any():
        return np.zeros_like(mask)
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(mask & (statistics[:, cv2.CC_STAT_AREA] < least)[labels])


class HeadAnswer(NamedTuple):
    """What a mask head found in one pair.

    Attributes:
        config: of the head.
        score: (H, W) in [0, 1].
        classes: (K, H, W), likewise.
        gsd_m: ground sample distance of the pair, or None.
    """

    config: HeadConfig
    score: FloatArray
    classes: FloatArray
    gsd_m: float | None = None


def settled(answers: Sequence[HeadAnswer], threshold: float) -> list[HeadAnswer]:
    """What is left of each head's answer to a pair without specks, and once it has yielded to the others.

    Args:
        answers: of all heads that look at the pair.
        threshold: score from which a head marks a pixel.

    Returns:
        The same; 0 where another head's things are, and what only surrounds them, and short of the threshold where
        blobs are smaller than anything the head knows. What counts for either is in its configuration.
    """
    answers = [_without_specks(answer, threshold) for answer in answers]
    marked = {answer.config.name: answer.score >= threshold for answer in answers}
    return [_yielded(answer, marked) for answer in answers]


def _without_specks(answer: HeadAnswer, threshold: float) -> HeadAnswer:
    # A head that knows no scale learned from pixels, whatever they are on the ground.
    gsd_m = (answer.config.gsd_range_m and answer.gsd_m) or answer.config.assumed_gsd_m
    small = specks(answer.score >= threshold, answer.config.least_m2 / gsd_m**2)
    if not small.any():
        return answer
    # Still the likeliest of what is none, so that unchanged pairs rank by it.
    short = np.nextafter(np.float32(threshold), np.float32(0))
    score = np.where(small, np.minimum(answer.score, short), answer.score)
    return answer._replace(score=score, classes=np.where(small, np.minimum(answer.classes, short), answer.classes))


def _yielded(answer: HeadAnswer, marked: dict[str, BoolArray]) -> HeadAnswer:
    left = np.zeros_like(marked[answer.config.name])
    for name, most in answer.config.yields_to.items():
        if (things := marked.get(name)) is not None:
            left |= things | surroundings(marked[answer.config.name], things, most)
    if not left.any():
        return answer
    nothing = np.float32(0)
    return answer._replace(score=np.where(left, nothing, answer.score), classes=np.where(left, nothing, answer.classes))
