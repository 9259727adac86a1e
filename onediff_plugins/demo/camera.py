"""Two stills of one fixed camera over a yard, drawn from a seed: the shipped surveillance pair, and pairs for tests.

A still is drawn as a camera takes it. Triangles (`solids`, `things`, `yard`) go through a z-buffer (`raster`), get
their colour (`surfaces`) and their light, with shadows of sun and sky (`lighting`); then come lens, sensor and JPEG.

What differs between the stills is chosen: `Nuisances` are what a person would not call a change, `CHANGES` are what
one would. The truth of each change is known to the pixel.
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image

from onediff_plugins.demo.yard import place
from onediff_plugins.demo.yard.lighting import Daylight, shade, sky_over
from onediff_plugins.demo.yard.views import Pose, look

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from onediff_plugins.demo.yard.raster import ShadowMap
    from onediff_plugins.demo.yard.things import Painted

    Pixels = NDArray[np.uint8]  # (H, W, 3) RGB

SIZE: Final = (768, 432)
_POSE: Final = Pose(at=(-1.2, -0.4, 4.5), heading=14.5, tilt=15.5, focal=515, size=SIZE)
_SUN: Final = Daylight(azimuth=224, altitude=40)
_EXPOSURE: Final = 1.5


@dataclass(frozen=True, kw_only=True)
class Nuisances:
    """What differs between two stills though nothing happened. Zero everywhere: nothing.

    Attributes:
        hours: how far the sun has moved on; it sets after eight.
        stops: exposure of the after still against the before still.
        warmth: share by which red gains and blue loses.
        cloud: share of the sun's light that a cloud takes from a part of the after still, in [0, 1].
        wind: metres by which leaves have moved.
        shift: pixels by which the camera was knocked; the seed says which way.
        roll: degrees by which it was turned about its axis.
        noise: of the sensor in both stills; 1 is a small sensor in daylight.
        quality: of the JPEG files, or None for pixels that never were one.
    """

    hours: float = 0.0
    stops: float = 0.0
    warmth: float = 0.0
    cloud: float = 0.0
    wind: float = 0.0
    shift: float = 0.0
    roll: float = 0.0
    noise: float = 0.0
    quality: int | None = None


NOTHING: Final = Nuisances()
A_DAY: Final = Nuisances(
    hours=1.6, stops=0.22, warmth=0.05, cloud=0.55, wind=0.03, shift=1.5, roll=0.15, noise=1.0, quality=88
)


@dataclass(frozen=True)
class _Event:
    thing: str
    kind: str
    label: str
    caption: str


CHANGES: Final = {
    "box-left": _Event("carton", "added", "box", "A cardboard box was left beside the door."),
    "suitcase-left": _Event("suitcase", "added", "suitcase", "A suitcase was left beside the door."),
    "bicycle-taken": _Event("bicycle 2", "removed", "bicycle", "A bicycle was taken from the rack."),
    "person-came": _Event("person", "added", "person", "A person walks across the yard."),
    "person-gone": _Event("person", "removed", "person", "A person has left the yard."),
    "car-gone": _Event("car 1", "removed", "car", "The blue car has left its bay."),
    "car-came": _Event("car 2", "added", "car", "A grey car was parked in the second bay."),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """What happened, and where it is to be seen.

    Attributes:
        name: key of `CHANGES`.
        kind: "added" or "removed".
        label: what it is.
        caption: what a person would say.
        mask: (H, W) on the after grid: the thing itself without its shadow; for what was removed, where it was.
        bbox_before: x0, y0, x1, y1 in before pixels, x1 and y1 exclusive; None for what was added.
        bbox_after: the same in after pixels; None for what was removed.
    """

    name: str
    kind: str
    label: str
    caption: str
    mask: NDArray[np.bool_]
    bbox_before: tuple[int, int, int, int] | None
    bbox_after: tuple[int, int, int, int] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnPair:
    """Two stills and what is true of them.

    Attributes:
        before: (H, W, 3) RGB.
        after: the same.
        changes: what happened, in the order asked for.
        matrix: (3, 3) after pixel -> before pixel; (0, 0) is the outer corner of the first pixel.
    """

    before: Pixels
    after: Pixels
    changes: tuple[Change, ...]
    matrix: NDArray[np.float64]


def draw(changes: Collection[str] = (), nuisances: Nuisances = A_DAY, *, seed: int = 0, samples: int = 2) -> DrawnPair:
    """Draw a pair of stills.

    Args:
        changes: what happened, keys of `CHANGES`.
        nuisances: what else differs.
        seed: says where leaves, clouds, the knock and noise fall, and where somebody walks. Same seed, same pair.
        samples: per pixel and direction; 1 is quick and has jagged edges.

    Returns:
        The pair; without changes and with `NOTHING`, both stills are equal.

    Raises:
        ValueError: a change that is not there, two that contradict each other, one that a camera knocked so far does
            not see, or a sun that has set.
    """
    events = {name: _event(name) for name in changes}
    if len({event.thing for event in events.values()}) < len(events):
        raise ValueError(f"{', '.join(events)}: a thing can come or go once only")
    knocked, later = _knocked(nuisances, seed), _later(nuisances, seed)
    movable = place.movables(np.random.default_rng([seed, 1]))
    calm = np.random.default_rng([seed, 2])
    parts_before = place.standing(_present(movable, events.values(), absent="added"), 0.0, calm)
    wind = np.random.default_rng([seed, 3])
    parts_after = place.standing(_present(movable, events.values(), absent="removed"), nuisances.wind, wind)
    view_before, view_after = look(parts_before, _POSE, samples), look(parts_after, knocked, samples)
    # Where the knocked camera would have seen what is no longer there.
    view_gone = look(parts_before, knocked, samples)
    gain = 2.0**nuisances.stops * np.array([1 + nuisances.warmth, 1, 1 - nuisances.warmth])
    return DrawnPair(
        before=_taken(shade(view_before, _SUN, _sky()), np.ones(3), nuisances, np.random.default_rng([seed, 4])),
        after=_taken(shade(view_after, later, _sky()), gain, nuisances, np.random.default_rng([seed, 5])),
        changes=_truth(events, view_before.things(), view_after.things(), view_gone.things()),
        matrix=np.linalg.inv(knocked.moved()).astype(np.float64),
    )


def _truth(
    events: Mapping[str, _Event],
    before: Mapping[str, NDArray[np.bool_]],
    after: Mapping[str, NDArray[np.bool_]],
    gone: Mapping[str, NDArray[np.bool_]],
) -> tuple[Change, ...]:
    """What happened, from the things seen before, after, and before by a camera where it stands after."""
    for name, event in events.items():
        needed = (after,) if event.kind == "added" else (before, gone)
        if not all(event.thing in seen for seen in needed):
            raise ValueError(f"{name}: the {event.thing} is out of the picture; knock the camera less")
    return tuple(
        Change(
            name=name,
            kind=event.kind,
            label=event.label,
            caption=event.caption,
            mask=(after if event.kind == "added" else gone)[event.thing],
            bbox_before=None if event.kind == "added" else _bounds(before[event.thing]),
            bbox_after=None if event.kind == "removed" else _bounds(after[event.thing]),
        )
        for name, event in events.items()
    )


def _knocked(nuisances: Nuisances, seed: int) -> Pose:
    """The camera at the time of the after still."""
    direction, spin = np.random.default_rng([seed, 0]).uniform((0, -1), (2 * np.pi, 1)).tolist()
    shift = nuisances.shift * np.cos(direction), nuisances.shift * np.sin(direction)
    return replace(_POSE, shift=shift, roll=nuisances.roll if spin > 0 else -nuisances.roll)


def _later(nuisances: Nuisances, seed: int) -> Daylight:
    """Sun and cloud at the time of the after still."""
    x, y = np.random.default_rng([seed, 6]).uniform((-4, 4), (6, 9)).tolist()
    azimuth, altitude = _SUN.azimuth - 14 * nuisances.hours, _SUN.altitude - 5 * nuisances.hours
    if altitude <= 0:
        raise ValueError(f"hours={nuisances.hours:g}: the sun has set")
    return Daylight(azimuth, altitude, nuisances.cloud, (x, y))


@functools.cache
def _sky() -> tuple[ShadowMap, ...]:
    """Of the yard itself, which is always the same."""
    return sky_over(place.standing([], 0.0, np.random.default_rng(0)))


def _event(name: str) -> _Event:
    if name not in CHANGES:
        raise ValueError(f"no change {name!r}: choose among {', '.join(CHANGES)}")
    return CHANGES[name]


def _present(movable: Mapping[str, list[Painted]], events: Collection[_Event], *, absent: str) -> list[Painted]:
    """The movable things of one still; those of the events of kind `absent` are not there."""
    kinds = dict.fromkeys(place.VISITORS, absent) | {event.thing: event.kind for event in events}
    return [part for name, parts in movable.items() if kinds.get(name) != absent for part in parts]


def _bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _taken(
    light: NDArray[np.float32], gain: NDArray[np.float64], nuisances: Nuisances, rng: np.random.Generator
) -> Pixels:
    """Lens, sensor, the camera's own processing and JPEG."""
    columns, rows = SIZE
    sharp = cv2.resize(light, SIZE, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 0.55)
    veil = cv2.GaussianBlur(np.minimum(sharp, 2.0), (0, 0), 24)  # stray light in a cheap lens
    x, y = (np.arange(columns) + 0.5) / columns - 0.5, (np.arange(rows)[:, None] + 0.5) / rows - 0.5
    vignette = 1 - 0.75 * (x * x + y * y * (rows / columns) ** 2 * 1.4)
    exposed = (0.965 * blurred + 0.035 * veil) * (vignette[:, :, None] * gain * _EXPOSURE)
    deviation = nuisances.noise * np.sqrt(0.00016 * np.maximum(exposed, 0) + 0.000012)
    grain = cv2.GaussianBlur(rng.normal(0, 1.5, exposed.shape), (0, 0), 0.55)  # neighbours share a colour filter
    raw = np.maximum(exposed + deviation * grain, 0)
    toned = raw * (1 + raw / 3.2) / (1 + raw * 0.62)  # highlights roll off
    encoded = np.clip(toned, 0, 1) ** (1 / 2.2)
    sharpened = encoded + 0.45 * (encoded - cv2.GaussianBlur(encoded, (0, 0), 1.0))
    pixels: Pixels = np.rint(255 * np.clip(sharpened, 0, 1)).astype(np.uint8)
    return pixels if nuisances.quality is None else _compressed(pixels, nuisances.quality)


def _compressed(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))
