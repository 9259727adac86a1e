"""What is true of pairs: as people decided it, or as a list of pairs says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onediff_fiftyone.loop.corrected import corrected
from onediff_fiftyone.loop.reviewed import joined, reviews
from onediff_plugins.reading import files_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from onediff_core.evaluation.references import References
    from onediff_fiftyone.loop.corrected import Corrected
    from onediff_plugins.records import ChangeRegion


@dataclass(frozen=True, kw_only=True)
class TrueRegion:
    """A change that there is.

    Attributes:
        box: x, y, width, height on the after image, in [0, 1].
        kind: added, removed, changed or moved; "" where nobody said.
        label: what it is; "" where nobody said.
    """

    box: tuple[float, float, float, float]
    kind: str = ""
    label: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """What is true of a pair; None is what nobody knows.

    Attributes:
        changed: whether anything did.
        regions: all changes.
        mask: (H, W) bool on the after grid.
        scored: (H, W) bool, False where nobody can say; None scores every pixel.
        captions: what people say of it.
    """

    changed: bool | None = None
    regions: tuple[TrueRegion, ...] | None = None
    mask: NDArray[np.bool_] | None = None
    scored: NDArray[np.bool_] | None = None
    captions: tuple[str, ...] = ()


def decided_truths(view: Any) -> Iterator[tuple[str, Truth]]:  # noqa: ANN401  # fiftyone has no types
    """What people decided about the pairs of a view, by pair; pairs with open or outdated decisions are passed over.

    Raises:
        ResultsError: the run's records are gone or damaged.
    """
    for review, result in joined(list(reviews(view))):
        finding = None if result is None else corrected(review, result)
        if finding is not None and finding.changed is not None:
            yield review.pair_id, _of_review(finding)


def listed_truths(references: References, wanted: set[str]) -> Iterator[tuple[str, Truth]]:
    """What a list says of pairs, by id.

    Args:
        references: the list.
        wanted: ids.

    Raises:
        PairError: a picture is missing, cannot be read or does not fit the others.
    """
    for reference in references.pairs:
        if reference.id not in wanted:
            continue
        found = references.truth(reference)
        height, width = (references.sample(reference).after if found.mask is None else found.mask).shape[:2]
        kinds = found.kinds or ("",) * len(found.boxes or ())
        labels = [region.label for region in reference.regions or ()] or [""] * len(found.boxes or ())
        regions = None
        if found.boxes is not None:
            regions = tuple(
                TrueRegion(
                    box=(box.x0 / width, box.y0 / height, (box.x1 - box.x0) / width, (box.y1 - box.y0) / height),
                    kind=kind,
                    label=label,
                )
                for box, kind, label in zip(found.boxes, kinds, labels, strict=True)
            )
        changed = reference.changed
        if changed is None:
            known = None if found.mask is None else bool(found.mask.any())
            changed = reference.told_changed if known is None else known
        yield (
            reference.id,
            Truth(changed=changed, regions=regions, mask=found.mask, scored=found.scored, captions=reference.captions),
        )


def _of_review(finding: Corrected) -> Truth:
    from onediff_core.data.record import grey

    path = files_of(finding.found, finding.review.file).get("mask")
    mask, unsure = finding.mask(None if path is None else grey(path) > 0)
    caption = finding.caption
    return Truth(
        changed=finding.changed,
        regions=tuple(_region(region, mask.shape) for region in finding.result.regions),
        mask=mask,
        scored=~unsure if unsure.any() else None,
        captions=(caption,) if caption else (),
    )


def _region(region: ChangeRegion, shape: tuple[int, ...]) -> TrueRegion:
    height, width = shape
    x0, y0, x1, y1 = region.bbox_after or region.geometry.bounds
    box = (x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height)
    return TrueRegion(box=box, kind=region.kind, label=region.label)
