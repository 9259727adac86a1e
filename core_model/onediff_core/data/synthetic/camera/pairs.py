"""Two stills of one fixed camera, and what came, went or moved between them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.data.synthetic.camera.figures import PAINTS, Figure, adjectives, figure_sprite
from onediff_core.data.synthetic.camera.moments import CALM, Moment, lit, moment, shaded, shifted_leaves
from onediff_core.data.synthetic.camera.places import Place, place
from onediff_core.data.synthetic.facts import Change, sample_of
from onediff_core.data.synthetic.nuisances import developed, exposure, knocked, seen_from, strength, taken
from onediff_core.data.synthetic.sprites import paint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from onediff_core.data.sample import Sample

    Rng = np.random.Generator
    Light = NDArray[np.float32]
    Ids = NDArray[np.int16]
    Figures = Mapping[int, Figure]

CLASSES: Final = ("object+", "object-")
_UNCHANGED: Final = 0.37
_TRIES: Final = 5  # there may be no room for a newcomer
_NEW: Final = 100  # keys above it are of those who came
_SEEN: Final = 24  # pixels that must be visible of what changed
_ROOM: Final = {"car": 2.4, "van": 3.0, "bicycle": 0.8}  # metres about the foot; 0.45 for anything else


def camera(seed: int, index: int, size: int = 256, *, calm: bool = False) -> Sample:
    """A pair of stills of a place that a fixed camera watches.

    Args:
        seed: of the whole run.
        index: which pair; any order gives the same pairs.
        size: side in pixels.
        calm: leave out all that is not a change: shadows, light, leaves, weather, noise, and knocks.

    Returns:
        A sample with the masks `object+` and `object-`: who and what came and went; what moved did both. Shadows and
        lights are no change.
    """
    rng = np.random.default_rng([seed, index])
    where = place(rng, size)
    figures = _standing(rng, where)
    later = figures if rng.random() < _UNCHANGED else _happened(rng, where, figures)
    moments = (CALM, CALM) if calm else _moments(rng, where)
    light_before, ids_before = _seen(where, figures, moments[0])
    light_after, ids_after = _seen(where, later, moments[1])
    changes, unseen = _changes(figures, later, ids_before, ids_after)
    while unseen:  # what nobody can see did not happen: it is as it was before
        kept = {key: figure for key, figure in later.items() if key not in unseen}
        later = kept | {key: figures[key] for key in unseen if key in figures}
        light_after, ids_after = _seen(where, later, moments[1])
        changes, unseen = _changes(figures, later, ids_before, ids_after)
    before, after = (
        (developed(light_before), developed(light_after)) if calm else _taken(rng, light_before, light_after)
    )
    name = f"camera-{seed}-{index}"
    return sample_of(
        before, after, changes, CLASSES, domain="surveillance", source="synthetic-camera", group=name, id=name
    )


# --- who is there, and what happens -------------------------------------------------------------------------------


def _standing(rng: Rng, where: Place) -> dict[int, Figure]:
    figures: dict[int, Figure] = {}
    for key in range(int(rng.integers(0, 8))):
        if (figure := _newcomer(rng, where, figures)) is not None:
            figures[key] = figure
    return figures


def _newcomer(rng: Rng, where: Place, others: Figures) -> Figure | None:
    """Somebody or something where there is room, or None where none was found."""
    vehicle = bool(where.bays) and rng.random() < 0.5
    label = str(
        rng.choice(["car", "van"], p=(0.8, 0.2)) if vehicle else rng.choice(where.people, p=_odds(where.people))
    )
    for _ in range(12):
        spot = where.bays[rng.integers(len(where.bays))] if vehicle else _spot(rng, where)
        if spot is None or _crowded(label, spot, others) or not _in_sight(where, label, spot):
            continue
        right, away, yaw = spot
        colour = str(rng.choice(list(PAINTS)))
        return Figure(label=label, colour=colour, right=right, away=away, yaw=yaw, tone=int(rng.integers(2**31)))
    return None


def _odds(labels: tuple[str, ...]) -> NDArray[np.float64]:
    """People first; then whatever is left about."""
    weights = [3.0 if label == "person" else 1.0 for label in labels]
    return np.array(weights) / sum(weights)


def _spot(rng: Rng, where: Place) -> tuple[float, float, float] | None:
    rows, columns = np.nonzero(where.floor[::4, ::4])
    if not len(rows):
        return None
    number = rng.integers(len(rows))
    right, away = where.view.ground(float(columns[number] * 4 + 2), float(rows[number] * 4 + 2))
    return right, away, float(rng.uniform(0, 2 * np.pi))


def _crowded(label: str, spot: tuple[float, float, float], others: Figures) -> bool:
    room = _ROOM.get(label, 0.45)
    return any(
        np.hypot(spot[0] - other.right, spot[1] - other.away) < 0.8 * (room + _ROOM.get(other.label, 0.45))
        for other in others.values()
    )


def _in_sight(where: Place, label: str, spot: tuple[float, float, float]) -> bool:
    """Its middle is in the picture, it is not too small to be made out, and it does not fill the picture."""
    x, y = where.view.seen(np.array([[spot[0], 0.5, spot[1]]]))[0]
    tall = where.view.scale(spot[1]) * (1.5 if label in ("person", "car", "van") else 0.7)
    size = where.view.size
    return bool(0 < x < size and 0 < y < size and 7 < tall < 0.75 * size and spot[1] > 1.5)


def _happened(rng: Rng, where: Place, figures: Figures) -> dict[int, Figure]:
    """The same place later: one to four times somebody or something came, went or moved."""
    for _ in range(_TRIES):
        if (later := _some_happened(rng, where, figures)) != figures:
            return later
    return dict(figures)


def _some_happened(rng: Rng, where: Place, figures: Figures) -> dict[int, Figure]:
    later = dict(figures)
    untouched = [int(key) for key in rng.permutation(list(figures))]
    for _ in range(int(rng.choice([1, 2, 3, 4], p=(0.46, 0.28, 0.16, 0.1)))):
        what = str(rng.choice(["come", "go", "move"], p=(0.45, 0.35, 0.2)))
        if what == "come" or not untouched:
            if (figure := _newcomer(rng, where, later)) is not None:
                later[max([_NEW, *later]) + 1] = figure
        elif what == "go":
            del later[untouched.pop()]
        else:
            key = untouched.pop()
            later[key] = _elsewhere(rng, where, later, key) or later[key]
    return later


def _elsewhere(rng: Rng, where: Place, figures: Figures, key: int) -> Figure | None:
    figure = figures[key]
    others = {other: one for other, one in figures.items() if other != key}
    for _ in range(12):
        spot = where.bays[rng.integers(len(where.bays))] if figure.label in ("car", "van") else _spot(rng, where)
        if spot is None or _crowded(figure.label, spot, others) or not _in_sight(where, figure.label, spot):
            continue
        near = np.hypot(spot[0] - figure.right, spot[1] - figure.away) < 0.5 + _ROOM.get(figure.label, 0.45)
        if not near:
            return replace(figure, right=spot[0], away=spot[1], yaw=spot[2])
    return None


def _changes(figures: Figures, later: Figures, ids_before: Ids, ids_after: Ids) -> tuple[list[Change], set[int]]:
    """What differs, and the keys of what differs but is hardly to be seen."""
    changes, unseen = [], set()
    for key in sorted(figures.keys() | later.keys()):
        before, after = figures.get(key), later.get(key)
        if before == after:
            continue
        masks = [ids == key for figure, ids in ((before, ids_before), (after, ids_after)) if figure is not None]
        if min(int(mask.sum()) for mask in masks) < _SEEN:
            unseen.add(key)
            continue
        figure = later[key] if key in later else figures[key]
        changes.append(
            Change(
                kind="added" if before is None else "removed" if after is None else "moved",
                label=figure.label,
                mask=masks[-1],
                left=masks[0] if len(masks) == 2 else None,
                classes=("object",),
                attributes=adjectives(figure),
            )
        )
    return changes, unseen


# --- the pictures -------------------------------------------------------------------------------------------------


def _seen(where: Place, figures: Figures, now: Moment) -> tuple[Light, Ids]:
    """The place with everybody in it, and who is seen where: from the farthest to the nearest."""
    ordered = sorted(figures.items(), key=lambda item: -item[1].away)
    sprites = [(key, figure, figure_sprite(figure, where.view, now.sun)) for key, figure in ordered]
    light = shifted_leaves(where, now)
    light *= shaded(where, [(figure, sprite) for _, figure, sprite in sprites], now)[:, :, None]
    ids = np.full(light.shape[:2], -1, np.int16)
    for key, _, sprite in sprites:
        paint(light, ids, key, sprite)
    return lit(light, now), ids


def _moments(rng: Rng, where: Place) -> tuple[Moment, Moment]:
    """Seconds apart, hours apart, or day and night."""
    first = moment(rng, where)
    chance = rng.random()
    if chance < 0.4:
        return first, replace(first, wind=moment(rng, where).wind, grain=int(rng.integers(2**31)))
    if chance < 0.75:
        return first, replace(moment(rng, where), night=first.night)
    return first, moment(rng, where)


def _taken(rng: Rng, before: Light, after: Light) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both stills; the camera was knocked before the second one, whose grid is that of the truth."""
    how_much = strength(rng)
    if rng.random() < 0.5:
        before = seen_from(before, knocked(rng, len(before), shift=float(rng.choice([0.5, 1.0, 2.5])), tilt=0.003))
    return taken(before, exposure(rng, how_much), rng), taken(after, exposure(rng, how_much), rng)
