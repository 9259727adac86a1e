"""The panel "Change review": the Python half, which answers with windows of pairs and writes decisions."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types

from onediff_fiftyone import deciding, history, paging, schema
from onediff_fiftyone.app.context import open_group, who
from onediff_plugins.errors import OneDiffError

HELP = (
    "Goes through the pairs of the current view, strongest change first. Click into the picture, then: **a** accept, "
    "**r** reject, **e** edit caption, **1-9** label, **u** undo, **n** / **p** next and previous, **?** all keys."
)


class ChangeReview(foo.Panel):  # type: ignore[misc]  # fiftyone ships no types
    """Shows pairs and takes decisions; what it shows it fetches through its methods, a window at a time."""

    @property
    def config(self) -> foo.PanelConfig:
        """Name, places and help."""
        return foo.PanelConfig(
            name="change_review", label="Change review", icon="compare", surfaces="grid modal", help_markdown=HELP
        )

    def on_load(self, ctx: Any) -> None:
        """Opened, or the page was loaded again."""
        self._announce(ctx)

    def on_change_view(self, ctx: Any) -> None:
        """Another view or filter: the queue starts anew."""
        self._announce(ctx)

    def on_change_dataset(self, ctx: Any) -> None:
        """Another dataset."""
        self._announce(ctx)

    def on_change_selected(self, ctx: Any) -> None:
        """Selected samples are a queue of their own."""
        ctx.panel.set_data("selected", list(ctx.selected or []))

    def on_change_current_sample(self, ctx: Any) -> None:
        """Another pair is open in the sample viewer."""
        ctx.panel.set_data("current", open_group(ctx))

    def on_change_selected_labels(self, ctx: Any) -> None:
        """A region was selected in the grid or the sample viewer."""
        labels = [one for one in ctx.selected_labels or [] if one.get("field") == schema.CHANGES]
        ctx.panel.set_data("region", labels[-1]["label_id"] if labels else None)

    def start(self, ctx: Any) -> dict[str, Any]:
        """The first window of a queue, with what belongs to the whole of it. Parameters: state, samples, limit."""
        return self._answered(ctx, _start)

    def window(self, ctx: Any) -> dict[str, Any]:
        """The next window. Parameters: state, samples, after {score, sample}, limit."""
        return self._answered(ctx, _window)

    def pair(self, ctx: Any) -> dict[str, Any]:
        """One pair. Parameter: group."""
        return self._answered(ctx, _pair)

    def decide(self, ctx: Any) -> dict[str, Any]:
        """Write a decision. Parameters: sample, action, value, regions."""
        return self._answered(ctx, _decide)

    def undo(self, ctx: Any) -> dict[str, Any]:
        """Take back the last decision. Parameters: sample and entry, or none for the last of the dataset."""
        return self._answered(ctx, _undo)

    def render(self, ctx: Any) -> types.Property:
        """The JavaScript half, with the addresses of the methods above."""
        methods = {name: getattr(self, name) for name in ("start", "window", "pair", "decide", "undo")}
        view = types.View(component="OneDiffChangeReview", composite_view=True, **methods)
        return types.Property(types.Object(), view=view)

    def _announce(self, ctx: Any) -> None:
        """Tell the page which view it goes through; where that is another one, it asks for its pairs.

        Events come more often than the view changes, and nobody shall be thrown back to the first pair by one.
        """
        asked = {
            name: ctx.request_params.get(name) for name in ("dataset_name", "view", "view_name", "filters", "extended")
        }
        ctx.panel.set_data(
            {
                "queue": hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:12],
                "selected": list(ctx.selected or []),
                "current": open_group(ctx),
            }
        )

    @staticmethod
    def _answered(ctx: Any, method: Any) -> dict[str, Any]:
        """An error is told inside the panel; raised, it would take the panel's place."""
        try:
            return dict(method(ctx))
        except OneDiffError as exc:
            return {"problem": str(exc)}


def _queue(ctx: Any) -> paging.Queue:
    deciding.check_ours(ctx.dataset)
    samples = ctx.params.get("samples")
    state = ctx.params.get("state") or paging.EVERY
    return paging.Queue(view=ctx.view, state=state, samples=tuple(samples) if samples else None)


def _start(ctx: Any) -> dict[str, Any]:
    queue = _queue(ctx)
    deciding.prepare(ctx.dataset)
    paging.prepare_order(ctx.dataset)
    return {
        "pairs": queue.window(limit=_limit(ctx)),
        "size": queue.size(),
        "states": paging.states_of(ctx.view),
        "labels": paging.labels_of(ctx.dataset),
    }


def _window(ctx: Any) -> dict[str, Any]:
    after = ctx.params["after"]
    place = paging.Place(score=after["score"], sample=after["sample"])
    return {"pairs": _queue(ctx).window(place, _limit(ctx))}


def _pair(ctx: Any) -> dict[str, Any]:
    deciding.check_ours(ctx.dataset)
    group = ctx.dataset.get_group(ctx.params["group"])
    sample = group.get(schema.AFTER)
    if sample is None:
        raise history.DecisionError("this pair has no after image")
    return {"pairs": paging.shown(ctx.dataset, [sample.id])}


def _decide(ctx: Any) -> dict[str, Any]:
    decision = history.Decision(
        action=ctx.params["action"],
        value=ctx.params["value"],
        regions=tuple(ctx.params.get("regions") or ()),
        by=who(ctx),
    )
    samples = deciding.decide(ctx.dataset, [ctx.params["sample"]], decision)
    return {"pairs": paging.shown(ctx.dataset, [sample.id for sample in samples])}


def _undo(ctx: Any) -> dict[str, Any]:
    sample = deciding.undo(ctx.dataset, ctx.params.get("sample"), ctx.params.get("entry"))
    return {"pairs": paging.shown(ctx.dataset, [sample.id])}


def _limit(ctx: Any) -> int:
    return int(ctx.params.get("limit") or 12)
