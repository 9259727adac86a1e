"""What a piece of land holds: parcels, roads, buildings, trees and vehicles; and which of it is there on a date.

Lengths are in metres; points are x east and y south of the picture's north-west corner. Everything that can come or go
has a key of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Rng = np.random.Generator
    Points = NDArray[np.float64]  # (n, 2)


KEYS_OF: Final = {"parcel": 0, "road": 1000, "building": 2000, "tree": 4000, "vehicle": 8000}


@dataclass(frozen=True, kw_only=True)
class Road:
    """A strip along a line."""

    line: Points
    width: float
    paved: bool


@dataclass(frozen=True, kw_only=True)
class Building:
    """Rectangles with one roof.

    Attributes:
        wings: corners of each rectangle, (4, 2), in order.
        roof: gable, hip or flat.
        height: of the eaves.
        tone: seed of its colours and of what is on the roof.
    """

    wings: tuple[Points, ...]
    roof: str
    height: float
    tone: int


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A tree or a vehicle.

    Attributes:
        at: its middle.
        radius: of a tree; half the length of a vehicle.
        angle: in which a vehicle stands, radians.
        tone: in [0, 1), says which colour it has.
    """

    at: tuple[float, float]
    radius: float
    angle: float
    tone: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Land:
    """All of it.

    Attributes:
        gsd: metres per pixel.
        size: side of the picture in pixels.
        angle: of roads and parcels, radians.
        plots: (size, size) what a pixel's colour and pattern hang on.
        parcels: (size, size) key of the parcel that a pixel lies in: a plot, or a part of it that has its own cover.
        plot_of: parcel -> plot.
        covers: parcel -> grass, crop, bare soil, forest, pavement or water.
        pools: parcel -> outline of the lake that may lie in it.
        roads: by key.
        buildings: by key.
        trees: by key.
        vehicles: by key.
    """

    gsd: float
    size: int
    angle: float
    plots: NDArray[np.int16]
    parcels: NDArray[np.int16]
    plot_of: dict[int, int]
    covers: dict[int, str]
    roads: dict[int, Road] = field(default_factory=dict)
    buildings: dict[int, Building] = field(default_factory=dict)
    trees: dict[int, Spot] = field(default_factory=dict)
    vehicles: dict[int, Spot] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Date:
    """When a picture was taken.

    Attributes:
        sun: unit vector towards the sun on the ground, east and south.
        cotangent: of its elevation: the length of a shadow by the height of what throws it.
        depth: how dark shadows are, in [0, 1]; 0 for none.
        season: (3,) factors on the colours of plants.
        crops: which colour each field has this year: a seed.
        bleak: how many of the single trees have lost their leaves, in [0, 1].
    """

    sun: tuple[float, float]
    cotangent: float
    depth: float
    season: tuple[float, float, float]
    crops: int
    bleak: float


@dataclass(frozen=True, kw_only=True)
class State:
    """What is there on a date.

    Attributes:
        covers: parcel -> cover.
        absent: keys of what is not there.
    """

    covers: Mapping[int, str]
    absent: frozenset[int]


def parted(rng: Rng, land: Land, *, whole: bool) -> tuple[Land, int] | None:
    """The land with a patch that may get a cover of its own; nothing but roads lies in it.

    Args:
        rng: says where, and what shape.
        land: is not changed.
        whole: the patch is a whole parcel instead of a blob.

    Returns:
        The land and the patch's key, or None where there is no room.
    """
    size = land.size
    row, column = rng.integers(size // 8, size - size // 8, 2)
    parcel = int(land.parcels[row, column])
    inside = land.parcels == parcel
    if not whole:
        y, x = np.ogrid[:size, :size]
        reach = rng.uniform(0.1, 0.28) * size
        distance = np.hypot(x - column, (y - row) * rng.uniform(0.7, 1.4)) / reach
        blob = distance + 0.28 * noise(rng, "clouds", (size, size), size / 400) < 1
        inside &= blob
    if _built_up(land, inside):
        return None
    key = max(land.covers) + 1
    patched = replace(
        land,
        parcels=np.where(inside, np.int16(key), land.parcels),
        plot_of={**land.plot_of, key: land.plot_of[parcel]},
        covers={**land.covers, key: land.covers[parcel]},
        trees={name: tree for name, tree in land.trees.items() if not _touches(land, tree, inside)},
    )
    return patched, key


def _built_up(land: Land, inside: NDArray[np.bool_]) -> bool:
    corners = [
        np.clip(np.concatenate(building.wings) / land.gsd, 0, land.size - 1) for building in land.buildings.values()
    ]
    pixels = np.concatenate([*corners, np.zeros((0, 2))]).astype(int)
    return bool(inside[pixels[:, 1], pixels[:, 0]].any())


def _touches(land: Land, tree: Spot, inside: NDArray[np.bool_]) -> bool:
    around = np.array(tree.at) + tree.radius * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    columns, rows = np.clip(around / land.gsd, 0, land.size - 1).astype(int).T
    return bool(inside[rows, columns].any())
