"""What the demo village consists of, and how it looks on its two dates. Metres east and south of its corner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CRS: Final = "EPSG:32631"
WORLD_ORIGIN: Final = (448_000.0, 5_411_000.0)  # easting and northing of the north-west corner
GSD_M: Final = 0.5
# The before image's georeference puts everything this far (east, south) of where it is.
GEOREFERENCE_ERROR_M: Final = (0.65, -0.35)


@dataclass(frozen=True)
class Building:
    """A house with a gable roof: centre, length, width and height in metres, angle in degrees, roof colour."""

    x: float
    y: float
    length: float
    width: float
    angle: float
    roof: tuple[float, float, float]
    height: float = 5.0

    def corners(self) -> NDArray[np.float64]:
        """(4, 2) corners, metres; the first two lie on one long side."""
        along, across = self.axes()
        centre = np.array([self.x, self.y])
        half_l, half_w = along * self.length / 2, across * self.width / 2
        return np.array(
            [centre - half_l - half_w, centre + half_l - half_w, centre + half_l + half_w, centre - half_l + half_w]
        )

    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Unit vectors along the ridge and across it."""
        angle = np.deg2rad(self.angle)
        return np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])


_TILE: Final = (0.44, 0.17, 0.11)
_SLATE: Final = (0.19, 0.21, 0.25)
_METAL: Final = (0.55, 0.58, 0.60)
_CLAY: Final = (0.52, 0.26, 0.15)

STANDING: Final = (
    Building(66, 152, 18, 10, -8, _TILE),
    Building(92, 190, 16, 10, -8, _SLATE),
    Building(96, 147, 14, 9, -10, _CLAY),
    Building(118, 186, 22, 12, -8, _TILE),
    Building(166, 170, 20, 11, -7, _TILE),
    Building(192, 140, 15, 9, 82, _CLAY),
    Building(188, 172, 14, 9, -7, _SLATE),
    Building(222, 166, 24, 12, -6, _SLATE),
    Building(168, 96, 16, 10, 80, _TILE),
    Building(122, 82, 30, 14, 82, _METAL, 7.0),
    Building(170, 60, 15, 9, 80, _CLAY),
)
DEMOLISHED: Final = (Building(60, 186, 20, 11, -9, _METAL),)
NEW: Final = (
    Building(242, 92, 38, 17, -7, _METAL, 8.0),
    Building(228, 133, 18, 11, -6, _TILE),
    Building(132, 226, 24, 12, -5, _SLATE, 6.0),
)


@dataclass(frozen=True)
class Side:
    """What one date looks like.

    Attributes:
        origin_m: the grid's north-west corner, metres east and south of the world's.
        size: columns and rows.
        error_m: how far the written georeference lies off, metres east and south.
        sun: unit vector on the ground, away from the sun.
        shadow: metres of shadow per metre of height.
        season: (3, 3) colour matrix.
        gain: brightness.
        haze: added light per band.
        buildings: what stands.
        bare: plots of demolished buildings.
        nodata_corner: pixels of the north-eastern corner that the sensor did not see, along each edge.
    """

    origin_m: tuple[float, float]
    size: tuple[int, int]
    error_m: tuple[float, float]
    sun: tuple[float, float]
    shadow: float
    season: tuple[tuple[float, float, float], ...]
    gain: float
    haze: tuple[float, float, float]
    buildings: tuple[Building, ...]
    bare: tuple[Building, ...] = ()
    nodata_corner: int = 0
    noise_seed: int = 0


SIDES: Final = {
    "before": Side(
        origin_m=(13.0, 17.5),
        size=(536, 528),
        error_m=GEOREFERENCE_ERROR_M,
        sun=(-0.55, -0.835),
        shadow=0.95,
        season=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        gain=1.0,
        haze=(0.0, 0.0, 0.0),
        buildings=STANDING + DEMOLISHED,
        noise_seed=1,
    ),
    "after": Side(
        origin_m=(20.0, 21.0),
        size=(512, 512),
        error_m=(0.0, 0.0),
        sun=(-0.515, -0.857),
        shadow=0.88,
        # Late summer: vegetation a little drier, the air a little hazier.
        season=((0.91, 0.13, 0.0), (0.05, 0.95, 0.0), (0.0, 0.05, 0.93)),
        gain=1.12,
        haze=(0.012, 0.016, 0.026),
        buildings=STANDING + NEW,
        bare=DEMOLISHED,
        nodata_corner=72,
        noise_seed=2,
    ),
}

# Outline, colour, direction of the rows in degrees, their spacing in metres and their contrast.
FIELDS: Final[tuple[tuple[tuple[tuple[float, float], ...], tuple[float, float, float], float, float, float], ...]] = (
    (((0, 0), (146, 0), (138, 60), (0, 78)), (0.20, 0.25, 0.09), -9, 3.0, 0.10),
    (((0, 80), (138, 62), (130, 150), (0, 166)), (0.33, 0.29, 0.14), -9, 2.2, 0.07),
    (((156, 0), (300, 0), (300, 46), (152, 66)), (0.14, 0.21, 0.08), 80, 3.4, 0.12),
    (((152, 68), (300, 48), (300, 142), (140, 158)), (0.24, 0.27, 0.11), -8, 2.6, 0.06),
    (((0, 212), (104, 196), (112, 300), (0, 300)), (0.29, 0.21, 0.13), 82, 2.6, 0.13),
    (((106, 196), (216, 182), (226, 300), (114, 300)), (0.21, 0.27, 0.10), 82, 3.0, 0.07),
    (((218, 182), (300, 172), (300, 300), (228, 300)), (0.36, 0.31, 0.16), -6, 2.4, 0.08),
)
ROADS: Final[tuple[tuple[tuple[tuple[float, float], ...], float, tuple[float, float, float]], ...]] = (
    (((108, 300), (106, 240), (104, 178)), 3.2, (0.38, 0.33, 0.25)),  # track
    (((148, 0), (146, 60), (140, 120), (134, 172)), 5.5, (0.25, 0.25, 0.25)),
    (((-5, 178), (80, 172), (150, 168), (220, 154), (305, 150)), 7.5, (0.27, 0.27, 0.28)),
)
HEDGES: Final = (  # from, to, number of trees
    ((4, 79), (106, 65), 22),
    ((184, 62), (296, 47), 22),
    ((217, 184), (227, 296), 18),
    ((4, 206), (50, 200), 9),
)
COPSES: Final = (  # centre, spread in metres, number of trees
    ((42, 118), 10, 26),
    ((268, 222), 12, 30),
    ((200, 108), 5, 7),
    ((80, 168), 3, 3),
    ((208, 182), 4, 5),
)
