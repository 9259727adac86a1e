"""`verdict` and `calibration`: whether a pair changed, and how sure a method is of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.evaluation.counting import area_under_roc, balanced
from onediff_core.evaluation.protocols.base import LeftOutError, Measure, Pairs, Protocol, Scores, ratio_of
from onediff_core.evaluation.said import says_nothing_changed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_core.evaluation.study import Study

BINS: Final = 15
_ONE_CLASS: Final = "all pairs are {}"


def _known(study: Study) -> tuple[list[int], NDArray[np.bool_]]:
    """Pairs of which it is known whether they changed."""
    numbers = [number for number, changed in enumerate(study.changed) if changed is not None]
    if not numbers:
        raise LeftOutError("nothing in the references says whether pairs changed: neither changed, masks nor captions")
    return numbers, np.array([study.changed[number] for number in numbers], bool)


def _verdict(study: Study) -> dict[str, Scores | LeftOutError]:
    numbers, truth = _known(study)
    return {name: _verdict_of(study, name, numbers, truth) for name in study.answers}


def _verdict_of(study: Study, name: str, numbers: list[int], truth: NDArray[np.bool_]) -> Scores | LeftOutError:
    said = [study.verdicts(name)[number] for number in numbers]
    if all(verdict is None for verdict in said):
        return LeftOutError("it gives no verdict, and no caption to read one from")
    right = np.array([verdict is bool(changed) for verdict, changed in zip(said, truth, strict=True)])
    still = ~truth
    no_still, no_changed = "no pair is unchanged", "no pair is changed"
    tnr = ratio_of("TNR", right & still, still, undefined=no_still)
    recall = ratio_of("recall", right & truth, truth, undefined=no_changed)
    flagged = np.array([verdict is True for verdict in said])
    measures = [
        ratio_of("accuracy", right, np.ones(len(numbers)), undefined=""),
        Measure(
            name="balanced accuracy",
            of=lambda pairs: balanced(recall.of(pairs), tnr.of(pairs)),
            undefined=no_still if truth.all() else no_changed,
        ),
        tnr,
        recall,
        ratio_of("precision", right & truth, flagged, undefined="no pair is said to be changed"),
    ]
    scores = [study.answers[name][number].score for number in numbers]
    measures.append(_auc(scores, truth))
    extra = []
    regions = [study.answers[name][number].regions for number in numbers]
    if all(some is not None for some in regions):
        counts = np.array([len(some or ()) for some in regions])
        extra = [ratio_of("regions a still pair", counts * still, still, undefined=no_still)]
    texts = study.captions(name)
    if texts is not None and name in study.judged:
        agrees = [
            says_nothing_changed(texts[number]) is not bool(at) for number, at in zip(numbers, truth, strict=True)
        ]
        extra.append(ratio_of("caption agrees", agrees, np.ones(len(numbers)), undefined=""))
    notes = [] if name in study.judged else ["its verdicts are read from its captions"]
    open_ = sum(verdict is None for verdict in said)
    if open_:
        notes.append(f"{open_} verdicts are left open, which is never right")
    return Scores(
        pairs=numbers,
        measures=[*measures, *extra],
        columns={"changed": said, "verdict_right": right.tolist()},
        notes=notes,
    )


def _auc(scores: list[float | None], truth: NDArray[np.bool_]) -> Measure:
    known = None if any(score is None for score in scores) else np.array(scores, float)

    def of(pairs: Pairs) -> float | None:
        return None if known is None else area_under_roc(known[pairs], truth[pairs])

    one = _ONE_CLASS.format("changed" if truth.all() else "unchanged")
    return Measure(name="AUC", of=of, undefined="answers without a score" if known is None else one)


def _calibration(study: Study) -> dict[str, Scores | LeftOutError]:
    numbers, truth = _known(study)
    return {name: _calibration_of(study, name, numbers, truth) for name in study.answers}


def _calibration_of(study: Study, name: str, numbers: list[int], truth: NDArray[np.bool_]) -> Scores | LeftOutError:
    import torch

    from onediff_core.calibration import expected_calibration_error

    scores = [study.answers[name][number].score for number in numbers]
    if any(score is None for score in scores):
        missing = [study.pairs[number].id for number, score in zip(numbers, scores, strict=True) if score is None]
        if len(missing) == len(scores):
            return LeftOutError("its answers have no score")
        return LeftOutError(f"{len(missing)} answers have no score, the first is of {missing[0]}")
    sure = np.array(scores, float)

    def ece(pairs: Pairs) -> float:
        chosen = np.asarray(pairs, int)
        return expected_calibration_error(torch.tensor(sure[chosen]), torch.tensor(truth[chosen]), bins=BINS)

    return Scores(
        pairs=numbers,
        measures=[
            Measure(name="ECE", of=ece),
            ratio_of("Brier", (sure - truth) ** 2, np.ones(len(numbers)), undefined=""),
            ratio_of("mean score", sure, np.ones(len(numbers)), undefined=""),
            ratio_of("share changed", truth, np.ones(len(numbers)), undefined=""),
        ],
        columns={"score": sure.tolist()},
        notes=["the score is that of the strongest candidate region unless a pair head gave it"],
        extra={"reliability": reliability(sure, truth)},
    )


def reliability(sure: NDArray[np.float64], truth: NDArray[np.bool_], bins: int = BINS) -> list[dict[str, float]]:
    """Bins of equal width that hold pairs: how many, how sure on the mean, and the share that changed.

    Args:
        sure: (N,) in [0, 1].
        truth: (N,).
        bins: how many.
    """
    index = np.minimum((sure * bins).astype(int), bins - 1)
    return [
        {
            "low": number / bins,
            "high": (number + 1) / bins,
            "pairs": int(inside.sum()),
            "score": float(sure[inside].mean()),
            "changed": float(truth[inside].mean()),
        }
        for number in range(bins)
        if (inside := index == number).any()
    ]


PROTOCOLS: Final = (
    Protocol(
        name="verdict",
        title="Changed or not",
        needs="changed, masks, regions or captions in the references; verdicts, or captions to read them from",
        score=_verdict,
    ),
    Protocol(
        name="calibration",
        title="How sure, and how often right",
        needs="as verdict; scores in the answers",
        score=_calibration,
    ),
)
