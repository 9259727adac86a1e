"""A decision, and its entry in the history of a pair: what it changes, and how that is taken back exactly.

Every decision is an entry of the sample's `REVIEW_HISTORY`, written together with what it changed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from onediff_fiftyone import schema
from onediff_plugins.errors import OneDiffError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

# What an entry of the history is about.
REVIEWED: Final = "review"
RELABELLED: Final = "label"
CAPTIONED: Final = "caption"

NOTHING_DECIDED: Final = "nothing was decided that could be undone"

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


def write_down(sample: Any, regions: Sequence[Any], decision: Decision, now: datetime) -> None:  # noqa: ANN401
    """Change a sample as decided, add the entry and save both; what changes nothing is not written.

    Args:
        sample: the after sample of a pair.
        regions: those of its detections that are meant; the pair itself where the decision names none.
        decision: what is wanted.
        now: without a timezone, UTC, in whole milliseconds, which is what MongoDB keeps.
    """
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


def take_back(sample: Any, entry_id: str | None = None) -> None:  # noqa: ANN401
    """Set every value of the last entry to what it was, remove the entry and save.

    Args:
        sample: the after sample of a pair.
        entry_id: which entry that must be; None for whichever is last.

    Raises:
        DecisionError: there is no entry, it is another one, or a value was changed elsewhere since.
    """
    history = list(sample[schema.REVIEW_HISTORY] or [])
    if not history:
        raise DecisionError(NOTHING_DECIDED)
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
