"""The operators: what the panel does, for scripts and for FiftyOne's own browser of operators, and what takes longer.

From Python: `foo.execute_operator("@onediff/review/accept", {"dataset": dataset}, params={"sample_ids": [...]})`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from onediff_fiftyone import deciding, paging, schema
from onediff_fiftyone.accepted import accepted_pairs
from onediff_fiftyone.app.context import asked_pairs, asked_regions, asked_samples, who
from onediff_fiftyone.comparing import compare_runs
from onediff_fiftyone.exporting import WRITERS, export_accepted
from onediff_fiftyone.opening import is_ours
from onediff_fiftyone.rerunning import Rerun, rerun
from onediff_fiftyone.summarising import summarise

TRAINING = "Training records"


class _ReviewOperator(foo.Operator):  # type: ignore[misc]  # fiftyone ships no types
    """What all have in common: a name, a label, and that a dataset of another kind is told so in the form."""

    name_: ClassVar[str]
    label: ClassVar[str]
    about: ClassVar[str]
    icon: ClassVar[str]
    delegated: ClassVar[bool] = False

    @property
    def config(self) -> foo.OperatorConfig:
        """Name, label and how it may run."""
        return foo.OperatorConfig(
            name=self.name_,
            label=f"Change review: {self.label}",
            description=self.about,
            icon=self.icon,
            dynamic=True,
            allow_immediate_execution=True,
            allow_delegated_execution=self.delegated,
        )

    def resolve_input(self, ctx: Any) -> types.Property:
        """The form; empty where nothing can be asked."""
        form = types.Object()
        if ctx.dataset is None or not is_ours(ctx.dataset):
            _warn(
                form, "This dataset holds no compared pairs", "Make one with `onediff review RESULTS --dataset NAME`."
            )
        else:
            self.ask(ctx, form)
        return types.Property(form, view=types.View(label=self.label))

    def ask(self, ctx: Any, form: types.Object) -> None:
        """Add the fields."""


class _Decision(_ReviewOperator):
    """Operators that decide about selected pairs or regions."""

    def ask(self, ctx: Any, form: types.Object) -> None:
        """Say what it will be about."""
        regions, samples = asked_regions(ctx), ctx.selected or ([ctx.current_sample] if ctx.current_sample else [])
        if regions:
            form.view("about", types.Notice(label=f"{len(regions)} selected regions"))
        elif samples:
            form.view("about", types.Notice(label=f"{len(samples)} pairs"))
        else:
            _warn(
                form,
                "Nothing is selected",
                "Select pairs in the grid, or regions in the sample viewer, or open a pair.",
            )

    def decide(self, ctx: Any, action: str, value: str) -> dict[str, Any]:
        """Write the decision and show it."""
        decision = deciding.Decision(action=action, value=value, regions=tuple(asked_regions(ctx)), by=who(ctx))
        samples = deciding.decide(ctx.dataset, asked_samples(ctx), decision)
        _reload(ctx)
        return {"samples": [sample.id for sample in samples], "value": value}


class Accept(_Decision):
    """Accept pairs or regions."""

    name_, label, icon = "accept", "Accept", "check"
    about = "The selected regions, or the selected pairs, are right"

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: sample_ids, region_ids; the selection without them."""
        return self.decide(ctx, deciding.REVIEWED, schema.ACCEPTED)


class Reject(_Decision):
    """Reject pairs or regions."""

    name_, label, icon = "reject", "Reject", "close"
    about = "The selected regions, or the selected pairs, are wrong"

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: sample_ids, region_ids; the selection without them."""
        return self.decide(ctx, deciding.REVIEWED, schema.REJECTED)


class Undo(_ReviewOperator):
    """Take back the last decision."""

    name_, label, icon = "undo", "Undo", "undo"
    about = "Take back the last decision about the open pair, or of the dataset"

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: sample_id; the pair that was decided last without it."""
        sample_id = ctx.params.get("sample_id") or ctx.current_sample
        sample = deciding.undo(ctx.dataset, sample_id)
        _reload(ctx)
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
        return self.decide(ctx, deciding.CAPTIONED, ctx.params["caption"])


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
        return self.decide(ctx, deciding.RELABELLED, ctx.params["label"])


class RerunPairs(_ReviewOperator):
    """Compare pairs again."""

    name_, label, icon, delegated = "rerun", "Compare again", "refresh", True
    about = "Compare pairs with another detector, head or threshold; the answer lies beside the first one"

    def resolve_delegation(self, ctx: Any) -> bool | None:
        """Many pairs go to whoever runs `fiftyone delegated launch`."""
        return bool(ctx.params.get("delegate"))

    def ask(self, ctx: Any, form: types.Object) -> None:
        """Which pairs, and what is different this time."""
        from onediff_plugins import Host

        detectors = types.DropdownView()
        for name, model in sorted(Host().models().items()):
            if "detect" in model.roles:
                detectors.add_choice(name, label=name)
        form.str("detector", label="Detector", description="The domain's own unless chosen", view=detectors)
        form.str("head", label="Head", description="Name or folder of a head, such as one that you trained")
        form.float(
            "threshold", label="Threshold", min=0.01, max=1.0, description="Score from which a place counts as changed"
        )
        form.str("name", label="Name of the run", description="Made of the above unless given")
        count = len(ctx.selected) or asked_pairs(ctx).count()
        form.bool("delegate", label="In the background", default=count > 50, description=_DELEGATED)
        form.view(
            "about", types.Notice(label=f"{count} pairs: {'the selected ones' if ctx.selected else 'all of this view'}")
        )

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: detector, head or heads, threshold, name, sample_ids."""
        heads = tuple(ctx.params.get("heads") or ([ctx.params["head"]] if ctx.params.get("head") else []))
        how = Rerun(
            detector=ctx.params.get("detector") or None,
            heads=heads,
            threshold=ctx.params.get("threshold"),
            name=ctx.params.get("name") or None,
        )
        view = asked_pairs(ctx)
        grouped = view.media_type == "group"
        samples = list(view.select_group_slices(schema.AFTER) if grouped else view)
        done = rerun(ctx.dataset, samples, how, lambda at, of: ctx.set_progress(at / of, label=f"{at} of {of}"))
        _reload(ctx, fields=True)
        agreement = None if done.agreement is None else round(done.agreement, 4)
        return {"field": done.field, "done": done.done, "failed": done.failed, "agreement": agreement}

    def resolve_output(self, ctx: Any) -> types.Property:
        """What came of it."""
        found = ctx.results or {}
        lines = [f"{found.get('done', 0)} pairs compared; their regions are in the field `{found.get('field')}`."]
        if found.get("agreement") is not None:
            lines.append(f"They agree with what was found before by an F1 of {found['agreement']:.2f}.")
        lines += [f"Failed: {pair}: {why}" for pair, why in list((found.get("failed") or {}).items())[:20]]
        return _told("Compared again", "\n\n".join(lines))


_DELEGATED = "Queued for `fiftyone delegated launch`, which must be running somewhere"


class CompareRuns(_ReviewOperator):
    """Put another run beside this one."""

    name_, label, icon, delegated = "compare_runs", "Compare two runs", "difference", True
    about = "What another run found on the same pairs, beside what this one found"

    def resolve_delegation(self, ctx: Any) -> bool | None:
        """As the form says."""
        return bool(ctx.params.get("delegate"))

    def ask(self, ctx: Any, form: types.Object) -> None:
        """The other dataset."""
        others = types.DropdownView()
        names = [name for name, info in _review_datasets() if name != ctx.dataset.name]
        for name in names:
            others.add_choice(name, label=name)
        if not names:
            _warn(form, "There is no other run", "Import one: `onediff review OTHER_RESULTS --dataset OTHER_NAME`.")
        form.str("other", label="The other run", required=True, view=others)
        form.str("name", label="Its name", description="The dataset's unless given")
        form.bool("delegate", label="In the background", default=False, description=_DELEGATED)

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: other (a dataset's name), name."""
        other = ctx.params["other"]
        if not fo.dataset_exists(other):
            raise deciding.DecisionError(f"there is no dataset {other!r}: import the other run with `onediff review`")
        done = compare_runs(ctx.view, fo.load_dataset(other), ctx.params.get("name") or None)
        _reload(ctx, fields=True)
        return done.as_values()

    def resolve_output(self, ctx: Any) -> types.Property:
        """Counts, and where to look."""
        found = ctx.results or {}
        lines = [f"**{found.get('pairs', 0)} pairs** in both runs"]
        lines += [f"- {count} {verdict}" for verdict, count in (found.get("verdicts") or {}).items()]
        lines.append(
            f"**Regions**: {found.get('regions_both', 0)} in both, {found.get('regions_only_here', 0)} only here, "
            f"{found.get('regions_only_there', 0)} only there"
        )
        if found.get("decided"):
            lines.append("**Of decided regions**: " + ", ".join(f"{n} {what}" for what, n in found["decided"].items()))
        lines.append(f"Sort by `{found.get('field')}_agreement` to see where they differ most.")
        return _told("Two runs", "\n\n".join(lines))


class ExportReviewed(_ReviewOperator):
    """Write what was accepted."""

    name_, label, icon, delegated = "export_reviewed", "Export accepted", "file_download", True
    about = "Write what was accepted as GeoJSON, GeoParquet, COCO or training records"

    def resolve_delegation(self, ctx: Any) -> bool | None:
        """As the form says."""
        return bool(ctx.params.get("delegate"))

    def ask(self, ctx: Any, form: types.Object) -> None:
        """Format and place."""
        formats = types.RadioGroup()
        for name, (suffix, _) in WRITERS.items():
            formats.add_choice(name, label=f"{name} ({suffix})")
        formats.add_choice(TRAINING, label=f"{TRAINING} (a folder)")
        form.enum("format", formats.values(), label="Format", required=True, view=formats, default="GeoJSON")
        form.str("path", label="Path", required=True, description="On the machine where FiftyOne runs")
        form.bool("delegate", label="In the background", default=False, description=_DELEGATED)

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
        return _told("Exported", "\n\n".join(lines))


class Summarise(_ReviewOperator):
    """How the review stands."""

    name_, label, icon = "summarise", "Summary", "summarize"
    about = "How many pairs and regions of this view are pending, accepted and rejected"

    def execute(self, ctx: Any) -> dict[str, Any]:
        """No parameters: it is about the view."""
        found = summarise(ctx.view)
        return {**found.as_values(), "text": found.as_markdown()}

    def resolve_output(self, ctx: Any) -> types.Property:
        """Tables."""
        return _told("Review of this view", (ctx.results or {}).get("text", ""))


OPERATORS = (Accept, Reject, Undo, EditCaption, Relabel, RerunPairs, CompareRuns, ExportReviewed, Summarise)


def _warn(form: types.Object, label: str, what: str) -> None:
    form.view("warning", types.Warning(label=label, description=what))


def _told(label: str, markdown: str) -> types.Property:
    output = types.Object()
    output.str("text", default=markdown, view=types.MarkdownView(read_only=True))
    return types.Property(output, view=types.View(label=label))


def _reload(ctx: Any, *, fields: bool = False) -> None:
    """Show what changed. A queue has no App to show it in; a script gets it as a message, which it may ignore."""
    if ctx.delegated:
        return
    (ctx.ops.reload_dataset if fields else ctx.ops.reload_samples)()


def _review_datasets() -> list[tuple[str, dict[str, Any]]]:
    return [
        (info["name"], info)
        for info in fo.list_datasets(info=True)
        if schema.INFO in (fo.load_dataset(info["name"]).info or {})
    ]


def _training(view: Any, path: Path) -> dict[str, Any]:
    from onediff_fiftyone.loop.records import training_records

    done = training_records(view, path, aligned=True)  # heads learn from pairs on one grid
    return {"path": str(path), "pairs": done.kept, "text": list(done.lines())}
