"""Satellite pairs in a FiftyOne dataset: areas to sort by, views by size and by what was built, colours by label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_plugins.reviewing import colour_values, holds_domain, is_all_of, save_views, set_numbers
from onediff_plugins.specs import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOMAIN: Final = "satellite"
_AREA: Final = "changed_area_m2"
_SMALL_M2: Final = 100.0  # a house; smaller places are often a car or a shadow
_COLOURS: Final = {
    "building": "#d1495b",
    "land": "#3f8f5b",
    "added": "#008560",
    "removed": "#ca5000",
    "changed": "#0068ac",
}


def set_up(dataset: Any) -> None:  # noqa: ANN401  # fiftyone stays optional
    """Add what satellite pairs have of their own.

    Args:
        dataset: FiftyOne dataset of results.
    """
    if not holds_domain(dataset, _DOMAIN):
        return
    from fiftyone import ViewField as F  # what everybody calls it

    set_numbers(
        dataset, _DOMAIN, _AREA, ["changes.detections.area_m2"], _total, about="Area of all regions together, in m2"
    )
    ours = dataset.match(F("domain") == _DOMAIN)
    views = [("by label: " + label, _labelled(ours, label), f"Regions called {label}") for label in _labels(ours)]
    if dataset.get_field(_AREA) is not None:
        largest = ours.match(F(_AREA) > 0).sort_by(_AREA, reverse=True)
        small = ours.match((F(_AREA) > 0) & (F(_AREA) < _SMALL_M2)).sort_by(_AREA)
        views += [
            ("largest area first", largest, "Changed pairs by the area of their regions"),
            ("small changes", small, f"Less than {_SMALL_M2:g} m2 in all: cars, shadows, and now and then a shed"),
        ]
    save_views(dataset, views)
    if is_all_of(dataset, _DOMAIN):
        colour_values(dataset, "label", _COLOURS)


def _total(areas: Sequence[float | None] | None) -> float | None:
    known = [area for area in areas or () if area is not None]
    return round(sum(known), 2) if known else None


def _labels(view: Any) -> list[str]:  # noqa: ANN401
    return [label for label in view.distinct("changes.detections.label") if label not in KINDS][:20]


def _labelled(view: Any, label: str) -> Any:  # noqa: ANN401
    from fiftyone import ViewField as F

    return view.filter_labels("changes", F("label") == label)
