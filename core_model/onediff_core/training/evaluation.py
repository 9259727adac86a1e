"""Scores of a dense network in training: pooled pixels, and the verdict on each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import torch

from onediff_core.evaluation.counting import f1, pixel_counts, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from onediff_core.data import Sample

THRESHOLD: Final = 0.5
# What may be added to logits so that 0.5 is where F1 is best; of several that are, the first is taken.
BIASES: Final = tuple(sorted(np.arange(-3.0, 3.01, 0.25).tolist(), key=abs))
# The smallest thing of a head which knows its scale, and what makes a pair a changed one. Chosen through the whole
# pipeline on the tuning half of levir_val, as the first that tells 95 % of the unchanged pairs (and 92 % of the changed
# ones); pooled F1 is the same with and without smaller blobs, and F1 of regions is 0.796 against 0.766.
LEAST_M2: Final = 50.0
# Of the sets, which do not say.
GSD_M: Final = 0.5
LEAST_PX: Final = round(LEAST_M2 / GSD_M**2)


@dataclass(frozen=True, kw_only=True)
class DenseScores:
    """What was right on one set.

    Attributes:
        precision: of pixels, pooled over all pairs.
        recall: likewise.
        f1: likewise.
        tnr: share of unchanged pairs without a blob of `LEAST_PX` pixels; None where there are none.
        pair_recall: share of changed pairs with one; None where there are none.
        direction: share of truly changed pixels whose direction is right; None for classes without directions.
    """

    precision: float
    recall: float
    f1: float
    tnr: float | None
    pair_recall: float | None
    direction: float | None


def evaluate(
    probabilities: Callable[[Tensor], Tensor], samples: Sequence[Sample], classes: Sequence[str], *, batch: int = 8
) -> DenseScores:
    """Score a network on samples of one size.

    Args:
        probabilities: (B, 2, 3, H, W) uint8 -> (B, K, H, W) in [0, 1].
        samples: labelled for some of the classes, all for the same.
        classes: the network's channels.
        batch: pairs in one call.
    """
    hits = false = missed = 0
    verdicts: list[tuple[bool, bool]] = []
    right = directed = 0
    for sample, answer in answers_of(probabilities, samples, batch=batch):
        channels = [classes.index(name) for name in sample.masks]
        truth = np.logical_or.reduce(list(sample.masks.values()))
        said = 1 - (1 - answer[channels]).prod(axis=0) >= THRESHOLD  # as `ChangeMaskHead.score`
        counts = pixel_counts(said, truth)
        hits, false, missed = hits + counts[0], false + counts[1], missed + counts[2]
        verdicts.append((bool(truth.any()), largest_blob(said) >= LEAST_PX))
        if len(channels) > 1:
            best = answer[channels].argmax(axis=0)
            labels = np.stack(list(sample.masks.values())).argmax(axis=0)
            right += int((best == labels)[truth].sum())
            directed += int(truth.sum())
    return DenseScores(
        precision=ratio(hits, hits + false) or 0.0,
        recall=ratio(hits, hits + missed) or 0.0,
        f1=f1(hits, false, missed) or 0.0,
        tnr=_mean([not said for changed, said in verdicts if not changed]),
        pair_recall=_mean([said for changed, said in verdicts if changed]),
        direction=ratio(right, directed),
    )


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """Where pooled F1 of "any of them" is best for a group of classes.

    Attributes:
        bias: what to add to the logits so that it is at 0.5.
        precision: of pixels, there.
        recall: likewise.
        f1: likewise.
    """

    bias: float
    precision: float
    recall: float
    f1: float


def operating_point(
    logits: Callable[[Tensor], Tensor], samples: Sequence[Sample], classes: Sequence[str]
) -> OperatingPoint:
    """The best operating point of a network, of `BIASES`.

    Args:
        logits: (B, 2, 3, H, W) uint8 -> (B, K, H, W).
        samples: of one size, labelled for the same of the classes.
        classes: of the logits.
    """
    hits, found, there = np.zeros(len(BIASES)), np.zeros(len(BIASES)), 0
    for sample, answer in answers_of(logits, samples):
        rows = [classes.index(name) for name in sample.masks]
        truth = np.logical_or.reduce(list(sample.masks.values()))
        there += int(truth.sum())
        for index, bias in enumerate(BIASES):
            none = (1 / (1 + np.exp(answer[rows] + bias))).prod(axis=0)
            said = 1 - none >= THRESHOLD
            hits[index] += (said & truth).sum()
            found[index] += said.sum()
    scores = 2 * hits / np.maximum(found + there, 1)
    best = int(np.argmax(scores))
    return OperatingPoint(
        bias=BIASES[best],
        precision=float(hits[best] / max(found[best], 1)),
        recall=float(hits[best] / max(there, 1)),
        f1=float(scores[best]),
    )


def answers_of(
    network: Callable[[Tensor], Tensor], samples: Sequence[Sample], *, batch: int = 8
) -> Iterator[tuple[Sample, NDArray[np.float32]]]:
    """What a network answers to each of some samples of one size.

    Args:
        network: (B, 2, 3, H, W) uint8 -> (B, K, H, W).
        samples: of one size.
        batch: pairs in one call.

    Yields:
        The sample, and the answer to it, (K, H, W).
    """
    for start in range(0, len(samples), batch):
        some = samples[start : start + batch]
        pairs = np.stack([np.stack([sample.before, sample.after]) for sample in some])
        answers = network(torch.from_numpy(pairs.transpose(0, 1, 4, 2, 3).copy())).float().numpy()
        yield from zip(some, answers, strict=True)


def largest_blob(mask: NDArray[np.bool_]) -> int:
    """Pixels of the largest connected component."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    return int(boxes[1:, cv2.CC_STAT_AREA].max(initial=0))


def flat(scores: Mapping[str, DenseScores]) -> dict[str, float]:
    """`set/score` -> value, rounded; what could not be scored is left out."""
    return {
        f"{name}/{what}": round(value, 4)
        for name, of_set in scores.items()
        for what, value in vars(of_set).items()
        if value is not None
    }


def _mean(values: list[bool]) -> float | None:
    return ratio(sum(values), len(values))
