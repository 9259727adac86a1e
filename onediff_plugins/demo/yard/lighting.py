"""The light that reaches the demo camera: sun and sky with their shadows, and what mirrors them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_plugins.demo.yard.raster import shadow_map
from onediff_plugins.demo.yard.surfaces import paint
from onediff_plugins.demo.yard.textures import Noise, scatter
from onediff_plugins.demo.yard.views import corners_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_plugins.demo.yard.raster import ShadowMap
    from onediff_plugins.demo.yard.textures import Spots
    from onediff_plugins.demo.yard.things import Painted
    from onediff_plugins.demo.yard.views import View

    Array = NDArray[np.float32]

_SEED: Final = 7  # of all textures: the yard is always the same one
_SKY_RAYS: Final = 12
_SKY: Final = np.array((0.30, 0.39, 0.55), np.float32)
_SUN: Final = np.array((1.36, 1.20, 0.98), np.float32)
_GROUND: Final = np.array((0.115, 0.105, 0.095), np.float32)  # light that comes back from the ground
_FLAT: Final = ("asphalt", "lawn")  # casts no shadow on anything
_SKY_MAP: Final = 400  # pixels a side


@dataclass(frozen=True)
class Daylight:
    """Sun and clouds.

    Attributes:
        azimuth: degrees of the direction to the sun, anticlockwise from +x.
        altitude: degrees.
        cloud: share of the sun's light that the cloud takes away where it is deepest.
        cloud_at: (2,) its middle on the ground, metres.
    """

    azimuth: float
    altitude: float
    cloud: float = 0.0
    cloud_at: tuple[float, float] = (0.0, 0.0)

    def towards(self) -> NDArray[np.float64]:
        """Unit vector to the sun."""
        azimuth, altitude = np.deg2rad(self.azimuth), np.deg2rad(self.altitude)
        return np.array([np.cos(azimuth) * np.cos(altitude), np.sin(azimuth) * np.cos(altitude), np.sin(altitude)])

    def through_clouds(self, points: Array, noise: Noise) -> Array:
        """(N,) share of the sun's light that the clouds let through."""
        towards = self.towards()
        x = points[:, 0] - points[:, 2] * np.float32(towards[0] / towards[2])
        y = points[:, 1] - points[:, 2] * np.float32(towards[1] / towards[2])
        away = np.hypot(x - self.cloud_at[0], (y - self.cloud_at[1]) * 0.8) + 0.5 * noise.at(x, y, 6.0)
        edge = np.clip((7.0 - away) / 4.0, 0, 1)
        share: Array = (1 - self.cloud * edge * edge * (3 - 2 * edge)).astype(np.float32)
        return share


def sky_over(parts: Sequence[Painted]) -> tuple[ShadowMap, ...]:
    """What hides the sky, in each of the directions from which its light is taken.

    Args:
        parts: what stands in the world for good.

    Returns:
        A shadow map per direction.
    """
    casters = _casters(parts)
    return tuple(shadow_map(casters, ray, _SKY_MAP) for ray in _sky_rays())


def _casters(parts: Sequence[Painted]) -> NDArray[np.float64]:
    return corners_of([part for part in parts if part.surface not in _FLAT])


def shade(view: View, daylight: Daylight, sky: Sequence[ShadowMap]) -> Array:
    """The light that falls on the sensor.

    Args:
        view: what the camera sees.
        daylight: sun and clouds.
        sky: of what stands in the world for good; the movable things in the view are added to it.

    Returns:
        (H, W, 3) linear light at the view's samples, about [0, 1].
    """
    rng = np.random.default_rng(_SEED)
    noise = Noise(rng)
    sun = shadow_map(_casters(view.parts), daylight.towards(), 600 * (view.samples + 1))  # about as fine as the picture
    movable = corners_of([part for part in view.parts if part.thing])
    lights = _Light(daylight, sun, [shadows.also(movable) for shadows in sky])
    rows, columns = view.visible.face.shape
    # One for each sample, so that what stays as it is also looks as it did.
    dither = rng.standard_normal((rows * columns, 2)).astype(np.float32)
    rays = view.rays().reshape(-1, 3)
    flat = _bare_sky(rays)
    owner = np.where(view.visible.face < 0, -1, view.part_of[view.visible.face])
    order = np.argsort(owner, axis=None, kind="stable")
    bounds = np.searchsorted(owner.ravel()[order], np.arange(len(view.parts) + 1))
    for index, part in enumerate(view.parts):
        pixels = order[bounds[index] : bounds[index + 1]]
        if len(pixels):
            spots = view.spots(index, pixels, noise)
            flat[pixels] = _lit(spots, part.surface, rays[pixels], lights, dither[pixels])
    light: Array = flat.reshape(rows, columns, 3)
    return light


@dataclass(frozen=True)
class _Light:
    """What shines on the yard."""

    daylight: Daylight
    sun: ShadowMap
    sky: Sequence[ShadowMap]

    def direct(self, spots: Spots, through: float, dither: Array) -> Array:
        """(N,) light of the sun: its shadows have edges of a fixed softness, which will do at these distances."""
        facing = spots.normals @ self.sun.towards.astype(np.float32)
        share = np.maximum(facing, 0) + np.float32(through) * np.maximum(-facing, 0)
        lit: Array = share * self.sun.lit(spots.points, spots.normals, np.float32(0.022) * dither)
        return lit

    def scattered(self, spots: Spots, through: float, dither: Array) -> Array:
        """(N,) light of the sky, 1 on open ground."""
        total = np.zeros(len(spots.points), np.float32)
        open_ground = 0.0
        for number, shadows in enumerate(self.sky):
            height = float(shadows.towards[2])
            bright = 0.6 + 0.4 * height  # the sky is brightest overhead
            share = np.maximum(spots.normals @ shadows.towards.astype(np.float32), 0) + np.float32(through / 2)
            angle = 2.4 * number  # another shift for each direction
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
            shift: Array = (np.float32(0.09) * dither @ turn).astype(np.float32)
            total += np.float32(bright) * share * shadows.lit(spots.points, spots.normals, shift)
            open_ground += bright * height
        return total / np.float32(open_ground)


def _lit(spots: Spots, surface: str, rays: Array, lights: _Light, dither: Array) -> Array:
    """(N, 3) light from points towards the camera; `rays` lead from it to them."""
    seen = paint(surface, spots)
    normals = spots.normals
    clear = lights.daylight.through_clouds(spots.points, spots.noise)
    direct = (lights.direct(spots, seen.through, dither) * clear)[:, None]
    scattered = lights.scattered(spots, seen.through, dither)[:, None]
    from_ground = (0.5 - 0.5 * normals[:, 2:]) * _GROUND * (0.35 + 0.65 * scattered)
    light = direct * _SUN + scattered * _SKY * (0.75 + 0.25 * clear[:, None]) + from_ground
    along = (rays * normals).sum(axis=1, keepdims=True)
    mirrored = rays - 2 * along * normals
    mirror = seen.mirror[:, None]
    # Schlick's approximation, dampened: nothing in the yard is clean.
    fresnel = np.where(mirror > 0, mirror + (1 - mirror) * 0.75 * (1 - np.clip(-along, 0, 1)) ** 5, 0)
    glint = np.clip(mirrored @ lights.sun.towards.astype(np.float32), 0, 1)[:, None] ** 180 * 9 * (direct > 0.02)
    gloss = fresnel * (_surroundings(mirrored) * (0.3 + 0.7 * np.clip(1.4 * scattered, 0, 1)) + glint * _SUN)
    total: Array = (seen.albedo * light + gloss).astype(np.float32)
    return total


def _sky_rays() -> list[NDArray[np.float64]]:
    """Directions spread evenly over the upper half of the sphere."""
    count = np.arange(_SKY_RAYS) + 0.5
    height = 1 - count / _SKY_RAYS * 0.93
    angle = count * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - height**2)
    return list(np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1))


def _bare_sky(rays: Array) -> Array:
    """Light of the bare sky: paler towards the horizon."""
    height = np.clip(rays[:, 2:], 0, 1) ** 0.5
    low, high = np.array((0.56, 0.63, 0.72), np.float32), np.array((0.20, 0.36, 0.68), np.float32)
    light: Array = low + height * (high - low)
    return light


def _surroundings(rays: Array) -> Array:
    """What a mirror in the yard shows: sky above, dark trees and houses at the horizon, ground below."""
    azimuth = np.arctan2(rays[:, 1:2], rays[:, :1])
    skyline = 0.10 + 0.16 * scatter(np.floor(azimuth * 3.5), np.float32(1)) + 0.02 * np.sin(23 * azimuth)
    horizon = np.clip((rays[:, 2:] - skyline) * 14, 0, 1)
    below = np.clip(-rays[:, 2:] * 6, 0, 1)
    trees = np.array((0.06, 0.07, 0.06), np.float32)
    light: Array = trees + horizon * (_bare_sky(rays) - trees) + below * (1.2 * _GROUND - trees) * (1 - horizon)
    return light
