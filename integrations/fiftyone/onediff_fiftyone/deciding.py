"""Pairs and regions decided about, and the last decision taken back.

A decision about a pair stands for all of its regions about which nothing was decided. The last entry of the history is
the one that `undo` takes back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from onediff_fiftyone import schema
from onediff_fiftyone.declaring import declare, index
from onediff_fiftyone.history import NOTHING_DECIDED, Decision, DecisionError, take_back, write_down
from onediff_fiftyone.loop.reviewed import region_stands
from onediff_fiftyone.opening import is_ours

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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
        write_down(sample, regions, decision, now)
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
    if sample is None:
        raise DecisionError(NOTHING_DECIDED)
    take_back(sample, entry_id)
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
