"""From a source of pairs to a list or to packed shards, one pair at a time, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from onediff_core.data import packing
from onediff_core.data.checking import Checked, UnusableError, checked, contradicts
from onediff_core.data.leaks import Shares
from onediff_core.data.listing import PAIRS
from onediff_core.data.record import split_called
from onediff_core.data.sources.base import SourceError
from onediff_core.data.summary import REASONS, Summary
from onediff_core.data.writing import Files, text_of
from onediff_plugins.atomic import replaced_folder, write_atomically
from onediff_plugins.errors import ExportError, OneDiffError, SettingsError, near_miss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from onediff_core.data.record import Record
    from onediff_core.data.sources.base import Source, SourceSettings

SUMMARY: Final = "summary.json"
CARD: Final = "README.md"
LIST_SUFFIX: Final = ".jsonl"
_FILE_SUFFIXES: Final = (".json", ".ndjson", ".csv", ".tsv", ".txt", ".parquet")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be converted, and how.

    Attributes:
        source: what reads it.
        root: folder of the set.
        annotations: files instead of those that the source looks for.
        settings: of the source, by name.
        splits: those that are wanted; all where none is named.
        drop_leaks: leave out pairs of which the pair or the group stands in a more protected split, too.
        drop_contradicting: leave out pairs that contradict themselves.
        max_missing: share of the pairs that may be missing or broken.
        decode: whether every picture is decoded, not its header alone.
    """

    source: Source
    root: Path
    annotations: tuple[Path, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    splits: tuple[str, ...] = ()
    drop_leaks: bool = False
    drop_contradicting: bool = False
    max_missing: float = 0.1
    decode: bool = False

    def records(self, summary: Summary) -> Iterator[Record]:
        """The records of the source, of the splits that are wanted.

        Raises:
            OneDiffError: the source is not what it was said to be.
        """
        settings = settings_of(self.source, self.settings)
        if not self.root.exists():
            raise SourceError(f"{self.root} is not there: name the folder of {self.source.title}")
        last, wanted = "none", {split_called(name) for name in self.splits}
        try:
            for record in self.source.read(self.root, self.annotations, settings, summary):
                last = record.id
                if not wanted or record.split in wanted:
                    yield record
                else:
                    summary.passed.add(record.split)
        except OneDiffError:
            raise
        except OSError as exc:
            raise SourceError(f"{self.root}: what follows the pair {last!r} cannot be read: {exc}") from exc
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise SourceError(
                f"{self.root}: what follows the pair {last!r} is not as {self.source.title} is written: {exc!r}"
            ) from exc


def settings_of(source: Source, given: Mapping[str, Any]) -> SourceSettings:
    """A source's settings.

    Raises:
        SettingsError: a name that it does not have, or a value that cannot be.
    """
    known = list(source.settings.model_fields)
    for name in given:
        if name not in known:
            close = near_miss(name, known)
            hint = f"did you mean {close!r}? " if close else ""
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise SettingsError(f"the source {source.name!r} has no setting {name!r}: {hint}{has}")
    try:
        return source.settings(**given)
    except ValidationError as exc:
        first = exc.errors()[0]
        why = first["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list, such as [85,170]")
        raise SettingsError(f"{'.'.join(map(str, first['loc'])) or source.name}: {why}") from exc


def count(job: Job) -> Summary:
    """What the annotations hold; no picture is looked for.

    Raises:
        OneDiffError: they are not the source's, hold no pair, or an id comes twice.
    """
    summary, shares = Summary(source=job.source.name), Shares()
    for record in job.records(summary):
        summary.seen += 1
        shares.add(record)
        summary.keep(record)
    _refuse_nothing(job, summary)
    summary.leaks = shares.leaks()
    return summary


def check(job: Job) -> Summary:
    """What `convert` would leave out, however much that is, without writing; leaks are in the summary.

    Raises:
        OneDiffError: the source is not what it was said to be, or holds no pair.
    """
    summary = Summary(source=job.source.name)
    for _ in _looked_at(job, summary, lambda: None):
        pass
    return summary


def convert(
    job: Job, out: Path, *, shard_bytes: int = packing.SHARD_BYTES, done: Callable[[], None] = lambda: None
) -> Summary:
    """Read a source and write its pairs.

    Args:
        job: what is read.
        out: a new `.jsonl` beside which nothing is copied, or a folder for packed shards; one that holds packed pairs
            is replaced.
        shard_bytes: of pictures, from which a shard is full.
        done: called after each pair that was looked at.

    Returns:
        Counts, also in `out`/summary.json, or beside the list.

    Raises:
        OneDiffError: see `check`; or `out` holds something else, or pairs of one's own leak from split to split.
    """
    if out.suffix in _FILE_SUFFIXES:
        raise ExportError(f"{out}: name a folder, or a list that ends in {LIST_SUFFIX}")
    summary = Summary(source=job.source.name)
    usable = _without_leaks(job, summary, _usable(job, summary, done))
    try:
        if out.suffix == LIST_SUFFIX:
            _write_list(out, usable, summary)
        else:
            _write_shards(out, job, usable, summary, shard_bytes)
    except OSError as exc:
        raise ExportError(f"{out} cannot be written: {exc.strerror or exc}; choose another place") from exc
    return summary


def _usable(job: Job, summary: Summary, done: Callable[[], None]) -> Iterator[Checked]:
    """The records that can be used, if they are most of them; the others are named in the summary."""
    yield from _looked_at(job, summary, done)
    _refuse_what_is_no_set(job, summary)


def _looked_at(job: Job, summary: Summary, done: Callable[[], None]) -> Iterator[Checked]:
    """The records that can be used; the others are named in the summary."""
    drop = _leaking(job) if job.drop_leaks else None
    shares = Shares()
    for record in job.records(summary):
        summary.seen += 1
        done()
        if drop is not None and drop.is_leak(record):
            summary.leave_out(record.id, "leaking", f"{record.id} of {record.split}")
            continue
        shares.add(record)
        try:
            ready = checked(record, decode=job.decode)
        except UnusableError as error:
            summary.leave_out(record.id, error.reason, str(error))
            continue
        if contradicts(ready, complete=job.source.complete):
            summary.contradicting.append(record.id)
            if job.drop_contradicting:
                summary.leave_out(record.id, "contradicting", f"changed is {str(record.changed).lower()}")
                continue
        if ready.sizes[0] != ready.sizes[1]:
            summary.note("pairs of two sizes")
        summary.keep(ready.record)
        yield ready
    _refuse_nothing(job, summary)
    summary.leaks = shares.leaks()


def _without_leaks(job: Job, summary: Summary, usable: Iterator[Checked]) -> Iterator[Checked]:
    """The same, but for splits of one's own that leak; those of a benchmark are what they are."""
    yield from usable
    if summary.leaks and not job.source.published:
        what, shared = next(iter(summary.leaks.items()))
        splits, ids = next(iter(shared.items()))
        raise SourceError(
            f"{job.root}: {len(ids)} {what} stand in {' and '.join(splits)}, the first is {ids[0]!r}; scores on what "
            "was learned mean nothing. Correct the splits, or leave out what leaks with --drop-leaks"
        )


def _refuse_nothing(job: Job, summary: Summary) -> None:
    if summary.passed and not summary.seen:
        there = ", ".join(sorted(name or "none" for name in summary.passed))
        raise SourceError(f"{job.root} holds no pairs of the split {', '.join(job.splits)}; its splits: {there}")
    if not summary.seen:
        raise SourceError(f"{job.root} holds no pairs. Of {job.source.title} is read: {job.source.reads}")


def _refuse_what_is_no_set(job: Job, summary: Summary) -> None:
    absent = sum(len(summary.left_out.get(reason, ())) for reason in ("missing", "broken"))
    if not summary.kept or absent > job.max_missing * summary.seen:
        reason = max(summary.left_out, key=lambda name: (name in ("missing", "broken"), len(summary.left_out[name])))
        many = f"{len(summary.left_out[reason])} of {summary.seen} pairs cannot be used"
        allowed = f". More than {job.max_missing:.0%} may be absent with --max-missing" if summary.kept else ""
        first = f"the first, {summary.left_out[reason][0]!r}: {summary.details[reason][0]}"
        reads = f"Of {job.source.title} is read: {job.source.reads}"
        raise SourceError(f"{job.root}: {many}, {REASONS[reason]}; {first}. {reads}{allowed}")


def _leaking(job: Job) -> Shares:
    shares = Shares()
    for record in job.records(Summary(source=job.source.name)):
        shares.add(record)
    return shares


def _write_list(out: Path, usable: Iterator[Checked], summary: Summary) -> None:
    if out.exists():
        raise ExportError(f"{out} is there already: delete it, or name another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    base = out.parent.resolve()
    write_atomically(out, (text_of(ready.record, base) for ready in usable))
    write_atomically(out.with_suffix(f".{SUMMARY}"), [_told(summary)])


def _write_shards(out: Path, job: Job, usable: Iterator[Checked], summary: Summary, shard_bytes: int) -> None:
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / SUMMARY).is_file()):
        raise ExportError(f"{out} is not empty and holds no packed pairs: name another --out")
    licences: dict[str, None] = {}
    with replaced_folder(out) as new:
        with packing.packed(new, shard_bytes) as packer:
            for ready in usable:
                packer.write(ready)
                licences.setdefault(ready.record.licence)
        (new / SUMMARY).write_text(_told(summary), encoding="utf-8")
        told = "; ".join(filter(None, licences))
        page = packing.card(packer.shards, job.source.title, told, list(summary.lines()))
        (new / CARD).write_text(page, encoding="utf-8")


def _told(summary: Summary) -> str:
    return json.dumps(summary.to_json(), ensure_ascii=False, indent=1) + "\n"


def unpack(job: Job, out: Path, *, done: Callable[[], None] = lambda: None) -> Summary:
    """Write pairs as images in folders and a `pairs.jsonl`, such as for other tools.

    Args:
        job: what is read.
        out: a folder that is not there yet.
        done: called after each pair that was looked at.

    Raises:
        OneDiffError: see `convert`.
    """
    if out.exists():
        raise ExportError(f"{out} is there already: delete it, or name another --out")
    summary = Summary(source=job.source.name)
    try:
        with replaced_folder(out) as new:
            files = Files(new.resolve())
            write_atomically(
                new / PAIRS, (text_of(files.filed(ready), files.folder) for ready in _usable(job, summary, done))
            )
            (new / SUMMARY).write_text(_told(summary), encoding="utf-8")
    except OSError as exc:
        raise ExportError(f"{out} cannot be written: {exc.strerror or exc}; choose another place") from exc
    return summary
