"""Time-mixing: a changed pair edited with its own two dates, so that labels stay exact and pixels real.

Every change of a pair is kept, undone (the after image shows what was there before) or made earlier (the before image
shows what came). The last is the only source of pairs in which an old building stands beside a new one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_core.training.photometry import recoloured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_core.data import Sample

    Mask = NDArray[np.bool_]

KEPT_SHARE: Final = 0.5
# Shadows lie beside a building and have to go with it.
SHADOW_PX: Final = (5, 15)
FEATHER_PX: Final = (0.7, 2.0)
_MIN_UNCHANGED_PX: Final = 256


def mix_times(rng: np.random.Generator, sample: Sample) -> Sample:
    """Keep, undo or make earlier each change of a sample.

    Args:
        rng: where chance comes from.
        sample: with masks; regions and captions are dropped, since they no longer hold.

    Returns:
        A new sample; pixels of changes that are kept are those that came, to the bit, in both images.
    """
    changed = np.logical_or.reduce(list(sample.masks.values()))
    count, components = cv2.connectedComponents(changed.view(np.uint8), connectivity=8)
    fate = rng.choice(3, size=count - 1, p=[KEPT_SHARE, (1 - KEPT_SHARE) / 2, (1 - KEPT_SHARE) / 2])
    fates = np.concatenate([[-1], fate])[components]  # (H, W): -1 unchanged, 0 kept, 1 undone, 2 made earlier
    if not (fate > 0).any() or (~changed).sum() < _MIN_UNCHANGED_PX:
        return sample
    kept, undone, earlier = fates == 0, fates == 1, fates == 2
    before, after = sample.before, sample.after
    masks = {name: mask & kept for name, mask in sample.masks.items()}
    return replace(
        sample,
        before=_copied(rng, after, before, earlier, changed, kept | undone),
        after=_copied(rng, before, after, undone, changed, kept | earlier),
        masks=masks,
        changed=bool(kept.any()),
        regions=None,
        captions=(),
    )


def _copied(
    rng: np.random.Generator,
    source: NDArray[np.uint8],
    target: NDArray[np.uint8],
    where: Mask,
    changed: Mask,
    spared: Mask,
) -> NDArray[np.uint8]:
    """The target with a part of the source, in the target's colours, over a soft seam outside what is spared."""
    if not where.any():
        return target
    reach = int(rng.integers(*SHADOW_PX, endpoint=True))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    grown = cv2.dilate(where.view(np.uint8), kernel).astype(np.float32)
    alpha = cv2.GaussianBlur(grown, (0, 0), float(rng.uniform(*FEATHER_PX)))
    alpha[spared] = 0.0
    matched = recoloured(source, _statistics(source, ~changed), _statistics(target, ~changed))
    mixed = target + alpha[..., None] * (matched.astype(np.float32) - target)
    return np.rint(mixed).astype(np.uint8)


def _statistics(image: NDArray[np.uint8], where: Mask) -> NDArray[np.float32]:
    mean, deviation = cv2.meanStdDev(image, mask=where.view(np.uint8))
    return np.stack([mean[:, 0], deviation[:, 0]]).astype(np.float32)
