"""True regions as a field of their own, and found regions that are not to be scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onediff_fiftyone import schema
from onediff_fiftyone.loop.columns import DRAWN, IGNORED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from onediff_fiftyone.loop.truth import Truth


def write_truth(dataset: Any, view: Any, name: str, truths: Mapping[str, Truth]) -> None:  # noqa: ANN401
    """Set the true regions of pairs.

    Args:
        dataset: of `view`.
        view: of after samples.
        name: of the field, which is made where there is none.
        truths: by id of the sample, their regions known.
    """
    import fiftyone as fo

    if dataset.get_field(name) is None:
        dataset.add_sample_field(
            name, fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections, description="Changes that there are"
        )
    found = {}
    for sample_id, truth in truths.items():
        found[sample_id] = fo.Detections(
            detections=[
                fo.Detection(
                    label=region.label or region.kind or "change",
                    bounding_box=list(region.box),
                    **{schema.KIND: region.kind or None},
                )
                for region in truth.regions or ()
            ]
        )
    view.set_values(name, found, key_field="id")
    dataset.add_sample_field(f"{name}.detections.{schema.KIND}", fo.StringField)


def mark_unscored(dataset: Any, view: Any, field: str, key: str, truths: Mapping[str, Truth]) -> None:  # noqa: ANN401
    """Mark found regions about which the truth says nothing, and those that a person drew; the others are cleared.

    Args:
        dataset: of `view`.
        view: of after samples.
        field: of the found regions.
        key: name of the mark.
        truths: by id of the sample.
    """
    import fiftyone as fo

    dataset.add_sample_field(f"{field}.detections.{key}", fo.StringField)
    prefix = f"{field}.detections"
    ids, boxes, numbers = view.values(["id", f"{prefix}.bounding_box", f"{prefix}.{schema.REGION_ID}"])
    marks = {
        sample_id: [
            DRAWN if number is None else IGNORED if _is_ignored(box, truths[sample_id].scored) else None
            for box, number in zip(of_boxes or [], of_numbers or [], strict=True)
        ]
        for sample_id, of_boxes, of_numbers in zip(ids, boxes, numbers, strict=True)
    }
    view.set_values(f"{prefix}.{key}", [marks[sample_id] for sample_id in ids])


def _is_ignored(box: Sequence[float], scored: NDArray[np.bool_] | None) -> bool:
    from onediff_core.evaluation.regions import Box, mostly_scored

    if scored is None:
        return False
    height, width = scored.shape
    x, y, w, h = (value * size for value, size in zip(box, (width, height, width, height), strict=True))
    return not mostly_scored([Box(x, y, x + w, y + h)], scored)
