"""Textured things on a surface, and the questions of CLEVR-Change: what came, went, moved or looks different."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_core.data.synthetic.facts import Change, sample_of
from onediff_core.data.synthetic.nuisances import developed, exposure, knocked, seen_from, strength, taken
from onediff_core.data.synthetic.solids import COLOURS, MATERIALS, SHAPES, Thing, adjectives, shadow, sprite
from onediff_core.data.synthetic.sprites import paint
from onediff_core.data.synthetic.surfaces import surface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from onediff_core.data.sample import Sample, SampleRegion

    Rng = np.random.Generator
    Light = NDArray[np.float32]  # (H, W, 3) RGB, 0 to 255
    Ids = NDArray[np.int16]  # (H, W), key of the thing that is seen, or -1
    Mask = NDArray[np.bool_]
    Things = Mapping[int, Thing]

CLASSES: Final = ("object+", "object-", "appearance")
_UNCHANGED: Final = 0.4
_NEW: Final = 100  # keys above it are of things that came
_SEEN: Final = 30  # pixels that must be visible of what changed
_SIZES: Final = {"small": (0.035, 0.05), "": (0.055, 0.075), "large": (0.09, 0.13)}  # share of the picture's side
_OVERHEAD: Final = np.array([0.0, 1.0, 0.0])


def objects(seed: int, index: int, size: int = 256, *, calm: bool = False) -> Sample:
    """A pair of pictures of things on a surface.

    Args:
        seed: of the whole run.
        index: which pair; any order gives the same pairs.
        size: side in pixels.
        calm: leave out all that is not a change: light, shadows, noise, and where the camera stands.

    Returns:
        A sample with the masks `object` (came, went, moved) and `appearance` (colour or material).
    """
    rng = np.random.default_rng([seed, index])
    floor = surface(rng, size)
    things = _arranged(rng, size, int(rng.integers(3, 10)))
    later = things if rng.random() < _UNCHANGED else _happened(rng, things, size)
    suns = (_OVERHEAD, _OVERHEAD) if calm else _suns(rng)
    light_before, ids_before = _painted(floor, things, suns[0], shadows=not calm)
    light_after, ids_after = _painted(floor, later, suns[1], shadows=not calm)
    changes, unseen = _changes(things, later, ids_before, ids_after)
    while unseen:  # what nobody can see did not happen: it is as it was before
        kept = {key: thing for key, thing in later.items() if key not in unseen}
        later = kept | {key: things[key] for key in unseen if key in things}
        light_after, ids_after = _painted(floor, later, suns[1], shadows=not calm)
        changes, unseen = _changes(things, later, ids_before, ids_after)
    before, after = _taken(rng, light_before, light_after, calm=calm)
    return sample_of(
        before,
        after,
        changes,
        CLASSES,
        domain="generic",
        source="synthetic-objects",
        group=f"objects-{seed}-{index}",
        id=f"objects-{seed}-{index}",
    )


def still(seed: int, index: int, size: int = 256, *, most: int = 3) -> tuple[NDArray[np.uint8], list[SampleRegion]]:
    """One picture of a few things on a surface, none of which hides another whole.

    Args:
        seed: of the whole run.
        index: which picture; any order gives the same ones.
        size: side in pixels.
        most: things at most; at least one.

    Returns:
        (size, size, 3) RGB, and each thing as a region of kind "added" with its adjectives, the largest first.
    """
    rng = np.random.default_rng([seed, index])
    sun = _suns(rng)[0]
    while True:
        things = _arranged(rng, size, int(rng.integers(1, most + 1)))
        light, ids = _painted(surface(rng, size), things, sun, shadows=True)
        if things and all(int((ids == key).sum()) >= _SEEN for key in things):
            break
    seen = [_change({}, things, key, ids < 0, ids == key).region() for key in things]
    picture = taken(light, exposure(rng, strength(rng)), rng)
    return picture, sorted(seen, key=lambda thing: (thing.box[0] - thing.box[2]) * (thing.box[3] - thing.box[1]))


# --- what stands there, and what happens -------------------------------------------------------------------------


def _arranged(rng: Rng, size: int, most: int) -> dict[int, Thing]:
    things: dict[int, Thing] = {}
    for key in range(most):
        if (thing := _placed(rng, _thing(rng, size), things, size)) is not None:
            things[key] = thing
    return things


def _thing(rng: Rng, size: int) -> Thing:
    word = str(rng.choice(list(_SIZES), p=(0.35, 0.4, 0.25)))
    low, high = _SIZES[word]
    return Thing(
        shape=str(rng.choice(SHAPES)),
        colour=str(rng.choice(list(COLOURS))),
        material=str(rng.choice(MATERIALS)),
        size=word,
        at=(0.0, 0.0),
        radius=float(rng.uniform(low, high) * size),
        yaw=float(rng.uniform(0, np.pi / 2)),
        pattern=int(rng.integers(2**31)),
    )


def _placed(rng: Rng, thing: Thing, others: Things, size: int) -> Thing | None:
    """The thing where it overlaps the feet of others little, or None where no place was found."""
    for _ in range(12):
        x, y = float(rng.uniform(0.06, 0.94) * size), float(rng.uniform(0.3, 0.97) * size)
        crowded = any(
            abs(x - other.at[0]) < 0.8 * (thing.radius + other.radius)
            and abs(y - other.at[1]) < 0.7 * (thing.radius + other.radius)
            for other in others.values()
        )
        if not crowded:
            return replace(thing, at=(x, y))
    return None


def _happened(rng: Rng, things: Things, size: int) -> dict[int, Thing]:
    """The same things later: one to four times something was added, dropped, moved, or changed its looks."""
    later = dict(things)
    untouched = list(rng.permutation(list(things)))
    for _ in range(int(rng.choice([1, 2, 3, 4], p=(0.5, 0.27, 0.15, 0.08)))):
        what = str(rng.choice(["add", "drop", "move", "colour", "material"]))
        if what == "add" or not untouched:
            thing = _placed(rng, _thing(rng, size), later, size)
            if thing is not None:
                later[max([_NEW, *later]) + 1] = thing
            continue
        key = int(untouched.pop())
        if what == "drop":
            del later[key]
        elif what == "move":
            rest = {other: thing for other, thing in later.items() if other != key}
            later[key] = _placed(rng, later[key], rest, size) or later[key]
        else:
            values = list(COLOURS) if what == "colour" else list(MATERIALS)
            values.remove(getattr(later[key], what))
            value = str(rng.choice(values))
            later[key] = replace(later[key], colour=value) if what == "colour" else replace(later[key], material=value)
    return later


def _changes(things: Things, later: Things, ids_before: Ids, ids_after: Ids) -> tuple[list[Change], set[int]]:
    """What differs, and the keys of what differs but is hardly to be seen."""
    changes, unseen = [], set()
    for key in sorted(things.keys() | later.keys()):
        if things.get(key) == later.get(key):
            continue
        change = _change(things, later, key, ids_before == key, ids_after == key)
        sides = [mask for mask in (change.mask, change.left) if mask is not None]
        if min(int(mask.sum()) for mask in sides) < _SEEN:
            unseen.add(key)
        else:
            changes.append(change)
    return changes, unseen


def _change(things: Things, later: Things, key: int, seen_before: Mask, seen_after: Mask) -> Change:
    thing = later[key] if key in later else things[key]
    facts, came_or_went = adjectives(thing), ("object",)
    if key not in things:
        return Change(kind="added", label=thing.shape, mask=seen_after, classes=came_or_went, attributes=facts)
    if key not in later:
        return Change(kind="removed", label=thing.shape, mask=seen_before, classes=came_or_went, attributes=facts)
    before, after = things[key], later[key]
    if before.at != after.at:
        return Change(
            kind="moved", label=thing.shape, mask=seen_after, left=seen_before, classes=came_or_went, attributes=facts
        )
    what = "colour" if before.colour != after.colour else "material"
    del facts[what]
    facts |= {"what": what, f"{what}_before": getattr(before, what), f"{what}_after": getattr(after, what)}
    return Change(kind="changed", label=thing.shape, mask=seen_after, classes=("appearance",), attributes=facts)


# --- the pictures -------------------------------------------------------------------------------------------------


def _suns(rng: Rng) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Towards the light, before and after; mostly nearly the same."""
    first = np.array([rng.uniform(-0.8, 0.8), rng.uniform(0.5, 1.2), rng.uniform(0.1, 0.9)])
    second = first + rng.normal(size=3) * rng.choice([0.0, 0.08, 0.4], p=(0.35, 0.4, 0.25))
    second[1] = max(second[1], 0.4)
    return first / np.linalg.norm(first), second / np.linalg.norm(second)


def _painted(floor: Light, things: Things, sun: NDArray[np.float64], *, shadows: bool) -> tuple[Light, Ids]:
    """The scene and what is seen where: from the farthest to the nearest, on the floor with its shadows."""
    light, ids = floor.copy(), np.full(floor.shape[:2], -1, np.int16)
    ordered = sorted(things.items(), key=lambda item: item[1].at[1])
    if shadows:
        light *= _daylight(floor.shape[:2], [thing for _, thing in ordered], sun)[:, :, None]
    for key, thing in ordered:
        paint(light, ids, key, sprite(thing, sun))
    return light, ids


def _daylight(shape: tuple[int, int], things: list[Thing], sun: NDArray[np.float64]) -> NDArray[np.float32]:
    """What the things leave of the light, in [0, 1]."""
    shaded = np.zeros(shape, np.uint8)
    for thing in things:
        shadow(shaded, thing, sun)
    return 1 - np.float32(0.5 / 255) * cv2.GaussianBlur(shaded, (0, 0), shape[0] / 90)


def _taken(rng: Rng, before: Light, after: Light, *, calm: bool) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both pictures; the camera of the first one stood elsewhere, so that truth stays on the second one's grid."""
    if calm:
        return developed(before), developed(after)
    how_much = strength(rng)
    if rng.random() < 0.6:
        tilt = float(rng.choice([0.0, 0.01, 0.03]))
        before = seen_from(before, knocked(rng, before.shape[0], shift=2.0, tilt=tilt))
    return taken(before, exposure(rng, how_much), rng), taken(after, exposure(rng, how_much), rng)
