"""Decisions of a review as pairs to train on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onediff_fiftyone.loop.corrected import Corrected, corrected
from onediff_fiftyone.loop.reviewed import Review, after_samples, joined, reviews
from onediff_fiftyone.media import Media
from onediff_fiftyone.opening import remembered_moves
from onediff_plugins.errors import MissingDependencyError, OneDiffError, PairError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

    from onediff_core.data.record import Record
    from onediff_core.data.sources.results import Settings
    from onediff_core.data.summary import Summary
    from onediff_plugins.records import ChangeResult


class ReviewError(OneDiffError):
    """A review does not hold what was asked of it."""


def training_records(
    dataset_or_view: Any,  # noqa: ANN401  # fiftyone has no types
    out: str | os.PathLike[str],
    *,
    mask_class: str = "change",
    aligned: bool = False,
    licence: str = "",
    moved: Mapping[str, str] | None = None,
) -> Summary:
    """Write what people decided as pairs that `onediff train head` and `onediff eval` read.

    An accepted pair gives its regions, their mask and its caption, an edited caption rather than the model's. Regions
    that were rejected on their own are no change in the mask. A rejected pair did not change. Where somebody drew a
    region without painting its mask, the mask says nothing within its box. Pairs about which nobody decided are left
    out. Groups and splits of the run's list are kept; `meta.decided` of a record says who decided what.

    Args:
        dataset_or_view: of `onediff review`; of a view, its pairs alone.
        out: a new folder, for pictures, masks and `pairs.jsonl`.
        mask_class: class of what the masks show, as `onediff train head --classes` names it.
        aligned: write before images as the run aligned them, where it had to.
        licence: of the images, where the list of the run did not say.
        moved: old beginnings of the images' paths -> new ones; those that imports were told are known already.

    Returns:
        Counts, and which pairs were left out for which reason; `lines()` of it are for people. It lies in
        `out`/summary.json, too.

    Raises:
        ReviewError: nobody decided about any of the pairs.
        DatasetError: the dataset is not of `onediff review`.
        SourceError: of too many pairs a picture is missing, or splits share a place.
        ResultsError: the run's records are gone or damaged.
        ExportError: `out` is there already, or cannot be written.
        MissingDependencyError: onediff-core is not installed.
    """
    conversion, base, results = _core()
    dataset = dataset_or_view._dataset
    found = list(reviews(dataset_or_view))
    pending = after_samples(dataset_or_view).count() - len(found)
    if not found:
        raise ReviewError(
            f"nobody decided about any of the {pending} pairs of {dataset.name!r}: accept or reject some first"
        )
    settings = results.Settings(mask_class=mask_class, aligned=aligned, licence=licence)
    writer = _Writer(found, tuple(remembered_moves(dataset, moved or {})), settings)

    def read(root: Path, given: tuple[Path, ...], _: Settings, summary: Summary) -> Iterator[Record]:
        summary.note("pairs about which nobody decided, left out", pending)
        return writer.records(summary)

    source = base.Source(
        name="reviewed",
        title="a review in FiftyOne",
        reads="decisions about the pairs of a run",
        licence="as the list of the run says, or you",
        read=read,
        published=False,
    )
    job = conversion.Job(source=source, root=found[0].file.parent)
    return conversion.unpack(job, Path(out))  # type: ignore[no-any-return]  # loaded when it is needed


def _core() -> tuple[ModuleType, ModuleType, ModuleType]:
    try:
        from onediff_core.data import conversion
        from onediff_core.data.sources import base, results
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "onediff_core":
            raise
        raise MissingDependencyError("onediff_core", "training records", "onediff-core") from exc
    return conversion, base, results


@dataclass(frozen=True)
class _Writer:
    """Makes training records of reviews, one in memory at a time."""

    found: Sequence[Review]
    moved: tuple[tuple[str, str], ...]
    settings: Settings

    def records(self, summary: Summary) -> Iterator[Record]:
        for review, result in joined(self.found):
            if result is None:
                _leave_out(summary, review, "outdated", f"{review.file} no longer has it compared")
            else:
                yield from self._record(review, result, summary)

    def _record(self, review: Review, result: ChangeResult, summary: Summary) -> Iterator[Record]:
        finding = corrected(review, result)
        if finding is None:
            _leave_out(summary, review, "outdated", "import the newer run, and look at it again")
        elif finding.changed is None:
            _leave_out(summary, review, "unsure" if result.changed is None else "missed", "draw what changed")
        else:
            try:
                record = self._written(finding, summary)
            except PairError as exc:
                _leave_out(summary, review, "broken", str(exc))
            else:
                yield record

    def _written(self, finding: Corrected, summary: Summary) -> Record:
        from dataclasses import replace

        from onediff_core.data.packing import png_of_mask
        from onediff_core.data.record import Shade, grey, shade
        from onediff_core.data.sources.results import record_of

        result, file = finding.result, finding.review.file
        media = Media(file, file.parent, self.moved)
        sides = {
            name: side.replace(source=media.relocated(side.source))
            for name, side in (("before", result.before), ("after", result.after))
        }
        record = record_of(result.replace(**sides), file, self.settings, summary)
        summary.note("captions of a model about something else than was kept, left out", finding.caption is None)
        masks, ignore = record.masks, None
        if not finding.as_found or not masks:
            written = [shade(grey(mask.picture), mask.values) for mask in record.masks.values()]
            mask, unsure = finding.mask(written[0] if written else None)
            masks = {self.settings.mask_class: Shade(picture=png_of_mask(mask))}
            ignore = Shade(picture=png_of_mask(unsure)) if unsure.any() else None
        told = (finding.caption,) if finding.caption else ()
        return replace(
            record,
            masks=masks,
            ignore=ignore,
            captions=told,
            task="caption" if told else "",
            changed=finding.changed,
            source="reviewed",
            meta={**record.meta, "decided": finding.decided()},
        )


def _leave_out(summary: Summary, review: Review, reason: str, why: str) -> None:
    summary.seen += 1
    summary.leave_out(review.pair_id, reason, f"{review.pair_id}: {why}")
