"""What a run holds and what of it a dataset has already, before anything is written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from onediff_fiftyone.media import MediaError
from onediff_plugins.errors import ResultsError
from onediff_plugins.reading import read_record, read_texts
from onediff_plugins.records import ChangeResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from onediff_fiftyone.media import Media

# Raise it when an import would write other fields for the same record: then all are written anew.
_FORM: Final = 1
_NAMED: Final = 3  # missing pictures that a message names

State = Literal["new", "changed", "unchanged", "failed"]


class Entry(NamedTuple):
    """One record of a run.

    Attributes:
        id: the record's.
        digest: of everything that its samples are made from.
        state: new to the dataset, changed or unchanged since it was imported, or of a pair that could not be compared.
    """

    id: str
    digest: str
    state: State


def survey(file: Path, known: Mapping[str, str], media: Media, salt: object = None) -> list[Entry]:
    """Look through a run.

    Args:
        file: that holds the records.
        known: id -> digest of the pairs that the dataset has.
        media: finds their pictures.
        salt: options of the import that change what is written.

    Returns:
        One entry per record, in order.

    Raises:
        ResultsError: a line that is no record, one of a newer version, an id that comes twice, or no record at all.
        MediaError: pictures are not where the records say; which, and how to say where they are now.
    """
    entries: list[Entry] = []
    digests = {digest: pair_id for pair_id, digest in known.items()}
    seen: set[str] = set()
    missing: list[tuple[str, str]] = []
    for text, where in read_texts(file):
        digest = hashlib.sha256(repr((_FORM, salt, str(file), text)).encode()).hexdigest()[:16]
        entry, sides = _entry(text, where, digest, known, digests, media)
        if entry.id in seen:
            raise ResultsError(f"{where}: the id {entry.id!r} comes a second time: give each pair one of its own")
        seen.add(entry.id)
        entries.append(entry)
        missing += [(entry.id, side) for side in sides if "://" not in side and not Path(side).is_file()]
    if not entries:
        raise ResultsError(f"{file} holds no record: did the batch finish?")
    if missing:
        raise MediaError(_missing(missing))
    return entries


def records(file: Path, entries: list[Entry], state: State) -> Iterator[tuple[ChangeResult, Entry, int]]:
    """The records in a state, one in memory at a time, with their entries and places in the list.

    Args:
        file: that was surveyed.
        entries: what the survey found.
        state: wanted.
    """
    for index, ((text, where), entry) in enumerate(zip(read_texts(file), entries, strict=True)):
        if entry.state == state:
            result = read_record(text, where)
            if not isinstance(result, ChangeResult) or result.id != entry.id:
                raise ResultsError(f"{where} changed while it was imported: import it again once the batch is done")
            yield result, entry, index


def _entry(
    text: str, where: str, digest: str, known: Mapping[str, str], digests: Mapping[str, str], media: Media
) -> tuple[Entry, tuple[str, ...]]:
    """An entry, and where its two pictures are; a record that is known is not checked again."""
    if digest in digests:
        said = json.loads(text)
        sides = media.sides(said["files"], said["before"]["source"], said["after"]["source"])
        return Entry(digests[digest], digest, "unchanged"), sides
    result = read_record(text, where)
    if not isinstance(result, ChangeResult):
        return Entry(result.id, digest, "failed"), ()
    state: State = "changed" if result.id in known else "new"
    return Entry(result.id, digest, state), media.sides(result.files, result.before.source, result.after.source)


def _missing(missing: list[tuple[str, str]]) -> str:
    pairs = len({pair_id for pair_id, _ in missing})
    named = ", ".join(f"{path} (pair {pair_id!r})" for pair_id, path in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return (
        f"{len(missing)} pictures of {pairs} pairs are not there: {named}{more}. If they were moved, say from where to "
        "where with --moved OLD=NEW, beginnings of their paths; if they are gone, compare the pairs again"
    )
