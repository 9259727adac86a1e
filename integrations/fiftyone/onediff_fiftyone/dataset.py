"""Results into a dataset, as often as you like: new pairs are added, changed ones updated, decisions kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from onediff_fiftyone import declaring, schema, updating, values
from onediff_fiftyone.connecting import connected
from onediff_fiftyone.looks import arrange, dress
from onediff_fiftyone.media import Media
from onediff_fiftyone.opening import open_dataset, remembered_moves
from onediff_fiftyone.samples import Read, group_samples
from onediff_fiftyone.surveying import records, survey
from onediff_plugins.pairs import folder_names
from onediff_plugins.reading import results_file

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from onediff_fiftyone.media import Pictures
    from onediff_fiftyone.surveying import Entry
    from onediff_plugins.host import Host
    from onediff_plugins.records import ChangeResult

# Beside the results: pictures that were missing.
MADE: Final = "review"


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did.

    Attributes:
        dataset: the FiftyOne dataset.
        added: pairs that were new to it.
        updated: pairs whose record had changed.
        unchanged: pairs that were left alone.
        failed: pairs that could not be compared, which have nothing to show.
    """

    dataset: Any
    added: int
    updated: int
    unchanged: int
    failed: int


def to_fiftyone(
    results: str | os.PathLike[str],
    *,
    name: str | None = None,
    media: Path | None = None,
    moved: Mapping[str, str] | None = None,
    instance_masks: bool = False,
    host: Host | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Import the results of a run into a FiftyOne dataset, which is made where there is none of that name.

    An import that was stopped goes on when it is started again. What people decided is never overwritten.

    Args:
        results: results.jsonl or result.json, or the folder of one.
        name: of the dataset; that of the results' folder when not given.
        media: folder for pictures that have to be made; `review` beside the results when not given.
        moved: old beginnings of the sources' paths -> new ones, where images were moved since they were compared;
            the dataset remembers them.
        instance_masks: give each region a mask of its own, which is kept in the database and makes imports slower;
            the mask of the pair is a file in any case.
        host: whose plugins add their own fields, views and colours; one with everything installed when not given.
        progress: called with the number of pairs that are done, and of those that there are.

    Raises:
        ResultsError: there are no results, or they are damaged or of a newer version.
        MediaError: images are not where the records say, or cannot be read.
        ExportError: a picture that has to be made cannot be written.
        DatasetError: the name belongs to another dataset, or cannot be one.
        DatabaseError: FiftyOne has no database that answers.
        MissingDependencyError: FiftyOne is not installed, or pyproj for georeferenced results.
    """
    file = results_file(results).absolute()
    fo = connected()
    dataset = open_dataset(fo, name or default_name(file))
    updating.remove_fragments(dataset)
    known_moves = remembered_moves(dataset, moved or {})
    pictures = Media(file, file.parent / MADE if media is None else media.absolute(), known_moves)
    salt = (known_moves, None if media is None else str(media.absolute()), instance_masks)
    entries = survey(file, updating.digests(dataset), pictures, salt)
    run = _Import(dataset, file, pictures, entries, instance_masks, progress)
    run.add()
    run.update()
    declaring.declare(dataset, run.attributes.fields)
    declaring.index(dataset)
    dress(dataset)
    (host or _host()).fiftyone_setup(dataset)
    arrange(dataset)
    counts = {
        state: sum(entry.state == state for entry in entries) for state in ("new", "changed", "unchanged", "failed")
    }
    return Imported(
        dataset=dataset,
        added=counts["new"],
        updated=counts["changed"],
        unchanged=counts["unchanged"],
        failed=counts["failed"],
    )


def default_name(file: Path) -> str:
    """The name of a run's dataset: that of its folder, in characters that FiftyOne takes."""
    return re.sub(r"[^A-Za-z0-9._ +-]+", "-", file.parent.name).strip("-. ") or "onediff"


class _Import:
    """One run on its way into one dataset."""

    def __init__(
        self,
        dataset: Any,  # noqa: ANN401  # fiftyone has no types
        file: Path,
        media: Media,
        entries: Sequence[Entry],
        instance_masks: bool,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._dataset, self._file, self._media, self._entries = dataset, file, media, list(entries)
        self._folders = folder_names([entry.id for entry in entries])
        self._instance_masks, self._progress, self._done = instance_masks, progress, 0
        self._total = sum(entry.state in ("new", "changed") for entry in entries)
        self.attributes = declaring.Attributes()

    def add(self) -> None:
        """Add the new pairs, in one call and with one batch of them in memory."""
        if any(entry.state == "new" for entry in self._entries):
            # Every field is declared and every value made from a validated record: checking them again takes time.
            batches = self._dataset.add_samples(
                self._samples(), expand_schema=False, validate=False, generator=True, progress=False
            )
            for _ in batches:  # FiftyOne writes as it is asked for the next batch
                pass

    def update(self) -> None:
        """Update the changed pairs."""
        changed = (self._read(result, entry, index) for result, entry, index in self._records("changed"))
        for _ in updating.update(self._dataset, changed):
            self._advance()

    def _samples(self) -> Iterator[Any]:
        for result, entry, index in self._records("new"):
            yield from group_samples(*self._read(result, entry, index))
            self._advance()

    def _read(self, result: ChangeResult, entry: Entry, index: int) -> tuple[Read, Pictures]:
        read = Read(result, self._file, entry.digest, self._instance_masks)
        return read, self._media.pictures(result, self._folders[index])

    def _records(self, state: Any) -> Iterator[tuple[ChangeResult, Entry, int]]:  # noqa: ANN401
        for result, entry, index in records(self._file, self._entries, state):
            self.attributes.see(schema.META, values.meta_values(result))
            for region in result.regions:
                self.attributes.see(declaring.DETECTIONS, values.own_attributes(region))
            yield result, entry, index

    def _advance(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def _host() -> Host:
    from onediff_plugins.host import Host

    return Host()
