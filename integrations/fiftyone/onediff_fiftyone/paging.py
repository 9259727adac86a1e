"""A queue of pairs, strongest change first, a window at a time: what a panel shows of it, never the whole list.

A window starts after a place in the order, not after a number of pairs: deciding about pairs takes them out of a
queue of pending ones, and no pair may be skipped or shown twice because of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from onediff_fiftyone import schema
from onediff_fiftyone.deciding import last_entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bson import ObjectId

MOST_REGIONS: Final = 250  # of one pair that are sent to a browser; the strongest
LONGEST_WINDOW: Final = 100
EVERY: Final = "all"  # a state of no review: pairs whatever was decided


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in the order: a pair's score, None for one without, and the id of its after sample."""

    score: float | None
    sample: str


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Which pairs are gone through.

    Attributes:
        view: a view into a review dataset, or the dataset.
        state: one of `schema.REVIEW_STATES`, or EVERY.
        samples: ids of selected samples, of any slice, whose pairs alone are meant; None for all of the view.
    """

    view: Any
    state: str = EVERY
    samples: tuple[str, ...] | None = None

    def size(self) -> int:
        """Number of pairs."""
        return int(self._pairs().count())

    def window(self, after: Place | None = None, limit: int = 20) -> list[dict[str, Any]]:
        """The next pairs, as JSON values; see `shown`.

        Args:
            after: the last place that is known, or None for the start.
            limit: pairs at most, up to LONGEST_WINDOW.
        """
        stages: list[dict[str, Any]] = [
            {"$sort": {schema.CHANGE_SCORE: -1, "_id": 1}},
            {"$limit": max(1, min(limit, LONGEST_WINDOW))},
        ]
        if after is not None:
            stages.insert(0, {"$match": _behind(after)})
        ids = self._pairs().mongo(stages).values("id")
        return shown(self.view, ids)

    def _pairs(self) -> Any:  # noqa: ANN401  # fiftyone has no types
        dataset = getattr(self.view, "_dataset", self.view)
        grouped = self.view.media_type == "group"
        pairs = self.view.select_group_slices(schema.AFTER) if grouped else self.view
        match: dict[str, Any] = {}
        if not grouped:
            match[f"{schema.PAIR}.name"] = schema.AFTER
        if self.state != EVERY:
            match[f"{schema.REVIEW}.label"] = self.state
        if self.samples is not None:
            match[f"{schema.PAIR}._id"] = {"$in": _groups(dataset, self.samples)}
        return pairs.mongo([{"$match": match}]) if match else pairs


def shown(view: Any, ids: Sequence[str]) -> list[dict[str, Any]]:  # noqa: ANN401
    """What a panel shows of pairs, as JSON values.

    Args:
        view: a review dataset or a view into it.
        ids: of after samples.

    Returns:
        In the order of `ids`. Paths are those of files; boxes are [x, y, width, height] in [0, 1].
    """
    if not ids:
        return []
    dataset = getattr(view, "_dataset", view)
    samples = {sample.id: sample for sample in dataset.select_group_slices(schema.AFTER).select(list(ids))}
    found = [samples[one] for one in ids if one in samples]
    others = _other_slices(dataset, [sample[schema.PAIR].id for sample in found])
    return [_pair(sample, others.get(sample[schema.PAIR].id, {})) for sample in found]


def labels_of(dataset: Any, most: int = 9) -> list[str]:  # noqa: ANN401
    """Labels of regions, the most frequent first: what the number keys mean."""
    counts: Mapping[str | None, int] = dataset.select_group_slices(schema.AFTER).count_values(
        f"{schema.CHANGES}.detections.label"
    )
    ranked = sorted(((-count, label) for label, count in counts.items() if label))
    return [label for _, label in ranked[:most]]


def states_of(view: Any) -> dict[str, int]:  # noqa: ANN401
    """How many pairs of a view are in each state of a review."""
    pairs = view.select_group_slices(schema.AFTER) if view.media_type == "group" else view
    counts = pairs.count_values(f"{schema.REVIEW}.label")
    return {state: int(counts.get(state, 0)) for state in schema.REVIEW_STATES}


def _behind(place: Place) -> dict[str, Any]:
    from bson import ObjectId

    sample = {"_id": {"$gt": ObjectId(place.sample)}}
    if place.score is None:
        return {schema.CHANGE_SCORE: None, **sample}
    return {
        "$or": [
            {schema.CHANGE_SCORE: {"$lt": place.score}},
            {schema.CHANGE_SCORE: place.score, **sample},
            {schema.CHANGE_SCORE: None},  # not less than a number for MongoDB; sorted behind all of them
        ]
    }


def _groups(dataset: Any, sample_ids: Sequence[str]) -> list[ObjectId]:  # noqa: ANN401
    from bson import ObjectId

    slices = list(dataset.group_slices)
    ids = dataset.select_group_slices(slices, _allow_mixed=True).select(list(sample_ids)).values(f"{schema.PAIR}.id")
    return [ObjectId(one) for one in dict.fromkeys(ids)]


def _other_slices(dataset: Any, groups: Sequence[str]) -> dict[str, dict[str, str]]:  # noqa: ANN401
    """Group -> slice -> file, of the slices that carry no labels."""
    from bson import ObjectId

    names = [name for name in (schema.BEFORE, schema.BEFORE_ALIGNED) if name in dataset.group_slices]
    others = dataset.select_group_slices(names).mongo(
        [{"$match": {f"{schema.PAIR}._id": {"$in": [ObjectId(one) for one in groups]}}}]
    )
    found: dict[str, dict[str, str]] = {}
    values = others.values([f"{schema.PAIR}.id", f"{schema.PAIR}.name", "filepath"])
    for group, name, path in zip(*values, strict=True):
        found.setdefault(group, {})[name] = path
    return found


def _pair(sample: Any, others: Mapping[str, str]) -> dict[str, Any]:  # noqa: ANN401
    score_map, mask = _of(sample, schema.CHANGE_SCORE_MAP), _of(sample, schema.CHANGE_MASK)
    regions = _regions(sample)
    entry = last_entry(sample)
    review = _of(sample, schema.REVIEW)
    return {
        "sample": sample.id,
        "group": sample[schema.PAIR].id,
        "id": _of(sample, schema.PAIR_ID),
        "domain": _of(sample, schema.DOMAIN),
        "score": _of(sample, schema.CHANGE_SCORE),
        "changed": _of(sample, schema.CHANGED),
        "reason": _of(sample, schema.REASON),
        "caption": _of(sample, schema.CAPTION) or "",
        "model_caption": _of(sample, schema.MODEL_CAPTION) or "",
        "detector": _of(sample, schema.DETECTOR),
        "residual": _of(sample, schema.REGISTRATION_RESIDUAL),
        "review": schema.PENDING if review is None else review.label,
        "outdated": bool(_of(sample, schema.REVIEW_OUTDATED)),
        "reviewed_by": _of(sample, schema.REVIEWED_BY),
        "entry": None if entry is None else entry["id"],
        "after": sample.filepath,
        "before": others.get(schema.BEFORE),
        "aligned": others.get(schema.BEFORE_ALIGNED),
        "score_map": None if score_map is None else score_map.map_path,
        "mask": None if mask is None else mask.mask_path,
        "regions": regions[:MOST_REGIONS],
        "region_total": len(regions),
        "runs": _runs(sample),
    }


def _regions(sample: Any, field: str = schema.CHANGES) -> list[dict[str, Any]]:  # noqa: ANN401
    labels = _of(sample, field)
    found = [
        {
            "id": str(region.id),
            "number": region.get_attribute_value(schema.REGION_ID, None),
            "label": region.label,
            "kind": region.get_attribute_value(schema.KIND, None),
            "score": region.confidence,
            "caption": region.get_attribute_value(schema.REGION_CAPTION, None) or "",
            "review": region.get_attribute_value(schema.REGION_REVIEW, None) or schema.PENDING,
            "box": region.bounding_box,
        }
        for region in (labels.detections if labels else [])
    ]
    return sorted(found, key=lambda region: -(region["score"] or 0.0))


def _runs(sample: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """What other runs found on this pair."""
    return [
        {"name": name, "regions": _regions(sample, name)[:MOST_REGIONS]}
        for name in sample.field_names
        if name.startswith(schema.RUN) and hasattr(sample[name], "detections")
    ]


def _of(sample: Any, name: str) -> Any:  # noqa: ANN401
    return sample[name] if sample.has_field(name) else None
