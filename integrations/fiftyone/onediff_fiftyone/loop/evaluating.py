"""`evaluate_changes`: what a run found and said, against what is true, kept by FiftyOne as an evaluation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onediff_fiftyone import schema
from onediff_fiftyone.loop import columns
from onediff_fiftyone.loop.reviewed import after_samples
from onediff_fiftyone.loop.scores import ChangeScores, Counted
from onediff_fiftyone.loop.truth import decided_truths, listed_truths
from onediff_plugins.errors import MissingDependencyError, OneDiffError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from onediff_core.evaluation.references import References
    from onediff_fiftyone.loop.truth import Truth

IOU: Final = 0.5
TRUTH: Final = "truth"


class EvaluationError(OneDiffError):
    """There is nothing to evaluate against, or no such way to evaluate."""


def evaluate_changes(
    dataset_or_view: Any,  # noqa: ANN401  # fiftyone has no types
    truth: str | os.PathLike[str] | References | None = None,
    *,
    field: str = schema.CHANGES,
    eval_key: str = "eval",
    iou: float = IOU,
    by: str = "place",
    truth_field: str = TRUTH,
) -> ChangeScores:
    """Score a run, and write on each region and pair how it fared.

    Regions get `EVAL_KEY` (tp, fp, fn; "ignored" where the truth says nothing, "drawn" where a person drew them),
    `EVAL_KEY_id` and `EVAL_KEY_iou`; pairs get `EVAL_KEY_tp`, `_fp` and `_fn`, and, of `changes`, `_mask_iou`,
    `_mask_f1`, `_verdict` ("right", "missed", "false alarm"), `_meteor` and `_caption_agrees`. True regions go to the
    field `truth`. It is one of FiftyOne's own evaluations: the App's panel "Model Evaluation" shows it.

    Args:
        dataset_or_view: of `onediff review`; of a view, its pairs alone.
        truth: a list or folder of pairs whose ids are those of the run, such as `training_records` writes; None takes
            what people decided in this dataset.
        field: of the found regions: `changes`, or `run_NAME` of another run. Masks, verdicts and captions are those of
            `changes`, and are not scored with another field.
        eval_key: name of the evaluation; one of that name is replaced.
        iou: of two boxes, from which they can be the same region.
        by: what has to agree besides the place: "place" (nothing), "kind" or "label".
        truth_field: for the true regions.

    Returns:
        The scores.

    Raises:
        EvaluationError: of no pair anything is known, the field holds no regions, or there is no such `by`.
        MissingDependencyError: onediff-core is not installed.
    """
    if by not in columns.WAYS:
        raise EvaluationError(f"regions are matched by {', '.join(columns.WAYS)}, not by {by!r}")
    if not eval_key.isidentifier():
        raise EvaluationError(f"{eval_key!r} cannot be the name of an evaluation: letters, digits and _ only")
    _check_core()
    view = after_samples(dataset_or_view)
    dataset = view._dataset  # what the fields are declared on
    if dataset.get_field(f"{field}.detections") is None:
        raise EvaluationError(f"{dataset.name!r} has no regions in a field {field!r}")
    if eval_key in dataset.list_evaluations():
        dataset.delete_evaluation(eval_key)
    if left := columns.columns_of(dataset, eval_key):  # of one without regions, which FiftyOne does not know
        dataset.delete_sample_fields(left)
    run = _Run(dataset=dataset, view=view, found=field, key=eval_key)
    run.look(_truths(dataset_or_view, truth, view))
    return run.scores(truth_field, iou, by)


def _truths(dataset_or_view: Any, truth: Any, view: Any) -> Iterable[tuple[str, Truth]]:  # noqa: ANN401
    if truth is None:
        return decided_truths(dataset_or_view)
    from onediff_core.evaluation.references import References

    references = truth if isinstance(truth, References) else References(Path(truth))
    return listed_truths(references, set(view.values(schema.PAIR_ID)))


def _check_core() -> None:
    try:
        import onediff_core  # noqa: F401
    except ModuleNotFoundError as exc:
        raise MissingDependencyError("onediff_core", "evaluation", "onediff-core") from exc


@dataclass
class _Run:
    """One evaluation on its way: what was looked at, by id of the after sample."""

    dataset: Any
    view: Any
    found: str
    key: str
    truths: dict[str, Truth] = field(default_factory=dict)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    pixels: list[tuple[int, int, int]] = field(default_factory=list)
    said: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def look(self, truths: Iterable[tuple[str, Truth]]) -> None:
        """Score pair by pair; masks are read here and not kept."""
        names = [schema.PAIR_ID, "id", f"{schema.CHANGE_MASK}.mask_path", schema.CHANGED, schema.MODEL_CAPTION]
        rows = {row[0]: row[1:] for row in zip(*self.view.values(names), strict=True)}
        for pair_id, truth in truths:
            sample_id, mask, changed, caption = rows[pair_id]
            self.truths[sample_id] = truth
            if self.found != schema.CHANGES:
                continue
            self._verdict(sample_id, changed, truth)
            self._mask(sample_id, mask, truth)
            self._caption(sample_id, caption or "", truth)
        if not self.truths:
            raise EvaluationError(
                f"nothing is known of the {len(rows)} pairs of {self.dataset.name!r}: decide about some, or name a "
                "list of pairs with the same ids"
            )

    def scores(self, truth_field: str, iou: float, by: str) -> ChangeScores:
        """Write what was found, have FiftyOne match regions, and sum it all up."""
        captions = self._captions()
        self._write()
        regions, kinds, results = self._regions(truth_field, iou, by)
        told = self.numbers.get(columns.VERDICT, {})
        known = [(bool(self.truths[one].changed), verdict == "right") for one, verdict in told.items()]
        ious = list(self.numbers.get(columns.MASK_IOU, {}).values())
        return ChangeScores(
            eval_key=self.key,
            pairs=len(self.truths),
            regions=regions,
            pixels=_summed(self.pixels) if self.pixels else None,
            mean_iou=float(np.mean(ious)) if ious else None,
            right=sum(right for _, right in known),
            still=(sum(not changed for changed, _ in known), sum(right for changed, right in known if not changed)),
            changed=(sum(changed for changed, _ in known), sum(right for changed, right in known if changed)),
            captions=captions,
            kinds=kinds,
            notes=[f"{count} {what}" for what, count in self.notes.items()],
            results=results,
        )

    def _set(self, name: str, sample_id: str, value: Any) -> None:  # noqa: ANN401
        self.numbers.setdefault(name, {})[sample_id] = value

    def _verdict(self, sample_id: str, said: bool | None, truth: Truth) -> None:
        if truth.changed is not None:
            right = said is truth.changed
            self._set(columns.VERDICT, sample_id, "right" if right else "missed" if truth.changed else "false alarm")

    def _mask(self, sample_id: str, path: str | None, truth: Truth) -> None:
        from onediff_core.data.record import grey
        from onediff_core.evaluation.counting import f1, pair_iou, pixel_counts

        if truth.mask is None or path is None:
            return
        found = grey(Path(path)) > 0
        if found.shape != truth.mask.shape:
            self.notes["masks of another size than the truth's are not scored"] += 1
            return
        counts = pixel_counts(found, truth.mask, truth.scored)
        self.pixels.append(counts)
        self._set(columns.MASK_IOU, sample_id, pair_iou(*counts))
        value = f1(*counts)
        self._set(columns.MASK_F1, sample_id, 1.0 if value is None else value)

    def _caption(self, sample_id: str, said: str, truth: Truth) -> None:
        from onediff_core.evaluation.said import says_nothing_changed

        if truth.changed is not None:
            self._set(columns.CAPTION_AGREES, sample_id, says_nothing_changed(said) is not truth.changed)
        if truth.captions:
            self.said[sample_id] = said, truth.captions

    def _captions(self) -> dict[str, float]:
        """METEOR of each pair with captions, and the means of all that is known of captions."""
        from onediff_core.errors import EvaluationError as NoToolsError
        from onediff_core.evaluation.captions import meteor, scoring

        if self.said:
            said, captions = [one for one, _ in self.said.values()], [some for _, some in self.said.values()]
            try:
                found = scoring.scored(scoring.Tools.here(), captions, {"run": said})["run"]
            except NoToolsError as error:
                self.notes[f"captions without METEOR: {error}"] += len(said)
            else:
                for sample_id, counts in zip(self.said, found.meteor_counts, strict=True):
                    self._set(columns.METEOR, sample_id, meteor.score(counts))
        known = {"METEOR": columns.METEOR, "agree with the truth that it changed or not": columns.CAPTION_AGREES}
        return {
            title: float(np.mean(list(self.numbers[name].values())))
            for title, name in known.items()
            if name in self.numbers
        }

    def _write(self) -> None:
        import fiftyone as fo

        types = {columns.VERDICT: fo.StringField, columns.CAPTION_AGREES: fo.BooleanField}
        for name, values in self.numbers.items():
            self.dataset.add_sample_field(f"{self.key}_{name}", types.get(name, fo.FloatField))
            self.view.set_values(f"{self.key}_{name}", values, key_field="id")

    def _regions(self, truth_field: str, iou: float, by: str) -> tuple[Counted | None, Counter[tuple[str, str]], Any]:
        listed = {one: truth for one, truth in self.truths.items() if truth.regions is not None}
        if not listed:
            return None, Counter(), None
        from onediff_fiftyone.loop.marking import mark_unscored, write_truth
        from onediff_fiftyone.loop.matching import ChangeMatchingConfig
        from onediff_fiftyone.loop.metrics import installed

        view = self.view.select(list(listed))
        write_truth(self.dataset, view, truth_field, listed)
        mark_unscored(self.dataset, view, self.found, self.key, listed)
        results = view.evaluate_detections(
            self.found,
            gt_field=truth_field,
            eval_key=self.key,
            method=ChangeMatchingConfig,
            iou=iou,
            by=by,
            custom_metrics=installed() or None,
            progress=False,
        )
        counts = [view.sum(f"{self.key}_{name}") for name in ("tp", "fp", "fn")]
        regions = Counted(hits=int(counts[0]), false=int(counts[1]), missed=int(counts[2]))
        return regions, _kinds(view, self.found, truth_field, results), results


def _summed(counts: Sequence[tuple[int, int, int]]) -> Counted:
    hits, false, missed = (sum(some) for some in zip(*counts, strict=True))
    return Counted(hits=hits, false=false, missed=missed)


def _kinds(view: Any, found: str, truth: str, results: Any) -> Counter[tuple[str, str]]:  # noqa: ANN401
    """(true kind, found kind) of matched regions whose true kind is known."""
    kinds: dict[str, str | None] = {}
    for name in (found, truth):
        ids, said = view.values([f"{name}.detections.id", f"{name}.detections.{schema.KIND}"], unwind=True)
        kinds |= dict(zip(ids, said, strict=True))
    both = [
        (kinds.get(true), kinds.get(one))
        for true, one in zip(results.ytrue_ids, results.ypred_ids, strict=True)
        if true is not None and one is not None
    ]
    return Counter((str(true), str(one)) for true, one in both if true and one)
