"""Ground, roads, walls, houses and plants, painted from the horizon towards the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from onediff_core.data.synthetic.camera.view import View

    Rng = np.random.Generator
    Light = NDArray[np.float32]  # (H, W, 3) RGB, 0 to 255

_BRICKS: Final = ((150, 96, 78), (186, 176, 160), (206, 198, 184), (128, 122, 118), (164, 140, 112), (94, 100, 108))


class Scenery:
    """A picture that is painted from the horizon towards the camera."""

    def __init__(self, rng: Rng, view: View) -> None:
        """Begin with the sky."""
        self.rng, self.view, self.shape = rng, view, (view.size, view.size)
        sky = np.linspace(1.05, 0.9, view.size, dtype=np.float32)[:, None, None]
        blue = np.array([186, 200, 216]) * rng.uniform(0.8, 1.12) + rng.normal(size=3) * 6
        self.light: Light = np.ascontiguousarray(np.broadcast_to(sky * blue.astype(np.float32), (*self.shape, 3)))
        self.leaves = np.zeros(self.shape, np.float32)
        self.floor = np.zeros(self.shape, np.bool_)

    def ground(self, texture: Callable[[Rng, tuple[int, int]], Light]) -> None:
        """Cover the ground up to the horizon, in perspective."""
        size, view, side = self.view.size, self.view, 256
        flat = texture(self.rng, (side, side))
        near, far = 1.5, 30.0
        corners = view.seen(np.array([[-12, 0, far], [12, 0, far], [12, 0, near], [-12, 0, near]]))
        source = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
        warp = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
        seen = cv2.warpPerspective(flat, warp, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101)
        top = max(int(np.ceil(view.horizon)) + 1, 0)
        # Far away a texture is finer than a pixel: only its mean is left.
        fade = np.clip((np.arange(size) - view.horizon) / (0.3 * size), 0, 1)[:, None, None].astype(np.float32)
        self.light[top:] = (flat.mean(axis=(0, 1)) * (1 - fade) + seen * fade)[top:]
        self.floor[min(top + size // 12, size - 1) :] = True

    def quad(self, corners: list[tuple[float, float, float]], colour: NDArray[np.float64]) -> NDArray[np.int32]:
        """A face in space, given as metres to the right, up and away; its corners in sixteenths of pixels."""
        points = np.rint(16 * (np.clip(self.view.seen(np.array(corners)), -4000, 4000) - 0.5)).astype(np.int32)
        cv2.fillPoly(self.light, [points], colour.tolist(), cv2.LINE_AA, 4)
        return points

    def strip(
        self,
        left: float,
        right: float,
        slope: float,
        colour: NDArray[np.float64],
        span: tuple[float, float] = (0.8, 90.0),
    ) -> None:
        """A strip of ground that leads away."""
        near, far = span
        shift = slope * np.array(span)
        self.quad(
            [
                (left + shift[0], 0, near),
                (right + shift[0], 0, near),
                (right + shift[1], 0, far),
                (left + shift[1], 0, far),
            ],
            colour,
        )

    def sides(self, middle: float, half: float, slope: float) -> None:
        """Houses, hedges or trees along a road."""
        for side in (-1, 1):
            away, kind = 60.0, self.rng.random()
            while away > 4:
                deep = self.rng.uniform(6, 14)
                x0, x1 = (middle + side * half + slope * d for d in (away, away - deep))
                if kind < 0.5:
                    self._house((x0, x1), (away, max(away - deep, 1.0)))
                elif self.rng.random() < 0.8:
                    for step in np.linspace(0, 1, 4):
                        self._crown(x0 + step * (x1 - x0), away - step * deep, self.rng.uniform(1.2, 3.2))
                away -= deep + self.rng.uniform(0, 3)

    def backdrop(self, away: float) -> None:
        """What closes a place off: a hedge, a hall, trees."""
        if self.rng.random() < 0.5:
            for x in np.arange(-22, 22, 2.2):
                self._crown(x + self.rng.normal(), away, self.rng.uniform(1.5, 3.5))
        else:
            x = self.rng.uniform(-25, -8)
            self._house((x, x + self.rng.uniform(25, 45)), (away, away))

    def wall(self, away: float, height: float, *, indoors: bool = False) -> None:
        """Straight across, with doors and windows, pictures or shelves."""
        rng, colour = self.rng, np.array(_BRICKS[self.rng.integers(len(_BRICKS))], np.float64)
        colour = (
            np.full(3, rng.uniform(120, 225)) + rng.normal(size=3) * 10 if indoors or rng.random() < 0.4 else colour
        )
        points = self.quad([(-30, 0, away), (30, 0, away), (30, height, away), (-30, height, away)], colour)
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [points], 1, shift=4)
        self.light *= 1 + (0.04 * noise(rng, "rough", self.shape) * mask)[:, :, None]
        self.floor[: max(int(self.view.seen(np.array([[0, 0, away]]))[0, 1]) + 2, 0)] = False
        self.quad([(-30, 0, away), (30, 0, away), (30, 0.12, away), (-30, 0.12, away)], colour * 0.7)
        x = -away * 0.9 + rng.uniform(0, 2)
        while x < away * 0.9:
            wide, kind = rng.uniform(0.7, 1.9), rng.random()
            if kind < 0.25:
                self._opening(
                    x,
                    x + 1.0,
                    0.0,
                    2.05,
                    away,
                    np.array(
                        [(96, 70, 50), (150, 152, 156), (60, 84, 72), (206, 204, 198)][rng.integers(4)], np.float64
                    ),
                )
            elif kind < 0.75:
                low = rng.uniform(0.9, 1.3)
                pane = rng.uniform(40, 110) if not indoors else rng.uniform(60, 240)
                self._opening(
                    x, x + wide, low, low + rng.uniform(0.6, 1.4), away, np.array([pane * 0.9, pane, pane * 1.08])
                )
            x += wide + rng.uniform(0.5, 2.5)

    def furniture(self, depth: float) -> None:
        """A table, a cupboard or a shelf, as a block."""
        rng = self.rng
        x, away = rng.uniform(-0.45, 0.45) * depth, rng.uniform(0.55, 0.95) * depth
        wide, tall, deep = rng.uniform(0.35, 0.9), rng.uniform(0.4, 1.9), rng.uniform(0.3, 0.5)
        colour = np.array([(150, 110, 72), (206, 202, 194), (80, 62, 48), (108, 112, 118)][rng.integers(4)], np.float64)
        near = max(away - deep, 1.5)
        side = x - wide if x - wide > 0 else x + wide
        self._block_floor(
            self.quad([(side, 0, near), (side, 0, away), (side, tall, away), (side, tall, near)], colour * 0.7)
        )
        self._block_floor(
            self.quad(
                [(x - wide, tall, near), (x + wide, tall, near), (x + wide, tall, away), (x - wide, tall, away)],
                colour * 1.12,
            )
        )
        self._block_floor(
            self.quad(
                [(x - wide, 0, near), (x + wide, 0, near), (x + wide, tall, near), (x - wide, tall, near)],
                colour * 0.92,
            )
        )
        for level in np.linspace(0.15, 0.85, int(rng.integers(2, 5))):
            self.quad(
                [
                    (x - 0.9 * wide, tall * level, near),
                    (x + 0.9 * wide, tall * level, near),
                    (x + 0.9 * wide, tall * level + 0.02, near),
                    (x - 0.9 * wide, tall * level + 0.02, near),
                ],
                colour * 0.6,
            )

    def bushes(self, count: int, depth: float) -> None:
        """Plants here and there before a wall."""
        for away in np.sort(self.rng.uniform(0.5 * depth, depth, count))[::-1]:
            self._crown(
                float(self.rng.uniform(-0.5, 0.5) * away), float(away), float(self.rng.uniform(0.4, 1.1)), up=0.4
            )

    def finished(self) -> Light:
        """What is seen, with a grain over all of it."""
        return np.clip(self.light * (1 + 0.025 * noise(self.rng, "fine", self.shape)[:, :, None]), 2, 255)

    def _block_floor(self, points: NDArray[np.int32]) -> None:
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [points], 1, shift=4)
        self.floor &= mask == 0

    def _opening(
        self, left: float, right: float, low: float, high: float, away: float, colour: NDArray[np.float64]
    ) -> None:
        for grow, tone in ((0.07, np.full(3, 190.0)), (0.0, colour)):
            self.quad(
                [
                    (left - grow, low - grow * (low > 0), away),
                    (right + grow, low - grow * (low > 0), away),
                    (right + grow, high + grow, away),
                    (left - grow, high + grow, away),
                ],
                tone,
            )
        if low > 0:
            middle = (left + right) / 2
            self.quad(
                [
                    (middle - 0.03, low, away),
                    (middle + 0.03, low, away),
                    (middle + 0.03, high, away),
                    (middle - 0.03, high, away),
                ],
                np.full(3, 185.0),
            )

    def _house(self, x: tuple[float, float], away: tuple[float, float]) -> None:
        rng, tall = self.rng, self.rng.uniform(3.5, 11)
        colour = np.array(_BRICKS[rng.integers(len(_BRICKS))], np.float64) * rng.uniform(0.75, 1.1)
        (x0, x1), (z0, z1) = x, away
        self._block_floor(self.quad([(x0, 0, z0), (x1, 0, z1), (x1, tall, z1), (x0, tall, z0)], colour))
        columns = int(rng.integers(2, 6))
        for up in np.arange(1.0, tall - 1.4, 2.8):
            for share in (np.arange(columns) + 0.3) / columns:
                ends = [(x0 + s * (x1 - x0), z0 + s * (z1 - z0)) for s in (share, share + 0.4 / columns)]
                (xa, za), (xb, zb) = ends
                self.quad([(xa, up, za), (xb, up, zb), (xb, up + 1.4, zb), (xa, up + 1.4, za)], colour * 0.42)

    def _crown(self, x: float, away: float, radius: float, up: float | None = None) -> None:
        """A tree or a bush: a blob with leaves."""
        rng, away = self.rng, max(away, 2.0)
        lift = radius * 0.4 + (rng.uniform(1.0, 2.5) if up is None else up)
        centre = self.view.seen(np.array([[x, lift, away]]))[0]
        reach = radius * self.view.scale(away)
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        rim = (
            centre
            + np.column_stack([np.cos(angles), np.sin(angles)]) * (reach * (1 + 0.13 * rng.normal(size=24)))[:, None]
        )
        if up is None:
            trunk = np.array([74.0, 60.0, 48.0])
            self.quad([(x - 0.12, 0, away), (x + 0.12, 0, away), (x + 0.1, lift, away), (x - 0.1, lift, away)], trunk)
        low = np.clip(np.floor(rim.min(axis=0)), 0, self.view.size).astype(int)
        high = np.clip(np.ceil(rim.max(axis=0)) + 1, 0, self.view.size).astype(int)
        if (high - low < 2).any():
            return
        there = slice(low[1], high[1]), slice(low[0], high[0])
        mask = np.zeros((high - low)[::-1], np.uint8)
        cv2.fillPoly(mask, [np.rint(16 * (rim - low)).astype(np.int32)], 255, cv2.LINE_AA, 4)
        cover = mask.astype(np.float32) / 255
        crowns = 0.34 * noise(rng, "crowns", mask.shape, max(reach / 60, 0.25))
        tone = np.clip(1 + crowns + 0.2 * noise(rng, "fine", mask.shape), 0.25, 2)
        colour = np.array([66, 86, 48], np.float32) * np.float32(rng.uniform(0.7, 1.4))
        self.light[there] += cover[:, :, None] * (tone[:, :, None] * colour - self.light[there])
        np.maximum(self.leaves[there], cover, out=self.leaves[there])
        self.floor[there] &= mask < 128
