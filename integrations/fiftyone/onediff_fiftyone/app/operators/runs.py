"""Operators that put another run beside this one."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from onediff_fiftyone import schema
from onediff_fiftyone.app.context import asked_pairs
from onediff_fiftyone.app.operators.form import LongOperator, reload, told, warn
from onediff_fiftyone.comparing import compare_runs
from onediff_fiftyone.history import DecisionError
from onediff_fiftyone.rerunning import Rerun, rerun


class RerunPairs(LongOperator):
    """Compare pairs again."""

    name_, label, icon = "rerun", "Compare again", "refresh"
    about = "Compare pairs with another detector, head or threshold; the answer lies beside the first one"

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
        self.ask_where(form, queue=count > 50)
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
        reload(ctx, fields=True)
        agreement = None if done.agreement is None else round(done.agreement, 4)
        return {"field": done.field, "done": done.done, "failed": done.failed, "agreement": agreement}

    def resolve_output(self, ctx: Any) -> types.Property:
        """What came of it."""
        found = ctx.results or {}
        lines = [f"{found.get('done', 0)} pairs compared; their regions are in the field `{found.get('field')}`."]
        if found.get("agreement") is not None:
            lines.append(f"They agree with what was found before by an F1 of {found['agreement']:.2f}.")
        lines += [f"Failed: {pair}: {why}" for pair, why in list((found.get("failed") or {}).items())[:20]]
        return told("Compared again", "\n\n".join(lines))


class CompareRuns(LongOperator):
    """Put another run beside this one."""

    name_, label, icon = "compare_runs", "Compare two runs", "difference"
    about = "What another run found on the same pairs, beside what this one found"

    def ask(self, ctx: Any, form: types.Object) -> None:
        """The other dataset."""
        others = types.DropdownView()
        names = [name for name, info in _review_datasets() if name != ctx.dataset.name]
        for name in names:
            others.add_choice(name, label=name)
        if not names:
            warn(form, "There is no other run", "Import one: `onediff review OTHER_RESULTS --dataset OTHER_NAME`.")
        form.str("other", label="The other run", required=True, view=others)
        form.str("name", label="Its name", description="The dataset's unless given")
        self.ask_where(form)

    def execute(self, ctx: Any) -> dict[str, Any]:
        """Parameters: other (a dataset's name), name."""
        other = ctx.params["other"]
        if not fo.dataset_exists(other):
            raise DecisionError(f"there is no dataset {other!r}: import the other run with `onediff review`")
        done = compare_runs(ctx.view, fo.load_dataset(other), ctx.params.get("name") or None)
        reload(ctx, fields=True)
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
        return told("Two runs", "\n\n".join(lines))


def _review_datasets() -> list[tuple[str, dict[str, Any]]]:
    return [
        (info["name"], info)
        for info in fo.list_datasets(info=True)
        if schema.INFO in (fo.load_dataset(info["name"]).info or {})
    ]
