"""Stills of a camera in FiftyOne: how far the camera moved, views of what came and went, colours of an alarm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from onediff_plugins.reviewing import colour_values, holds_domain, is_all_of, save_views, set_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOMAIN: Final = "surveillance"
_SHIFT: Final = "camera_shift_px"
_SHAKY_PX: Final = 2.0  # more than wind does to a firm mast
_COLOURS: Final = {"added": "#cf222e", "removed": "#0068ac", "changed": "#b58900", "moved": "#9e4682"}


def set_up(dataset: Any) -> None:  # noqa: ANN401  # fiftyone stays optional
    """Add what stills of one camera have of their own.

    Args:
        dataset: FiftyOne dataset of results.
    """
    if not holds_domain(dataset, _DOMAIN):
        return
    from fiftyone import ViewField as F  # what everybody calls it

    set_numbers(
        dataset, _DOMAIN, _SHIFT, ["registration_matrix"], _shift, about="How far the picture's corner moved, in px"
    )
    ours = dataset.match(F("domain") == _DOMAIN)
    came, went = (ours.filter_labels("changes", F("kind") == kind) for kind in ("added", "removed"))
    views = [
        ("came", came, "Something is there that was not"),
        ("gone", went, "Something is no longer there"),
        ("undecided", ours.match(~F("changed").is_in([True, False])), "Could not be compared: the reason says why"),
    ]
    if dataset.get_field(_SHIFT) is not None:
        shaky = ours.match(F(_SHIFT) > _SHAKY_PX).sort_by(_SHIFT, reverse=True)
        views.append(("camera moved", shaky, f"By more than {_SHAKY_PX:g} px between the two pictures"))
    save_views(dataset, views)
    if is_all_of(dataset, _DOMAIN):
        colour_values(dataset, "kind", _COLOURS)


def _shift(matrix: Sequence[float] | None) -> float | None:
    return None if not matrix else round(math.hypot(matrix[2], matrix[5]), 3)
