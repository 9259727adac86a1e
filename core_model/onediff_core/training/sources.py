"""Where training samples come from: sets with masks, edited in time, and things pasted into single images."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from onediff_core.data import swap
from onediff_core.training.objects import paste_objects
from onediff_core.training.paste import cut_instances, paste_instances
from onediff_core.training.photometry import statistics
from onediff_core.training.timemix import mix_times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from onediff_core.data import Sample
    from onediff_core.training.photometry import Statistics
    from onediff_core.training.sets import MaskSet

CHANGED_SHARE: Final = 0.7
MIXED_SHARE: Final = 0.3
PASTED_SHARE: Final = {True: 0.1, False: 0.3}  # of changed and of unchanged samples
SWAPPED_SHARE: Final = 0.5
QUIET_SHARE: Final = 0.3  # of what stays unchanged


class Source(Protocol):
    """Endless samples with labels of some classes.

    Attributes:
        share: of all samples that are drawn, against the shares of other sources.
        scale: smallest and largest magnification that crops are cut at.
        classes: that its samples are labelled for.
    """

    @property
    def share(self) -> float: ...  # noqa: D102
    @property
    def scale(self) -> tuple[float, float]: ...  # noqa: D102
    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102

    def draw(self, rng: np.random.Generator) -> Sample:
        """A sample, from chance alone."""

    def palette(self) -> Iterable[Statistics]:
        """Colours of its images."""


class MaskSource:
    """A set in memory. Changed samples come more often than their share of it, and with changes of their own dates."""

    def __init__(self, entry: MaskSet, samples: Sequence[Sample]) -> None:
        """Sort samples by whether they show a change.

        Args:
            entry: what its masks stand for.
            samples: of `read_set`.
        """
        self.entry, self.share, self.scale = entry, entry.share, entry.scale
        self.classes = (entry.mask, *entry.empty)
        self.samples = list(samples)
        self.changed = [sample for sample in samples if sample.changed]
        self.unchanged = [sample for sample in samples if not sample.changed]
        self.bank = cut_instances(self.changed, entry.mask) if entry.empty else []

    def draw(self, rng: np.random.Generator) -> Sample:
        """A sample, perhaps mixed in time, pasted into, or read backwards."""
        pool = self.changed if rng.random() < CHANGED_SHARE else self.unchanged
        pool = pool or self.samples
        sample = pool[rng.integers(len(pool))]
        if self.entry.empty:
            if sample.changed and rng.random() < MIXED_SHARE:
                sample = mix_times(rng, sample)
            if self.bank and rng.random() < PASTED_SHARE[bool(sample.changed)]:
                sample = paste_instances(rng, sample, self.bank, came=self.entry.mask, went=self.entry.empty[0])
        if not sample.changed and rng.random() < QUIET_SHARE:
            nothing = np.zeros(sample.after.shape[:2], np.bool_)
            sample = replace(sample, masks={**sample.masks, **dict.fromkeys(self.entry.quiet, nothing)})
        return swap(sample) if self.entry.swapped and rng.random() < SWAPPED_SHARE else sample

    def palette(self) -> Iterable[Statistics]:
        """Colours of both images of each sample."""
        return (statistics(image) for sample in self.samples for image in (sample.before, sample.after))


class ObjectSource:
    """Single images with pieces of others in one of two looks at them."""

    classes = ("object+", "object-")

    def __init__(self, samples: Sequence[Sample], *, share: float, scale: tuple[float, float] = (0.6, 1.5)) -> None:
        """Keep what images come from.

        Args:
            samples: their after images are used.
            share: see `Source`.
            scale: see `Source`.
        """
        self.samples, self.share, self.scale = list(samples), share, scale

    def draw(self, rng: np.random.Generator) -> Sample:
        """Two looks at an image, with things in one or the other."""
        sample, other = (self.samples[rng.integers(len(self.samples))] for _ in range(2))
        return paste_objects(rng, sample, other.after, *self.classes)

    def palette(self) -> Iterable[Statistics]:
        """None of its own: its images are those of other sources."""
        return ()


class SceneSource:
    """Drawn pairs, made as they are asked for, or a number of them made once and kept."""

    scale = (0.7, 1.3)

    def __init__(
        self, draw: Callable[[int, int, int], Sample], *, share: float, side: int = 256, pool: int = 0, workers: int = 0
    ) -> None:
        """Draw one, to see what the scenes are labelled for.

        Args:
            draw: (seed, index, side in pixels) -> sample, such as `onediff_core.data.synthetic.scene` gives.
            share: see `Source`.
            side: of the scenes.
            pool: how many are drawn now and kept, for a device that learns faster than scenes are drawn; 0 for no end.
            workers: processes that draw them; 0 for this one.
        """
        self.scene, self.share, self.side = draw, share, side
        self.classes = tuple(draw(0, 0, side).masks)
        numbered = partial(_numbered, draw, side)
        if workers:
            with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as processes:
                self.pool = list(processes.map(numbered, range(pool), chunksize=16))
        else:
            self.pool = [numbered(number) for number in range(pool)]

    def draw(self, rng: np.random.Generator) -> Sample:
        """One of the pool, or any scene of the first 2^31."""
        if self.pool:
            return self.pool[rng.integers(len(self.pool))]
        return self.scene(int(rng.integers(2**31)), 0, self.side)

    def palette(self) -> Iterable[Statistics]:
        """None: what is photographed should not look drawn."""
        return ()


def _numbered(draw: Callable[[int, int, int], Sample], side: int, number: int) -> Sample:
    """One of a pool; its captions and regions are for other stages."""
    return replace(draw(number, 0, side), regions=None, captions=())
