"""Things that come and go in the demo yard: cars, bicycles, people, boxes. Each is a list of painted solids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_plugins.demo.yard.solids import Solid, ball, box, joined, loft, tube

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Colour = tuple[float, float, float]

_RUBBER: Final = (0.025, 0.025, 0.027)
_STEEL: Final = (0.42, 0.43, 0.45)


@dataclass(frozen=True, eq=False)
class Painted:
    """A solid and how it looks.

    Attributes:
        solid: its triangles.
        surface: name of the function of `surfaces` that paints it.
        colour: linear RGB in [0, 1].
        thing: what it belongs to, or "" for the yard itself.
    """

    solid: Solid
    surface: str
    colour: Colour
    thing: str = ""


def placed(parts: list[Painted], thing: str, at: ArrayLike, turn: float = 0.0) -> list[Painted]:
    """The parts at their place, as one thing."""
    return [Painted(part.solid.placed(at, turn), part.surface, part.colour, thing) for part in parts]


# Stations of the body from the tail to the nose: x, belt line, roof line, half width, half width of the roof.
_BODY: Final = np.array(
    [
        (0.00, 0.60, 0.66, 0.70, 0.62),
        (0.03, 0.80, 0.90, 0.80, 0.66),
        (0.10, 0.90, 1.06, 0.84, 0.64),
        (0.30, 0.94, 1.30, 0.87, 0.61),
        (0.55, 0.94, 1.41, 0.88, 0.61),
        (1.10, 0.93, 1.47, 0.89, 0.62),
        (1.90, 0.92, 1.47, 0.89, 0.63),
        (2.40, 0.91, 1.42, 0.89, 0.62),
        (2.70, 0.90, 1.29, 0.89, 0.62),
        (3.05, 0.89, 1.08, 0.88, 0.64),
        (3.25, 0.87, 0.97, 0.88, 0.70),
        (3.60, 0.82, 0.90, 0.87, 0.72),
        (3.95, 0.72, 0.80, 0.83, 0.70),
        (4.12, 0.58, 0.66, 0.74, 0.62),
        (4.18, 0.45, 0.52, 0.64, 0.54),
    ]
)
WHEELS: Final = (0.78, 3.36)  # metres from the tail
WHEEL_RADIUS: Final = 0.31


def car(colour: Colour) -> list[Painted]:
    """A small family car, 4.2 m long: its tail at x = 0, its nose towards +x, its middle at y = 0."""
    x = np.unique(np.concatenate([np.linspace(0, 4.18, 44), _BODY[:, 0]]))
    belt, roof, half, roof_half = (np.interp(x, _BODY[:, 0], _BODY[:, column]) for column in (1, 2, 3, 4))
    kernel = np.array([1, 2, 1]) / 4  # takes the corners off the polygons
    belt, roof, half, roof_half = (
        np.concatenate([line[:1], np.convolve(line, kernel, "valid"), line[-1:]])
        for line in (belt, roof, half, roof_half)
    )
    low = np.interp(x, [0, 0.35, 3.7, 4.18], [0.34, 0.20, 0.20, 0.30])
    belt = np.minimum(belt, roof - 0.05)
    side = [  # share of the way round, y, z
        (0.00, 0 * x, roof),
        (0.60, roof_half * 0.66, roof - 0.012),
        (0.90, roof_half * 0.93, roof - 0.03),
        (1.10, roof_half, np.maximum(roof - 0.06, belt + 0.02)),
        (2.00, half - 0.035, belt + 0.005),
        (2.20, half - 0.005, belt - 0.03),
        (3.00, half, (belt + low) / 2 + 0.06),
        (3.60, half - 0.012, (belt + low) / 2 - 0.10),
        (4.00, half - 0.05, low + 0.04),
        (4.20, half - 0.14, low),
    ]
    # Round the section once: over the roof from the left sill to the right one.
    ring = [(mark, sign * y, z) for sign, part in ((1, side[:0:-1]), (-1, side)) for mark, y, z in part]
    rings = np.stack([np.stack([x, y, z], axis=1) for _, y, z in ring], axis=1)
    body = loft(rings, np.array([mark for mark, _, _ in ring]))
    parts = [Painted(body, "car_paint", colour)]
    parts.append(Painted(box((0.2, -0.72, 0.16), (3.95, 0.72, 0.3)), "plain", (0.012, 0.012, 0.013)))
    for place in WHEELS:
        for sign in (-1, 1):
            axle = [(place, sign * y, WHEEL_RADIUS) for y in (0.66, 0.68, 0.845, 0.875)]
            radii = (WHEEL_RADIUS - 0.03, WHEEL_RADIUS, WHEEL_RADIUS, WHEEL_RADIUS - 0.025)
            wheel = tube(axle, radii, sides=24)
            local = wheel.local.copy()
            local[:, 0] -= place  # so that the wheel is painted round its own axle
            local[:, 2] -= WHEEL_RADIUS
            parts.append(Painted(Solid(wheel.points, wheel.normals, local, wheel.faces), "wheel", _RUBBER))
    for sign in (-1, 1):
        parts.append(Painted(ball((2.78, sign * 0.97, 0.98), (0.07, 0.1, 0.075)), "plain", colour))
    return parts


def bicycle(colour: Colour) -> list[Painted]:
    """A bicycle, 1.75 m long, its rear axle at x = 0 and its front towards +x, upright over y = 0."""
    rear, front, crank = (0.0, 0.0, 0.34), (1.05, 0.0, 0.34), (0.43, 0.0, 0.28)
    seat, head, low_head = (0.27, 0.0, 0.82), (0.83, 0.0, 0.88), (0.88, 0.0, 0.70)
    frame = [
        tube([crank, seat], 0.018),
        tube([seat, head], 0.018),
        tube([crank, low_head], 0.021),
        tube([head, low_head], 0.022),
    ]
    for y in (-0.05, 0.05):
        frame += [
            tube([crank, (0, y, 0.34)], 0.011, sides=6),
            tube([seat, (0, y, 0.34)], 0.010, sides=6),
            tube([low_head, (0.99, y, 0.48), (1.05, y, 0.34)], 0.012, sides=6),
        ]
    tyres, metal = [], []
    angle = np.linspace(0, 2 * np.pi, 33)
    for x, _, z in (rear, front):
        circle = np.stack([x + 0.325 * np.cos(angle), 0 * angle, z + 0.325 * np.sin(angle)], axis=1)
        tyres.append(tube(circle, 0.019, sides=6))
        metal.append(tube([(x, -0.05, z), (x, 0.05, z)], 0.025, sides=6))
        for spoke in angle[:-1:3]:
            metal.append(tube([(x, 0, z), (x + 0.31 * np.cos(spoke), 0, z + 0.31 * np.sin(spoke))], 0.0025, sides=4))
        guard = np.linspace(0.15, 2.3, 9) if x == 0 else np.linspace(0.6, 2.5, 9)
        metal.append(
            tube(np.stack([x + 0.36 * np.cos(guard), 0 * guard, z + 0.36 * np.sin(guard)], axis=1), 0.022, sides=6)
        )
    metal += [
        tube([head, (0.80, 0, 1.0)], 0.014),
        tube([(0.66, -0.29, 1.04), (0.78, -0.16, 1.03), (0.80, 0, 1.0), (0.78, 0.16, 1.03), (0.66, 0.29, 1.04)], 0.014),
        tube([(0.43, -0.07, 0.28), (0.43, 0.07, 0.28)], 0.06, sides=12),
        tube([(-0.3, 0, 0.72), (0.2, 0, 0.72)], 0.06, sides=8, flat=0.15),
    ]
    dark = [
        tube([(0.12, 0, 0.92), (0.22, 0, 0.93), (0.42, 0, 0.915)], [0.09, 0.075, 0.025], flat=0.45),
        tube([(0.27, 0, 0.82), (0.25, 0, 0.92)], 0.014),
        tube([(0.43, 0.1, 0.28), (0.52, 0.1, 0.14)], 0.012, sides=6),
        tube([(0.43, -0.1, 0.28), (0.34, -0.1, 0.42)], 0.012, sides=6),
    ]
    return [
        Painted(joined(frame), "lacquer", colour),
        Painted(joined(tyres), "plain", _RUBBER),
        Painted(joined(metal), "lacquer", _STEEL),
        Painted(joined(dark), "plain", (0.02, 0.018, 0.016)),
    ]


def person(coat: Colour, trousers: Colour, hair: Colour) -> list[Painted]:
    """Somebody walking towards +x, 1.75 m tall, between both feet at x = 0, y = 0."""
    legs = [
        tube([(0.0, 0.08, 0.9), (0.14, 0.09, 0.52), (0.27, 0.09, 0.10)], [0.085, 0.066, 0.045], sides=12),
        tube([(0.0, -0.08, 0.90), (0.02, -0.09, 0.50), (-0.24, -0.09, 0.16)], [0.085, 0.066, 0.045], sides=12),
    ]
    hips = ball((0.0, 0, 0.92), (0.10, 0.15, 0.12))
    trunk = tube(
        [(0.0, 0, 0.76), (0.0, 0, 0.98), (0.015, 0, 1.18), (0.02, 0, 1.32), (0.015, 0, 1.42), (0.01, 0, 1.48)],
        [0.185, 0.165, 0.165, 0.18, 0.135, 0.055],
        sides=16,
        flat=0.68,
    )
    arms = [
        tube([(0.01, 0.165, 1.385), (-0.09, 0.225, 1.12), (-0.06, 0.235, 0.88)], [0.062, 0.05, 0.037], sides=10),
        tube([(0.01, -0.165, 1.385), (0.04, -0.225, 1.11), (0.22, -0.225, 0.92)], [0.062, 0.05, 0.037], sides=10),
    ]
    skin = [
        ball((0.035, 0, 1.63), (0.095, 0.078, 0.118)),
        tube([(0.01, 0, 1.44), (0.02, 0, 1.55)], 0.052, sides=10),
        ball((-0.04, 0.235, 0.84), (0.045, 0.035, 0.06)),
        ball((0.25, -0.225, 0.89), (0.045, 0.035, 0.06)),
    ]
    shoes = [
        ball((0.35, 0.09, 0.055), (0.135, 0.05, 0.055)),
        ball((-0.22, -0.09, 0.10), (0.12, 0.05, 0.06)),
    ]
    return [
        Painted(joined([*legs, hips]), "cloth", trousers),
        Painted(joined([trunk, *arms]), "cloth", coat),
        Painted(joined(skin), "plain", (0.42, 0.25, 0.18)),
        Painted(ball((0.01, 0, 1.665), (0.105, 0.088, 0.105)), "plain", hair),
        Painted(joined(shoes), "plain", (0.03, 0.027, 0.025)),
    ]


def carton() -> list[Painted]:
    """A parcel of cardboard, 60 cm wide, taped along its top."""
    return [Painted(box((-0.3, -0.22, 0), (0.3, 0.22, 0.42)), "carton", (0.40, 0.25, 0.13))]


def suitcase(colour: Colour) -> list[Painted]:
    """A suitcase, 45 cm wide and 68 cm high, its handle pulled out."""
    shell = box((-0.225, -0.13, 0.05), (0.225, 0.13, 0.68))
    handle = tube([(-0.1, 0.08, 0.66), (-0.1, 0.08, 0.98), (0.1, 0.08, 0.98), (0.1, 0.08, 0.66)], 0.012, sides=6)
    feet = [box((x, y, 0), (x + 0.05, y + 0.04, 0.06)) for x in (-0.2, 0.15) for y in (-0.12, 0.08)]
    return [
        Painted(shell, "ribbed", colour),
        Painted(handle, "lacquer", _STEEL),
        Painted(joined(feet), "plain", _RUBBER),
    ]


def wheelie_bin(colour: Colour) -> list[Painted]:
    """A dustbin on wheels, 1.07 m high, its lid's hinge to +y."""
    rings = []
    for z, width, depth in (
        (0.06, 0.22, 0.24),
        (0.5, 0.25, 0.28),
        (0.98, 0.285, 0.33),
        (1.0, 0.30, 0.36),
        (1.03, 0.30, 0.36),
        (1.07, 0.24, 0.30),
    ):
        corners = [(width, -depth, z), (width, depth, z), (-width, depth, z), (-width, -depth, z)]
        rings.append(
            [
                point
                for at, to in zip(corners, corners[1:] + corners[:1], strict=True)
                for point in np.linspace(at, to, 4)[1:]
            ]
        )
    body = loft(np.array(rings, np.float64), np.zeros(12))
    wheels = [tube([(x, 0.27, 0.1), (x + 0.05, 0.27, 0.1)], 0.1, sides=14) for x in (-0.28, 0.23)]
    return [Painted(body, "plastic", colour), Painted(joined(wheels), "plain", _RUBBER)]
