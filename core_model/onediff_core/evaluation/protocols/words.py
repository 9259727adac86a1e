"""`facts` and `swap`: whether what is said is so, and whether it turns round when the images are exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.data.record import grey
from onediff_core.data.synthetic.captions import side
from onediff_core.errors import EvaluationError
from onediff_core.evaluation.counting import pair_iou, pixel_counts
from onediff_core.evaluation.protocols.base import LeftOutError, Protocol, Scores, mean_of, ratio_of
from onediff_core.evaluation.regions import IOU, box_iou
from onediff_core.evaluation.said import OPPOSITE, direction
from onediff_core.parsing import kinds_said, sides_said
from onediff_plugins.errors import PairError

if TYPE_CHECKING:
    from onediff_core.evaluation.answers import Answer, FoundRegion
    from onediff_core.evaluation.study import Study


def _facts(study: Study) -> dict[str, Scores | LeftOutError]:
    numbers = [number for number, pair in enumerate(study.pairs) if pair.regions is not None and len(pair.regions) == 1]
    if not numbers:
        raise LeftOutError("no pair of the references has exactly one listed region")
    told = []
    for number in numbers:
        (region,) = study.pairs[number].regions or ()
        height, width = study.references.sample(study.pairs[number]).after.shape[:2]
        told.append((region.kind, side(region.box, (height, width)), region.label.replace("_", " ")))
    return {name: _facts_of(study.captions(name), numbers, told) for name in study.answers}


def _facts_of(
    captions: list[str] | None, numbers: list[int], told: list[tuple[str, str, str]]
) -> Scores | LeftOutError:
    if captions is None:
        return LeftOutError("it says nothing in words")
    said = [captions[number] for number in numbers]
    kinds = [kinds_said(text) == {kind} for text, (kind, _, _) in zip(said, told, strict=True)]
    sides = [sides_said(text) == frozenset(at.split()) for text, (_, at, _) in zip(said, told, strict=True)]
    things = [thing in text.lower() if thing else np.nan for text, (_, _, thing) in zip(said, told, strict=True)]
    return Scores(
        pairs=numbers,
        measures=[
            mean_of("kind said", kinds, undefined=""),
            mean_of("side said", sides, undefined=""),
            mean_of("thing named", things, undefined="no region has a label"),
        ],
        columns={"kind_said": kinds, "side_said": sides},
    )


def _swap(study: Study) -> dict[str, Scores | LeftOutError]:
    if not study.swapped:
        raise LeftOutError("there are no answers to exchanged images: name them with --swapped, or ask for --swap")
    return {name: _swap_of(study, name) for name in study.answers}


def _swap_of(study: Study, name: str) -> Scores | LeftOutError:
    if name not in study.swapped:
        return LeftOutError("there are no answers to exchanged images")
    both = [
        (number, answer, other)
        for number, (answer, other) in enumerate(zip(study.answers[name], study.swapped[name], strict=True))
        if other is not None and not other.failed and not answer.failed
    ]
    if not both:
        return LeftOutError("no pair was answered in both orders")
    numbers = [number for number, _, _ in both]
    turned = [_turned(answer, other) for _, answer, other in both]
    told = [_told(answer, other) for _, answer, other in both]
    verdicts = [float(a.changed == b.changed) if None not in (a.changed, b.changed) else np.nan for _, a, b in both]
    ious = [_mask_iou(name, answer, other) for _, answer, other in both]
    left = len(study.pairs) - len(both)
    return Scores(
        pairs=numbers,
        measures=[
            mean_of("same verdict", verdicts, undefined="no verdict in both orders"),
            ratio_of("regions turn round", *zip(*turned, strict=True), undefined="no region came or went"),
            mean_of("captions turn round", told, undefined="no caption tells that something came, or that it went"),
            mean_of("mask IoU of both orders", ious, undefined="no masks of one size in both orders"),
        ],
        columns={"caption_turns": [None if np.isnan(flag) else bool(flag) for flag in told], "mask_iou": ious},
        notes=[f"{left} pairs without an answer in both orders are left out"] if left else [],
    )


def _turned(answer: Answer, other: Answer) -> tuple[int, int]:
    """Regions of both orders that came or went and are told the other way round in the other order, and all such."""
    right = directed = 0
    for one, two in ((answer, other), (other, answer)):
        some = [region for region in one.regions or () if region.kind in OPPOSITE]
        directed += len(some)
        right += sum(any(_opposite(region, found) for found in two.regions or ()) for region in some)
    return right, directed


def _opposite(region: FoundRegion, found: FoundRegion) -> bool:
    return found.kind == OPPOSITE[region.kind] and any(
        box_iou(one, two) >= IOU for one in region.boxes for two in found.boxes
    )


def _told(answer: Answer, other: Answer) -> float:
    """Whether a caption that tells one direction turns round; NaN where it tells none, or both."""
    said = direction(answer.caption or "")
    if not said:
        return float("nan")
    return float(direction(other.caption or "") == OPPOSITE[said])


def _mask_iou(name: str, answer: Answer, other: Answer) -> float:
    if not answer.mask or not other.mask:
        return float("nan")
    try:
        one, two = (grey(path) > 0 for path in (answer.mask, other.mask))  # type: ignore[arg-type]  # both are paths
    except (PairError, OSError) as error:
        raise EvaluationError(f"{name}, pair {answer.id!r}: a mask cannot be read: {error}") from error
    return pair_iou(*pixel_counts(one, two)) if one.shape == two.shape else float("nan")


PROTOCOLS: Final = (
    Protocol(
        name="facts",
        title="What is said of pairs with one listed change",
        needs="pairs with exactly one region, its kind and label; captions in the answers",
        score=_facts,
    ),
    Protocol(
        name="swap",
        title="Images exchanged",
        needs="answers to the same pairs with before and after exchanged",
        score=_swap,
    ),
)
