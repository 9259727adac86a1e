"""Regions of drawn pairs, without end, as the detector of their domain finds and shows them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from torch.utils.data import Dataset

from onediff_core.data import swap
from onediff_core.data.synthetic import scene
from onediff_core.errors import TrainingError
from onediff_core.evaluation.regions import Box as Corners
from onediff_core.evaluation.regions import box_iou
from onediff_core.imagery import is_shown, place_of
from onediff_core.training.head.looks import loosened, region_item, seen_with_context
from onediff_core.training.head.regions import RegionTask
from onediff_core.training.sources import SWAPPED_SHARE
from onediff_plugins.pipeline import find_regions
from onediff_plugins.types import Box, Frame, PairRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

    from onediff_core.data import Sample
    from onediff_core.data.sample import SampleRegion
    from onediff_core.training.head.base import FrozenBase
    from onediff_core.training.head.reading import Eye
    from onediff_core.training.head.settings import HeadSettings

# Seeds of pairs that are held out begin here; those that are learned from lie below.
HELD_OUT: Final = 2**31
# Things that look alike in a crop have one name.
ALIKE: Final[Mapping[str, str]] = {
    "attachment": "card",
    "avatar": "image",
    "cell": "text",
    "column": "card",
    "day": "text",
    "event": "card",
    "field": "input",
    "heading": "text",
    "line": "text",
    "link": "text",
    "menu item": "text",
    "message": "card",
    "notification": "banner",
    "option": "text",
    "quote": "text",
    "row": "card",
    "switch": "checkbox",
    "tab": "text",
}
BROWSED: Final = "ui-html"
_SIDES: Final = (256, 768)  # of drawn images, in pixels
_TRUE_BOXES: Final = 0.3  # of the regions are shown by their true box, whether the detector finds them or not
_SAME: Final = 0.5  # IoU from which what a detector finds is a true region
_SHOWN: Final = 2  # regions of a pair in a row: drawing a pair and looking for its changes takes as long as learning
_COUNTED: Final = 400  # pairs that are drawn to see what there is
_RARE: Final = 0.004  # share of the regions below which a class is not learned


class Seen(NamedTuple):
    """A pair as the base is shown it, with regions that are named.

    Attributes:
        sample: both images on one grid.
        regions: what was found there, or is true, by the name and kind that are true.
    """

    sample: Sample
    regions: tuple[SampleRegion, ...]


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """Drawn pairs of one domain, seen through its stages.

    Attributes:
        shares: scene -> share of the pairs.
        eye: that sees them.
    """

    shares: Mapping[str, float]
    eye: Eye

    def pair(self, rng: np.random.Generator, seed: int) -> Seen:
        """A pair in which something can be named.

        Args:
            rng: decides everything but what a pair of a seed holds.
            seed: of the series.
        """
        names, shares = list(self.shares), np.array([*self.shares.values()])
        draw = scene(names[rng.choice(len(names), p=shares / shares.sum())])
        while True:
            sample = draw(seed, int(rng.integers(2**31)), int(rng.integers(_SIDES[0], _SIDES[1] + 1)))
            told = _told(sample)
            if not told:
                continue
            if len(told) == len(sample.regions or ()) and rng.random() < SWAPPED_SHARE:
                sample = swap(replace(sample, captions=()))  # nothing was pushed, so boxes stay true
            seen = self._seen(sample, true_boxes=rng.random() < _TRUE_BOXES)
            if seen.regions:
                return seen

    def _seen(self, sample: Sample, *, true_boxes: bool) -> Seen:
        host, domain = self.eye.host, sample.domain
        before, after = (_frame(image, sample.gsd_m) for image in (sample.before, sample.after))
        ready = self.eye.ready(PairRequest(before=before, after=after, domain=domain, id=sample.id))
        shown = replace(sample, **self.eye.pictures(ready)._asdict(), masks={}, regions=None, captions=())
        told = _told(sample)
        if true_boxes:
            return Seen(shown, tuple(_named(region) for region in told))
        detector = host.choose_model(domain, "detect")
        found = find_regions(host, ready, detector, host.choose_heads(detector, domain, ()))
        places = [place_of(region, ready.prepared.after.box) for region in found if is_shown(region)]
        return Seen(shown, tuple(_matched(told, places)))


class DrawnRegions(Dataset[dict[str, "Tensor"]]):
    """Regions in crops with context by number, without end, as often as there are such."""

    def __init__(self, scenes: Scenes, classes: Sequence[str], base: FrozenBase, *, seed: int) -> None:
        """Prepare what all regions share.

        Args:
            scenes: that they are of.
            classes: labels that are learned.
            base: that looks at them.
            seed: of the pairs.
        """
        self.scenes, self.classes, self.seed = scenes, tuple(classes), seed
        self.window, self.processor = base.window, base.whole
        self._last: tuple[int, Seen] | None = None

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        """One region: see `RegionLooks`."""
        seen = self._pair(number // _SHOWN)
        rng = np.random.default_rng((self.seed, number, 1))
        region = seen.regions[rng.integers(len(seen.regions))]
        box = loosened(rng, region.box, seen.sample.after.shape)
        images, corners = seen_with_context(seen.sample, box, self.window)
        return region_item(images, corners, region, self.classes, self.processor)

    def _pair(self, number: int) -> Seen:
        """A pair by number; the last one is kept, of which several regions are shown."""
        if self._last is None or self._last[0] != number:
            self._last = number, self._drawn(np.random.default_rng((self.seed, number)))
        return self._last[1]

    def _drawn(self, rng: np.random.Generator) -> Seen:
        while True:
            seen = self.scenes.pair(rng, self.seed)
            regions = tuple(region for region in seen.regions if region.label in self.classes)
            if regions:
                return Seen(seen.sample, regions)


def region_task(scenes: Scenes, classes: Sequence[str], base: FrozenBase, settings: HeadSettings) -> RegionTask:
    """Regions of drawn pairs to learn from, and those of other seeds to be scored on.

    Args:
        scenes: that they are of.
        classes: labels that are learned.
        base: that looks at them.
        settings: of the run.

    Raises:
        TrainingError: a browser would have to draw in several processes.
    """
    if settings.workers and BROWSED in scenes.shares:
        raise TrainingError(f"{BROWSED} is drawn by one browser, of one process: give --set workers=0, too")
    training, others = (DrawnRegions(scenes, classes, base, seed=settings.seed + first) for first in (0, HELD_OUT))
    held_out = [others[_SHOWN * number] for number in range(settings.score_at_most)]  # one of a pair says more than two
    return RegionTask(base, training, held_out, settings)


def classes_of(scenes: Scenes, asked: Sequence[str]) -> tuple[str, ...]:
    """The classes that scenes show more than now and then, the most frequent first; or those asked for.

    Args:
        scenes: of one domain.
        asked: some of them, or none for all.

    Raises:
        UnknownNameError: there is no such scene.
        TrainingError: a scene is of another domain than the head, or a class that is asked for is not shown.
    """
    counts: Counter[str] = Counter()
    for name, share in scenes.shares.items():
        draw = scene(name)
        for index in range(math.ceil(_COUNTED * share / sum(scenes.shares.values()))):
            sample = draw(HELD_OUT - 1, index, _SIDES[0])
            if scenes.eye.domain not in (None, sample.domain):
                raise TrainingError(f"the scene {name} is of the domain {sample.domain}, not of {scenes.eye.domain}")
            counts.update(_named(region).label for region in _told(sample))
    there = [name for name, times in counts.most_common() if times >= _RARE * counts.total()]
    if missing := [name for name in asked if name not in there]:
        drawn = ", ".join(scenes.shares)
        raise TrainingError(f"{drawn} shows no {', '.join(missing)}; there are {', '.join(there)}")
    return tuple(asked) or tuple(there)


def _frame(image: Any, gsd_m: float | None) -> Frame:
    valid = np.ones(image.shape[:2], np.bool_)
    return Frame(pixels=image.transpose(2, 0, 1), valid=valid, bands=("red", "green", "blue"), gsd_m=gsd_m)


def _told(sample: Sample) -> list[SampleRegion]:
    """What somebody did, without what that pushed elsewhere."""
    return [region for region in sample.regions or () if not region.attributes.get("pushed")]


def _named(region: SampleRegion) -> SampleRegion:
    return replace(region, label=ALIKE.get(region.label, region.label))


def _matched(told: Sequence[SampleRegion], places: Sequence[Box]) -> Iterable[SampleRegion]:
    """What is true of the places that a detector found, where one of the regions is clearly there."""
    for place in places:
        best = max(told, key=lambda region: box_iou(Corners(*region.box), Corners(*place)))
        if box_iou(Corners(*best.box), Corners(*place)) >= _SAME:
            yield replace(_named(best), box=(place.x0, place.y0, place.x1, place.y1))
