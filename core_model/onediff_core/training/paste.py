"""Instance paste: buildings cut out by their masks, set into other places, with distractors that have the same seam."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_core.training.photometry import recoloured, statistics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from onediff_core.data import Sample

MIN_AREA_PX: Final = 60
MAX_AREA_PX: Final = 8000
MARGIN_PX: Final = 6
MOST_AT_ONCE: Final = 4
# What is pasted into one date without being a building: otherwise a network learns seams.
DISTRACTOR_SHARE: Final = 0.4
IN_BOTH_SHARE: Final = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class Instance:
    """One change cut out of a sample.

    Attributes:
        there: (h, w, 3) uint8, the image that shows it, with a margin.
        gone: (h, w, 3) uint8, the same place on the other date: texture that is none of it.
        mask: (h, w) bool.
        colours: (2, 3) statistics of the images that they were cut from, `there` and `gone`: a (2, 2, 3) array.
    """

    there: NDArray[np.uint8]
    gone: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    colours: NDArray[np.float32]


def cut_instances(samples: Iterable[Sample], name: str) -> list[Instance]:
    """Every change of a class that is whole, neither tiny nor huge.

    Args:
        samples: some of which show the class.
        name: of a class whose changes are there in the after image, "building+".
    """
    found = []
    for sample in samples:
        mask = sample.masks.get(name)
        if mask is None or not mask.any():
            continue
        _, components, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
        colours = np.stack([statistics(sample.after), statistics(sample.before)])
        height, width = mask.shape
        for number, (x, y, w, h, area) in enumerate(boxes[1:], start=1):
            x0, y0, x1, y1 = x - MARGIN_PX, y - MARGIN_PX, x + w + MARGIN_PX, y + h + MARGIN_PX
            if not MIN_AREA_PX <= area <= MAX_AREA_PX or min(x0, y0) < 0 or x1 > width or y1 > height:
                continue
            place = (slice(y0, y1), slice(x0, x1))
            found.append(
                Instance(
                    there=sample.after[place].copy(),
                    gone=sample.before[place].copy(),
                    mask=components[place] == number,
                    colours=colours,
                )
            )
    return found


def paste_instances(rng: np.random.Generator, sample: Sample, bank: list[Instance], came: str, went: str) -> Sample:
    """Set a few instances and distractors into a sample, where nothing else changed.

    Args:
        rng: where chance comes from.
        sample: labelled for both classes.
        bank: of `cut_instances`, not empty.
        came: class of what is pasted into the after image alone.
        went: class of what is pasted into the before image alone.

    Returns:
        A new sample, without regions and captions, since they no longer hold.
    """
    images = [sample.before.copy(), sample.after.copy()]
    masks = {name: mask.copy() for name, mask in sample.masks.items()}
    taken = np.logical_or.reduce(list(masks.values()))
    for _ in range(rng.integers(1, MOST_AT_ONCE, endpoint=True)):
        instance = bank[rng.integers(len(bank))]
        real = rng.random() >= DISTRACTOR_SHARE
        mask, patch = _turned(rng, instance, real)
        place = _free_place(rng, taken, mask.shape)
        if place is None:
            continue
        both = real and rng.random() < IN_BOTH_SHARE
        side = int(rng.integers(2))
        solid = cv2.dilate(mask.astype(np.float32), np.ones((3, 3)))
        alpha = np.asarray(cv2.GaussianBlur(solid, (0, 0), float(rng.uniform(0.5, 1.2))), np.float32)
        for index in (0, 1) if both else (side,):
            own = instance.colours[0 if real else 1]
            fitted = recoloured(patch, own, statistics(images[index]), strength=float(rng.uniform(0.3, 1.0)))
            _blend(images[index][place], fitted, alpha)
        if real and not both:
            masks[(went, came)[side]][place] |= mask
        taken[place] |= cv2.dilate(mask.view(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    changed = bool(any(mask.any() for mask in masks.values()))
    return replace(sample, before=images[0], after=images[1], masks=masks, changed=changed, regions=None, captions=())


def _turned(rng: np.random.Generator, instance: Instance, real: bool) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Mask and pixels in one of eight orientations."""
    quarter, mirrored = int(rng.integers(4)), rng.random() < 0.5
    pixels = instance.there if real else instance.gone
    turned = [np.rot90(part[:, ::-1] if mirrored else part, quarter) for part in (instance.mask, pixels)]
    return np.ascontiguousarray(turned[0]), np.ascontiguousarray(turned[1])


def _free_place(
    rng: np.random.Generator, taken: NDArray[np.bool_], shape: tuple[int, int]
) -> tuple[slice, slice] | None:
    """A random place of that shape without anything in it, or None after a few tries."""
    room = [side - length for side, length in zip(taken.shape, shape, strict=True)]
    if min(room) < 0:
        return None
    for _ in range(4):
        y, x = (int(rng.integers(space, endpoint=True)) for space in room)
        place = (slice(y, y + shape[0]), slice(x, x + shape[1]))
        if not taken[place].any():
            return place
    return None


def _blend(target: NDArray[np.uint8], patch: NDArray[np.uint8], alpha: NDArray[np.float32]) -> None:
    """Write the patch over the target, a view of an image that the caller has made."""
    target[:] = np.rint(target + alpha[..., None] * (patch.astype(np.float32) - target)).astype(np.uint8)
