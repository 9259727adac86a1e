"""People, vehicles and things, as a camera sees them where they stand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.data.synthetic.camera.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from onediff_core.data.synthetic.camera.view import View
    from onediff_core.data.synthetic.sprites import Sprite

    Points = NDArray[np.float64]
    Colour = NDArray[np.float64]
    Rng = np.random.Generator

PAINTS: Final = {
    "white": (222, 222, 220), "black": (38, 39, 43), "grey": (122, 124, 128), "silver": (176, 178, 182),
    "red": (156, 36, 34), "blue": (44, 68, 130), "green": (48, 84, 58), "yellow": (206, 170, 50),
    "brown": (112, 82, 58), "orange": (206, 112, 44),
}  # fmt: skip
_COLOURLESS: Final = frozenset({"box", "dog", "animal", "traffic cone"})  # drawn in colours of their own
_SKINS: Final = ((224, 182, 152), (186, 138, 104), (128, 88, 62), (84, 58, 44))
_HAIR: Final = ((40, 32, 28), (92, 66, 44), (150, 120, 80), (110, 108, 106))


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Somebody or something on the ground.

    Attributes:
        label: key of `LABELS`.
        colour: key of `PAINTS`.
        right: metres to the right of the camera.
        away: metres from the camera.
        yaw: radians about the vertical.
        tone: seed of its pose and details.
    """

    label: str
    colour: str
    right: float
    away: float
    yaw: float
    tone: int


def adjectives(figure: Figure) -> dict[str, str]:
    """What captions may say of a figure beside its label."""
    if figure.label in _COLOURLESS:
        return {}
    return {"clothes" if figure.label == "person" else "colour": figure.colour}


def figure_sprite(figure: Figure, view: View, sun: Points) -> Sprite:
    """Draw one.

    Args:
        figure: who or what.
        view: the camera.
        sun: (3,) unit vector towards the light: right, up, away.
    """
    reach = _REACH.get(figure.label, 1.1)
    stamp = Stamp((figure.right, figure.away), figure.yaw, reach, view, sun, figure.tone)
    LABELS[figure.label](stamp, np.array(PAINTS[figure.colour], np.float64), np.random.default_rng(figure.tone))
    return stamp.sprite()


# --- who and what -----------------------------------------------------------------------------------------------


def _person(stamp: Stamp, colour: Colour, rng: Rng) -> None:
    tall, way = rng.uniform(1.55, 1.9) / 1.75, rng.choice([-1, 1])
    stride, swing = rng.uniform(0.0, 0.34), rng.uniform(-0.25, 0.25)
    trousers = np.array(
        [(46, 52, 72), (58, 58, 62), (120, 104, 82), (34, 34, 38), (150, 150, 150)][rng.integers(5)], np.float64
    )
    skin, hair = np.array(_SKINS[rng.integers(4)], np.float64), np.array(_HAIR[rng.integers(4)], np.float64)
    hip, neck = 0.86 * tall, 1.45 * tall
    knee = (0.12 * way + stride / 3, 0.46 * tall)
    stamp.limb((-0.06, hip), (-stride * way, 0.06), 0.14, trousers * 0.8)
    stamp.limb((-stride * way, 0.05), (-stride * way + 0.12 * way, 0.04), 0.09, np.full(3, 40.0))
    stamp.limb((0.06, hip), (knee[0] * way * way, knee[1]), 0.16, trousers)
    stamp.limb(knee, (stride * way, 0.06), 0.13, trousers)
    stamp.limb((stride * way, 0.05), (stride * way + 0.14 * way, 0.04), 0.09, np.full(3, 46.0))
    stamp.limb((-0.16, neck - 0.1), (-0.2 + swing, 0.9 * tall), 0.1, colour * 0.75)
    coat = rng.choice([0.0, 0.25])
    stamp.flat([(-0.2, neck - 0.05), (0.2, neck - 0.05), (0.17, hip - 0.05 - coat), (-0.17, hip - 0.05 - coat)], colour)
    stamp.limb((-0.13, neck - 0.06), (0.13, neck - 0.06), 0.16, colour)
    stamp.limb((0.17, neck - 0.1), (0.2 - swing, 1.12 * tall), 0.11, colour * 0.9)
    stamp.limb((0.2 - swing, 1.12 * tall), (0.18 - swing * 1.5, 0.88 * tall), 0.09, colour * 0.88)
    stamp.disc((0.18 - swing * 1.5, 0.86 * tall), (0.05, 0.06), skin)
    stamp.limb((0.0, neck), (0.02 * way, neck + 0.1), 0.1, skin * 0.85)
    stamp.disc((0.02 * way, neck + 0.2 * tall), (0.105, 0.135), skin)
    stamp.disc((-0.02 * way, neck + 0.25 * tall), (0.11, 0.1), hair)
    if rng.random() < 0.3:
        stamp.limb(
            (-0.2 * way, neck - 0.15), (-0.21 * way, hip + 0.1), 0.2, np.array(PAINTS["blue"]) * rng.uniform(0.5, 1.3)
        )


def _car(stamp: Stamp, colour: Colour, rng: Rng) -> None:
    long, wide, tall = rng.uniform(1.9, 2.3), rng.uniform(0.85, 0.95), rng.uniform(1.38, 1.6)
    back = -rng.uniform(0.5, 0.98) * long
    _wheels(stamp, long * 0.62, wide, 0.33)
    stamp.block((-long, 0.26, -wide), (long, 0.62, wide), colour * 0.92, (1.0, 1.0))
    stamp.block((-long, 0.6, -wide), (long, 0.86, wide), colour, (0.97, 0.95))
    stamp.block(
        (back, 0.84, -wide * 0.95),
        (long * 0.52, tall, wide * 0.95),
        np.array([52.0, 58.0, 66.0]),
        (0.66, 0.82),
        colour * 1.02,
    )
    _wheels(stamp, long * 0.62, wide * 1.01, 0.33)
    _lamps(stamp, long, wide, 0.7)


def _van(stamp: Stamp, colour: Colour, rng: Rng) -> None:
    long, wide, tall = rng.uniform(2.3, 2.9), rng.uniform(0.95, 1.05), rng.uniform(1.95, 2.3)
    stamp.block((-long, 0.28, -wide), (long * 0.72, tall, wide), colour, (0.99, 0.95))
    stamp.block((long * 0.7, 0.28, -wide), (long, 1.05, wide), colour * 0.97, (0.9, 0.95))
    pane = np.array(
        [
            [long * 0.72, 1.05, wide * 0.8],
            [long * 0.72, 1.05, -wide * 0.8],
            [long * 0.71, tall * 0.9, -wide * 0.75],
            [long * 0.71, tall * 0.9, wide * 0.75],
        ]
    )
    stamp.face(pane, np.array([56.0, 62.0, 70.0]))
    for side in (-1, 1):
        door = np.array(
            [
                [0.3 * long, 1.1, side * wide * 1.0],
                [0.62 * long, 1.1, side * wide * 1.0],
                [0.62 * long, tall * 0.86, side * wide * 0.98],
                [0.3 * long, tall * 0.86, side * wide * 0.98],
            ]
        )
        stamp.face(door if side > 0 else door[::-1], np.array([52.0, 58.0, 66.0]))
    _wheels(stamp, long * 0.66, wide * 1.01, 0.36)
    _lamps(stamp, long, wide, 0.75)


def _wheels(stamp: Stamp, along: float, wide: float, radius: float) -> None:
    for side in (-1.0, 1.0):
        for x in (-along, along):
            stamp.wheel((x, radius, side * wide), radius, -side)


def _lamps(stamp: Stamp, long: float, wide: float, up: float) -> None:
    for end, colour in ((1, (236, 232, 214)), (-1, (150, 30, 28))):
        for side in (-1, 1):
            z0, z1 = side * wide * 0.9, side * wide * 0.58
            low, high = min(z0, z1), max(z0, z1)
            x = end * long * 1.005
            lamp = np.array([[x, up - 0.09, low], [x, up + 0.07, low], [x, up + 0.07, high], [x, up - 0.09, high]])
            stamp.face(lamp if end > 0 else lamp[::-1], np.array(colour, np.float64))


def _bicycle(stamp: Stamp, colour: Colour, rng: Rng) -> None:
    squeeze = max(abs(float(np.cos(rng.uniform(-0.9, 0.9)))), 0.4)
    dark = np.full(3, 36.0)
    angles = np.linspace(0, 2 * np.pi, 18)
    for x in (-0.52, 0.52):
        rim = [((x + 0.33 * np.cos(a)) * squeeze, 0.34 + 0.33 * np.sin(a)) for a in angles]
        for start, end in itertools.pairwise(rim):
            stamp.limb(start, end, 0.045, dark)
    for start, end in (
        ((-0.52, 0.34), (-0.15, 0.34)),
        ((-0.15, 0.34), (0.4, 0.8)),
        ((-0.15, 0.34), (-0.25, 0.85)),
        ((-0.25, 0.8), (0.4, 0.82)),
        ((-0.52, 0.34), (-0.25, 0.8)),
        ((0.52, 0.34), (0.4, 0.95)),
    ):
        stamp.limb((start[0] * squeeze, start[1]), (end[0] * squeeze, end[1]), 0.05, colour)
    stamp.limb((-0.34 * squeeze, 0.9), (-0.16 * squeeze, 0.9), 0.07, dark)
    stamp.limb((0.36 * squeeze, 0.97), (0.52 * squeeze, 1.0), 0.05, dark)


def _box(stamp: Stamp, colour: Colour, rng: Rng) -> None:
    x, y, z = rng.uniform(0.18, 0.4), rng.uniform(0.25, 0.6), rng.uniform(0.15, 0.32)
    card = np.array([172.0, 132.0, 90.0]) * rng.uniform(0.8, 1.15) if rng.random() < 0.7 else colour
    stamp.block((-x, 0, -z), (x, y, z), card)
    tape = np.array(
        [[-x * 0.1, y + 0.002, -z], [x * 0.1, y + 0.002, -z], [x * 0.1, y + 0.002, z], [-x * 0.1, y + 0.002, z]]
    )
    stamp.face(tape[::-1], card * 1.25)


def _suitcase(stamp: Stamp, colour: Colour, rng: Rng) -> None:
    x, y, z = rng.uniform(0.2, 0.28), rng.uniform(0.5, 0.75), rng.uniform(0.11, 0.16)
    stamp.limb((-0.1, y), (-0.1, y + 0.3), 0.03, np.full(3, 70.0))
    stamp.limb((0.1, y), (0.1, y + 0.3), 0.03, np.full(3, 70.0))
    stamp.limb((-0.1, y + 0.3), (0.1, y + 0.3), 0.04, np.full(3, 50.0))
    stamp.block((-x, 0.05, -z), (x, y, z), colour)
    for share in (-0.5, 0.0, 0.5):
        line = np.array(
            [
                [x * share - 0.01, 0.08, -z],
                [x * share - 0.01, y, -z],
                [x * share + 0.01, y, -z],
                [x * share + 0.01, 0.08, -z],
            ]
        )
        stamp.face(line, colour * 0.7)


def _bag(stamp: Stamp, colour: Colour, rng: Rng) -> None:
    wide, tall = rng.uniform(0.18, 0.32), rng.uniform(0.26, 0.48)
    stamp.limb((-wide * 0.4, tall * 0.9), (0, tall * 1.3), 0.035, colour * 0.6)
    stamp.limb((wide * 0.4, tall * 0.9), (0, tall * 1.3), 0.035, colour * 0.6)
    stamp.flat(
        [
            (-wide, 0),
            (wide, 0),
            (wide * 0.95, tall * 0.75),
            (wide * 0.6, tall),
            (-wide * 0.6, tall),
            (-wide * 0.95, tall * 0.75),
        ],
        colour,
    )
    stamp.flat(
        [(-wide * 0.6, tall * 0.1), (wide * 0.6, tall * 0.1), (wide * 0.55, tall * 0.5), (-wide * 0.55, tall * 0.5)],
        colour * 0.78,
    )


def _bin(stamp: Stamp, colour: Colour, rng: Rng) -> None:
    wide, tall = rng.uniform(0.24, 0.32), rng.uniform(0.85, 1.1)
    stamp.block((-wide, 0, -wide), (wide, tall, wide), colour * 0.8, (1.15, 1.15))
    stamp.block((-wide * 1.2, tall, -wide * 1.2), (wide * 1.2, tall + 0.08, wide * 1.2), colour * 0.65)


def _cone(stamp: Stamp, _colour: Colour, rng: Rng) -> None:
    tall, orange = rng.uniform(0.45, 0.75), np.array([226.0, 92.0, 36.0])
    stamp.block((-0.2, 0, -0.2), (0.2, 0.05, 0.2), orange * 0.8)
    stamp.flat([(-0.15, 0.04), (0.15, 0.04), (0.03, tall), (-0.03, tall)], orange)
    stamp.flat([(-0.1, tall * 0.38), (0.1, tall * 0.38), (0.07, tall * 0.62), (-0.07, tall * 0.62)], np.full(3, 226.0))


def _dog(stamp: Stamp, _colour: Colour, rng: Rng) -> None:
    coat = np.array([(60, 46, 36), (150, 112, 72), (206, 192, 166), (44, 42, 42)][rng.integers(4)], np.float64)
    way, size = float(rng.choice([-1, 1])), rng.uniform(0.7, 1.2)
    for x in (-0.24, -0.16, 0.16, 0.24):
        stamp.limb((x * size, 0.3 * size), ((x + rng.uniform(-0.06, 0.06)) * size, 0.03), 0.06 * size, coat * 0.85)
    stamp.limb((-0.22 * size, 0.38 * size), (0.22 * size, 0.38 * size), 0.2 * size, coat)
    stamp.limb((0.24 * way * size, 0.42 * size), (0.34 * way * size, 0.56 * size), 0.12 * size, coat)
    stamp.disc((0.38 * way * size, 0.6 * size), (0.11 * size, 0.08 * size), coat * 1.05)
    stamp.limb((-0.28 * way * size, 0.42 * size), (-0.44 * way * size, 0.58 * size), 0.05 * size, coat)


def _animal(stamp: Stamp, _colour: Colour, rng: Rng) -> None:
    """Four legs, or none that can be seen, and a coat in the colours of the ground."""
    coat = np.array(
        [(104, 92, 66), (84, 88, 58), (70, 60, 50), (136, 120, 92), (98, 78, 54)][rng.integers(5)], np.float64
    )
    way, long, tall = float(rng.choice([-1, 1])), rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.8)
    deep = rng.uniform(0.3, 0.55) * long
    for x in (-0.75, -0.55, 0.5, 0.72) if rng.random() < 0.7 else ():
        stamp.limb((x * long, tall), ((x + rng.uniform(-0.1, 0.1)) * long, 0.02), 0.16 * long, coat * 0.7)
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    bumps = 1 + 0.12 * rng.normal(size=14)
    stamp.flat([(long * np.cos(a) * b, tall + deep * np.sin(a) * b) for a, b in zip(angles, bumps, strict=True)], coat)
    neck = (way * long * 1.15, tall + deep * rng.uniform(0.2, 1.2))
    stamp.limb((way * long * 0.7, tall + 0.1 * deep), neck, 0.35 * long, coat)
    stamp.disc((neck[0] + way * 0.14 * long, neck[1] + 0.02), (0.27 * long, 0.18 * long), coat * 1.04)
    for _ in range(int(rng.integers(0, 16))):
        at = (rng.uniform(-0.75, 0.75) * long, tall + rng.uniform(-0.6, 0.6) * deep)
        stamp.disc(at, (rng.uniform(0.04, 0.2) * long, rng.uniform(0.03, 0.12) * long), coat * rng.uniform(0.5, 1.5))


def _chair(stamp: Stamp, colour: Colour, rng: Rng) -> None:
    legs = np.full(3, 60.0)
    for x in (-0.2, 0.2):
        for z in (0.2, -0.2):
            stamp.block((x - 0.02, 0, z - 0.02), (x + 0.02, 0.45, z + 0.02), legs)
    stamp.block((-0.24, 0.45, -0.24), (0.24, 0.5, 0.24), colour)
    stamp.block((-0.24, 0.5, -0.24), (-0.2, 0.5 + rng.uniform(0.35, 0.5), 0.24), colour * 0.9)


LABELS: Final[dict[str, Callable[[Stamp, Colour, Rng], None]]] = {
    "person": _person, "car": _car, "van": _van, "bicycle": _bicycle, "box": _box, "suitcase": _suitcase,
    "bag": _bag, "bin": _bin, "traffic cone": _cone, "dog": _dog, "animal": _animal, "chair": _chair,
}  # fmt: skip
_REACH: Final = {"car": 2.6, "van": 3.2, "bag": 0.6, "box": 0.7, "suitcase": 0.6, "traffic cone": 0.5, "bin": 0.6}
