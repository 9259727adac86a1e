"""How a review stands: counts of a view's pairs and regions by what was decided."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from onediff_fiftyone import schema
from onediff_fiftyone.deciding import check_ours
from onediff_fiftyone.loop.reviewed import region_stands


@dataclass(kw_only=True)
class Summary:
    """Counts of a view.

    Attributes:
        pairs: state of the review -> pairs.
        outdated: pairs whose result changed after somebody had decided.
        domains: domain -> pairs.
        regions: state -> regions; a decision about a pair stands for its undecided regions.
        labels: label -> state -> regions.
        relabelled: regions that have another label than they were found with.
        rewritten: pairs whose caption was edited.
    """

    pairs: Counter[str] = field(default_factory=Counter)
    outdated: int = 0
    domains: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    labels: dict[str, Counter[str]] = field(default_factory=dict)
    relabelled: int = 0
    rewritten: int = 0

    @property
    def precision(self) -> float | None:
        """Share of the decided regions that were accepted, in [0, 1]; None where none was decided."""
        decided = self.regions[schema.ACCEPTED] + self.regions[schema.REJECTED]
        return self.regions[schema.ACCEPTED] / decided if decided else None

    def as_markdown(self) -> str:
        """For people: tables that the App shows."""
        states = schema.REVIEW_STATES
        total, regions = sum(self.pairs.values()), sum(self.regions.values())
        precision = "nothing decided yet" if self.precision is None else f"{self.precision:.0%} of the decided regions"
        lines = [
            f"**{total} pairs**: " + ", ".join(f"{self.pairs[state]} {state}" for state in states),
            f"**{regions} regions**: " + ", ".join(f"{self.regions[state]} {state}" for state in states),
            f"**Accepted**: {precision}",
            f"**Edited**: {self.rewritten} captions, {self.relabelled} labels",
        ]
        if self.outdated:
            lines.append(f"**Outdated**: {self.outdated} decisions are about results that changed since")
        if len(self.domains) > 1:
            lines.append("**Domains**: " + ", ".join(f"{n} {name}" for name, n in self.domains.most_common()))
        text = "\n\n".join(lines)
        if not self.labels:
            return text
        ranked = sorted(self.labels.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        rows = [f"| {_cell(label)} | " + " | ".join(str(n[state]) for state in states) + " |" for label, n in ranked]
        head = ["| label | " + " | ".join(states) + " |", "|---|" + "---:|" * len(states)]
        return "\n".join([text, "", *head, *rows])

    def as_values(self) -> dict[str, Any]:
        """For an operator's answer."""
        return {
            "pairs": dict(self.pairs),
            "outdated": self.outdated,
            "domains": dict(self.domains),
            "regions": dict(self.regions),
            "labels": {label: dict(states) for label, states in self.labels.items()},
            "relabelled": self.relabelled,
            "rewritten": self.rewritten,
            "precision": self.precision,
        }


def summarise(view: Any) -> Summary:  # noqa: ANN401  # fiftyone has no types
    """Count a view's pairs and regions.

    Args:
        view: a review dataset or a view into it.

    Raises:
        DecisionError: it is not a dataset of `onediff review`.
    """
    check_ours(getattr(view, "_dataset", view))
    after = view.select_group_slices(schema.AFTER) if view.media_type == "group" else view
    path = f"{schema.CHANGES}.detections"
    names = [
        *(f"{schema.REVIEW}.label", schema.REVIEW_OUTDATED, schema.DOMAIN, schema.CAPTION, schema.MODEL_CAPTION),
        *(f"{path}.label", f"{path}.{schema.MODEL_LABEL}", f"{path}.{schema.REGION_REVIEW}"),
        *(f"{path}.{schema.REGION_ID}", f"{path}.{schema.ORPHANED}"),
    ]
    done = Summary()
    for state, outdated, domain, caption, wrote, *regions in zip(*after.values(names), strict=True):
        done.pairs[state or schema.PENDING] += 1
        done.outdated += bool(outdated)
        done.domains[domain or "none"] += 1
        done.rewritten += (caption or "") != (wrote or "")
        for label, found, own, number, orphaned in zip(*(values or [] for values in regions), strict=True):
            stands = region_stands(own, state, drawn=number is None or bool(orphaned))
            decided = schema.PENDING if stands is None else schema.ACCEPTED if stands else schema.REJECTED
            done.regions[decided] += 1
            done.labels.setdefault(label or "", Counter())[decided] += 1
            done.relabelled += found is not None and label != found
    return done


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "none"
