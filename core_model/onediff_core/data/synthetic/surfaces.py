"""Tables, floors and walls to put things on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Light = NDArray[np.float32]  # (H, W, 3) RGB, 0 to 255
    Rng = np.random.Generator

_WOODS: Final = ((150, 108, 70), (186, 148, 104), (108, 74, 48), (204, 178, 140), (90, 60, 42))
_GREENS: Final = ((92, 112, 60), (112, 120, 70), (74, 100, 56), (128, 122, 78))


def surface(rng: Rng, size: int) -> Light:
    """A surface of a random kind that fills the picture; sometimes with a wall behind it, or with sheets on it."""
    light = _SURFACES[rng.integers(len(_SURFACES))](rng, (size, size))
    if rng.random() < 0.35:
        light = _behind(light, _plaster(rng, (size, size)), int(size * rng.uniform(0.1, 0.3)))
    elif rng.random() < 0.35:
        _sheets(rng, light)
    if rng.random() < 0.4:
        light = light * (1 + 0.1 * noise(rng, "clouds", (size, size), 2.0))[:, :, None]
    return light


def concrete(rng: Rng, shape: tuple[int, int]) -> Light:
    """Stone, screed, asphalt: nearly grey, rough."""
    tone = rng.uniform(70, 200) * (1 + 0.04 * rng.normal(size=3))
    return _toned(tone, 1 + 0.04 * noise(rng, "rough", shape, rng.uniform(0.5, 2)) + 0.04 * noise(rng, "fine", shape))


def planks(rng: Rng, shape: tuple[int, int]) -> Light:
    """Boards with a grain, upright or across."""
    turned = rng.random() < 0.5
    rows, columns = shape[::-1] if turned else shape
    width = int(rng.uniform(0.06, 0.2) * rows) + 2
    board = np.arange(rows) // width
    tones = 1 + 0.1 * rng.normal(size=board[-1] + 1)
    grain = cv2.resize(noise(rng, "rough", (rows, max(columns // 12, 2))), (columns, rows))
    tone = tones[board][:, None] + 0.09 * grain
    tone[np.arange(rows) % width == 0] *= 0.6
    light = _toned(np.array(_WOODS[rng.integers(len(_WOODS))]) * rng.uniform(0.8, 1.15), tone)
    return np.ascontiguousarray(light.swapaxes(0, 1)) if turned else light


def tiles(rng: Rng, shape: tuple[int, int]) -> Light:
    """Square tiles with joints; sometimes of two colours."""
    side = int(rng.uniform(0.08, 0.25) * shape[0]) + 3
    y, x = np.arange(shape[0])[:, None] + rng.integers(side), np.arange(shape[1])[None, :] + rng.integers(side)
    second = 1 - rng.uniform(0, 0.5) * ((y // side + x // side) % 2) * (rng.random() < 0.5)
    joint = np.where((y % side < 1.5) | (x % side < 1.5), rng.uniform(0.6, 1.2), 1.0)
    tone = rng.uniform(90, 225) * (1 + 0.07 * rng.normal(size=3))
    return _toned(tone, second * joint + 0.035 * noise(rng, "rough", shape))


def fabric(rng: Rng, shape: tuple[int, int]) -> Light:
    """Woven cloth or carpet, plain or striped."""
    y, x = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    weave = 0.06 * np.sin(x * rng.uniform(1.2, 2.6)) * np.sin(y * rng.uniform(1.2, 2.6))
    stripes = rng.choice([0.0, 0.18]) * np.sign(np.sin(x * rng.uniform(0.05, 0.3) + rng.uniform(0, 6)))
    grey = rng.uniform(40, 215)
    return _toned(
        grey + rng.uniform(0.2, 0.9) * (rng.uniform(40, 215, 3) - grey),
        1 + weave + stripes + 0.05 * noise(rng, "fine", shape),
    )


def grass(rng: Rng, shape: tuple[int, int]) -> Light:
    """Lawn, leaves, dry grass."""
    tone = (
        1
        + 0.14 * noise(rng, "fine", shape, rng.uniform(0.7, 1.6))
        + rng.uniform(0.02, 0.1) * noise(rng, "patches", shape)
    )
    return _toned(np.array(_GREENS[rng.integers(len(_GREENS))]), tone)


def earth(rng: Rng, shape: tuple[int, int]) -> Light:
    """Sand, gravel, soil."""
    colour = np.array([(176, 148, 112), (120, 92, 66), (206, 186, 150), (140, 128, 116)][rng.integers(4)])
    return _toned(colour, 1 + 0.06 * noise(rng, "rough", shape) + 0.08 * noise(rng, "fine", shape))


def plain(rng: Rng, shape: tuple[int, int]) -> Light:
    """A studio background: one colour that fades."""
    slope = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] * rng.uniform(-0.25, 0.25)
    return _toned(rng.uniform(60, 225) + 14 * rng.normal(size=3), np.broadcast_to(1 + slope, shape))


def _plaster(rng: Rng, shape: tuple[int, int]) -> Light:
    return _toned(rng.uniform(110, 225) + 12 * rng.normal(size=3), 1 + 0.02 * noise(rng, "rough", shape))


def _behind(light: Light, wall: Light, height: int) -> Light:
    wall[height:] = light[height:]
    wall[height : height + 2] *= 0.6
    return wall


def _sheets(rng: Rng, light: Light) -> None:
    """Paper, books, mats: flat rectangles."""
    size = light.shape[0]
    for _ in range(rng.integers(1, 4)):
        centre, sides = rng.uniform(0, size, 2), rng.uniform(0.1, 0.3, 2) * size
        outline = cv2.boxPoints((centre.tolist(), sides.tolist(), rng.uniform(0, 90)))
        colour = rng.uniform(40, 235, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(190, 240))
        cv2.fillConvexPoly(light, np.rint(16 * outline).astype(np.int32), colour.tolist(), cv2.LINE_AA, 4)


def _toned(colour: NDArray[np.float64], tone: NDArray[np.floating]) -> Light:
    return np.asarray(colour, np.float32) * tone.astype(np.float32)[:, :, None]


_SURFACES: Final[tuple[Callable[[Rng, tuple[int, int]], Light], ...]] = (
    concrete,
    planks,
    tiles,
    fabric,
    grass,
    earth,
    plain,
)
