"""How land is cut up: kinds of land, and the grid that parcels and roads of one lie in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.data.synthetic.satellite.land import KEYS_OF, Road
from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_core.data.synthetic.satellite.land import Points

    Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of land; lengths are metres.

    Attributes:
        covers: cover -> its share of the parcels.
        parcel: least and greatest width of a parcel.
        depth: the same of its depth.
        houses: share of the borders between parcels that houses stand along.
        sheds: share of the parcels with a hall.
        trees: single ones per hectare.
        warp: by how much borders wander.
    """

    covers: dict[str, float]
    parcel: tuple[float, float]
    depth: tuple[float, float]
    houses: float
    sheds: float
    trees: float
    warp: float


KINDS: Final = {
    "farmland": Kind(
        covers={"crop": 0.55, "grass": 0.2, "bare soil": 0.12, "forest": 0.13},
        parcel=(50, 160), depth=(60, 240), houses=0.03, sheds=0.06, trees=8, warp=3,
    ),
    "suburb": Kind(
        covers={"grass": 0.9, "bare soil": 0.06, "forest": 0.04},
        parcel=(38, 60), depth=(80, 220), houses=0.85, sheds=0.0, trees=40, warp=2,
    ),
    "edge of town": Kind(
        covers={"grass": 0.42, "crop": 0.16, "forest": 0.2, "bare soil": 0.22},
        parcel=(40, 90), depth=(50, 160), houses=0.5, sheds=0.12, trees=30, warp=6,
    ),
    "woodland": Kind(
        covers={"forest": 0.66, "grass": 0.26, "bare soil": 0.08},
        parcel=(70, 200), depth=(60, 200), houses=0.12, sheds=0.02, trees=60, warp=25,
    ),
    "industry": Kind(
        covers={"pavement": 0.45, "grass": 0.3, "bare soil": 0.25},
        parcel=(60, 120), depth=(60, 130), houses=0.05, sheds=0.75, trees=6, warp=0,
    ),
}  # fmt: skip


class Grid:
    """Strips of parcels in a turned coordinate system: u across the strips, v along them."""

    def __init__(self, rng: Rng, kind: Kind, extent: float, angle: float) -> None:
        """Draw the borders."""
        reach = extent * 0.75
        self.extent = extent
        self.turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.across = _cuts(rng, reach, kind.parcel)
        self.along = [_cuts(rng, reach, kind.depth) for _ in range(len(self.across) + 1)]
        self.with_road = rng.random(len(self.across)) < (0.35 if kind.houses < 0.5 else 0.6)

    def metres(self, u: float | Points, v: float | Points) -> Points:
        """Points of the picture."""
        points: Points = np.stack(np.broadcast_arrays(u, v), axis=-1) @ self.turn.T + self.extent / 2
        return points

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

    def roads(self, rng: Rng, kind: Kind) -> dict[int, Road]:
        """Along some strips, and one or none across."""
        roads: dict[int, Road] = {}
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


def _cuts(rng: Rng, reach: float, spacing: tuple[float, float]) -> NDArray[np.float64]:
    steps = rng.uniform(*spacing, size=int(2 * reach / spacing[0]) + 2)
    cuts = -reach + rng.uniform(0, spacing[1]) + np.cumsum(steps) - steps[0]
    inside: NDArray[np.float64] = cuts[cuts < reach]
    return inside
