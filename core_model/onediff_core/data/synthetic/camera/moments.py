"""What light, weather and wind do to a place: none of it is a change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_core.data.synthetic.camera.figures import Figure
    from onediff_core.data.synthetic.camera.places import Place
    from onediff_core.data.synthetic.sprites import Sprite

    Rng = np.random.Generator
    Light = NDArray[np.float32]  # (H, W, 3) RGB, 0 to 255


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """When a still was taken.

    Attributes:
        sun: (3,) unit vector towards the light: right, up, away.
        depth: how dark shadows are, in [0, 1].
        patches: seed of shadows that things out of sight throw, or None.
        wind: columns and rows by which leaves have moved.
        night: share of daylight that is gone, in [0, 1].
        lamps: x, y, radius as shares of the side, and strength: lamps, headlights, the sun through a window.
        rain: streaks.
        grain: seed of rain.
    """

    sun: NDArray[np.float64] = field(default_factory=lambda: np.array([0.4, 0.8, -0.45]))
    depth: float = 0.0
    patches: int | None = None
    wind: tuple[int, int] = (0, 0)
    night: float = 0.0
    lamps: tuple[tuple[float, float, float, float], ...] = ()
    rain: int = 0
    grain: int = 0


CALM: Final = Moment()
_WARM: Final = np.array([1.0, 0.84, 0.6], np.float32)
_MOONLIT: Final = np.array([0.85, 0.95, 1.15], np.float32)


def moment(rng: Rng, where: Place) -> Moment:
    """A moment of any day or night."""
    sun = np.array([rng.uniform(-1, 1), rng.uniform(0.5, 1.2), rng.uniform(-0.8, 0.5)])
    night = float(rng.uniform(0.45, 0.9)) if rng.random() < 0.22 else 0.0
    sunny = night == 0 and not where.indoors and rng.random() < 0.65
    lamps = int(rng.integers(1, 4)) if night or (where.indoors and rng.random() < 0.4) else 0
    return Moment(
        sun=sun / np.linalg.norm(sun),
        depth=float(rng.uniform(0.25, 0.6)) if sunny else 0.0,
        patches=int(rng.integers(2**31)) if sunny and rng.random() < 0.5 else None,
        wind=(int(rng.integers(-2, 3)), int(rng.integers(-1, 2))),
        night=night,
        lamps=tuple(
            (
                float(rng.random()),
                float(rng.uniform(0.2, 1)),
                float(rng.uniform(0.06, 0.3)),
                float(rng.uniform(0.3, 1.2)),
            )
            for _ in range(lamps)
        ),
        rain=int(rng.integers(60, 260)) if not where.indoors and rng.random() < 0.1 else 0,
        grain=int(rng.integers(2**31)),
    )


def shifted_leaves(where: Place, now: Moment) -> Light:
    """The place with its leaves where the wind holds them; a new array."""
    if now.wind == (0, 0):
        return where.light.copy()
    moved = np.roll(where.light, now.wind[::-1], axis=(0, 1))
    return where.light + where.leaves[:, :, None] * (moved - where.light)


def shaded(where: Place, figures: Sequence[tuple[Figure, Sprite]], now: Moment) -> NDArray[np.float32]:
    """What shadows leave of the light on the place, in [0, 1]; figures shade the ground, not each other."""
    size = where.view.size
    left = np.ones((size, size), np.float32)
    if now is CALM:
        return left
    touched, thrown = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    for figure, sprite in figures:
        foot = where.view.seen(np.array([[figure.right, 0.0, figure.away]]))[0]
        wide = 0.5 * (sprite.alpha.max(axis=0) > 0).sum()
        axes = max(round(16 * wide), 16), max(round(16 * wide * 0.3), 8)
        cv2.ellipse(touched, np.rint(16 * foot).astype(int).tolist(), axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA, 4)
        if now.depth:
            np.maximum(thrown, _thrown(sprite, foot, where.view.height / figure.away, now, size), out=thrown)
    left -= np.float32(0.3) * cv2.GaussianBlur(touched, (0, 0), size / 80)
    if now.depth:
        left *= 1 - np.float32(now.depth) * cv2.GaussianBlur(thrown, (0, 0), 0.8)
    if now.patches is not None:
        left *= 1 - np.float32(0.8 * now.depth) * _patches(now.patches, size)
    return left


def lit(light: Light, now: Moment) -> Light:
    """The scene by night, by lamps and in the rain."""
    size = len(light)
    if now.night:
        light = light * ((1 - now.night) * _MOONLIT)
    for x, y, radius, power in now.lamps:
        rows, columns = np.ogrid[:size, :size]
        away = ((columns - x * size) ** 2 + ((rows - y * size) * 1.3) ** 2) / (radius * size) ** 2
        glow = np.exp(-0.5 * away, dtype=np.float32)[:, :, None] * np.float32(power)
        light = light * (1 + glow * _WARM) + 22 * now.night * glow * _WARM
    return _rainy(light, now) if now.rain else light


def _thrown(sprite: Sprite, foot: NDArray[np.float64], tilt: float, now: Moment, size: int) -> NDArray[np.float32]:
    """The shadow of something upright, laid on the ground from its foot."""
    right, _, away = now.sun / max(now.sun[1], 0.35)
    lean, rise = -right, float(np.clip(-away * tilt, -0.7, 0.7))
    # (x, y) above the foot by h = foot_y - y lies at (x + lean * h, foot_y - rise * h).
    y = foot[1] - sprite.y
    matrix = np.array([[1.0, -lean, sprite.x + lean * y], [0.0, rise, sprite.y + y - rise * y]])
    return np.asarray(cv2.warpAffine(sprite.alpha, matrix, (size, size)), np.float32)


def _patches(seed: int, size: int) -> NDArray[np.float32]:
    """Shadows of houses, poles and crowns out of sight."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        centre, sides = rng.uniform(0, size, 2), rng.uniform(0.03, 0.5, 2) * size
        corners = cv2.boxPoints((centre.tolist(), sides.tolist(), float(rng.uniform(-60, 60))))
        cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 255)
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.8, 6))), np.float32) / np.float32(255)
    if rng.random() < 0.5:
        return soft
    return np.asarray(soft * np.clip(0.8 + 0.5 * noise(rng, "patches", (size, size)), 0, 1), np.float32)


def _rainy(light: Light, now: Moment) -> Light:
    rng, size = np.random.default_rng(now.grain), len(light)
    streaks = np.zeros((size, size), np.uint8)
    lean = rng.uniform(-0.25, 0.25)
    for x, y, long in rng.uniform((0, 0, 0.02), (1, 1, 0.07), (now.rain, 3)) * size:
        start, end = np.rint([[16 * x, 16 * y], [16 * (x + lean * long), 16 * (y + long)]]).astype(int).tolist()
        cv2.line(streaks, start, end, 255, 1, cv2.LINE_AA, 4)
    veil = (0.16 + 0.3 * cv2.GaussianBlur(streaks, (0, 0), 0.6).astype(np.float32) / 255)[:, :, None]
    return light + veil * (np.float32(170 * (1 - 0.8 * now.night)) - light)
