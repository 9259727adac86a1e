"""What people decided about pairs, as plain values."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onediff_fiftyone import schema
from onediff_fiftyone.opening import check
from onediff_plugins.reading import read_results
from onediff_plugins.records import ChangeResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

_DECIDED: Final = (schema.ACCEPTED, schema.REJECTED)


@dataclass(frozen=True, kw_only=True, eq=False)
class ReviewedRegion:
    """A region after a review.

    Attributes:
        number: in the record; None for one that somebody drew.
        kept: whether it stands: accepted itself or with its pair, or drawn and not rejected.
        label: as it is now.
        relabelled: whether somebody changed it.
        kind: added, removed, changed or moved.
        caption: as it is now.
        rewritten: whether somebody changed that.
        box: x, y, width, height on the after image, in [0, 1].
        mask: (h, w) bool within the box, where somebody painted one.
    """

    number: int | None
    kept: bool
    label: str
    relabelled: bool
    kind: str
    caption: str
    rewritten: bool
    box: tuple[float, float, float, float]
    mask: NDArray[np.bool_] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Review:
    """A pair about which somebody decided.

    Attributes:
        pair_id: of the record.
        file: that holds the record.
        accepted: or rejected.
        outdated: whether the record changed after that.
        caption: as it is now.
        model_caption: the captioner's own words.
        by: who took part, as far as that is known.
        at: when it was decided last, UTC, or None.
        regions: all that are there.
    """

    pair_id: str
    file: Path
    accepted: bool
    outdated: bool
    caption: str
    model_caption: str
    by: tuple[str, ...]
    at: datetime | None
    regions: tuple[ReviewedRegion, ...]

    @property
    def rewritten(self) -> bool:
        """Whether somebody changed the caption."""
        return self.caption != self.model_caption


def after_samples(view: Any) -> Any:  # noqa: ANN401  # fiftyone has no types
    """The after samples of a dataset or a view into it, which carry the labels; a view of images.

    Raises:
        DatasetError: it was not made from results of onediff, or by a newer version.
    """
    check(view._dataset)
    if view.media_type == "group":
        return view.select_group_slices(schema.AFTER)
    return view.match({f"{schema.PAIR}.name": schema.AFTER})


def reviews(view: Any) -> Iterator[Review]:  # noqa: ANN401
    """The pairs about which somebody decided; the others are passed over.

    Args:
        view: a review dataset, or a view into one.
    """
    decided = after_samples(view).match({f"{schema.REVIEW}.label": {"$in": list(_DECIDED)}})
    yield from map(_review, decided)


def joined(found: Iterable[Review]) -> Iterator[tuple[Review, ChangeResult | None]]:
    """Reviews with the records that they are about, one record in memory at a time.

    Args:
        found: reviews.

    Yields:
        A review and its record; None where the file no longer has the pair, or it could not be compared.

    Raises:
        ResultsError: a file of records is gone or damaged.
    """
    by_file: dict[Path, dict[str, Review]] = defaultdict(dict)
    for review in found:
        by_file[review.file][review.pair_id] = review
    for file, wanted in by_file.items():
        for result in read_results(file):
            if result.id in wanted:
                yield wanted.pop(result.id), result if isinstance(result, ChangeResult) else None
        for review in wanted.values():
            yield review, None


def region_stands(region_state: str | None, pair_state: str | None, *, drawn: bool) -> bool | None:
    """Whether a region is right: its own decision, else its pair's; None where nobody decided.

    Args:
        region_state: one of `schema.REVIEW_STATES`, or None.
        pair_state: likewise.
        drawn: whether somebody drew it, which says that it is there.
    """
    for state in (region_state, schema.ACCEPTED if drawn else pair_state):
        if state in _DECIDED:
            return state == schema.ACCEPTED
    return None


def _review(sample: Any) -> Review:  # noqa: ANN401
    state = sample[schema.REVIEW].label
    changes = sample[schema.CHANGES]
    return Review(
        pair_id=sample[schema.PAIR_ID],
        file=Path(sample[schema.RECORD]),
        accepted=state == schema.ACCEPTED,
        outdated=bool(value_of(sample, schema.REVIEW_OUTDATED)),
        caption=sample[schema.CAPTION] or "",
        model_caption=sample[schema.MODEL_CAPTION] or "",
        by=_people(sample),
        at=value_of(sample, schema.REVIEWED_AT),
        regions=tuple(_region(label, state) for label in (changes.detections if changes else [])),
    )


def _people(sample: Any) -> tuple[str, ...]:  # noqa: ANN401
    history = value_of(sample, "review_history") or []
    names = [value_of(sample, "reviewed_by"), *(entry.get("by") for entry in history)]
    return tuple(dict.fromkeys(str(name) for name in names if name))


def _region(label: Any, pair_state: str) -> ReviewedRegion:  # noqa: ANN401
    number, caption = value_of(label, schema.REGION_ID), value_of(label, schema.REGION_CAPTION) or ""
    orphaned = bool(value_of(label, schema.ORPHANED))  # a newer record no longer finds it: as if it were drawn
    drawn = number is None or orphaned
    own = value_of(label, schema.REGION_REVIEW)
    said = label.label or ""
    return ReviewedRegion(
        number=None if drawn else number,
        kept=bool(region_stands(own, pair_state, drawn=drawn)),
        label=said,
        relabelled=said != (value_of(label, schema.MODEL_LABEL) or said),
        kind=value_of(label, schema.KIND) or "changed",
        caption=caption,
        rewritten=caption != (value_of(label, schema.MODEL_REGION_CAPTION) or ""),
        box=tuple(label.bounding_box),
        mask=label.get_mask() > 0 if label.has_mask else None,
    )


def value_of(holder: Any, name: str) -> Any:  # noqa: ANN401
    """A field of a sample or an attribute of a label; None where it has none of that name."""
    return holder[name] if holder.has_field(name) else None
