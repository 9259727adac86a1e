"""What came of a conversion: counts, and every pair that was left out or looks wrong, by name."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onediff_core.data.record import Record

REASONS: Final = {
    "shard": "a shard of Parquet cannot be read",
    "line": "what is written of it cannot be meant",
    "missing": "a picture is missing",
    "broken": "a picture cannot be read",
    "mask size": "a mask is not of the size of the after image",
    "box": "a box lies outside of the after image",
    "failed": "could not be compared",
    "unsure": "its verdict is not sure enough",
    "outdated": "somebody decided about another finding than the record's",
    "missed": "said to be unchanged, which somebody rejected without showing what changed",
    "contradicting": "says that it changed, or did not, against its own masks or boxes",
    "leaking": "stands in another split, too",
}
_SHOWN: Final = 3


@dataclass(kw_only=True)
class Summary:
    """Counts of a conversion.

    Attributes:
        source: name of the converter.
        seen: pairs that the source lists.
        counts: split -> what is counted -> how often, of the pairs that were kept.
        notes: what a converter saw on its way -> how often.
        left_out: reason, a name of REASONS -> ids of the pairs.
        details: reason -> what is wrong with each of them.
        contradicting: ids of pairs that contradict themselves, left out or not.
        blank: ids of pairs with captions in which nothing is written.
        passed: splits of pairs that were not asked for.
        leaks: what is shared, "pairs" or "groups" -> two splits -> an id of each in the first of the two.
    """

    source: str
    seen: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    notes: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    details: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    contradicting: list[str] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    leaks: dict[str, dict[tuple[str, str], list[str]]] = field(default_factory=dict)

    def note(self, what: str, times: int = 1) -> None:
        """Count something that a converter saw."""
        if times:
            self.notes[what] += times

    def keep(self, record: Record) -> None:
        """Count a pair that was kept."""
        verdict = {True: "changed", False: "unchanged", None: "unknown"}[record.changed]
        self.counts[record.split].update({"pairs": 1, "captions": len(record.captions), verdict: 1})
        if record.task and not record.captions:
            self.note("pairs without a caption")

    def leave_out(self, identity: str, reason: str, detail: str) -> None:
        """Name a pair that was not kept."""
        self.left_out[reason].append(identity)
        self.details[reason].append(detail)

    @property
    def blames(self) -> bool:
        """Whether anything is wrong with any pair."""
        return bool(self.left_out or self.contradicting or self.leaks or self.blank)

    @property
    def kept(self) -> int:
        """Pairs that were kept."""
        return sum(counts["pairs"] for counts in self.counts.values())

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "source": self.source,
            "seen": self.seen,
            "splits": {split: dict(counts) for split, counts in sorted(self.counts.items())},
            "notes": dict(self.notes),
            "left_out": dict(self.left_out),
            "contradicting": self.contradicting,
            "leaks": {
                what: {", ".join(splits): ids for splits, ids in shared.items()} for what, shared in self.leaks.items()
            },
        }

    def lines(self, *, all_of_them: bool = False) -> Iterator[str]:
        """The same for people, a line each.

        Args:
            all_of_them: whether every pair that something is wrong with is named, each left out one on a line.
        """
        some = ", ".join if all_of_them else _some
        yield f"{self.source}: {self.kept} of {self.seen} pairs"
        for split, counts in sorted(self.counts.items()):
            told = ", ".join(f"{counts[name]} {name}" for name in ("captions", "changed", "unchanged") if counts[name])
            yield f"  {split or 'no split'}: {counts['pairs']} pairs" + (f" ({told})" if told else "")
        for what, times in self.notes.items():
            yield f"  note: {times} {what}"
        for reason, ids in self.left_out.items():
            told, details = f"  left out: {len(ids)}, {REASONS[reason]}", self.details[reason]
            yield told if all_of_them else f"{told}: {_some(ids)}; the first: {details[0]}"
            if all_of_them:
                yield from (f"    {id_}: {detail}" for id_, detail in zip(ids, details, strict=True))
        if self.contradicting:
            ids = self.contradicting
            yield f"  contradicting: {len(ids)}, {REASONS['contradicting']}: {some(ids)}"
        if self.blank:
            yield f"  blank captions: {len(self.blank)} pairs: {some(self.blank)}"
        for what, shared in self.leaks.items():
            for splits, ids in shared.items():
                yield f"  shared: {len(ids)} {what} stand in {' and '.join(splits)}: {some(ids)}"


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:_SHOWN]) + (", ..." if len(ids) > _SHOWN else "")
