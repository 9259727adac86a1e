"""A record and its pictures as the samples of one group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from onediff_fiftyone import labels, schema, values
from onediff_fiftyone.connecting import imported

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_fiftyone.media import Pictures
    from onediff_plugins.records import ChangeResult


class Read(NamedTuple):
    """A record as it was read.

    Attributes:
        result: the record.
        file: that holds it.
        digest: of what was read; another one means that the record changed.
    """

    result: ChangeResult
    file: Path
    digest: str


def group_samples(read: Read, pictures: Pictures) -> Iterator[Any]:
    """The samples of a pair; the after sample last, so that a group that has one is whole.

    Args:
        read: a record.
        pictures: what to show of it.
    """
    fo = imported()
    group = fo.Group()
    for slice_, picture in pictures.slices():
        sample = fo.Sample(filepath=str(picture), **{schema.PAIR: group.element(slice_)})
        for name, value in sample_values(read, pictures, slice_).items():
            sample[name] = value
        if slice_ == schema.AFTER:
            for name, value in first_decisions().items():
                sample[name] = value
        yield sample


def sample_values(read: Read, pictures: Pictures, slice_: str) -> dict[str, Any]:
    """The fields of one sample that come from the record; decisions are none of them.

    Args:
        read: a record.
        pictures: what to show of it.
        slice_: `schema.BEFORE`, `AFTER` or `BEFORE_ALIGNED`.
    """
    result = read.result
    side = result.after if slice_ == schema.AFTER else result.before
    found: dict[str, Any] = {
        schema.PAIR_ID: result.id,
        schema.SOURCE: side.source,
        schema.CAPTURED_AT: side.captured_at,
    }
    if slice_ == schema.BEFORE:
        found[schema.REMOVED] = labels.removed(result)
    if slice_ != schema.AFTER:
        return found
    fo = imported()
    found |= values.pair_values(result)
    found |= {
        schema.CHANGES: labels.detections(result),
        schema.POLYGONS: labels.polygons(result),
        schema.LOCATION: labels.location(result),
        schema.CHANGE_MASK: None if pictures.mask is None else fo.Segmentation(mask_path=str(pictures.mask)),
        schema.CHANGE_SCORE_MAP: None
        if pictures.score is None
        else fo.Heatmap(map_path=str(pictures.score), range=[0, 255]),
        schema.META: fo.DynamicEmbeddedDocument(**plain_meta(result)),
        schema.RECORD: str(read.file),
        schema.RECORD_DIGEST: read.digest,
    }
    return found


def first_decisions() -> dict[str, Any]:
    """The fields of an after sample about which nobody has decided."""
    return {schema.REVIEW: imported().Classification(label=schema.PENDING), schema.REVIEW_OUTDATED: False}


def plain_meta(result: ChangeResult) -> dict[str, Any]:
    """The further columns of a batch's list that can be filtered by: text, numbers, yes or no."""
    return {
        name: value
        for name, value in result.meta.items()
        if isinstance(value, str | int | float | bool) and name.isidentifier()
    }
