"""What a piece of land holds: parcels, roads, buildings, trees and vehicles, before anything happens to it.

Lengths are in metres; points are x east and y south of the picture's north-west corner. Everything that can come or go
has a key of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rng = np.random.Generator
    Points = NDArray[np.float64]  # (n, 2)

# Share of the parcels that each kind of land has under each cover; how far apart its roads are, and what stands there.
@dataclass(frozen=True, kw_only=True)
class _Kind:
    covers: dict[str, float]
    parcel: tuple[float, float]
    depth: tuple[float, float]
    houses: float
    sheds: float
    trees: float  # per hectare
    warp: float  # metres by which borders wander


_KINDS: Final = {
    "farmland": _Kind(
        covers={"crop": 0.55, "grass": 0.2, "bare soil": 0.12, "forest": 0.13},
        parcel=(50, 160), depth=(60, 240), houses=0.03, sheds=0.06, trees=8, warp=3,
    ),
    "suburb": _Kind(
        covers={"grass": 0.9, "bare soil": 0.06, "forest": 0.04},
        parcel=(38, 60), depth=(80, 220), houses=0.85, sheds=0.0, trees=40, warp=2,
    ),
    "edge of town": _Kind(
        covers={"grass": 0.42, "crop": 0.16, "forest": 0.2, "bare soil": 0.22},
        parcel=(40, 90), depth=(50, 160), houses=0.5, sheds=0.12, trees=30, warp=6,
    ),
    "woodland": _Kind(
        covers={"forest": 0.66, "grass": 0.26, "bare soil": 0.08},
        parcel=(70, 200), depth=(60, 200), houses=0.12, sheds=0.02, trees=60, warp=25,
    ),
    "industry": _Kind(
        covers={"pavement": 0.45, "grass": 0.3, "bare soil": 0.25},
        parcel=(60, 120), depth=(60, 130), houses=0.05, sheds=0.75, trees=6, warp=0,
    ),
}  # fmt: skip
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
    """A tree or a vehicle."""

    at: tuple[float, float]
    radius: float
    angle: float
    tone: int


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


def surveyed(rng: Rng, size: int) -> Land:
    """A piece of land at a ground sample distance between 0.3 and 2 m."""
    kind = _KINDS[str(rng.choice(list(_KINDS), p=(0.14, 0.38, 0.24, 0.1, 0.14)))]
    gsd = float(np.exp(rng.uniform(np.log(0.3), np.log(2.0 if kind.houses < 0.5 else 1.1))))
    angle = float(rng.choice([0.0, rng.uniform(0, np.pi / 2)], p=(0.3, 0.7)))
    grid = _Grid(rng, kind, size * gsd, angle)
    parcels = grid.parcels(rng, size, gsd, kind.warp)
    present = np.unique(parcels).tolist()
    names, shares = list(kind.covers), list(kind.covers.values())
    covers = {parcel: str(rng.choice(names, p=shares)) for parcel in present}
    roads = grid.roads(rng, kind)
    free = _Free(size, gsd)
    for road in roads.values():
        free.take_line(road.line, road.width + 3)
    buildings = _buildings(rng, kind, grid, free)
    land = Land(
        gsd=gsd,
        size=size,
        angle=angle,
        plots=parcels,
        parcels=parcels,
        plot_of={parcel: parcel for parcel in present},
        covers=covers,
        roads=roads,
        buildings=buildings,
    )
    land.vehicles.update(_vehicles(rng, land, free))
    land.trees.update(_trees(rng, kind, land, free))
    return land


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
    corners = [np.clip(np.concatenate(building.wings) / land.gsd, 0, land.size - 1) for building in land.buildings.values()]
    pixels = np.concatenate([*corners, np.zeros((0, 2))]).astype(int)
    return bool(inside[pixels[:, 1], pixels[:, 0]].any())


def _touches(land: Land, tree: Spot, inside: NDArray[np.bool_]) -> bool:
    around = np.array(tree.at) + tree.radius * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    columns, rows = np.clip(around / land.gsd, 0, land.size - 1).astype(int).T
    return bool(inside[rows, columns].any())


class _Grid:
    """Strips of parcels in a turned coordinate system: u across the strips, v along them."""

    def __init__(self, rng: Rng, kind: _Kind, extent: float, angle: float) -> None:
        reach = extent * 0.75
        self.extent = extent
        self.turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.across = _cuts(rng, reach, kind.parcel)
        self.along = [_cuts(rng, reach, kind.depth) for _ in range(len(self.across) + 1)]
        self.with_road = rng.random(len(self.across)) < (0.35 if kind.houses < 0.5 else 0.6)

    def metres(self, u: float | Points, v: float | Points) -> Points:
        """Points of the picture."""
        return np.stack(np.broadcast_arrays(u, v), axis=-1) @ self.turn.T + self.extent / 2

    def parcels(self, rng: Rng, size: int, gsd: float, warp: float) -> NDArray[np.int16]:
        """The parcel of each pixel."""
        x = (np.arange(size, dtype=np.float32) + 0.5) * gsd - self.extent / 2
        bend = warp * noise(rng, "clouds", (size, size), 1.0 / gsd) if warp else np.float32(0)
        u = x[None, :] * self.turn[0, 0] + x[:, None] * self.turn[1, 0] + bend
        v = x[None, :] * self.turn[0, 1] + x[:, None] * self.turn[1, 1] + bend
        strip = np.digitize(u, self.across)
        keys = np.zeros((size, size), np.int16)
        for number, cuts in enumerate(self.along):
            inside = strip == number
            keys[inside] = 20 * number + np.digitize(v[inside], cuts[:18])
        return keys

    def roads(self, rng: Rng, kind: _Kind) -> dict[int, Road]:
        """Along some strips, and one or none across."""
        roads = {}
        reach = np.linspace(-0.8, 0.8, 9) * self.extent
        for u in self.across[self.with_road]:
            bend = kind.warp * 1.2 * np.sin(reach / 60 + rng.uniform(0, 6))
            width = float(rng.uniform(4, 6.5) if kind.warp > 2 else rng.uniform(5.5, 9))
            roads[KEYS_OF["road"] + len(roads)] = Road(
                line=self.metres(u + bend, reach), width=width, paved=bool(rng.random() < 0.75)
            )
        if rng.random() < 0.5:
            v = rng.uniform(-0.4, 0.4) * self.extent
            lean = rng.uniform(-0.15, 0.15) * reach
            roads[KEYS_OF["road"] + len(roads)] = Road(
                line=self.metres(reach, v + lean), width=float(rng.uniform(6, 12)), paved=bool(rng.random() < 0.9)
            )
        return roads


class _Free:
    """Where there is still room, as a raster of what is taken."""

    def __init__(self, size: int, gsd: float) -> None:
        self.gsd = gsd
        self.taken = np.zeros((size, size), np.uint8)

    def take_line(self, line: Points, width: float) -> None:
        pixels = np.rint(line / self.gsd).astype(np.int32)
        cv2.polylines(self.taken, [pixels], False, 1, max(round(width / self.gsd), 1))

    def take(self, outline: Points) -> None:
        cv2.fillPoly(self.taken, [np.rint(outline / self.gsd).astype(np.int32)], 1)

    def of(self, points: Points) -> NDArray[np.bool_]:
        """Which points are free; those outside the picture are."""
        columns, rows = np.floor(points / self.gsd).astype(int).T
        size = len(self.taken)
        inside = (columns >= 0) & (rows >= 0) & (columns < size) & (rows < size)
        free = np.ones(len(points), np.bool_)
        free[inside] = self.taken[rows[inside], columns[inside]] == 0
        return free


def _cuts(rng: Rng, reach: float, spacing: tuple[float, float]) -> NDArray[np.float64]:
    steps = rng.uniform(*spacing, size=int(2 * reach / spacing[0]) + 2)
    cuts = -reach + rng.uniform(0, spacing[1]) + np.cumsum(steps) - steps[0]
    return cuts[cuts < reach]


# --- what stands on it ------------------------------------------------------------------------------------------


def _buildings(rng: Rng, kind: _Kind, grid: _Grid, free: _Free) -> dict[int, Building]:
    found: dict[int, Building] = {}
    style = int(rng.integers(2**31)) if rng.random() < 0.6 else None  # a district of like roofs
    for number, u in enumerate(grid.across):
        if rng.random() < kind.houses:
            for side in (-1, 1):
                _row_of_houses(rng, grid, free, float(u), side, style, found)
        for v in grid.along[number]:
            if rng.random() < kind.sheds:
                _add(found, _shed(rng, grid, float(u), float(v)), free)
    return found


def _row_of_houses(
    rng: Rng, grid: _Grid, free: _Free, u: float, side: int, style: int | None, found: dict[int, Building]
) -> None:
    """Houses along one side of the border between two strips."""
    v, setback, dense = -0.7 * grid.extent, rng.uniform(6, 11), rng.uniform(0.5, 1.0)
    while v < 0.7 * grid.extent and len(found) < 60:
        long, short = rng.uniform(10, 21), rng.uniform(8.5, 14)
        v += long / 2 + rng.uniform(2.5, 8)
        if rng.random() < dense:
            middle = u + side * (setback + short / 2 + rng.uniform(0, 2.5))
            wings = _wings(rng, grid, (middle, v), (short, long))
            tone = style + int(rng.integers(5)) if style is not None else int(rng.integers(2**31))
            roof = str(rng.choice(["gable", "hip", "flat"], p=(0.45, 0.43, 0.12)))
            _add(found, Building(wings=wings, roof=roof, height=float(rng.uniform(3, 7)), tone=tone), free)
        v += long / 2


def _wings(rng: Rng, grid: _Grid, at: tuple[float, float], sides: tuple[float, float]) -> tuple[Points, ...]:
    """One rectangle, or two that make an L or a T."""
    lean = float(rng.normal() * 0.04)
    main = _rectangle(grid, at, sides, lean)
    if rng.random() < 0.35:
        return (main,)
    wing = (sides[0] * rng.uniform(0.5, 0.9), sides[1] * rng.uniform(0.35, 0.5))
    shift = np.array([rng.choice([-1, 1]) * sides[0] * 0.45, rng.choice([-1, 0, 1]) * (sides[1] - wing[1]) / 2])
    return main, _rectangle(grid, (at[0] + shift[0], at[1] + shift[1]), wing, lean)


def _shed(rng: Rng, grid: _Grid, u: float, v: float) -> Building:
    sides = rng.uniform(14, 34), rng.uniform(22, 60)
    at = u + rng.uniform(18, 30), v + rng.uniform(-25, 25)
    roof = str(rng.choice(["flat", "gable"], p=(0.6, 0.4)))
    return Building(
        wings=(_rectangle(grid, at, sides, 0.0),), roof=roof, height=float(rng.uniform(5, 13)), tone=int(rng.integers(2**31))
    )


def _rectangle(grid: _Grid, at: tuple[float, float], sides: tuple[float, float], lean: float) -> Points:
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array(sides) / 2
    turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    u, v = (corners @ turn.T + np.array(at)).T
    return grid.metres(u, v)


def _add(found: dict[int, Building], building: Building, free: _Free) -> None:
    """Keep a building that lies in the picture and on nothing else."""
    size = len(free.taken) * free.gsd
    corners = np.concatenate(building.wings)
    middle = corners.mean(axis=0)
    around = np.concatenate([middle + (corners - middle) * share for share in (0.4, 0.8, 1.12)])
    if not (np.abs(middle - size / 2) < size / 2).all() or not free.of(around).all():
        return
    for wing in building.wings:
        free.take(wing + 0.12 * (wing - wing.mean(axis=0)))
    found[KEYS_OF["building"] + len(found)] = building


def _vehicles(rng: Rng, land: Land, free: _Free) -> dict[int, Spot]:
    """On the roads, and in rows on paved ground; none where they would be under four pixels long."""
    if land.gsd > 1.1:
        return {}
    places = []
    for road in land.roads.values():
        if not road.paved:
            continue
        for _ in range(rng.poisson(2.5)):
            part = int(rng.integers(len(road.line) - 1))
            start, end = road.line[part], road.line[part + 1]
            along = (end - start) / np.hypot(*(end - start))
            lane = np.array([-along[1], along[0]]) * road.width * 0.23 * rng.choice([-1, 1])
            places.append((start + rng.random() * (end - start) + lane, np.arctan2(along[1], along[0])))
    paved = np.argwhere(np.isin(land.parcels, [p for p, cover in land.covers.items() if cover == "pavement"]))
    if len(paved) and rng.random() < 0.8:
        for row in range(int(rng.integers(1, 4))):
            first = paved[rng.integers(len(paved))][::-1] * land.gsd
            step = np.array([np.cos(land.angle), np.sin(land.angle)]) * 2.9
            for slot in range(int(rng.integers(3, 12))):
                spot = first + slot * step
                if rng.random() < 0.7 and free.of(spot[None] + np.array([[-2.5, 0], [2.5, 0], [0, 2.5], [0, -2.5]])).all():
                    places.append((spot, land.angle + np.pi / 2))
    vehicles: dict[int, Spot] = {}
    size = land.size * land.gsd
    for at, angle in places:
        crowded = any(np.hypot(*(at - np.array(other.at))) < 2.6 for other in vehicles.values())
        if crowded or not (np.abs(at - size / 2) < size / 2 - 2).all():
            continue
        vehicles[KEYS_OF["vehicle"] + len(vehicles)] = Spot(
            at=(float(at[0]), float(at[1])), radius=float(rng.uniform(2.0, 2.5)), angle=float(angle), tone=int(rng.integers(2**31))
        )
    return vehicles


def _trees(rng: Rng, kind: _Kind, land: Land, free: _Free) -> dict[int, Spot]:
    """Single ones; a forest is a texture of the ground."""
    size = land.size * land.gsd
    count = min(rng.poisson(kind.trees * rng.uniform(0.3, 1.6) * size * size / 10_000), 150)
    at, radius = rng.uniform(0, size, (count, 2)), rng.uniform(1.6, 4.8, count)
    reach = radius[:, None] + 1.0
    free_all = np.ones(count, np.bool_)
    for direction in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7), (-0.7, -0.7)):
        free_all &= free.of(at + np.array(direction) * reach)
    column, row = np.minimum(at / land.gsd, land.size - 1).astype(int).T
    wooded = [parcel for parcel, cover in land.covers.items() if cover in ("forest", "pavement")]
    free_all &= ~np.isin(land.parcels[row, column], wooded)
    kept = np.flatnonzero(free_all)
    return {
        KEYS_OF["tree"] + number: Spot(
            at=(float(at[i, 0]), float(at[i, 1])), radius=float(radius[i]), angle=0.0, tone=int(rng.integers(2**31))
        )
        for number, i in enumerate(kept)
    }
