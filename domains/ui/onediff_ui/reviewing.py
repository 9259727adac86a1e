"""Screenshots in FiftyOne: how far things moved, views by what changed, marks so pale that text stays legible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_plugins.reviewing import colour_values, holds_domain, is_all_of, save_views, set_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOMAIN: Final = "ui"
_SHIFT: Final = "largest_shift_px"
_COLOURS: Final = {"added": "#008560", "removed": "#ca5000", "changed": "#0068ac", "moved": "#9e4682"}
_OPACITY: Final = 0.25


def set_up(dataset: Any) -> None:  # noqa: ANN401  # fiftyone stays optional
    """Add what screenshots have of their own.

    Args:
        dataset: FiftyOne dataset of results.
    """
    if not holds_domain(dataset, _DOMAIN):
        return
    from fiftyone import ViewField as F  # what everybody calls it

    shifts = ["changes.detections.dx", "changes.detections.dy"]
    set_numbers(dataset, _DOMAIN, _SHIFT, shifts, _largest, about="How far the element that moved most moved, in px")
    ours = dataset.match(F("domain") == _DOMAIN)
    regions = F("changes.detections")
    only_moved = (regions.length() > 0) & (regions.filter(F("kind") != "moved").length() == 0)
    views = [("only moved", ours.match(only_moved), "Elements that moved, and no other difference")]
    if dataset.get_field("changes.detections.what") is not None:
        views += [
            (f"changed: {what}", ours.filter_labels("changes", F("what") == what), f"Elements whose {what} changed")
            for what in ("text", "colour")
        ]
    if dataset.get_field(_SHIFT) is not None:
        moved = ours.match(F(_SHIFT) > 0).sort_by(_SHIFT, reverse=True)
        views.append(("largest shift first", moved, "Pages by how far something moved"))
    save_views(dataset, views)
    if is_all_of(dataset, _DOMAIN):
        colour_values(dataset, "kind", _COLOURS, opacity=_OPACITY)


def _largest(dx: Sequence[float | None] | None, dy: Sequence[float | None] | None) -> float | None:
    steps = [max(abs(x or 0), abs(y or 0)) for x, y in zip(dx or (), dy or (), strict=False)]
    return max(steps) if any(steps) else None
