"""What stands beside our detectors on photographs: image differencing and OpenCV's background models.

All read the files themselves and answer with a mask; a pair is "changed" when the mask has a component of at least
`MIN_COMPONENT_PX` pixels. None of them aligns the images.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from evaluation.images import read_image
from evaluation.scores import Answer
from onediff_core.evaluation.counting import f1
from onediff_core.evaluation.regions import component_boxes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from evaluation.sets import Pair

SPECKLE_PX = 5  # median filter that takes single pixels away


def read_rgb(path: Path) -> np.ndarray:
    """(H, W, 3) uint8, as OpenCV reads it."""
    return read_image(path, cv2.IMREAD_COLOR)


def difference(before: Path, after: Path) -> np.ndarray:
    """(H, W) uint8: the strongest channel's absolute difference after a 5 x 5 median."""
    strongest = cv2.absdiff(read_rgb(after), read_rgb(before)).max(axis=2)
    return cv2.medianBlur(strongest, SPECKLE_PX)


class Differencing:
    """Absolute difference, split by Otsu's threshold and by a fixed one."""

    def __init__(self, threshold: int, chosen_on: str) -> None:
        self._threshold, self._name = threshold, f"difference > {threshold}, chosen on {chosen_on}"

    def answers(self, pair: Pair) -> dict[str, Answer]:
        """Both answers; each is charged for reading and differencing."""
        started = time.perf_counter()
        strength = difference(pair.before, pair.after)
        shared = time.perf_counter() - started
        return {
            "difference, Otsu": _timed(
                lambda: cv2.threshold(strength, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1] > 0, shared
            ),
            self._name: _timed(lambda: strength > self._threshold, shared),
        }


def best_threshold(pairs: Iterable[Pair]) -> int:
    """The fixed threshold of the difference with the best pooled F1 on these pairs."""
    changed, still = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for pair in pairs:
        strength, truth = difference(pair.before, pair.after), pair.truth
        scored = np.ones_like(truth.mask) if truth.scored is None else truth.scored
        changed += np.bincount(strength[scored & truth.mask], minlength=256)
        still += np.bincount(strength[scored & ~truth.mask], minlength=256)
    above = [(int(changed[t + 1 :].sum()), int(still[t + 1 :].sum())) for t in range(255)]
    return int(np.argmax([f1(hits, false, int(changed.sum()) - hits) or 0.0 for hits, false in above]))


class ClassicalIrMad:
    """IR-MAD as in the textbook, without our score: pixels whose chance of no change is under 5 %."""

    def answers(self, pair: Pair) -> dict[str, Answer]:
        """One answer."""
        from onediff_satellite.irmad import fit, no_change_probability, sample

        started = time.perf_counter()
        before, after = (read_rgb(path).transpose(2, 0, 1) for path in (pair.before, pair.after))
        valid = np.ones(after.shape[1:], bool)
        transform, _ = fit(*sample(before, after, valid))
        pixels = (image.reshape(3, -1).T.astype(np.float64) for image in (before, after))
        unchanged = no_change_probability(transform.chi_square(*pixels), len(transform.deviation))
        return {
            "IR-MAD, chi-square 5 %": _timed(
                lambda: unchanged.reshape(valid.shape) < 0.05, time.perf_counter() - started
            )
        }


class BackgroundModels:
    """MOG2 and KNN, which learn from every frame before the scored one; a pair method sees two stills."""

    def __init__(self, frames: dict[int, Path]) -> None:
        self._frames = sorted(frames.items())
        cv2.setRNGSeed(0)  # KNN draws which samples it keeps
        # (name, model, learning rate, lowest label that counts as changed): 127 is OpenCV's label for a shadow.
        # Tuned: the best of a dozen settings on cdnet_highway itself, so an upper bound there.
        self._models = (
            ("MOG2, defaults", cv2.createBackgroundSubtractorMOG2(), -1),
            ("KNN, defaults", cv2.createBackgroundSubtractorKNN(), -1),
            ("MOG2, tuned", cv2.createBackgroundSubtractorMOG2(varThreshold=36, detectShadows=False), 0.005),
            ("KNN, tuned", cv2.createBackgroundSubtractorKNN(detectShadows=False), 0.005),
        )
        self._next = 0

    def answers(self, pair: Pair) -> dict[str, Answer]:
        """Learns up to the pair's frame. Pairs must come in the order of their frames; the last frame is timed."""
        found = {}
        while self._next < len(self._frames) and self._frames[self._next][0] <= pair.frame:
            found = self._learn(self._frames[self._next][1])
            self._next += 1
        if not found:
            raise SystemExit(f"{pair.set}: frame {pair.frame} of pair {pair.id} came before an earlier pair's")
        return found

    def _learn(self, path: Path) -> dict[str, Answer]:
        started = time.perf_counter()
        frame = read_rgb(path)
        shared = time.perf_counter() - started
        return {
            name: _timed(lambda m=model, r=rate: _moving(m, frame, r), shared) for name, model, rate in self._models
        }


def _moving(model, frame, rate: float) -> np.ndarray:
    labels = model.apply(frame, learningRate=rate)
    return cv2.medianBlur(np.where(labels == 255, 255, 0).astype(np.uint8), SPECKLE_PX) > 0


def _timed(make: Callable[[], np.ndarray], shared: float) -> Answer:
    started = time.perf_counter()
    mask = make()
    seconds = shared + time.perf_counter() - started
    boxes = component_boxes(mask)
    return Answer(changed=bool(boxes), mask=mask, regions=tuple((box,) for box in boxes), seconds=seconds)
