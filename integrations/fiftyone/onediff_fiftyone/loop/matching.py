"""FiftyOne's evaluation of detections, its regions matched by the Hungarian method of `onediff eval`.

FiftyOne loads this module again by its name when somebody opens the evaluation.
"""

from __future__ import annotations

from typing import Any, Final

from fiftyone.utils.eval.detection import DetectionEvaluation, DetectionEvaluationConfig

from onediff_fiftyone import schema
from onediff_fiftyone.loop.columns import DRAWN, IGNORED, PLACE, columns_of
from onediff_fiftyone.loop.reviewed import value_of

REGION: Final = "region"


class ChangeMatchingConfig(DetectionEvaluationConfig):  # type: ignore[misc]  # fiftyone ships no types
    """How regions are matched.

    Args:
        pred_field: of the found regions.
        gt_field: of the true ones.
        iou: of two boxes, from which they can be the same region.
        by: what has to agree besides, a name of `columns.WAYS`; a region in the right place of another kind, or label,
            is then both a false one and a missed one.
    """

    def __init__(self, pred_field: str, gt_field: str, *, iou: float, by: str = PLACE, **kwargs: Any) -> None:  # noqa: ANN401
        """Keep them; FiftyOne stores all attributes."""
        for unused in ("use_masks", "use_boxes", "classwise"):
            kwargs.pop(unused, None)
        super().__init__(pred_field, gt_field, iou=iou, classwise=False, **kwargs)
        self.by = by

    @property
    def method(self) -> str:
        """Name in the App."""
        return "onediff"


class ChangeMatching(DetectionEvaluation):  # type: ignore[misc]  # fiftyone ships no types
    """Each true region is at most one found one: the most matches that there can be, and of those the closest."""

    def evaluate(self, doc: Any, eval_key: str | None = None) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """Match the regions of a sample, and write on each what it is.

        Args:
            doc: a sample with both fields.
            eval_key: name of the attributes.

        Returns:
            (true class or None, found class or None, IoU or None, confidence or None, id or None, id or None) for each.
        """
        from onediff_core.evaluation.regions import box_iou, matched

        key = eval_key or "eval"
        truth = _regions(doc, self.gt_field)
        found = [one for one in _regions(doc, self.pred_field) if value_of(one, key) not in (IGNORED, DRAWN)]
        boxes = [_box(one) for one in truth], [_box(one) for one in found]
        same = matched(boxes[0], [[box] for box in boxes[1]], self.config.iou)
        for one in truth:
            _mark(one, key, "fn")
        for one in found:
            _mark(one, key, "fp")
        rows: list[tuple[Any, ...]] = []
        for i, j in same:
            classes = self._classes(truth[i], found[j])
            iou, right = box_iou(boxes[0][i], boxes[1][j]), classes[0] == classes[1]
            _mark(truth[i], key, "tp" if right else "fn", found[j].id, iou)
            _mark(found[j], key, "tp" if right else "fp", truth[i].id, iou)
            rows.append((*classes, iou, found[j].confidence, truth[i].id, found[j].id))
        missed = {i for i, _ in same}
        hits = {j for _, j in same}
        rows += [(self._class(one), None, None, None, one.id, None) for i, one in enumerate(truth) if i not in missed]
        rows += [
            (None, self._class(one), None, one.confidence, None, one.id) for j, one in enumerate(found) if j not in hits
        ]
        return rows

    def get_fields(self, samples: Any, eval_key: str, include_custom_metrics: bool = True) -> list[str]:  # noqa: ANN401
        """All that an evaluation writes, scores of pairs included."""
        return [*super().get_fields(samples, eval_key, include_custom_metrics), *columns_of(samples, eval_key)]

    def rename(self, samples: Any, eval_key: str, new_eval_key: str) -> None:  # noqa: ANN401
        """Rename its fields."""
        own = {name: name.replace(eval_key, new_eval_key, 1) for name in columns_of(samples, eval_key)}
        super().rename(samples, eval_key, new_eval_key)
        if own:
            samples._dataset.rename_sample_fields(own)

    def cleanup(self, samples: Any, eval_key: str) -> None:  # noqa: ANN401
        """Delete its fields."""
        own = columns_of(samples, eval_key)
        super().cleanup(samples, eval_key)
        if own:
            samples._dataset.delete_sample_fields(own)

    def _classes(self, true: Any, found: Any) -> tuple[str, str]:  # noqa: ANN401
        """Of two matched regions; what nobody said of the true one cannot be wrong."""
        there, here = self._class(true), self._class(found)
        return (here if there == REGION else there), here

    def _class(self, one: Any) -> str:  # noqa: ANN401
        if self.config.by == PLACE:
            return REGION
        named = value_of(one, schema.KIND) if self.config.by == "kind" else one.label
        return str(named) if named else REGION


def _regions(doc: Any, field: str) -> list[Any]:  # noqa: ANN401
    labels = doc[field]
    return list(labels.detections) if labels else []


def _box(one: Any) -> Any:  # noqa: ANN401
    from onediff_core.evaluation.regions import Box

    x, y, width, height = one.bounding_box
    return Box(x, y, x + width, y + height)


def _mark(one: Any, key: str, state: str, other: str = "", iou: float | None = None) -> None:  # noqa: ANN401
    one[key], one[f"{key}_id"], one[f"{key}_iou"] = state, other, iou
