"""What two runs found on the same pairs: how far they agree, and what only one of them has.

The other run's regions become detections of a field `run_NAME` on the after samples, beside a number for how far they
agree with `changes`, so that pairs can be sorted by it and both be looked at together.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from onediff_fiftyone import schema
from onediff_fiftyone.deciding import check_ours, region_decision
from onediff_fiftyone.declaring import FieldSpec, declare
from onediff_fiftyone.history import DecisionError
from onediff_fiftyone.same_place import Matched, match

if TYPE_CHECKING:
    from collections.abc import Sequence

MATCH: Final = "match"  # attribute of the other run's detections: the number of the region it matches, or None


@dataclass(kw_only=True)
class RunComparison:
    """Two runs over one set of pairs.

    Attributes:
        name: of the other run.
        field: that its regions were written to.
        pairs: that both have.
        only_here: pairs that the other run does not have.
        only_there: pairs that this one does not have.
        verdicts: (changed here, changed there) -> pairs.
        both: regions that both have.
        only_first: regions of this run alone.
        only_second: regions of the other run alone.
        decided: what happened to regions that were decided about: "accepted kept", "accepted lost",
            "rejected kept", "rejected gone" -> regions.
    """

    name: str
    field: str
    pairs: int = 0
    only_here: int = 0
    only_there: int = 0
    verdicts: Counter[tuple[bool | None, bool | None]] = dataclasses.field(default_factory=Counter)
    both: int = 0
    only_first: int = 0
    only_second: int = 0
    decided: Counter[str] = dataclasses.field(default_factory=Counter)

    def as_values(self) -> dict[str, Any]:
        """For an operator's answer."""
        words = {True: "changed", False: "unchanged", None: "undecided"}
        verdicts = {f"{words[a]} here, {words[b]} there": n for (a, b), n in sorted(self.verdicts.items(), key=str)}
        return {
            "name": self.name,
            "field": self.field,
            "pairs": self.pairs,
            "only_here": self.only_here,
            "only_there": self.only_there,
            "verdicts": verdicts,
            "regions_both": self.both,
            "regions_only_here": self.only_first,
            "regions_only_there": self.only_second,
            "decided": dict(self.decided),
        }


def compare_runs(view: Any, other: Any, name: str | None = None) -> RunComparison:  # noqa: ANN401
    """Put another dataset's findings beside those of this one, pair by pair, and count where they differ.

    Args:
        view: a review dataset or a view into it; its samples get the fields.
        other: a review dataset, or view, of the same pairs; ids of the pairs decide which belong together.
        name: of the other run; its dataset's name unless given.

    Raises:
        DecisionError: the two have no pair in common, or are one dataset.
    """
    dataset = getattr(view, "_dataset", view)
    other_dataset = getattr(other, "_dataset", other)
    check_ours(dataset)
    check_ours(other_dataset)
    if other_dataset.name == dataset.name:
        raise DecisionError("a run is compared with another one: choose another dataset")
    name = name or other_dataset.name
    done = RunComparison(name=name, field=run_field(name))
    here = _after(view)
    theirs = _after(other)
    ids = dict(zip(*theirs.values([schema.PAIR_ID, "id"]), strict=True))
    common = set(ids) & set(here.values(schema.PAIR_ID))
    if not common:
        raise DecisionError(
            f"{other_dataset.name!r} has no pair of this view: runs are compared where the ids of their pairs are the "
            "same; were they made from the same list?"
        )
    done.only_there = len(ids) - len(common)
    declare_run(dataset, done.field)
    for sample in here.iter_samples(autosave=True, batch_size=200):
        if sample[schema.PAIR_ID] not in common:
            done.only_here += 1
            continue
        found = other_dataset[ids[sample[schema.PAIR_ID]]]
        regions = found[schema.CHANGES].detections if found[schema.CHANGES] else []
        done.pairs += 1
        done.verdicts[(sample[schema.CHANGED], found[schema.CHANGED])] += 1
        _count(done, sample, put_run(sample, done.field, regions, found[schema.CHANGED]))
    return done


def run_field(name: str) -> str:
    """The field that another run's regions go to: `run_` and the name in letters, digits and _."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40]
    if not plain:
        raise DecisionError(f"a run's name has letters or digits, unlike {name!r}")
    return f"{schema.RUN}{plain}"


def declare_run(dataset: Any, field_: str) -> None:  # noqa: ANN401
    """Declare the fields of another run."""
    regions = f"{field_}.detections"
    fields = (
        FieldSpec(field_, "Detections", "What another run found"),
        FieldSpec(f"{field_}_agreement", "float", "F1 of its regions with those of `changes`"),
        FieldSpec(f"{field_}_changed", "bool", "Its verdict"),
        FieldSpec(f"{regions}.{schema.REGION_ID}", "int", "Number in its record"),
        FieldSpec(f"{regions}.{schema.KIND}", "str", "added, removed, changed or moved"),
        FieldSpec(f"{regions}.{schema.REGION_CAPTION}", "str", "What happened here"),
        FieldSpec(f"{regions}.{schema.AREA_PX}", "float", "Area in pixels"),
        FieldSpec(f"{regions}.{MATCH}", "int", "Number of the region of `changes` that it matches"),
    )
    declare(dataset, fields)


def put_run(sample: Any, field_: str, regions: Sequence[Any], changed: bool | None) -> Matched:  # noqa: ANN401
    """Set what another run found on a pair; the caller saves the sample.

    Args:
        sample: after sample.
        field_: `run_field` of the run.
        regions: its detections, on the same grid; copied.
        changed: its verdict.

    Returns:
        How its regions match those of `changes`.
    """
    import fiftyone as fo

    own = sample[schema.CHANGES].detections if sample[schema.CHANGES] else []
    matched = match([tuple(one.bounding_box) for one in own], [tuple(one.bounding_box) for one in regions])
    partner = {j: i for i, j in matched.pairs}
    copied = []
    for j, region in enumerate(regions):
        i = partner.get(j)
        attributes = {
            name: region.get_attribute_value(name, None)
            for name in (schema.REGION_ID, schema.KIND, schema.REGION_CAPTION, schema.AREA_PX)
        }
        number = None if i is None else own[i].get_attribute_value(schema.REGION_ID, None)
        copied.append(
            fo.Detection(
                label=region.label,
                bounding_box=list(region.bounding_box),
                confidence=region.confidence,
                **attributes,
                **{MATCH: number},
            )
        )
    sample[field_] = fo.Detections(detections=copied)
    sample[f"{field_}_agreement"] = matched.agreement
    sample[f"{field_}_changed"] = changed
    return matched


def _count(done: RunComparison, sample: Any, matched: Matched) -> None:  # noqa: ANN401
    done.both += len(matched.pairs)
    done.only_first += len(matched.only_first)
    done.only_second += len(matched.only_second)
    pair_state = sample[schema.REVIEW].label if sample[schema.REVIEW] else None
    kept = {i for i, _ in matched.pairs}
    for i, region in enumerate(sample[schema.CHANGES].detections if sample[schema.CHANGES] else []):
        state = region_decision(region, pair_state)
        if state == schema.ACCEPTED:
            done.decided["accepted kept" if i in kept else "accepted lost"] += 1
        elif state == schema.REJECTED:
            done.decided["rejected kept" if i in kept else "rejected gone"] += 1


def _after(view: Any) -> Any:  # noqa: ANN401
    return view.select_group_slices(schema.AFTER) if view.media_type == "group" else view
