"""Pieces of land of several kinds: how parcels and roads lie, and what stands on them."""

from __future__ import annotations

import numpy as np

from onediff_core.data.synthetic.satellite import standing
from onediff_core.data.synthetic.satellite.land import Land
from onediff_core.data.synthetic.satellite.parcels import KINDS, Grid

Rng = np.random.Generator


def surveyed(rng: Rng, size: int) -> Land:
    """A piece of land at a ground sample distance between 0.3 and 2 m."""
    kind = KINDS[str(rng.choice(list(KINDS), p=(0.14, 0.38, 0.24, 0.1, 0.14)))]
    gsd = float(np.exp(rng.uniform(np.log(0.3), np.log(2.0 if kind.houses < 0.5 else 1.1))))
    angle = float(rng.choice([0.0, rng.uniform(0, np.pi / 2)], p=(0.3, 0.7)))
    grid = Grid(rng, kind, size * gsd, angle)
    parcels = grid.parcels(rng, size, gsd, kind.warp)
    present = np.unique(parcels).tolist()
    names, shares = list(kind.covers), list(kind.covers.values())
    covers = {parcel: str(rng.choice(names, p=shares)) for parcel in present}
    roads = grid.roads(rng, kind)
    free = standing.Free(size, gsd)
    for road in roads.values():
        free.take_line(road.line, road.width + 3)
    buildings = standing.buildings(rng, kind, grid, free)
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
    land.vehicles.update(standing.vehicles(rng, land, free))
    land.trees.update(standing.trees(rng, kind, land, free))
    return land
