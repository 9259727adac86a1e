"""What people decided, carried over to a newer record of the same pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onediff_fiftyone import schema
from onediff_fiftyone.same_place import match

if TYPE_CHECKING:
    from collections.abc import Sequence


def carried_over(old: Any, new: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401  # fiftyone has no types
    """The fields of a newer record without what somebody decided, and with it where it belongs.

    Args:
        old: the after sample as it is.
        new: field -> value of the newer record.

    Returns:
        What to set: an edited caption is left out, decided regions are merged into the new ones, and a decision about
        another finding is marked as outdated.
    """
    found = dict(new)
    if old[schema.CAPTION] != old[schema.MODEL_CAPTION]:
        del found[schema.CAPTION]
    decided = old[schema.REVIEW] is not None and old[schema.REVIEW].label != schema.PENDING
    differs = _finding(old) != _finding(new)
    if old[schema.CHANGES] is not None:
        found[schema.CHANGES].detections = merged(old[schema.CHANGES].detections, found[schema.CHANGES].detections)
    found[schema.REVIEW_OUTDATED] = bool(decided and (differs or old[schema.REVIEW_OUTDATED]))
    return found


def merged(old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    """The new regions with what was decided about the old ones.

    Args:
        old: detections as they are in the dataset.
        new: detections of the newer record; changed in place.

    Returns:
        The new detections, each with the decisions about the old one in its place; then the old ones that somebody
        drew or decided about and that have no new one in theirs.
    """
    touched = [detection for detection in old if is_touched(detection)]
    found = list(new)
    before, after = ([tuple(detection.bounding_box) for detection in side] for side in (touched, found))
    same = dict(match(before, after).pairs)
    for index, detection in enumerate(touched):
        if index in same:
            _hand_over(detection, found[same[index]])
        else:
            detection[schema.ORPHANED] = _get(detection, schema.REGION_ID) is not None
            found.append(detection)
    return found


def is_touched(detection: Any) -> bool:  # noqa: ANN401
    """Whether somebody drew, decided about, renamed, reworded or tagged a region."""
    return (
        _get(detection, schema.REGION_ID) is None
        or _get(detection, schema.REGION_REVIEW) not in (None, schema.PENDING)
        or detection.label != _get(detection, schema.MODEL_LABEL)
        or _get(detection, schema.REGION_CAPTION) != _get(detection, schema.MODEL_REGION_CAPTION)
        or bool(detection.tags)
    )


def _hand_over(old: Any, new: Any) -> None:  # noqa: ANN401
    new.id = old.id  # what refers to the region still finds it
    new.tags = list(old.tags)
    new[schema.REGION_REVIEW] = _get(old, schema.REGION_REVIEW) or schema.PENDING
    if old.label != _get(old, schema.MODEL_LABEL):
        new.label = old.label
    if _get(old, schema.REGION_CAPTION) != _get(old, schema.MODEL_REGION_CAPTION):
        new[schema.REGION_CAPTION] = _get(old, schema.REGION_CAPTION)


def _finding(sample: Any) -> tuple[Any, ...]:  # noqa: ANN401  # a sample, or the fields of one
    """What a decision was about: the verdict, the words and the places."""
    changes = sample[schema.CHANGES]
    places = [
        (_get(detection, schema.MODEL_LABEL), _get(detection, schema.KIND), tuple(detection.bounding_box))
        for detection in (() if changes is None else changes.detections)
        if _get(detection, schema.REGION_ID) is not None and not _get(detection, schema.ORPHANED)
    ]
    return sample[schema.CHANGED], sample[schema.MODEL_CAPTION], sorted(places, key=str)


def _get(detection: Any, name: str) -> Any:  # noqa: ANN401
    return detection[name] if detection.has_field(name) else None
