"""The dataset of a name: made where there is none, refused where it is somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_fiftyone import schema
from onediff_fiftyone.declaring import declare
from onediff_plugins.errors import OneDiffError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

_FAMILY: Final = schema.SCHEMA.rpartition("/")[0] + "/"


class DatasetError(OneDiffError):
    """A dataset of that name cannot hold the results."""


def open_dataset(fo: ModuleType, name: str) -> Any:  # noqa: ANN401  # fiftyone has no types
    """A dataset for results, with its fields declared.

    Args:
        fo: FiftyOne, connected.
        name: of the dataset.

    Raises:
        DatasetError: the name is that of another kind of dataset or of one that a newer version made, or no name that
            FiftyOne takes.
    """
    if not fo.dataset_exists(name):
        try:
            dataset = fo.Dataset(name, persistent=True)  # or FiftyOne deletes it when its last user leaves
        except ValueError as exc:
            raise DatasetError(f"{name!r} cannot be the name of a dataset: {exc}. Name one with --dataset.") from exc
    else:
        dataset = fo.load_dataset(name)
        if not _is_unfinished(dataset):
            check(dataset)
    if not is_ours(dataset):
        dataset.persistent = True
        if dataset.media_type != "group":
            dataset.add_group_field(schema.PAIR, default=schema.AFTER)
        for slice_ in (schema.BEFORE, schema.BEFORE_ALIGNED, schema.AFTER):
            if slice_ not in dataset.group_slices:
                dataset.add_group_slice(slice_, "image")
        declare(dataset)
        dataset.info[schema.INFO] = {"schema": schema.SCHEMA}  # last: what has it is complete
        dataset.save()
    return dataset


def is_ours(dataset: Any) -> bool:  # noqa: ANN401
    """Whether a dataset was made of results of onediff."""
    note = dataset.info.get(schema.INFO)
    return isinstance(note, dict) and str(note.get("schema", "")).startswith(_FAMILY)


def check(dataset: Any) -> None:  # noqa: ANN401
    """Refuse a dataset that is not ours, or newer than this version.

    Raises:
        DatasetError: with what to do.
    """
    name = dataset.name
    if not is_ours(dataset):
        kind = dataset.media_type or "empty"
        raise DatasetError(
            f"the dataset {name!r} ({kind}, {len(dataset)} samples) was not made from results of onediff and is left "
            f"alone: choose another name, such as --dataset {name}-changes"
        )
    found = dataset.info[schema.INFO]["schema"]
    if found != schema.SCHEMA:
        raise DatasetError(
            f"the dataset {name!r} is of the form {found}, and this version of onediff-fiftyone writes "
            f"{schema.SCHEMA}: update onediff-fiftyone, or choose another name with --dataset"
        )


def remembered_moves(dataset: Any, moved: Mapping[str, str]) -> list[tuple[str, str]]:  # noqa: ANN401
    """Where images were moved to, as every import of this dataset was told.

    Args:
        dataset: ours.
        moved: old beginnings of paths -> new ones, told now.

    Returns:
        (old, new), sorted; what is told now is remembered with it.
    """
    note = dict(dataset.info[schema.INFO])
    known = dict(map(tuple, note.get("moved", ()))) | dict(moved)
    if moved:
        note["moved"] = [list(pair) for pair in sorted(known.items())]  # as a list: a key must not hold a dot
        dataset.info[schema.INFO] = note
        dataset.save()
    return sorted(known.items())


def _is_unfinished(dataset: Any) -> bool:  # noqa: ANN401
    """Whether an import was stopped before the dataset held anything."""
    group = dataset.group_field
    return not is_ours(dataset) and not len(dataset) and (group == schema.PAIR or (not dataset.info and group is None))
