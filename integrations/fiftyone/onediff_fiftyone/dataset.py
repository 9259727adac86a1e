"""Results into a dataset."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from onediff_fiftyone import schema
from onediff_fiftyone.connecting import connected
from onediff_fiftyone.media import pictures_of
from onediff_fiftyone.samples import Read, group_samples
from onediff_plugins.reading import read_results, results_file
from onediff_plugins.records import ChangeResult

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator


class Imported(NamedTuple):
    """What an import did.

    Attributes:
        dataset: the FiftyOne dataset.
        added: pairs that were new.
    """

    dataset: Any
    added: int


def to_fiftyone(results: str | os.PathLike[str], *, name: str) -> Imported:
    """Import the results of a run into a dataset.

    Args:
        results: results.jsonl or result.json, or the folder of one.
        name: of the dataset.
    """
    file = results_file(results)
    fo = connected()
    dataset = fo.Dataset(name, persistent=True)
    dataset.add_group_field(schema.PAIR, default=schema.AFTER)
    dataset.info[schema.INFO] = {"schema": schema.SCHEMA}
    dataset.save()
    added = 0

    def samples() -> Iterator[Any]:
        nonlocal added
        for result in read_results(file):
            if isinstance(result, ChangeResult):
                digest = hashlib.sha256(result.model_dump_json().encode()).hexdigest()[:16]
                yield from group_samples(Read(result, file, digest), pictures_of(result, file))
                added += 1

    dataset.add_samples(samples(), dynamic=True)
    return Imported(dataset, added)
