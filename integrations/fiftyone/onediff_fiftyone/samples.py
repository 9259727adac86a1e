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
        instance_masks: whether regions get a mask of their own in the database.
    """

    result: ChangeResult
    file: Path
    digest: str
    instance_masks: bool = False


def group_samples(read: Read, pictures: Pictures) -> Iterator[Any]:
    """The samples of a new pair; the after sample last, so that a group that has one is whole.

    Args:
        read: a record.
        pictures: what to show of it.
    """
    fo = imported()
    group = fo.Group()
    for slice_, picture in pictures.slices():
        fields = sample_values(read, pictures, slice_)
        if slice_ == schema.AFTER:
            fields |= first_decisions()
        yield fo.Sample(filepath=picture, **{schema.PAIR: group.element(slice_)}, **fields)


def sample_values(read: Read, pictures: Pictures, slice_: str) -> dict[str, Any]:
    """The fields of one sample that come from the record; decisions are none of them.

    Args:
        read: a record.
        pictures: what to show of it.
        slice_: `schema.BEFORE`, `AFTER` or `BEFORE_ALIGNED`.
    """
    fo = imported()
    result = read.result
    side = result.after if slice_ == schema.AFTER else result.before
    size = pictures.sizes.get(slice_)
    found: dict[str, Any] = {
        schema.PAIR_ID: result.id,
        schema.SOURCE: side.source,
        schema.CAPTURED_AT: side.captured_at,
        "metadata": None if size is None else fo.ImageMetadata(width=size[0], height=size[1]),
    }
    if slice_ == schema.BEFORE:
        found[schema.REMOVED] = labels.removed(result)
    if slice_ != schema.AFTER:
        return found
    mask, score = pictures.mask, pictures.score
    return (
        found
        | values.pair_values(result)
        | {
            schema.CHANGES: labels.detections(result, masks=read.instance_masks),
            schema.POLYGONS: labels.polygons(result),
            schema.LOCATION: labels.location(result),
            schema.CHANGE_MASK: None if mask is None else fo.Segmentation(mask_path=mask),
            schema.CHANGE_SCORE_MAP: None if score is None else fo.Heatmap(map_path=score, range=[0, 255]),
            schema.META: fo.DynamicEmbeddedDocument(**values.meta_values(result)),
            schema.RECORD: str(read.file),
            schema.RECORD_DIGEST: read.digest,
        }
    )


def first_decisions() -> dict[str, Any]:
    """The fields of an after sample about which nobody has decided."""
    return {schema.REVIEW: imported().Classification(label=schema.PENDING), schema.REVIEW_OUTDATED: False}
