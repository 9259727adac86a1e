"""Decisions about pairs and regions: who decided what, when, and how to take it back exactly.

Every decision is an entry of the sample's `REVIEW_HISTORY`, written together with what it changed. The last entry is
the one that `undo` takes back. A decision about a pair stands for all of its regions about which nothing was decided.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from onediff_fiftyone import schema
from onediff_fiftyone.declaring import declare, index
from onediff_fiftyone.loop.reviewed import region_stands
from onediff_fiftyone.opening import is_ours
from onediff_plugins.errors import OneDiffError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What an entry of the history is about.
REVIEWED: Final = "review"
RELABELLED: Final = "label"
CAPTIONED: Final = "caption"

_LONGEST_CAPTION: Final = 10_000
_LONGEST_LABEL: Final = 200


class DecisionError(OneDiffError):
    """A decision cannot be made or taken back; nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Something a person wants changed.

    Attributes:
        action: REVIEWED, RELABELLED or CAPTIONED.
        value: one of `schema.REVIEW_STATES`, a label, or a caption.
        regions: ids of detections of `schema.CHANGES`; none where the pair itself is meant.
        by: who decides, or None where that is not known.
    """

    action: str
    value: str
    regions: tuple[str, ...] = ()
    by: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no review can hold."""
        if self.action == REVIEWED and self.value not in schema.REVIEW_STATES:
            states = ", ".join(schema.REVIEW_STATES)
            raise DecisionError(f"a decision is one of {states}, not {self.value!r}")
        if self.action == RELABELLED and not (self.regions and 0 < len(self.value.strip()) <= _LONGEST_LABEL):
            raise DecisionError(
                f"a label of 1 to {_LONGEST_LABEL} characters is given to regions: got {self.value[:40]!r} "
                f"for {len(self.regions)} regions; select a region first"
            )
        if self.action == CAPTIONED and len(self.value) > _LONGEST_CAPTION:
            raise DecisionError(f"a caption has at most {_LONGEST_CAPTION} characters, this one {len(self.value)}")
        if self.action not in (REVIEWED, RELABELLED, CAPTIONED):
            raise DecisionError(f"there is no decision of the kind {self.action!r}")


def prepare(dataset: Any) -> None:  # noqa: ANN401  # fiftyone has no types
    """Declare what decisions are kept in, where the dataset is from a version that did not.

    Raises:
        DecisionError: it is not a dataset of `onediff review`.
    """
    check_ours(dataset)
    if dataset.get_field(schema.REVIEW_HISTORY) is None:
        declare(dataset)
        index(dataset)


def check_ours(dataset: Any) -> None:  # noqa: ANN401
    """Refuse a dataset of another kind.

    Raises:
        DecisionError: with what to do.
    """
    if not is_ours(dataset):
        raise DecisionError(
            f"the dataset {dataset.name!r} holds no compared pairs: make one with "
            "`onediff review RESULTS --dataset NAME`"
        )


def decide(dataset: Any, sample_ids: Iterable[str], decision: Decision) -> list[Any]:  # noqa: ANN401
    """Write a decision about pairs, or about regions of one pair, into the database.

    Args:
        dataset: a review dataset.
        sample_ids: of any slice; the decision is written to the after sample of each one's pair.
        decision: what is wanted.

    Returns:
        The after samples, changed and saved; those for which it changes nothing are not written, and have no entry.

    Raises:
        DecisionError: no such sample or region; nothing was changed.
    """
    prepare(dataset)
    samples = after_samples(dataset, list(sample_ids))
    targets = [(sample, _targets(sample, decision)) for sample in samples]
    found = {str(region.id) for _, regions in targets for region in regions}
    if missing := sorted(set(decision.regions) - found):
        raise DecisionError(f"no region {missing[0]} in the pair: it may have been deleted meanwhile; reload the page")
    now = datetime.now(UTC).replace(tzinfo=None)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # what MongoDB keeps
    for sample, regions in targets:
        _write(sample, regions, decision, now)
    return samples


def undo(dataset: Any, sample_id: str | None = None, entry_id: str | None = None) -> Any:  # noqa: ANN401
    """Take back the last decision: every value becomes what it was.

    Args:
        dataset: a review dataset.
        sample_id: of the pair whose last decision is meant; None for the pair that was decided last.
        entry_id: which entry of its history that must be; None for whichever is last.

    Returns:
        The after sample, changed back and saved.

    Raises:
        DecisionError: nothing was decided, another decision was made meanwhile, or a value was changed elsewhere since.
    """
    prepare(dataset)
    sample = _decided_last(dataset) if sample_id is None else after_samples(dataset, [sample_id])[0]
    history = list(sample[schema.REVIEW_HISTORY] or []) if sample is not None else []
    if not history:
        raise DecisionError("nothing was decided that could be undone")
    entry = history.pop()
    if entry_id is not None and entry["id"] != entry_id:
        raise DecisionError("somebody decided about this pair meanwhile: look at it again, then undo that first")
    for step in entry["steps"]:
        _check_unchanged(sample, step)
    for step in entry["steps"]:
        _set(sample, step["region"], step["name"], step["was"])
    sample[schema.REVIEW_HISTORY] = history
    sample[schema.REVIEWED_AT] = entry["reviewed_at"]
    sample[schema.REVIEWED_BY] = entry["reviewed_by"]
    sample.save()
    return sample


def after_samples(dataset: Any, sample_ids: Sequence[str]) -> list[Any]:  # noqa: ANN401
    """The after samples of the pairs that samples belong to, each once, in their order.

    Raises:
        DecisionError: a sample that is not there, or a pair without an after sample.
    """
    if not sample_ids:
        raise DecisionError("no pair was named: select some, or open one")
    found = []
    for sample_id in dict.fromkeys(sample_ids):
        try:
            sample = dataset[sample_id]
        except KeyError as exc:
            raise DecisionError(f"sample {sample_id} is not in dataset {dataset.name!r} any more") from exc
        group = sample[schema.PAIR]
        if group.name != schema.AFTER:
            sample = dataset.get_group(group.id).get(schema.AFTER)
            if sample is None:
                raise DecisionError(f"the pair of sample {sample_id} has no after image, on which decisions are kept")
        found.append(sample)
    return list({sample.id: sample for sample in found}.values())


def region_decision(region: Any, pair_state: str | None) -> str:  # noqa: ANN401
    """What is decided about a region: its own decision, else its pair's, else pending.

    Args:
        region: a detection of `schema.CHANGES`.
        pair_state: one of `schema.REVIEW_STATES`, or None.
    """
    number, own = (region.get_attribute_value(name, None) for name in (schema.REGION_ID, schema.REGION_REVIEW))
    drawn = number is None or bool(region.get_attribute_value(schema.ORPHANED, None))
    stands = region_stands(own, pair_state, drawn=drawn)
    return schema.PENDING if stands is None else schema.ACCEPTED if stands else schema.REJECTED


def _targets(sample: Any, decision: Decision) -> list[Any]:  # noqa: ANN401
    if not decision.regions:
        return []
    wanted = set(decision.regions)
    labels = sample[schema.CHANGES]
    return [region for region in (labels.detections if labels else []) if str(region.id) in wanted]


def _write(sample: Any, regions: list[Any], decision: Decision, now: datetime) -> None:  # noqa: ANN401
    name = {REVIEWED: schema.REGION_REVIEW, RELABELLED: "label", CAPTIONED: schema.REGION_CAPTION}
    if regions:
        wanted: list[tuple[str | None, str]] = [(str(region.id), name[decision.action]) for region in regions]
    elif decision.regions:
        return  # the regions belong to another of the pairs
    else:
        wanted = [(None, schema.REVIEW if decision.action == REVIEWED else schema.CAPTION)]
    value = decision.value.strip() if decision.action == RELABELLED else decision.value
    steps = [
        {"region": region, "name": attribute, "was": _get(sample, region, attribute), "now": value}
        for region, attribute in wanted
    ]
    steps = [step for step in steps if step["was"] != step["now"]]
    if sample[schema.REVIEW_OUTDATED]:
        steps.append({"region": None, "name": schema.REVIEW_OUTDATED, "was": True, "now": False})
    if not steps:
        return
    entry = {
        "id": secrets.token_hex(6),
        "action": decision.action,
        "at": now,
        "by": decision.by,
        "steps": steps,
        "reviewed_at": sample[schema.REVIEWED_AT],
        "reviewed_by": sample[schema.REVIEWED_BY],
    }
    for step in steps:
        _set(sample, step["region"], step["name"], step["now"])
    sample[schema.REVIEW_HISTORY] = [*(sample[schema.REVIEW_HISTORY] or []), entry]
    sample[schema.REVIEWED_AT] = now
    sample[schema.REVIEWED_BY] = decision.by
    sample.save()


def _get(sample: Any, region: str | None, name: str) -> Any:  # noqa: ANN401
    if region is not None:
        found = _region(sample, region)
        return found.label if name == "label" else found.get_attribute_value(name, None)
    if name == schema.REVIEW:
        review = sample[schema.REVIEW]
        return None if review is None else review.label
    return sample[name]


def _set(sample: Any, region: str | None, name: str, value: Any) -> None:  # noqa: ANN401
    import fiftyone as fo

    if region is not None:
        _region(sample, region)[name] = value
    elif name == schema.REVIEW:
        # The label that is there stays the same one, so that its id does.
        if value is None or sample[schema.REVIEW] is None:
            sample[schema.REVIEW] = None if value is None else fo.Classification(label=value)
        else:
            sample[schema.REVIEW].label = value
    else:
        sample[name] = value


def _region(sample: Any, region: str) -> Any:  # noqa: ANN401
    labels = sample[schema.CHANGES]
    found = next((one for one in (labels.detections if labels else []) if str(one.id) == region), None)
    if found is None:
        raise DecisionError(f"region {region} is not in the pair any more, so nothing about it can be undone")
    return found


def _check_unchanged(sample: Any, step: dict[str, Any]) -> None:  # noqa: ANN401
    if _get(sample, step["region"], step["name"]) != step["now"]:
        raise DecisionError(
            f"{step['name']!r} was changed elsewhere after this decision: undoing it would lose that. "
            "Set it by hand, or decide anew"
        )


def _decided_last(dataset: Any) -> Any:  # noqa: ANN401
    """The sample with the latest decision; the index on the time answers."""
    with_decisions = dataset.select_group_slices(schema.AFTER).mongo(
        [
            {"$match": {schema.REVIEWED_AT: {"$type": "date"}}},
            {"$sort": {schema.REVIEWED_AT: -1, "_id": -1}},
            {"$limit": 1},
        ]
    )
    ids = with_decisions.values("id")
    return dataset[ids[0]] if ids else None
