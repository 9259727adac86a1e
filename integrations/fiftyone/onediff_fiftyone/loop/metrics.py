"""What FiftyOne's own evaluation does not say of pairs, as metrics that its App shows beside the others."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import fiftyone.operators as foo

from onediff_fiftyone.loop.columns import CAPTION_AGREES, MASK_IOU, METEOR, VERDICT

_PLUGIN: Final = "@onediff/review"


class _PairMetric(foo.EvaluationMetric):  # type: ignore[misc]  # fiftyone ships no types
    """The mean of a number that `evaluate_changes` wrote on each pair."""

    name_: ClassVar[str]
    label: ClassVar[str]
    about: ClassVar[str]
    column: ClassVar[str]

    @property
    def config(self) -> foo.EvaluationMetricConfig:
        """Name and direction."""
        return foo.EvaluationMetricConfig(
            name=self.name_,
            label=self.label,
            description=self.about,
            eval_types=["detection"],
            lower_is_better=False,
            unlisted=True,
        )

    def compute(self, samples: Any, results: Any, **_: Any) -> float | None:  # noqa: ANN401
        """The mean over the pairs that have one; None where none has."""
        if samples.get_field(self.field(results.key)) is None:
            return None
        known = [self.number(value) for value in samples.values(self.field(results.key)) if value is not None]
        return sum(known) / len(known) if known else None

    def field(self, eval_key: str) -> str:
        """Where the number is."""
        return f"{eval_key}_{self.column}"

    def number(self, value: Any) -> float:  # noqa: ANN401
        """What it counts as."""
        return float(value)


class MaskIou(_PairMetric):
    """Masks."""

    name_, label, column = "mask_iou", "Mean pair IoU of masks", MASK_IOU
    about = "Intersection over union of found and true mask, a mean over pairs; two empty masks agree"


class VerdictAccuracy(_PairMetric):
    """Verdicts."""

    name_, label, column = "verdict_accuracy", "Right verdicts", VERDICT
    about = "Share of the pairs that were rightly said to be changed, or not to be"

    def number(self, value: Any) -> float:  # noqa: ANN401
        """Right or not."""
        return float(value == "right")


class CaptionMeteor(_PairMetric):
    """Captions."""

    name_, label, column = "caption_meteor", "METEOR of captions", METEOR
    about = "A mean over pairs, in [0, 1]"


class CaptionAgreement(_PairMetric):
    """Captions, as verdicts."""

    name_, label, column = "caption_agreement", "Captions that agree", CAPTION_AGREES
    about = "Share of the captions that say that nothing changed where that is so, and something else elsewhere"


METRICS: Final = (MaskIou, VerdictAccuracy, CaptionMeteor, CaptionAgreement)


def installed() -> list[str]:
    """Addresses of the metrics, where FiftyOne has the plugin (`onediff fiftyone install`); else none."""
    found = [f"{_PLUGIN}/{metric.name_}" for metric in METRICS]
    return [uri for uri in found if foo.operator_exists(uri)]
