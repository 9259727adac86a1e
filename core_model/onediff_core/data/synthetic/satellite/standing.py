"""Buildings, vehicles and trees, placed where nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from onediff_core.data.synthetic.satellite.land import KEYS_OF, Building, Land, Spot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_core.data.synthetic.satellite.land import Points
    from onediff_core.data.synthetic.satellite.parcels import Grid, Kind

    Rng = np.random.Generator


class Free:
    """Where there is still room, as a raster of what is taken."""

    def __init__(self, size: int, gsd: float) -> None:
        """Begin with nothing taken."""
        self.gsd = gsd
        self.taken = np.zeros((size, size), np.uint8)

    def take_line(self, line: Points, width: float) -> None:
        """Take a strip along a line."""
        pixels = np.rint(line / self.gsd).astype(np.int32)
        cv2.polylines(self.taken, [pixels], False, 1, max(round(width / self.gsd), 1))

    def take(self, outline: Points) -> None:
        """Take a polygon."""
        cv2.fillPoly(self.taken, [np.rint(outline / self.gsd).astype(np.int32)], 1)

    def of(self, points: Points) -> NDArray[np.bool_]:
        """Which points are free; those outside the picture are."""
        columns, rows = np.floor(points / self.gsd).astype(int).T
        size = len(self.taken)
        inside = (columns >= 0) & (rows >= 0) & (columns < size) & (rows < size)
        free = np.ones(len(points), np.bool_)
        free[inside] = self.taken[rows[inside], columns[inside]] == 0
        return free


def buildings(rng: Rng, kind: Kind, grid: Grid, free: Free) -> dict[int, Building]:
    """Houses in rows along borders, halls in parcels; what they take is not free afterwards."""
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
    rng: Rng, grid: Grid, free: Free, u: float, side: int, style: int | None, found: dict[int, Building]
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


def _wings(rng: Rng, grid: Grid, at: tuple[float, float], sides: tuple[float, float]) -> tuple[Points, ...]:
    """One rectangle, or two that make an L or a T."""
    lean = float(rng.normal() * 0.04)
    main = _rectangle(grid, at, sides, lean)
    if rng.random() < 0.35:
        return (main,)
    wing = (sides[0] * rng.uniform(0.5, 0.9), sides[1] * rng.uniform(0.35, 0.5))
    shift = np.array([rng.choice([-1, 1]) * sides[0] * 0.45, rng.choice([-1, 0, 1]) * (sides[1] - wing[1]) / 2])
    return main, _rectangle(grid, (at[0] + shift[0], at[1] + shift[1]), wing, lean)


def _shed(rng: Rng, grid: Grid, u: float, v: float) -> Building:
    sides = rng.uniform(14, 34), rng.uniform(22, 60)
    at = u + rng.uniform(18, 30), v + rng.uniform(-25, 25)
    roof = str(rng.choice(["flat", "gable"], p=(0.6, 0.4)))
    return Building(
        wings=(_rectangle(grid, at, sides, 0.0),),
        roof=roof,
        height=float(rng.uniform(5, 13)),
        tone=int(rng.integers(2**31)),
    )


def _rectangle(grid: Grid, at: tuple[float, float], sides: tuple[float, float], lean: float) -> Points:
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array(sides) / 2
    turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    u, v = (corners @ turn.T + np.array(at)).T
    return grid.metres(u, v)


def _add(found: dict[int, Building], building: Building, free: Free) -> None:
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


def vehicles(rng: Rng, land: Land, free: Free) -> dict[int, Spot]:
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
        for _ in range(int(rng.integers(1, 4))):
            first = paved[rng.integers(len(paved))][::-1] * land.gsd
            step = np.array([np.cos(land.angle), np.sin(land.angle)]) * 2.9
            for slot in range(int(rng.integers(3, 12))):
                spot = first + slot * step
                if (
                    rng.random() < 0.7
                    and free.of(spot[None] + np.array([[-2.5, 0], [2.5, 0], [0, 2.5], [0, -2.5]])).all()
                ):
                    places.append((spot, land.angle + np.pi / 2))
    found: dict[int, Spot] = {}
    size = land.size * land.gsd
    for at, angle in places:
        crowded = any(np.hypot(*(at - np.array(other.at))) < 2.6 for other in found.values())
        if crowded or not (np.abs(at - size / 2) < size / 2 - 2).all():
            continue
        found[KEYS_OF["vehicle"] + len(found)] = Spot(
            at=(float(at[0]), float(at[1])),
            radius=float(rng.uniform(2.0, 2.5)),
            angle=float(angle),
            tone=float(rng.random()),
        )
    return found


def trees(rng: Rng, kind: Kind, land: Land, free: Free) -> dict[int, Spot]:
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
            at=(float(at[i, 0]), float(at[i, 1])), radius=float(radius[i]), angle=0.0, tone=float(rng.random())
        )
        for number, i in enumerate(kept)
    }
