"""The demo yard: what stands in it for good, and what may come and go. Metres; x right, y away, z up."""

from __future__ import annotations

from typing import Final

import numpy as np

from onediff_plugins.demo.yard import things
from onediff_plugins.demo.yard.solids import box, joined, leaves, quad, tube
from onediff_plugins.demo.yard.things import Painted, placed

_SEED: Final = 31  # the yard is always the same one
WALL_Y: Final = 13.2
FENCE_X: Final = 9.0
PAVEMENT_Y: Final = 10.9
BAYS_Y: Final = (4.6, 7.2, 9.8)  # the lines between the parking bays
BAYS_X: Final = (4.3, 8.8)

RACK_X: Final = (-6.55, -5.75, -4.95, -4.15)

_CURB: Final = 0.09
_FRAME: Final = (0.62, 0.62, 0.60)
_BIKES: Final = ((0.35, 0.04, 0.04), (0.03, 0.07, 0.22), (0.50, 0.50, 0.48), (0.03, 0.16, 0.10))
_COATS: Final = ((0.045, 0.09, 0.20), (0.30, 0.05, 0.04), (0.05, 0.12, 0.07), (0.30, 0.27, 0.22))


def building() -> list[Painted]:
    """Wall, plinth, door, windows, shutter, gutter, lamps."""
    y = WALL_Y
    parts = [
        Painted(quad((-16, y, 0), (26, 0, 0), (0, 0, 6.2)), "bricks", (0.36, 0.17, 0.115)),
        Painted(box((-16, y - 0.05, 0), (10, y, 0.55)), "concrete", (0.33, 0.32, 0.30)),
        Painted(box((-16, y - 0.06, 3.32), (10, y, 3.5)), "concrete", (0.44, 0.43, 0.41)),
    ]
    # A steel door with its frame, step and lamp.
    parts += [
        Painted(box((-2.62, y - 0.10, 0), (-1.38, y + 0.01, 2.28)), "plain", (0.20, 0.20, 0.21)),
        Painted(box((-2.52, y - 0.12, 0.14), (-1.48, y, 2.2)), "steel_door", (0.055, 0.115, 0.15)),
        Painted(box((-2.8, y - 0.75, 0), (-1.2, y, 0.14)), "concrete", (0.36, 0.355, 0.34)),
        Painted(box((-2.2, y - 0.28, 2.5), (-1.8, y, 2.62)), "plain", (0.5, 0.5, 0.48)),
        Painted(box((-2.85, y - 1.0, 2.78), (-1.15, y, 2.84)), "plain", (0.16, 0.17, 0.18)),
    ]
    for left in (-7.3, -5.2, 6.3):
        parts += window(left, 1.25, 1.5, 1.35)
    for left in (-7.3, -5.2, -2.6, 0.9, 3.0, 6.3):
        parts += window(left, 3.95, 1.5, 1.5)
    parts += [
        Painted(box((0.55, y - 0.08, 0), (4.75, y, 3.12)), "plain", (0.27, 0.27, 0.28)),
        Painted(box((0.7, y - 0.1, 0), (4.6, y, 2.98)), "shutter", (0.40, 0.42, 0.42)),
        Painted(box((0.45, y - 0.30, 3.0), (4.85, y, 3.30)), "plain", (0.34, 0.35, 0.36)),
        Painted(tube([(5.4, y - 0.1, 0), (5.4, y - 0.1, 6.2)], 0.055), "plain", (0.30, 0.31, 0.32)),
        Painted(tube([(-3.5, y - 0.1, 0), (-3.5, y - 0.1, 6.2)], 0.055), "plain", (0.30, 0.31, 0.32)),
        Painted(box((-0.62, y - 0.04, 1.5), (-0.12, y, 2.2)), "sign", (0.62, 0.62, 0.58)),
    ]
    for x in (0.25, 5.05):  # bollards beside the shutter
        parts.append(
            Painted(tube([(x, y - 0.45, 0), (x, y - 0.45, 0.95)], 0.085, sides=16), "bollard", (0.60, 0.43, 0.03))
        )
    return parts


def window(left: float, sill: float, width: float, height: float) -> list[Painted]:
    """A window in the wall, in two wings."""
    y, right, top = WALL_Y, left + width, sill + height
    bars = [
        box((left, y - 0.05, sill), (left + 0.07, y, top)),
        box((right - 0.07, y - 0.05, sill), (right, y, top)),
        box((left, y - 0.05, top - 0.07), (right, y, top)),
        box((left, y - 0.05, sill), (right, y, sill + 0.07)),
        box((left + width / 2 - 0.04, y - 0.05, sill), (left + width / 2 + 0.04, y, top)),
    ]
    return [
        Painted(quad((left, y - 0.015, sill), (width, 0, 0), (0, 0, height)), "glass", (0.035, 0.04, 0.045)),
        Painted(joined(bars), "plain", _FRAME),
        Painted(box((left - 0.1, y - 0.13, sill - 0.07), (right + 0.1, y, sill)), "concrete", (0.42, 0.41, 0.39)),
        Painted(box((left - 0.1, y - 0.02, top), (right + 0.1, y, top + 0.2)), "concrete", (0.42, 0.41, 0.39)),
    ]


def grounds() -> list[Painted]:
    """Asphalt, pavement, kerbs, fence, rack and lamp post."""
    fence = [
        box((FENCE_X + 0.02, start, 0.06), (FENCE_X + 0.05, start + 0.135, 1.86))
        for start in np.arange(1, WALL_Y, 0.15)
    ]
    posts = [box((FENCE_X + 0.05, start, 0), (FENCE_X + 0.15, start + 0.1, 1.8)) for start in np.arange(1, WALL_Y, 2.1)]
    rails = [box((FENCE_X + 0.05, 1, z), (FENCE_X + 0.1, WALL_Y, z + 0.09)) for z in (0.35, 1.5)]
    hoops = [
        tube(
            [
                (x, 12.2, 0),
                (x, 12.2, 0.72),
                (x + 0.09, 12.1, 0.8),
                (x + 0.51, 11.65, 0.8),
                (x + 0.6, 11.55, 0.72),
                (x + 0.6, 11.55, 0),
            ],
            0.024,
        )
        for x in RACK_X
    ]
    post = [
        tube([(-3.25, 10.65, 0), (-3.25, 10.65, 0.9)], 0.075, sides=14),
        tube([(-3.25, 10.65, 0.9), (-3.25, 10.65, 4.2), (-3.25, 10.65, 6.5)], [0.05, 0.045, 0.04], sides=14),
    ]
    return [
        Painted(quad((-30, 1.5, 0), (70, 0, 0), (0, 60, 0)), "asphalt", (0.105, 0.103, 0.10)),
        Painted(box((FENCE_X + 0.3, 0, 0), (45, 60, 0.05)), "lawn", (0.075, 0.105, 0.035)),
        Painted(box((-16, PAVEMENT_Y, 0), (FENCE_X - 0.1, WALL_Y, 0.09)), "slabs", (0.34, 0.325, 0.30)),
        Painted(box((-16, PAVEMENT_Y - 0.14, 0), (FENCE_X - 0.1, PAVEMENT_Y, 0.1)), "kerb", (0.40, 0.395, 0.38)),
        Painted(joined(fence), "boards", (0.27, 0.165, 0.09)),
        Painted(joined([*posts, *rails]), "boards", (0.19, 0.12, 0.07)),
        Painted(joined(hoops), "lacquer", (0.40, 0.41, 0.42)),
        Painted(joined(post), "lacquer", (0.13, 0.15, 0.14)),
    ]


def greenery(wind: float, rng: np.random.Generator) -> list[Painted]:
    """A hedge behind the fence, a tree before it, and the trees of the neighbours.

    Args:
        wind: metres by which leaves have moved.
        rng: says which way, anew for each still.

    Returns:
        Its parts.
    """
    fixed = np.random.default_rng(_SEED)
    parts = []
    hedge = fixed.uniform((FENCE_X + 0.3, 1.5, 0.3), (FENCE_X + 1.4, WALL_Y + 2, 2.45), (9000, 3))
    hedge[:, 2] += 0.16 * np.sin(hedge[:, 1] * 2.1) + fixed.normal(0, 0.06, len(hedge))
    parts.append(_foliage(hedge, 0.14, (0.075, 0.135, 0.035), wind * 0.4, fixed, rng))
    for trunk, crown, spread, count, colour in (
        ((7.9, 10.35), (8.0, 10.25, 4.5), (1.5, 1.5, 1.25), 7000, (0.085, 0.15, 0.035)),
        ((14.5, 13.0), (14.5, 13.0, 5.0), (2.8, 2.6, 2.4), 5200, (0.065, 0.115, 0.035)),
        ((13.8, 19.0), (13.8, 19.0, 5.2), (3.3, 3.0, 2.6), 4200, (0.06, 0.105, 0.04)),
        (
            (-11.5, 3.2),
            (-11.3, 3.4, 6.6),
            (2.3, 2.3, 1.7),
            5200,
            (0.085, 0.15, 0.035),
        ),  # out of sight: its shade is not
    ):
        clumps = fixed.normal(size=(34, 3))
        clumps *= (fixed.uniform(0.45, 1.0, (34, 1)) ** 0.5) / np.linalg.norm(clumps, axis=1, keepdims=True)
        clumps = clumps * spread + crown
        middle = clumps[fixed.integers(0, 34, count)]
        parts.append(_foliage(middle + fixed.normal(0, 0.27, (count, 3)), 0.17, colour, wind, fixed, rng))
        stem = [(*trunk, 0), (trunk[0] + 0.05, trunk[1], crown[2] * 0.45), crown]
        branches = [tube(stem, [0.15, 0.12, 0.05], sides=10)]
        branches += [
            tube([stem[1], (np.array(stem[1]) + clump) / 2 + (0, 0, 0.15), clump], [0.06, 0.035, 0.012], sides=6)
            for clump in clumps[:9]
        ]
        parts.append(Painted(joined(branches), "bark", (0.13, 0.10, 0.075)))
    return parts


def _foliage(
    centres: np.ndarray,
    size: float,
    colour: tuple[float, float, float],
    wind: float,
    fixed: np.random.Generator,
    rng: np.random.Generator,
) -> Painted:
    sway = rng.normal(size=3) * (1, 1, 0.2) * wind * 0.5
    moved = centres + sway + rng.normal(0, 1, centres.shape) * wind
    return Painted(leaves(moved, size, fixed), "leaf", colour)


VISITORS: Final = ("carton", "suitcase", "person")  # there only when something happens


def movables(rng: np.random.Generator) -> dict[str, list[Painted]]:
    """Everything that may come and go, at its place.

    Args:
        rng: says where the box and the suitcase were left, where somebody walks, and in what coat.

    Returns:
        Name -> its parts.
    """
    found = {}
    for number, (x, bike_colour) in enumerate(zip(RACK_X, _BIKES, strict=True), start=1):
        found[f"bicycle {number}"] = things.bicycle(bike_colour), (x + 0.62, 11.35, _CURB), 131.0
    found["car 1"] = things.car((0.022, 0.06, 0.19)), (4.15, 5.95, 0), 1.5
    found["car 2"] = things.car((0.44, 0.45, 0.46)), (4.3, 8.45, 0), -1.0
    found["bin 1"] = things.wheelie_bin((0.025, 0.07, 0.035)), (7.0, 12.7, _CURB), 3.0
    found["bin 2"] = things.wheelie_bin((0.03, 0.05, 0.13)), (7.75, 12.72, _CURB), -4.0
    coat = _COATS[int(rng.integers(len(_COATS)))]
    box_x, case_x, turn = rng.uniform((-0.95, -3.2, -16), (-0.55, -3.05, 16))
    walk_x, walk_y, heading = rng.uniform((-2.5, 7.2, 0), (2.6, 10.0, 360))
    found["carton"] = things.carton(), (box_x, 12.55, _CURB), turn
    found["suitcase"] = things.suitcase((0.05, 0.09, 0.16)), (case_x, 12.4, _CURB), turn
    found["person"] = things.person(coat, (0.05, 0.048, 0.05), (0.05, 0.03, 0.02)), (walk_x, walk_y, 0), heading
    return {name: placed(parts, name, at, angle) for name, (parts, at, angle) in found.items()}


def standing(present: list[Painted], wind: float, rng: np.random.Generator) -> list[Painted]:
    """The yard with movable things in it.

    Args:
        present: what there is of `movables()`.
        wind: metres by which leaves have moved.
        rng: says which way.

    Returns:
        Its parts.
    """
    return [*building(), *grounds(), *greenery(wind, rng), *present]
