"""What is counted: pixels, regions and verdicts of an answer against the truth of its pair. Values in, values out."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field, fields

import numpy as np

from onediff_core.evaluation.counting import balanced, f1, pair_iou, pixel_counts, ratio
from onediff_core.evaluation.regions import Box, cover, matched, mostly_scored

# Box IoU from which a region counts as found.
IOU_LEVELS = (0.3, 0.5)


@dataclass(frozen=True)
class Truth:
    """What is known of a pair; None where nothing is.

    Attributes:
        changed: the verdict.
        mask: (H, W) bool on the after grid.
        scored: (H, W) bool, False where the truth says "do not score"; None scores every pixel.
        boxes: the regions; those of a mask are its components.
        moved: content of the page moved, so that flagged pixels outside the boxes are worth counting.
    """

    changed: bool | None = None
    mask: np.ndarray | None = None
    scored: np.ndarray | None = None
    boxes: tuple[Box, ...] | None = None
    moved: bool = False


@dataclass(frozen=True)
class Answer:
    """What a method says of a pair.

    Attributes:
        changed: the verdict, None where it is left open.
        mask: (H, W) bool on the after grid, or None for a method that makes none.
        regions: a region is the box or boxes that show it, one per side.
        seconds: wall time from the files to the answer.
        detecting: seconds of that which the detector took, or None where it is not known.
        failed: why there is no answer, or "".
    """

    changed: bool | None = None
    mask: np.ndarray | None = None
    regions: tuple[tuple[Box, ...], ...] = ()
    seconds: float = 0.0
    detecting: float | None = None
    failed: str = ""


@dataclass
class Tally:
    """Counts over the pairs of a set, for one method."""

    pairs: int = 0
    failed: int = 0
    flagged: int = 0  # pairs said to be changed
    undecided: int = 0
    judged: int = 0  # pairs with a known verdict
    right: int = 0
    still: int = 0  # of those, pairs without a change
    quiet: int = 0  # and of those, pairs said to be unchanged
    masks: int = 0  # pairs with a true mask
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(3, np.int64))
    ious: list[float] = field(default_factory=list)
    true_regions: int = 0
    found_regions: int = 0
    matched: list[int] = field(default_factory=lambda: [0] * len(IOU_LEVELS))
    moved_flagged: int = 0  # flagged pixels of pages whose content moved
    moved_outside: int = 0  # and of those, pixels outside the true boxes
    shares: list[float] = field(default_factory=list)  # flagged pixels of each pair
    seconds: list[float] = field(default_factory=list)
    detecting: list[float] = field(default_factory=list)

    def add(self, truth: Truth, answer: Answer) -> None:
        """Count one pair. A failure finds nothing, is never right, and has no time."""
        self.pairs += 1
        if answer.failed:
            self.failed += 1
        else:
            self.seconds.append(answer.seconds)
            self.detecting += [] if answer.detecting is None else [answer.detecting]
            self.flagged += answer.changed is True
            self.undecided += answer.changed is None
        if truth.changed is not None:
            right = not answer.failed and answer.changed is truth.changed
            self.judged += 1
            self.right += right
            self.still += not truth.changed
            self.quiet += right and not truth.changed
        if truth.mask is not None:
            self._add_pixels(truth, answer)
        if truth.boxes is not None:
            self._add_regions(truth, answer)
        if answer.mask is not None:
            self.shares.append(float(answer.mask.mean()))
            if truth.moved:
                self.moved_flagged += int(answer.mask.sum())
                self.moved_outside += int((answer.mask & ~cover(truth.boxes, answer.mask.shape)).sum())

    def _add_pixels(self, truth: Truth, answer: Answer) -> None:
        found = np.zeros_like(truth.mask) if answer.mask is None else answer.mask
        counts = pixel_counts(found, truth.mask, truth.scored)
        self.masks += 1
        self.pixels += counts
        self.ious.append(0.0 if answer.failed else pair_iou(*counts))

    def _add_regions(self, truth: Truth, answer: Answer) -> None:
        found = [boxes for boxes in answer.regions if mostly_scored(boxes, truth.scored)]
        self.true_regions += len(truth.boxes)
        self.found_regions += len(found)
        for index, level in enumerate(IOU_LEVELS):
            self.matched[index] += len(matched(truth.boxes, found, level))

    def figures(self) -> dict:
        """Everything that the tables and the JSON show; None where it is not defined."""
        hits, false, missed = (int(count) for count in self.pixels)
        known = bool(self.masks)
        return {
            "pairs": self.pairs,
            "failed": self.failed,
            "flagged": self.flagged,
            "undecided": self.undecided,
            "judged": self.judged,
            "right": self.right,
            "still": self.still,
            "quiet": self.quiet,
            "accuracy": ratio(self.right, self.judged),
            "tnr": ratio(self.quiet, self.still),
            "balanced": balanced(
                ratio(self.right - self.quiet, self.judged - self.still), ratio(self.quiet, self.still)
            ),
            "pixels": {"hits": hits, "false": false, "missed": missed} if known else None,
            "precision": ratio(hits, hits + false),
            "recall": ratio(hits, hits + missed),
            "f1": f1(hits, false, missed),
            "iou": ratio(hits, hits + false + missed),
            "mean_iou": statistics.fmean(self.ious) if known else None,
            "regions": {
                str(level): {
                    "matched": count,
                    "true": self.true_regions,
                    "found": self.found_regions,
                    "precision": ratio(count, self.found_regions),
                    "recall": ratio(count, self.true_regions),
                    "f1": ratio(2 * count, self.true_regions + self.found_regions),
                }
                for level, count in zip(IOU_LEVELS, self.matched, strict=True)
            },
            "outside": ratio(self.moved_outside, self.moved_flagged),
            "share": statistics.fmean(self.shares) if self.shares else None,
            "ms": statistics.median(self.seconds) * 1000 if self.seconds else None,
            "detecting_ms": statistics.median(self.detecting) * 1000 if self.detecting else None,
        }

    def joined(self, other: Tally) -> Tally:
        """The counts of both."""
        values = {part.name: getattr(self, part.name) + getattr(other, part.name) for part in fields(self)}
        return Tally(**values | {"matched": [a + b for a, b in zip(self.matched, other.matched, strict=True)]})
