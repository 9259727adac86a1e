"""Real pictures made into pairs: something is pasted into one side, or into both, where it is no change.

Whatever is pasted has the same seams on both sides, so that seams are no sign of a change.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from onediff_core.data.record import opened
from onediff_core.data.sample import Sample, SampleRegion
from onediff_core.data.synthetic.captions import PLACE, described
from onediff_core.data.synthetic.cuts import Cut, cut
from onediff_core.data.synthetic.facts import Change, sample_of
from onediff_core.data.synthetic.nuisances import developed, exposure, knocked, seen_from, strength, taken
from onediff_core.data.synthetic.sprites import blend

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from onediff_core.data.synthetic.sprites import Sprite

    Rng = np.random.Generator
    Pixels = NDArray[np.uint8]
    Light = NDArray[np.float32]

CLASSES: Final = ("object+", "object-")
_UNCHANGED: Final = 0.38
_ELSEWHERE: Final = 0.05  # of the rest: the two sides show two places
_JOINED: Final = 8  # pixels; OpenCV's seamlessClone fails on masks of up to four
_CONTRAST: Final = 12.0  # mean grey values by which what is pasted must differ from what it covers


class Edited:
    """Pairs from single pictures.

    Args:
        images: (H, W, 3) uint8 RGB of any sizes, at least 32 px a side; a sequence is read as needed, anything else
            is held in memory.
        domain: of the samples.
        source: of the samples.
        licence: of the pictures.

    Raises:
        ValueError: there are no images.
    """

    def __init__(self, images: Iterable[Pixels], *, domain: str, source: str, licence: str) -> None:
        """Take the images."""
        self.images = images if isinstance(images, Sequence) else tuple(images)
        if not len(self.images):
            raise ValueError(f"{source}: no images to make pairs of")
        self.domain, self.source, self.licence = domain, source, licence

    def __call__(self, seed: int, index: int, size: int = 256, *, calm: bool = False) -> Sample:
        """A pair.

        Args:
            seed: of the whole run.
            index: which pair; any order gives the same pairs.
            size: side in pixels.
            calm: leave out all that is not a change but what is pasted into both sides: light, noise, registration.

        Returns:
            A sample with the mask `object`: what was pasted into one side, or into both at different places. Where the
            sides show two places, no mask is labelled, and the one region has the label `captions.PLACE`.
        """
        rng = np.random.default_rng([seed, index])
        number = int(rng.integers(len(self.images)))
        scene = _crop(rng, self.images[number], size)
        changed = rng.random() >= _UNCHANGED
        if changed and len(self.images) > 1 and rng.random() < _ELSEWHERE:
            other = (number + 1 + int(rng.integers(len(self.images) - 1))) % len(self.images)
            return self._two_places(rng, scene, _crop(rng, self.images[other], size), f"edited-{seed}-{index}")
        donor = _crop(rng, self.images[int(rng.integers(len(self.images)))], size)
        before, after, changes = _pasted(rng, scene, donor, changed=changed)
        pair = (developed(before), developed(after)) if calm else _taken(rng, before, after)
        sample = sample_of(*pair, changes, CLASSES, domain=self.domain, source=self.source, id=f"edited-{seed}-{index}")
        return replace(sample, licence=self.licence, group=f"{self.source}-{number}")

    def _two_places(self, rng: Rng, before: Light, after: Light, name: str) -> Sample:
        size = len(after)
        pair = _taken(rng, before, after)
        everything = SampleRegion(kind="changed", label=PLACE, box=(0, 0, size, size))
        return described(
            Sample(
                before=pair[0],
                after=pair[1],
                regions=(everything,),
                changed=True,
                domain=self.domain,
                source=self.source,
                licence=self.licence,
                group=name,
                id=name,
            )
        )


class Pictures(Sequence["Pixels"]):
    """The pictures of a folder and its subfolders, in the order of their names, read when they are asked for.

    Args:
        folder: where they are; files that are no PNG, JPEG, TIFF or WebP are left alone.
    """

    def __init__(self, folder: str | Path) -> None:
        """List them."""
        suffixes = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"}
        self.paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in suffixes)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.paths)

    def __getitem__(self, index: Any) -> Any:
        """One as (H, W, 3) uint8 RGB, or a list of some.

        Raises:
            PairError: it is no picture.
        """
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        with opened(self.paths[index]) as image:
            return np.asarray(image.convert("RGB"))


def edited_demo(seed: int, index: int, size: int = 256, *, calm: bool = False) -> Sample:
    """`Edited` of the pictures that ship with onediff-plugins."""
    return _demo()(seed, index, size, calm=calm)


@functools.cache
def _demo() -> Edited:
    from PIL import Image

    from onediff_plugins.demo import pairs_file

    names = ("camera_before.jpg", "page_before.png", "scene_before.tif")
    images = [np.asarray(Image.open(pairs_file().with_name(name)).convert("RGB")) for name in names]
    return Edited(images, domain="generic", source="edited-demo", licence="Apache-2.0")


# --- what is pasted ---------------------------------------------------------------------------------------------


def _pasted(rng: Rng, scene: Light, donor: Light, *, changed: bool) -> tuple[Light, Light, list[Change]]:
    """Both sides, and what differs between them."""
    before, after, changes = scene.copy(), scene.copy(), list[Change]()
    used = np.zeros(scene.shape[:2], np.bool_)
    for fate in _fates(rng, changed=changed):
        piece = cut(rng, donor)
        places = [found for _ in range(2 if fate == "moved" else 1) if (found := _placed(rng, piece, scene, used))]
        if len(places) < 1 + (fate == "moved"):
            continue
        (sprite_before, mask_before), (sprite_after, mask_after) = places[0], places[-1]
        if fate != "added":
            blend(before, sprite_before)
        if fate != "removed":
            blend(after, sprite_after)
        if fate != "both":
            left = mask_before if fate == "moved" else None
            changes.append(
                Change(
                    kind=fate,
                    label=piece.label,
                    mask=mask_after,
                    left=left,
                    classes=("object",),
                    attributes=piece.facts,
                )
            )
    return before, after, changes


def _fates(rng: Rng, *, changed: bool) -> list[str]:
    """What becomes of each thing: it is in both pictures, or it was added, removed or moved."""
    fates = ["both"] * int(rng.integers(0, 3))
    if changed:
        count = int(rng.choice([1, 2, 3], p=(0.5, 0.3, 0.2)))
        fates += rng.choice(["added", "removed", "moved"], count, p=(0.42, 0.42, 0.16)).tolist()
    return fates


def _placed(rng: Rng, piece: Cut, scene: Light, used: NDArray[np.bool_]) -> tuple[Sprite, NDArray[np.bool_]] | None:
    """A sprite where there is room and where it can be seen, with its mask, or None; what it takes is marked used."""
    size, (rows, columns) = len(scene), piece.sprite.alpha.shape
    for _ in range(8):
        x, y = (int(rng.integers(-side // 4, max(size - 3 * side // 4, 1 - side // 4))) for side in (columns, rows))
        sprite = _fitted(rng, replace(piece.sprite, x=x, y=y), scene, poisson=piece.poisson)
        there, own = sprite.inside(scene), sprite.own(scene)
        seen = sprite.alpha[own] > 0.5
        if seen.sum() < max(40, 0.5 * (sprite.alpha > 0.5).sum()) or used[there][seen].any():
            continue
        if np.abs(sprite.light[own] - scene[there])[seen].mean() < _CONTRAST:
            continue
        mask = np.zeros(used.shape, np.bool_)
        mask[there] = seen
        used |= cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(np.bool_)
        return sprite, mask
    return None


def _fitted(rng: Rng, sprite: Sprite, scene: Light, *, poisson: bool) -> Sprite:
    """A sprite in the tones of where it lies: nearer to their mean, or joined to them without a seam."""
    there, own = sprite.inside(scene), sprite.own(scene)
    ground = scene[there]
    mask = (255 * (sprite.alpha > 0.5)).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    if poisson and ground.shape == sprite.light.shape and min(width, height) >= _JOINED:
        centre = (x + width // 2, y + height // 2)
        joined = cv2.seamlessClone(developed(sprite.light), developed(ground), mask, centre, cv2.NORMAL_CLONE)
        return replace(sprite, light=joined.astype(np.float32))
    if not ground.size:
        return sprite
    share = rng.uniform(0, 0.35)
    shift = ground.mean(axis=(0, 1)) - sprite.light[own].mean(axis=(0, 1))
    return replace(sprite, light=np.clip(sprite.light + np.float32(share) * shift, 0, 255))


# --- the pictures -----------------------------------------------------------------------------------------------


def _crop(rng: Rng, image: Pixels, size: int) -> Light:
    """A square piece of a picture at some scale, turned or mirrored."""
    height, width = image.shape[:2]
    side = int(np.clip(size * rng.uniform(0.6, 1.6), 16, min(height, width)))
    y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    piece = image[y : y + side, x : x + side]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(piece), (size, size), interpolation=method).astype(np.float32)


def _taken(rng: Rng, before: Light, after: Light) -> tuple[Pixels, Pixels]:
    """Both pictures; the first one lies off by up to two pixels, so that truth stays on the second one's grid."""
    how_much = strength(rng)
    if rng.random() < 0.5:
        before = seen_from(before, knocked(rng, len(before), shift=float(rng.choice([0.5, 1.0, 2.0])), tilt=0.003))
    return taken(before, exposure(rng, how_much), rng), taken(after, exposure(rng, how_much), rng)
