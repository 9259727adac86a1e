"""What is counted: pixels, regions and verdicts of an answer against the truth of its pair. Values in, values out."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field, fields

import cv2
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

# Box IoU from which a region counts as found, and the smallest connected component that counts as a region.
IOU_LEVELS = (0.3, 0.5)
MIN_COMPONENT_PX = 16
# A region that lies mostly where the truth says "do not score" is neither right nor wrong.
MIN_SCORED_SHARE = 0.5


@dataclass(frozen=True)
class Box:
    """A rectangle; x1 and y1 are exclusive. `side` is the image whose pixels it is in."""

    x0: float
    y0: float
    x1: float
    y1: float
    side: str = "after"


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


def pixel_counts(found, truth, scored=None) -> tuple[int, int, int]:
    """True positives, false positives and misses among the scored pixels of two (H, W) bool masks."""
    if scored is not None:
        found, truth = found & scored, truth & scored
    hits = int(np.count_nonzero(found & truth))
    return hits, int(np.count_nonzero(found)) - hits, int(np.count_nonzero(truth)) - hits


def ratio(part: float, whole: float) -> float | None:
    """part / whole; None of nothing."""
    return part / whole if whole else None


def f1(hits: int, false: int, missed: int) -> float | None:
    """Harmonic mean of precision and recall; None where there was nothing to find and nothing was found."""
    return ratio(2 * hits, 2 * hits + false + missed)


def balanced(tpr: float | None, tnr: float | None) -> float | None:
    """Balanced accuracy: the mean of the true positive and the true negative rate; None if either is not defined."""
    return None if tpr is None or tnr is None else (tpr + tnr) / 2


def pair_iou(hits: int, false: int, missed: int) -> float:
    """Intersection over union of one pair's masks; two empty masks agree, so 1."""
    union = hits + false + missed
    return hits / union if union else 1.0


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes; 0 for boxes of different sides."""
    width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    if a.side != b.side or width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - both)


def matched_regions(truth, found, level: float) -> int:
    """The most true boxes that can each have a region of their own at IoU >= level.

    Args:
        truth: boxes.
        found: regions, each a tuple of boxes; its best box counts.
        level: IoU in (0, 1].

    Returns:
        Size of the largest one-to-one matching (Hopcroft and Karp).
    """
    if not truth or not found:
        return 0
    hits = [[any(box_iou(t, box) >= level for box in boxes) for boxes in found] for t in truth]
    return int((maximum_bipartite_matching(csr_matrix(np.array(hits, bool)), perm_type="column") >= 0).sum())


def component_boxes(mask, min_px: int = MIN_COMPONENT_PX, scored=None) -> tuple[Box, ...]:
    """Boxes of the 8-connected components of a (H, W) bool mask that have at least `min_px` scored pixels."""
    if scored is not None:
        mask = mask & scored
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return tuple(Box(x, y, x + w, y + h) for x, y, w, h, area in stats[1:].tolist() if area >= min_px)


def mostly_scored(boxes, scored) -> bool:
    """Whether at least half of a region's first box lies where the truth can be scored."""
    if scored is None or not boxes:
        return True
    box = boxes[0]
    part = scored[int(box.y0) : int(np.ceil(box.y1)), int(box.x0) : int(np.ceil(box.x1))]
    return part.size == 0 or float(part.mean()) >= MIN_SCORED_SHARE


def cover(boxes, shape) -> np.ndarray:
    """(H, W) bool: the pixels that boxes touch."""
    inside = np.zeros(shape, bool)
    for box in boxes:
        inside[int(box.y0) : int(np.ceil(box.y1)), int(box.x0) : int(np.ceil(box.x1))] = True
    return inside


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
            self.matched[index] += matched_regions(truth.boxes, found, level)

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
