"""Operators that say and write what came of a review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fiftyone.operators import types

from onediff_fiftyone import deciding
from onediff_fiftyone.accepted import accepted_pairs
from onediff_fiftyone.app.context import asked_pairs
from onediff_fiftyone.app.operators.form import LongOperator, ReviewOperator, told
from onediff_fiftyone.exporting import WRITERS, export_accepted
from onediff_fiftyone.summarising import summarise

TRAINING = "Training records"


class ExportReviewed(LongOperator):
    """Write what was accepted."""

    name_, label, icon = "export_reviewed", "Export accepted", "file_download"
    about = "Write what was accepted as GeoJSON, GeoParquet, COCO or training records"

    def ask(self, ctx: Any, form: types.Object) -> None:
        """Format and place."""
        formats = types.RadioGroup()
        for name, (suffix, _) in WRITERS.items():
            formats.add_choice(name, label=f"{name} ({suffix})")
        formats.add_choice(TRAINING, label=f"{TRAINING} (a folder)")
        form.enum("format", formats.values(), label="Format", required=True, view=formats, default="GeoJSON")
        form.str("path", label="Path", required=True, description="On the machine where FiftyOne runs")
        self.ask_where(form)

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: format, path, sample_ids; all of the view without the last."""
        deciding.check_ours(ctx.dataset)
        path = Path(ctx.params["path"]).expanduser()
        if ctx.params["format"] == TRAINING:
            return _training(asked_pairs(ctx), path)
        done = export_accepted(accepted_pairs(asked_pairs(ctx)), ctx.params["format"], path)
        return {"path": str(done.path), "pairs": done.pairs, "regions": done.regions, "left_out": done.left_out}

    def resolve_output(self, ctx: Any) -> types.Property:
        """What was written."""
        found = ctx.results or {}
        regions = "" if found.get("regions") is None else f", {found['regions']} regions"
        lines = [f"`{found.get('path')}`: {found.get('pairs')} pairs{regions}.", *(found.get("text") or ())]
        if found.get("left_out"):
            lines.append(f"{found['left_out']} accepted pairs are left out: they have no georeference.")
        return told("Exported", "\n\n".join(lines))


class Summarise(ReviewOperator):
    """How the review stands."""

    name_, label, icon = "summarise", "Summary", "summarize"
    about = "How many pairs and regions of this view are pending, accepted and rejected"

    def execute(self, ctx: Any) -> dict[str, Any]:
        """No parameters: it is about the view."""
        found = summarise(ctx.view)
        return {**found.as_values(), "text": found.as_markdown()}

    def resolve_output(self, ctx: Any) -> types.Property:
        """Tables."""
        return told("Review of this view", (ctx.results or {}).get("text", ""))


def _training(view: Any, path: Path) -> dict[str, Any]:
    from onediff_fiftyone.loop.records import training_records

    done = training_records(view, path, aligned=True)  # heads learn from pairs on one grid
    return {"path": str(path), "pairs": done.kept, "text": list(done.lines())}
