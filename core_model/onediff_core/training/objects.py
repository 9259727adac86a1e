"""Things set into one of two looks at one image: what a camera's "something came or went" is learned from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_core.training.photometry import recoloured, shadowed, statistics, swayed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_core.data import Sample

MOST_AT_ONCE: Final = 5
SIDES_PX: Final = (8, 100)
# So many pairs show nothing new: only shadows, what sways, and what all pairs have of light and noise.
EMPTY_SHARE: Final = 0.3
SHADOW_SHARE: Final = 0.3
SWAY_SHARE: Final = 0.4


def paste_objects(rng: np.random.Generator, sample: Sample, texture: NDArray[np.uint8], came: str, went: str) -> Sample:
    """Two looks at the after image of a sample, with pieces of another image in one or the other.

    Args:
        rng: where chance comes from.
        sample: its after image is used, its labels are not.
        texture: (H, W, 3), what the things are made of.
        came: class of what is in the after look alone.
        went: class of what is in the before look alone.

    Returns:
        A sample that is labelled for these classes alone; shadows and what sways are in no mask.
    """
    images = [sample.after.copy(), sample.after.copy()]
    height, width = sample.after.shape[:2]
    masks = np.zeros((2, height, width), np.bool_)  # of what went, and of what came
    for _ in range(0 if rng.random() < EMPTY_SHARE else int(rng.integers(1, MOST_AT_ONCE, endpoint=True))):
        shape = random_shape(rng)
        place, origin = _place(rng, (height, width), shape.shape), _place(rng, texture.shape[:2], shape.shape)
        own, there = statistics(texture), statistics(sample.after[place])
        patch = recoloured(texture[origin], own, there, strength=float(rng.uniform(0.0, 0.9)))
        alpha = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), float(rng.uniform(0.4, 1.2)))[..., None]
        date = int(rng.integers(2))
        target = images[date][place]
        target[:] = np.rint(target + alpha * (patch.astype(np.float32) - target)).astype(np.uint8)
        masks[date][place] |= shape
    looks = [shadowed(rng, image) if rng.random() < SHADOW_SHARE else image for image in images]
    if rng.random() < SWAY_SHARE:
        looks[0] = swayed(rng, looks[0])
    return replace(
        sample, before=looks[0], after=looks[1], masks={went: masks[0], came: masks[1]}, ignore=None,
        changed=bool(masks.any()),
        regions=None, captions=(),
    )  # fmt: skip


def random_shape(rng: np.random.Generator) -> NDArray[np.bool_]:
    """(h, w) of an ellipse, a polygon or a few blobs together, small ones more often."""
    height, width = (int(SIDES_PX[0] * (SIDES_PX[1] / SIDES_PX[0]) ** rng.random()) for _ in range(2))
    shape = np.zeros((height, width), np.uint8)
    middle = (width // 2, height // 2)
    kind = rng.integers(3)
    if kind == 0:
        cv2.ellipse(shape, middle, middle, 0, 0, 360, 1, -1)
    elif kind == 1:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 9))))
        radii = rng.uniform(0.6, 1.0, len(angles))
        corners = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None] * middle + middle
        cv2.fillPoly(shape, [corners.astype(np.int32)], 1)
    else:  # upright, as a person stands: a head over a body
        head = max(2, min(middle[0] // 2, height // 5))
        cv2.circle(shape, (middle[0], head), head, 1, -1)
        cv2.ellipse(shape, (middle[0], (height + head) // 2), (middle[0], (height - head) // 2), 0, 0, 360, 1, -1)
    return shape.astype(np.bool_)


def _place(rng: np.random.Generator, within: tuple[int, ...], shape: tuple[int, int]) -> tuple[slice, slice]:
    """A random place of that shape; images are larger than `SIDES_PX`."""
    y, x = (int(rng.integers(side - length, endpoint=True)) for side, length in zip(within, shape, strict=True))
    return slice(y, y + shape[0]), slice(x, x + shape[1])
