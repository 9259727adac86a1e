"""A queue of pairs, strongest change first, a window at a time: what a panel shows of it, never the whole list.

A window starts after a place in the order, not after a number of pairs: deciding about pairs takes them out of a
queue of pending ones, and no pair may be skipped or shown twice because of that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from onediff_fiftyone import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bson import ObjectId

MOST_REGIONS: Final = 250  # of one pair that are sent to a browser; the strongest
LONGEST_WINDOW: Final = 100
_ORDER: Final = ((schema.CHANGE_SCORE, -1), ("_id", 1))
_ORDER_INDEX: Final = f"{schema.CHANGE_SCORE}_-1__id_1"  # as FiftyOne names it
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
        limit = max(1, min(limit, LONGEST_WINDOW))
        ids: list[str] = []
        for match in _behind(after):
            if len(ids) < limit:
                stages = [{"$match": match}, {"$sort": dict(_ORDER)}, {"$limit": limit - len(ids)}]
                ids += self._pairs().mongo(stages).values("id")
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
    rows = {row["id"]: row for row in _rows(dataset, ids)}
    found = [rows[one] for one in ids if one in rows]
    others = _other_slices(dataset, [row["pair.id"] for row in found])
    runs = [name for name in dataset.get_field_schema() if _is_run(dataset, name)]
    return [_pair(row, others.get(row["pair.id"], {}), runs) for row in found]


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


def prepare_order(dataset: Any) -> None:  # noqa: ANN401
    """Index the order of the queue, so that a window reads its own pairs and no others."""
    if _ORDER_INDEX not in dataset.list_indexes():
        dataset.create_index([(schema.CHANGE_SCORE, -1), ("id", 1)])


def _behind(place: Place | None) -> list[dict[str, Any]]:
    """What lies behind a place, in parts that follow each other; one query for all would have to sort them all."""
    from bson import ObjectId

    # None is not less than a number for MongoDB, and is sorted behind all of them.
    none = {schema.CHANGE_SCORE: None}
    if place is None:
        return [{schema.CHANGE_SCORE: {"$lte": math.inf}}, none]
    behind = {schema.CHANGE_SCORE: place.score, "_id": {"$gt": ObjectId(place.sample)}}
    if place.score is None:
        return [behind]
    return [behind, {schema.CHANGE_SCORE: {"$lt": place.score}}, none]


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


_SHOWN: Final = {
    "sample": "id",
    "group": f"{schema.PAIR}.id",
    "id": schema.PAIR_ID,
    "domain": schema.DOMAIN,
    "score": schema.CHANGE_SCORE,
    "changed": schema.CHANGED,
    "reason": schema.REASON,
    "caption": schema.CAPTION,
    "model_caption": schema.MODEL_CAPTION,
    "detector": schema.DETECTOR,
    "residual": schema.REGISTRATION_RESIDUAL,
    "review": f"{schema.REVIEW}.label",
    "outdated": schema.REVIEW_OUTDATED,
    "reviewed_by": schema.REVIEWED_BY,
    "after": "filepath",
    "score_map": f"{schema.CHANGE_SCORE_MAP}.map_path",
    "mask": f"{schema.CHANGE_MASK}.mask_path",
}
_OF_REGION: Final = {
    "id": "id",
    "number": schema.REGION_ID,
    "label": "label",
    "kind": schema.KIND,
    "score": "confidence",
    "caption": schema.REGION_CAPTION,
    "review": schema.REGION_REVIEW,
    "box": "bounding_box",
}


def _rows(dataset: Any, ids: Sequence[str]) -> list[dict[str, Any]]:  # noqa: ANN401
    """Path -> value, a row a sample. Whole samples would bring their outlines, hundreds of them for some pairs."""
    labels = [schema.CHANGES, *(name for name in dataset.get_field_schema() if _is_run(dataset, name))]
    paths = [
        *_SHOWN.values(),
        schema.REVIEW_HISTORY,
        *(f"{name}.detections.{own}" for name in labels for own in _OF_REGION.values()),
    ]
    known = [path for path in paths if dataset.get_field(path) is not None]
    values = dataset.select_group_slices(schema.AFTER).select(list(ids)).values(known)
    return [dict(zip(known, row, strict=True)) for row in zip(*values, strict=True)]


def _pair(row: Mapping[str, Any], others: Mapping[str, str], runs: Sequence[str]) -> dict[str, Any]:
    regions = _regions(row, schema.CHANGES)
    history = row.get(schema.REVIEW_HISTORY)
    found = {name: row.get(path) for name, path in _SHOWN.items()}
    return found | {
        "caption": found["caption"] or "",
        "model_caption": found["model_caption"] or "",
        "review": found["review"] or schema.PENDING,
        "outdated": bool(found["outdated"]),
        "entry": history[-1]["id"] if history else None,
        "before": others.get(schema.BEFORE),
        "aligned": others.get(schema.BEFORE_ALIGNED),
        "regions": regions[:MOST_REGIONS],
        "region_total": len(regions),
        "runs": [
            {"name": name, "regions": _regions(row, name)[:MOST_REGIONS]}
            for name in runs
            if row.get(f"{name}.detections.id") is not None
        ],
    }


def _regions(row: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    """The regions of a field, the strongest first."""
    count = len(row.get(f"{field}.detections.id") or [])
    columns = {name: row.get(f"{field}.detections.{own}") or [None] * count for name, own in _OF_REGION.items()}
    found = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for region in found:
        region["caption"] = region["caption"] or ""
        region["review"] = region["review"] or schema.PENDING
    return sorted(found, key=lambda region: -(region["score"] or 0.0))


def _is_run(dataset: Any, name: str) -> bool:  # noqa: ANN401
    return name.startswith(schema.RUN) and dataset.get_field(f"{name}.detections") is not None
