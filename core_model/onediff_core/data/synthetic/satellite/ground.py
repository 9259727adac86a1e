"""How the ground looks on a date: fields with their rows, grass, forest, bare soil, pavement and water."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_core.data.synthetic.satellite.land import Date, Land, State

    Light = NDArray[np.float32]  # (H, W, 3) RGB, 0 to 255

_COVERS: Final = {
    "grass": ((96, 112, 66), (118, 124, 80), (134, 128, 92)),
    "crop": ((86, 116, 58), (150, 146, 84), (112, 132, 76), (170, 152, 104), (104, 96, 66)),
    "bare soil": ((176, 150, 118), (156, 124, 96), (196, 176, 146), (142, 120, 104)),
    "forest": ((58, 76, 46), (66, 82, 54), (48, 66, 44)),
    "pavement": ((136, 136, 134), (112, 112, 114), (160, 156, 150)),
    "water": ((44, 62, 66), (60, 82, 84), (36, 48, 60), (84, 96, 86)),
}
_GREEN: Final = ("grass", "crop", "forest")


def ground(land: Land, state: State, date: Date, rng: np.random.Generator) -> Light:
    """What is seen where nothing stands: (H, W, 3) light, 0 to 255."""
    shape = land.parcels.shape
    parcels = sorted(land.covers)
    palette = np.zeros((int(land.parcels.max()) + 1, 3), np.float32)
    for parcel in parcels:
        palette[parcel] = _cover_colour(land.plot_of[parcel], state.covers[parcel], date)
    light = palette[land.parcels]
    rough, clouds = noise(rng, "rough", shape, 0.5 / land.gsd), noise(rng, "clouds", shape, 0.6 / land.gsd)
    fine = noise(rng, "fine", shape)
    tone = 1 + 0.045 * rough + 0.045 * clouds
    light *= tone[:, :, None]
    _modulate(light, _where(land, state, "grass"), 0.05 * fine + 0.03 * rough)
    _modulate(light, _where(land, state, "bare soil"), 0.08 * rough + 0.05 * fine)
    _modulate(light, _where(land, state, "pavement"), 0.03 * fine - 0.03 * rough)
    _modulate(light, _where(land, state, "water"), -0.9 * (tone - 1) + 0.02 * clouds)
    if (forest := _where(land, state, "forest")) is not None:
        _modulate(light, forest, _canopy(rng, land, date))
    if (crops := _where(land, state, "crop")) is not None:
        _modulate(light, crops, _rows(land, fine))
    return light


def _cover_colour(plot: int, cover: str, date: Date) -> NDArray[np.float64]:
    rng = np.random.default_rng([plot, len(cover), date.crops if cover == "crop" else 0])
    colours = _COVERS[cover]
    colour = np.array(colours[rng.integers(len(colours))]) * (1 + 0.08 * rng.normal() + 0.025 * rng.normal(size=3))
    return colour * np.array(date.season) if cover in _GREEN else colour


def _where(land: Land, state: State, cover: str) -> NDArray[np.bool_] | None:
    parcels = [parcel for parcel in land.covers if state.covers[parcel] == cover]
    if not parcels:
        return None
    table = np.zeros(int(land.parcels.max()) + 1, np.bool_)
    table[parcels] = True
    return table[land.parcels]


def _modulate(light: Light, where: NDArray[np.bool_] | None, amount: NDArray[np.float32]) -> None:
    if where is not None:
        light *= (1 + where * amount)[:, :, None]


def _canopy(rng: np.random.Generator, land: Land, date: Date) -> NDArray[np.float32]:
    """Crowns about seven metres across, lit from the sun's side."""
    zoom = max(7 / land.gsd / 12, 0.25)
    crowns = noise(rng, "crowns", land.parcels.shape, zoom)
    step = max(round(1.5 * zoom), 1)
    facing = (round(-step * date.sun[1]), round(-step * date.sun[0]))
    relief = crowns - np.roll(crowns, facing, axis=(0, 1))
    lit = 0.22 * crowns + 0.28 * relief + 0.12 * noise(rng, "patches", land.parcels.shape, 1 / land.gsd)
    return np.asarray(np.clip(lit, -0.75, 0.9), np.float32)


def _rows(land: Land, fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tracks of machines: parallel to the parcels, another way in every other one."""
    along = np.arange(land.size, dtype=np.float32) * land.gsd
    first = along[None, :] * np.cos(land.angle) + along[:, None] * np.sin(land.angle)
    second = -along[None, :] * np.sin(land.angle) + along[:, None] * np.cos(land.angle)
    way = np.where(land.plots % 2 == 0, first, second)
    spacing = 2.2 + (land.plots % 5) * 1.1
    strength = 0.03 + 0.02 * (land.plots % 4)
    tracks = strength * np.sin(2 * np.pi * way / np.maximum(spacing, 2.6 * land.gsd))
    return np.asarray(tracks + 0.02 * fine, np.float32)
