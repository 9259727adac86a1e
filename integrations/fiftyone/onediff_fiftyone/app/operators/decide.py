"""Operators that decide about pairs and regions, and take that back."""

from __future__ import annotations

from typing import Any

from fiftyone.operators import types

from onediff_fiftyone import deciding, history, paging, schema
from onediff_fiftyone.app.context import asked_regions, asked_samples, who
from onediff_fiftyone.app.operators.form import ReviewOperator, reload, warn


class _Decision(ReviewOperator):
    """Operators that decide about selected pairs or regions."""

    def ask(self, ctx: Any, form: types.Object) -> None:
        """Say what it will be about."""
        regions, samples = asked_regions(ctx), ctx.selected or ([ctx.current_sample] if ctx.current_sample else [])
        if regions:
            form.view("about", types.Notice(label=f"{len(regions)} selected regions"))
        elif samples:
            form.view("about", types.Notice(label=f"{len(samples)} pairs"))
        else:
            warn(
                form,
                "Nothing is selected",
                "Select pairs in the grid, or regions in the sample viewer, or open a pair.",
            )

    def decide(self, ctx: Any, action: str, value: str) -> dict[str, Any]:
        """Write the decision and show it."""
        decision = history.Decision(action=action, value=value, regions=tuple(asked_regions(ctx)), by=who(ctx))
        samples = deciding.decide(ctx.dataset, asked_samples(ctx), decision)
        reload(ctx)
        return {"samples": [sample.id for sample in samples], "value": value}


class Accept(_Decision):
    """Accept pairs or regions."""

    name_, label, icon = "accept", "Accept", "check"
    about = "The selected regions, or the selected pairs, are right"

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: sample_ids, region_ids; the selection without them."""
        return self.decide(ctx, history.REVIEWED, schema.ACCEPTED)


class Reject(_Decision):
    """Reject pairs or regions."""

    name_, label, icon = "reject", "Reject", "close"
    about = "The selected regions, or the selected pairs, are wrong"

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: sample_ids, region_ids; the selection without them."""
        return self.decide(ctx, history.REVIEWED, schema.REJECTED)


class Undo(ReviewOperator):
    """Take back the last decision."""

    name_, label, icon = "undo", "Undo", "undo"
    about = "Take back the last decision about the open pair, or of the dataset"

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: sample_id; the pair that was decided last without it."""
        sample_id = ctx.params.get("sample_id") or ctx.current_sample
        sample = deciding.undo(ctx.dataset, sample_id)
        reload(ctx)
        return {"sample": sample.id, "pair": sample[schema.PAIR_ID]}


class EditCaption(_Decision):
    """Rewrite a caption."""

    name_, label, icon = "edit_caption", "Edit caption", "edit"
    about = "Write what differs in your own words; the model's stay in model_caption"

    def ask(self, ctx: Any, form: types.Object) -> None:
        """The caption."""
        super().ask(ctx, form)
        form.str("caption", label="Caption", required=True, view=types.TextFieldView(multiline=True))

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: caption, sample_ids, region_ids."""
        return self.decide(ctx, history.CAPTIONED, ctx.params["caption"])


class Relabel(_Decision):
    """Give regions another label."""

    name_, label, icon = "relabel", "Label regions", "label"
    about = "Give the selected regions another label; the found one stays in model_label"

    def ask(self, ctx: Any, form: types.Object) -> None:
        """The label: one that is there, or a new one."""
        super().ask(ctx, form)
        choices = types.AutocompleteView(allow_user_input=True)
        for label in paging.labels_of(ctx.dataset, most=50):
            choices.add_choice(label, label=label)
        form.str("label", label="Label", required=True, view=choices)

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: label, region_ids, sample_ids."""
        return self.decide(ctx, history.RELABELLED, ctx.params["label"])
