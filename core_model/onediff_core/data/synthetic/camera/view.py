"""How a camera that looks down on flat ground sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class View:
    """A pinhole camera whose picture plane is upright.

    Points are metres: to the right of the camera, up from the ground, and away from it.

    Attributes:
        size: side of the picture in pixels.
        middle: column that lies straight ahead.
        horizon: row of the horizon; above the picture where the camera looks down.
        focal: focal length in pixels.
        height: of the camera above the ground in metres.
    """

    size: int
    middle: float
    horizon: float
    focal: float
    height: float

    def seen(self, points: Points) -> Points:
        """Pixels of points, (n, 3) -> (n, 2)."""
        right, up, away = points.T
        away = np.maximum(away, 0.3)
        return np.column_stack(
            [self.middle + self.focal * right / away, self.horizon + self.focal * (self.height - up) / away]
        )

    def ground(self, x: float, y: float) -> tuple[float, float]:
        """The point of the ground at a pixel: right, away."""
        away = self.focal * self.height / max(y - self.horizon, 1.0)
        return (x - self.middle) * away / self.focal, away

    def scale(self, away: float) -> float:
        """Pixels per metre at a distance."""
        return self.focal / max(away, 0.3)
