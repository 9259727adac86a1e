"""Scores of one run against the truth, as figures and as lines for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Hits, false ones and misses, of regions or of pixels.

    Attributes:
        hits: found and true.
        false: found and not true.
        missed: true and not found.
    """

    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float | None:
        """Share of what was found that is true; None where nothing was found."""
        from onediff_core.evaluation.counting import ratio

        return ratio(self.hits, self.hits + self.false)

    @property
    def recall(self) -> float | None:
        """Share of what is true that was found; None where there was nothing to find."""
        from onediff_core.evaluation.counting import ratio

        return ratio(self.hits, self.hits + self.missed)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both; None where there was nothing to find and nothing was found."""
        from onediff_core.evaluation.counting import f1

        return f1(self.hits, self.false, self.missed)


@dataclass(frozen=True, kw_only=True)
class ChangeScores:
    """What `evaluate_changes` found.

    Attributes:
        eval_key: under which FiftyOne keeps the evaluation, and what its fields begin with.
        pairs: of which the truth is known.
        regions: counts; None where no truth lists regions.
        pixels: counts of all masks together; None where there are no masks.
        mean_iou: of masks, over pairs; two empty ones agree.
        right: verdicts that are right.
        still: unchanged pairs, and how many were told to be so.
        changed: changed pairs, and how many were told to be so.
        captions: name of a score -> mean over the pairs that have one.
        kinds: (true kind, found kind) -> regions in one place whose true kind is known.
        notes: what a reader of the figures should know.
        results: FiftyOne's own, with `print_report`, `plot_confusion_matrix` and so on; None without regions.
    """

    eval_key: str
    pairs: int
    regions: Counted | None
    pixels: Counted | None
    mean_iou: float | None
    right: int
    still: tuple[int, int]
    changed: tuple[int, int]
    captions: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[tuple[str, str], int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    results: Any = None

    @property
    def balanced_accuracy(self) -> float | None:
        """Of verdicts: the mean of the shares of changed and of unchanged pairs that were told so."""
        from onediff_core.evaluation.counting import balanced, ratio

        return balanced(*(ratio(right, total) for total, right in (self.changed, self.still)))

    def figures(self) -> dict[str, float | None]:
        """All figures by name."""
        found: dict[str, float | None] = {"pairs": self.pairs}
        for name, counts in (("region", self.regions), ("pixel", self.pixels)):
            if counts is not None:
                found |= {
                    f"{name} precision": counts.precision,
                    f"{name} recall": counts.recall,
                    f"{name} F1": counts.f1,
                }
        found["mean pair IoU"] = self.mean_iou
        found["balanced accuracy"] = self.balanced_accuracy
        return found | {f"caption {name}": value for name, value in self.captions.items()}

    def lines(self) -> Iterator[str]:
        """The same for people, a line each."""
        yield f"{self.eval_key}: {self.pairs} pairs, {self.right} verdicts right"
        (still, still_right), (changed, changed_right) = self.still, self.changed
        yield f"  unchanged told so: {still_right} of {still}; changed told so: {changed_right} of {changed}"
        for name, counts in (("regions", self.regions), ("pixels", self.pixels)):
            if counts is not None:
                told = f"{counts.hits} right, {counts.false} false, {counts.missed} missed"
                rates = ", ".join(f"{what} {_shown(getattr(counts, what))}" for what in ("precision", "recall", "f1"))
                yield f"  {name}: {told} ({rates})"
        if self.mean_iou is not None:
            yield f"  mean pair IoU: {_shown(self.mean_iou)}"
        for name, value in self.captions.items():
            yield f"  captions, {name}: {_shown(value)}"
        for (true, found), count in sorted(self.kinds.items()):
            yield f"  {true} told as {found}: {count}"
        for note in self.notes:
            yield f"  note: {note}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
