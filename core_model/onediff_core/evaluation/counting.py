"""What is counted of pixels, verdicts and regions. Values in, values out; None for what is not defined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def pixel_counts(
    found: NDArray[np.bool_], truth: NDArray[np.bool_], scored: NDArray[np.bool_] | None = None
) -> tuple[int, int, int]:
    """True positives, false positives and misses among pixels.

    Args:
        found: (H, W).
        truth: likewise.
        scored: likewise, False where the truth says "do not score"; None scores every pixel.
    """
    if scored is not None:
        found, truth = found & scored, truth & scored
    hits = int(np.count_nonzero(found & truth))
    return hits, int(np.count_nonzero(found)) - hits, int(np.count_nonzero(truth)) - hits


def ratio(part: float, whole: float) -> float | None:
    """Part / whole; None of nothing."""
    return part / whole if whole else None


def f1(hits: float, false: float, missed: float) -> float | None:
    """Harmonic mean of precision and recall; None where there was nothing to find and nothing was found."""
    return ratio(2 * hits, 2 * hits + false + missed)


def balanced(tpr: float | None, tnr: float | None) -> float | None:
    """Balanced accuracy: the mean of the true positive and the true negative rate; None if either is not defined."""
    return None if tpr is None or tnr is None else (tpr + tnr) / 2


def pair_iou(hits: int, false: int, missed: int) -> float:
    """Intersection over union of one pair's masks; two empty masks agree, so 1."""
    union = hits + false + missed
    return hits / union if union else 1.0


def area_under_roc(scores: Sequence[float] | NDArray[np.float64], truth: NDArray[np.bool_]) -> float | None:
    """The chance that a changed pair has a higher score than an unchanged one; half of those that have the same.

    Args:
        scores: (N,).
        truth: (N,).

    Returns:
        None where all pairs are of one class.
    """
    from scipy.stats import rankdata  # type: ignore[import-untyped]  # scipy ships no types

    changed = int(truth.sum())
    still = len(truth) - changed
    if not changed or not still:
        return None
    ranks = rankdata(np.asarray(scores, float))
    return float((ranks[truth].sum() - changed * (changed + 1) / 2) / (changed * still))
