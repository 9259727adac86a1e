"""What an operator or panel is asked about: who asks, which pairs, which regions."""

from __future__ import annotations

from typing import Any

from onediff_fiftyone import schema
from onediff_fiftyone.deciding import after_samples
from onediff_fiftyone.history import DecisionError


def asked_samples(ctx: Any) -> list[str]:
    """Ids of samples: those that the call names, else the selected ones, else the open one.

    Raises:
        DecisionError: none of these.
    """
    named = ctx.params.get("sample_ids") or ctx.params.get("samples")
    found = list(named or ctx.selected or ([ctx.current_sample] if ctx.current_sample else []))
    if not found:
        raise DecisionError("no pair was named: select some in the grid, or open one")
    return found


def asked_regions(ctx: Any) -> list[str]:
    """Ids of regions: those that the call names, else the selected labels of `changes`; none where a pair is meant."""
    named = ctx.params.get("region_ids")
    if named is not None:
        return list(named)
    if ctx.params.get("sample_ids"):
        return []
    return [one["label_id"] for one in ctx.selected_labels or [] if one.get("field") == schema.CHANGES]


def asked_pairs(ctx: Any) -> Any:
    """A view of pairs: the named or selected ones, else all of the current view."""
    named = ctx.params.get("sample_ids") or ctx.selected
    if not named:
        return ctx.view
    return ctx.dataset.select([sample.id for sample in after_samples(ctx.dataset, list(named))])


def who(ctx: Any) -> str | None:
    """Who asks, where FiftyOne knows it; the open source edition has no users."""
    user: str | None = ctx.user_id
    return user


def open_group(ctx: Any) -> str | None:
    """The pair that is open in the sample viewer, whichever of its slices is shown there."""
    if not ctx.current_sample:
        return None
    try:
        return str(ctx.dataset[ctx.current_sample][schema.PAIR].id)
    except (KeyError, AttributeError):
        return None  # a sample of another dataset, just before the page changes over
