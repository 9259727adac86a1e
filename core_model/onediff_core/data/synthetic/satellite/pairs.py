"""Two dates of one piece of land, and what happened between them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import shapely

from onediff_core.data.synthetic.facts import Change, sample_of
from onediff_core.data.synthetic.nuisances import developed, exposure, knocked, seen_from, strength, taken
from onediff_core.data.synthetic.satellite.land import KEYS_OF, Date, Land, State, parted
from onediff_core.data.synthetic.satellite.look import seen
from onediff_core.data.synthetic.satellite.survey import surveyed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_core.data.sample import Sample

    Rng = np.random.Generator
    Light = NDArray[np.float32]
    Ids = NDArray[np.int16]

CLASSES: Final = ("building+", "building-", "landcover", "road", "tree", "vehicle")
_UNCHANGED: Final = 0.36
_TRIES: Final = 5  # events may find nothing that they could happen to
_SEEN: Final = {"parcel": 150, "road": 40, "building": 16, "tree": 12, "vehicle": 10}  # pixels
# What a parcel may turn into.
_TURNS: Final = {
    "grass": ("bare soil", "water", "bare soil"),
    "crop": ("bare soil", "water", "bare soil"),
    "forest": ("bare soil", "bare soil", "grass"),
    "bare soil": ("grass", "water", "grass"),
    "pavement": ("bare soil",),
}
_EVENTS: Final = (0.36, 0.12, 0.2, 0.06, 0.09, 0.05, 0.12)
_SEASONS: Final = ((1.0, 1.0, 1.0), (1.18, 1.0, 0.86), (1.3, 1.16, 1.08), (0.92, 1.06, 0.82), (0.86, 0.9, 0.9))


def satellite(seed: int, index: int, size: int = 256, *, calm: bool = False) -> Sample:
    """A pair of pictures of the same land on two dates.

    Args:
        seed: of the whole run.
        index: which pair; any order gives the same pairs.
        size: side in pixels.
        calm: leave out all that is not a change: shadows, season, light, noise and misregistration.

    Returns:
        A sample with `gsd_m` and the masks `building+`, `building-`, `landcover` (soil laid bare or grown over, forest
        cut, new water), `road`, `tree` and `vehicle`. What a field bears, and shadows, are no change.
    """
    rng = np.random.default_rng([seed, index])
    land, states = _history(rng, surveyed(rng, size))
    dates, texture = _dates(rng, calm=calm), int(rng.integers(2**31))
    light_before, ids_before = seen(land, states[0], dates[0], texture, calm=calm)
    light_after, ids_after = seen(land, states[1], dates[1], texture, calm=calm)
    changes, unseen = _changes(states, ids_before, ids_after)
    while unseen:  # what nobody can see did not happen: it is as it was before
        states = states[0], _restored(states, unseen)
        light_after, ids_after = seen(land, states[1], dates[1], texture, calm=calm)
        changes, unseen = _changes(states, ids_before, ids_after)
    before, after = _taken(rng, light_before, light_after, calm=calm)
    name = f"satellite-{seed}-{index}"
    return sample_of(
        before, after, changes, CLASSES,
        domain="satellite", source="synthetic-satellite", group=name, id=name, gsd_m=round(land.gsd, 3),
    )  # fmt: skip


# --- what happens -----------------------------------------------------------------------------------------------


def _history(rng: Rng, land: Land) -> tuple[Land, tuple[State, State]]:
    """The land, and its state on both dates."""
    if rng.random() < 0.2 and (lake := parted(rng, land, whole=False)):
        land, key = lake
        land = replace(land, covers={**land.covers, key: "water"})
    first = State(covers=land.covers, absent=frozenset())
    if rng.random() < _UNCHANGED:
        return land, (first, first)
    for _ in range(_TRIES):
        changed, states = _developed(rng, land)
        if states[0] != states[1]:
            return changed, states if rng.random() < 0.75 else states[::-1]
    return land, (first, first)


def _developed(rng: Rng, land: Land) -> tuple[Land, tuple[State, State]]:
    """One to four things happen, as far as there is something that they can happen to."""
    absent: tuple[set[int], set[int]] = set(), set()
    covers: dict[int, str] = {}
    for _ in range(int(rng.choice([1, 2, 3, 4], p=(0.42, 0.3, 0.18, 0.1)))):
        event = str(rng.choice(["build", "demolish", "cover", "road", "cut", "plant", "drive"], p=_EVENTS))
        if event == "cover":
            if patch := parted(rng, land, whole=bool(rng.random() < 0.35)):
                land, key = patch
                turns = _TURNS.get(land.covers[key], ("bare soil",))
                covers[key] = str(turns[rng.integers(len(turns))])
        elif event == "road" and land.roads:
            key = int(rng.choice(list(land.roads)))
            land = _without_traffic(land, key)
            absent[0].add(key)
        elif event != "road":
            _come_or_go(rng, land, event, absent)
    before = State(covers=land.covers, absent=frozenset(absent[0] - absent[1]))
    after = State(covers={**land.covers, **covers}, absent=frozenset(absent[1] - absent[0]))
    return land, (before, after)


def _come_or_go(rng: Rng, land: Land, event: str, absent: tuple[set[int], set[int]]) -> None:
    """Things that are not there before (build, plant) or not after (demolish, cut), or either (drive)."""
    if event in ("build", "demolish"):
        keys = list(land.buildings)
    else:
        keys = list(land.vehicles if event == "drive" else land.trees)
    if not keys:
        return
    many = event == "build" and rng.random() < 0.35
    count = max(round(len(keys) * rng.uniform(0.3, 1.0)), 1) if many else min(int(rng.geometric(0.45)), len(keys))
    for key in _neighbours(rng, land, keys, count):
        later = event in ("demolish", "cut") or (event == "drive" and rng.random() < 0.5)
        absent[1 if later else 0].add(key)


def _without_traffic(land: Land, key: int) -> Land:
    """The land with no vehicles on a road: what drives where no road is yet would be odd."""
    road = land.roads[key]
    strip = shapely.LineString(road.line).buffer(road.width)
    kept = {name: spot for name, spot in land.vehicles.items() if not strip.contains(shapely.Point(spot.at))}
    return replace(land, vehicles=kept)


def _neighbours(rng: Rng, land: Land, keys: list[int], count: int) -> list[int]:
    """Some of the things: mostly those next to each other, as streets are built."""
    at = np.array([_middle(land, key) for key in keys])
    away = np.hypot(*(at - at[rng.integers(len(at))]).T)
    order = np.argsort(away) if rng.random() < 0.6 else rng.permutation(len(keys))
    return [keys[i] for i in order[:count]]


def _middle(land: Land, key: int) -> tuple[float, float]:
    if key in land.buildings:
        x, y = land.buildings[key].wings[0].mean(axis=0).tolist()
        return x, y
    return (land.trees | land.vehicles)[key].at


def _restored(states: tuple[State, State], unseen: set[int]) -> State:
    """The later state without the changes to these keys."""
    first, second = states
    kept = {key for key in first.absent | second.absent if key in (first if key in unseen else second).absent}
    covers = {key: (first if key in unseen else second).covers[key] for key in second.covers}
    return State(covers=covers, absent=frozenset(kept))


# --- what is true of it -----------------------------------------------------------------------------------------


def _changes(states: tuple[State, State], ids_before: Ids, ids_after: Ids) -> tuple[list[Change], set[int]]:
    """What differs, and the keys of what differs but is hardly to be seen."""
    first, second = states
    changes, unseen = [], set()
    turned = [key for key in second.covers if first.covers[key] != second.covers[key]]
    for key in sorted([*turned, *(first.absent ^ second.absent)]):
        what = max((name for name, start in KEYS_OF.items() if start <= key), key=KEYS_OF.__getitem__)
        added = key in first.absent
        mask = (ids_after if what == "parcel" or added else ids_before) == key
        if int(mask.sum()) < _SEEN[what]:
            unseen.add(key)
        elif what == "parcel":
            changes.append(_turned(first.covers[key], second.covers[key], mask))
        else:
            classes = (("building+" if added else "building-") if what == "building" else what,)
            changes.append(Change(kind="added" if added else "removed", label=what, mask=mask, classes=classes))
    return changes, unseen


def _turned(before: str, after: str, mask: NDArray[np.bool_]) -> Change:
    """Water and forest come and go; another cover is a change of the field."""
    values = {"cover_before": before, "cover_after": after}
    for cover in ("water", "forest"):
        if cover in (before, after):
            kind = "added" if cover == after else "removed"
            return Change(kind=kind, label=cover, mask=mask, classes=("landcover",), attributes=values)
    field = {"what": "cover", **values}
    return Change(kind="changed", label="field", mask=mask, classes=("landcover",), attributes=field)


# --- the pictures -----------------------------------------------------------------------------------------------


def _dates(rng: Rng, *, calm: bool) -> tuple[Date, Date]:
    first = _date(rng)
    if calm:
        return first, first
    second = _date(rng)
    return first, second if rng.random() < 0.8 else first


def _date(rng: Rng) -> Date:
    azimuth, elevation = rng.uniform(0.15, np.pi - 0.15), np.deg2rad(rng.uniform(25, 70))
    season = np.array(_SEASONS[rng.integers(len(_SEASONS))])
    return Date(
        sun=(float(np.cos(azimuth)), float(np.sin(azimuth))),
        cotangent=float(1 / np.tan(elevation)),
        depth=float(rng.uniform(0.3, 0.65)),
        season=tuple((1 + rng.uniform(0.3, 1.0) * (season - 1)).tolist()),
        crops=int(rng.integers(3)),
        bleak=float(rng.choice([0.0, 0.15, 0.6], p=(0.6, 0.25, 0.15))),
    )


def _taken(rng: Rng, before: Light, after: Light, *, calm: bool) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both pictures; the first one lies off by up to three pixels, so that truth stays on the second one's grid."""
    if calm:
        return developed(before), developed(after)
    how_much = strength(rng)
    sharpness = rng.uniform(0.35, 0.75)
    before, after = (np.asarray(cv2.GaussianBlur(light, (0, 0), sharpness), np.float32) for light in (before, after))
    if rng.random() < 0.7:
        before = seen_from(before, knocked(rng, len(before), shift=float(rng.choice([1.0, 2.0, 3.0])), tilt=0.003))
    return taken(_hazy(rng, before), exposure(rng, how_much), rng), taken(
        _hazy(rng, after), exposure(rng, how_much), rng
    )


def _hazy(rng: Rng, light: Light) -> Light:
    """Air between: less contrast, more blue."""
    share = rng.uniform(0, 0.28) if rng.random() < 0.5 else 0.0
    return light + np.float32(share) * (np.array([186, 194, 204], np.float32) - light)
