"""Pairs of a review compared again with another detector, head or threshold; the answer lies beside the first one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onediff_fiftyone import labels, schema
from onediff_fiftyone.comparing import declare_run, put_run, run_field
from onediff_fiftyone.deciding import check_ours
from onediff_fiftyone.history import DecisionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """How pairs are compared again.

    Attributes:
        detector: a detector's name, or None for the domain's own.
        heads: names or folders of heads.
        threshold: score from which a place counts as changed, or None for the domain's own.
        device: any torch device.
        name: of the run; made of what differs unless given.
    """

    detector: str | None = None
    heads: tuple[str, ...] = ()
    threshold: float | None = None
    device: str = "cpu"
    name: str | None = None

    def __post_init__(self) -> None:
        """Refuse a run that is the one that is there."""
        if not (self.detector or self.heads or self.threshold is not None):
            raise DecisionError("name a detector, a head or a threshold: otherwise the same would be found again")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise DecisionError(f"a threshold is above 0 and at most 1, not {self.threshold}")

    @property
    def field(self) -> str:
        """The field that its regions go to."""
        said = [self.detector or "", *self.heads, "" if self.threshold is None else f"t{self.threshold:g}"]
        return run_field(self.name or " ".join(part for part in said if part))


@dataclass(kw_only=True)
class Rerunned:
    """What came of it.

    Attributes:
        field: that the regions were written to.
        done: pairs that were compared.
        failed: id of a pair -> why it could not be.
        agreement: mean F1 with what was found before, in [0, 1]; None where nothing was compared.
    """

    field: str
    done: int = 0
    failed: dict[str, str] = dataclasses.field(default_factory=dict)
    agreement: float | None = None


def rerun(
    dataset: Any,  # noqa: ANN401  # fiftyone has no types
    samples: Sequence[Any],
    how: Rerun,
    progress: Callable[[int, int], None] | None = None,
) -> Rerunned:
    """Compare pairs again, from the sources that their records name.

    Args:
        dataset: a review dataset.
        samples: after samples of it.
        how: what is different this time.
        progress: called with the number of pairs that are done, and of all.

    Raises:
        OneDiffError: an unknown detector or head, or one that is not available; nothing was changed then.
    """
    from onediff_plugins import Host, PairFailure, PairRequest
    from onediff_plugins.types import Box

    check_ours(dataset)
    settings = {} if how.threshold is None else {"threshold": how.threshold}
    host = Host(settings=settings, device=how.device)
    if how.detector:
        host.model(how.detector)  # an unknown name is told before anything is compared
    field_ = how.field
    done = Rerunned(field=field_)
    declare_run(dataset, field_)
    agreements = []
    for at, sample in enumerate(samples, start=1):
        before = dataset.get_group(sample[schema.PAIR].id, group_slices=[schema.BEFORE]).get(schema.BEFORE)
        window = sample[schema.WINDOW]
        if before is None:
            done.failed[sample[schema.PAIR_ID]] = "it has no before image"
            continue
        request = PairRequest(
            before=before[schema.SOURCE],
            after=sample[schema.SOURCE],
            domain=sample[schema.DOMAIN] or "auto",
            window=Box(*window) if window else None,
            id=sample[schema.PAIR_ID],
        )
        for outcome in host.compare_many([request], detector=how.detector, heads=how.heads):
            if isinstance(outcome, PairFailure):
                done.failed[request.id] = outcome.error.message
                continue
            found = labels.detections(outcome).detections
            agreements.append(put_run(sample, field_, found, outcome.changed).agreement)
            sample.save()
            done.done += 1
        if progress is not None:
            progress(at, len(samples))
    done.agreement = sum(agreements) / len(agreements) if agreements else None
    return done
