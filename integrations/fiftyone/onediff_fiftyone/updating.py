"""Pairs that a dataset already has: which record they came from, and a newer record in their place."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from onediff_fiftyone import schema
from onediff_fiftyone.carrying_over import carried_over
from onediff_fiftyone.connecting import imported
from onediff_fiftyone.samples import sample_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onediff_fiftyone.media import Pictures
    from onediff_fiftyone.samples import Read

_CHUNK: Final = 200
_SLICES: Final = (schema.BEFORE, schema.BEFORE_ALIGNED, schema.AFTER)


def digests(dataset: Any) -> dict[str, str]:  # noqa: ANN401  # fiftyone has no types
    """Id of every pair -> digest of the record that it was made from."""
    after = dataset.select_group_slices(schema.AFTER)
    ids, made_from = after.values([schema.PAIR_ID, schema.RECORD_DIGEST])
    return {pair_id: digest or "" for pair_id, digest in zip(ids, made_from, strict=True)}


def remove_fragments(dataset: Any) -> int:  # noqa: ANN401
    """Delete what an import that was stopped left: samples of groups that have no after sample yet.

    Returns:
        How many samples that were.
    """
    whole = set(dataset.select_group_slices(schema.AFTER).values(f"{schema.PAIR}.id"))
    others = dataset.select_group_slices([schema.BEFORE, schema.BEFORE_ALIGNED])
    ids, groups = others.values(["id", f"{schema.PAIR}.id"])
    fragments = [id_ for id_, group in zip(ids, groups, strict=True) if group not in whole]
    if fragments:
        dataset.delete_samples(fragments)
    return len(fragments)


def update(dataset: Any, changed: Iterator[tuple[Read, Pictures]]) -> Iterator[str]:  # noqa: ANN401
    """Write newer records in the place of older ones; what people decided stays.

    Args:
        dataset: ours.
        changed: records of pairs that the dataset has.

    Yields:
        The id of each pair once it is written.
    """
    while chunk := {read.result.id: (read, pictures) for read, pictures in islice(changed, _CHUNK)}:
        found = dataset.select_group_slices(list(_SLICES)).match({schema.PAIR_ID: {"$in": list(chunk)}})
        samples: dict[str, dict[str, Any]] = {}
        for sample in found:
            samples.setdefault(sample[schema.PAIR_ID], {})[sample[schema.PAIR].name] = sample
        for pair_id, (read, pictures) in chunk.items():
            _update_pair(dataset, samples[pair_id], read, pictures)
            yield pair_id


def _update_pair(dataset: Any, samples: dict[str, Any], read: Read, pictures: Pictures) -> None:  # noqa: ANN401
    """One pair; its after sample, which says that it is done, last."""
    shown = dict(pictures.slices())
    for slice_, picture in shown.items():
        fields = sample_values(read, pictures, slice_)
        sample = samples.get(slice_)
        if sample is None:
            element = imported().Group(id=samples[schema.AFTER][schema.PAIR].id).element(slice_)
            dataset.add_sample(imported().Sample(filepath=picture, **{schema.PAIR: element}, **fields))
            continue
        if slice_ == schema.AFTER:
            fields = carried_over(sample, fields)
        sample.filepath = picture
        for name, value in fields.items():
            sample[name] = value
        sample.save()
    if gone := [sample.id for slice_, sample in samples.items() if slice_ not in shown]:
        dataset.delete_samples(gone)
