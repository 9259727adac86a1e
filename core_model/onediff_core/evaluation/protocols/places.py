"""`masks` and `regions`: where something changed, in pixels and in boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.evaluation.counting import f1, pair_iou, ratio
from onediff_core.evaluation.protocols.base import (
    LeftOutError,
    Measure,
    Protocol,
    Scores,
    mean_of,
    ratio_of,
)
from onediff_core.evaluation.regions import IOU

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from onediff_core.evaluation.placing import Places
    from onediff_core.evaluation.study import Study


def _masks(study: Study) -> dict[str, Scores | LeftOutError]:
    numbers = [number for number, pair in enumerate(study.pairs) if pair.masked]
    if not numbers:
        raise LeftOutError("the references have no masks")
    return {name: _masks_of(study, name, numbers) for name in study.answers}


def _masks_of(study: Study, name: str, numbers: list[int]) -> Scores | LeftOutError:
    places = [study.places(name)[number] for number in numbers]
    known = [place.pixels for place in places if place.pixels is not None]
    if len(known) < len(numbers):
        have = "its answers have no masks" if not known else f"only {len(known)} of its answers have a mask"
        return LeftOutError(have)
    counts = np.array(known, float)  # (N, 3): right, false, missed
    failed = [bool(study.answers[name][number].failed) for number in numbers]
    ious = [0.0 if bad else pair_iou(*pixels) for bad, pixels in zip(failed, known, strict=True)]
    f1s = [0.0 if bad else f1(*pixels) for bad, pixels in zip(failed, known, strict=True)]
    agreed = [1.0 if score is None else score for score in f1s]  # two empty masks
    nothing = "nothing changed and nothing was found"
    return Scores(
        pairs=numbers,
        measures=[
            _pooled("F1", counts, f1, nothing),
            _pooled("IoU", counts, lambda hits, false, missed: ratio(hits, hits + false + missed), nothing),
            ratio_of("precision", counts[:, 0], counts[:, :2].sum(axis=1), undefined="nothing was found"),
            ratio_of("recall", counts[:, 0], counts[:, [0, 2]].sum(axis=1), undefined="no pixel changed"),
            mean_of("mean pair IoU", ious, undefined=""),
            mean_of("mean pair F1", agreed, undefined=""),
        ],
        columns={"iou": ious, "f1": f1s},
    )


def _pooled(
    name: str, counts: NDArray[np.float64], of: Callable[[float, float, float], float | None], undefined: str
) -> Measure:
    return Measure(name=name, of=lambda pairs: of(*counts[pairs].sum(axis=0).tolist()), undefined=undefined)


def _regions(study: Study) -> dict[str, Scores | LeftOutError]:
    numbers = [number for number, pair in enumerate(study.pairs) if pair.masked or pair.regions is not None]
    if not numbers:
        raise LeftOutError("the references have neither regions nor masks")
    return {name: _regions_of(study, name, numbers) for name in study.answers}


def _regions_of(study: Study, name: str, numbers: list[int]) -> Scores | LeftOutError:
    places = [study.places(name)[number] for number in numbers]
    if all(place.found is None for place in places):
        return LeftOutError("its answers list no regions")
    hits = np.array([len(place.kinds) for place in places], float)
    true = np.array([place.true or 0 for place in places], float)
    found = np.array([place.found or 0 for place in places], float)
    with_kind = np.array([_with_kind(place) for place in places], float)
    right_kind = np.array([_right_kinds(place) for place in places], float)
    components = sum(study.pairs[number].regions is None for number in numbers)
    missing = sum(place.found is None for place in places)
    notes = [f"of {components} pairs the true regions are the components of the mask"] if components else []
    if missing:
        notes.append(f"{missing} answers list no regions, which counts as none found")
    return Scores(
        pairs=numbers,
        measures=[
            ratio_of("precision", hits, found, undefined="no region was found"),
            ratio_of("recall", hits, true, undefined="there is no region to find"),
            ratio_of("F1", 2 * hits, true + found, undefined="there is no region, and none was found"),
            ratio_of("kind accuracy", right_kind, with_kind, undefined="no region of a known kind was found"),
        ],
        columns={
            "true": true.astype(int).tolist(),
            "found": found.astype(int).tolist(),
            "matched": hits.astype(int).tolist(),
        },
        notes=notes,
        extra={"kinds": _kinds(places)},
    )


def _with_kind(place: Places) -> int:
    return sum(bool(true) for true, _ in place.kinds)


def _right_kinds(place: Places) -> int:
    return sum(true == told for true, told in place.kinds)


def _kinds(places: list[Places]) -> dict[str, int]:
    """How often a region of one kind was told as another."""
    counts: dict[str, int] = {}
    for true, told in (kinds for place in places for kinds in place.kinds if kinds[0]):
        counts[f"{true} told {told}"] = counts.get(f"{true} told {told}", 0) + 1
    return dict(sorted(counts.items()))


PROTOCOLS: Final = (
    Protocol(
        name="masks",
        title="Pixels that changed",
        needs="masks on both sides, on the after grid",
        score=_masks,
    ),
    Protocol(
        name="regions",
        title=f"Regions, matched one to one at a box IoU of {IOU}",
        needs="regions or masks in the references, regions in the answers",
        score=_regions,
    ),
)
