"""A village seen from above, drawn from one seed: the shipped satellite pair.

The world is drawn on a canvas of 0.25 m a pixel, once per date: same fields, roads, trees and houses, another sun,
season and haze, and a few buildings more or less. Each date is then sampled on its own grid of 0.5 m. The grids
differ in origin and size, and the before image's georeference is wrong by about a pixel, as in archives.

Points are metres east and south of the world's north-west corner, so the canvas is north up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from onediff_plugins.demo import layout

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from onediff_plugins.demo.layout import Building, Side

    Canvas = NDArray[np.float32]  # (H, W, 3), linear light in [0, 1]; masks are (H, W)

_SEED: Final = 2024
_SIZE_M: Final = 300
_FINE: Final = 4  # canvas pixels per metre


def render(side: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """One date.

    Args:
        side: "before" or "after".

    Returns:
        (3, H, W) RGB pixels and their (H, W) valid mask.
    """
    date = layout.SIDES[side]
    # A camera's blur, then one sample a pixel: its centre lies half a pixel from its corner.
    blurred = cv2.GaussianBlur(_world(date), (0, 0), 0.42 * layout.GSD_M * _FINE)
    step = layout.GSD_M * _FINE
    matrix = np.array(
        [[step, 0, date.origin_m[0] * _FINE + step / 2 - 0.5], [0, step, date.origin_m[1] * _FINE + step / 2 - 0.5]]
    )
    sampled = cv2.warpAffine(blurred, matrix, date.size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    light = sampled @ np.array(date.season, np.float32).T * np.float32(date.gain) + np.array(date.haze, np.float32)
    noise = np.random.default_rng(date.noise_seed).normal(0, 0.006, light.shape)
    encoded = np.clip(light + noise, 0, 1) ** (1 / 2.2)
    pixels = np.rint(encoded * 255).astype(np.uint8)
    columns, rows = date.size
    row, column = np.ogrid[:rows, :columns]
    valid = (
        row >= date.nodata_corner - (columns - 1 - column) * 0.8
        if date.nodata_corner
        else np.ones((rows, columns), np.bool_)
    )
    return np.moveaxis(np.where(valid[:, :, None], pixels, 0).astype(np.uint8), 2, 0), valid


def write(side: str, target: Path) -> None:
    """One date as a GeoTIFF: JPEG within, an internal mask where the sensor saw nothing.

    Args:
        side: "before" or "after".
        target: file to write.
    """
    import rasterio
    from affine import Affine

    date = layout.SIDES[side]
    pixels, valid = render(side)
    east = layout.WORLD_ORIGIN[0] + date.origin_m[0] + date.error_m[0]
    north = layout.WORLD_ORIGIN[1] - date.origin_m[1] - date.error_m[1]
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": date.size[0],
        "height": date.size[1],
        "count": 3,
        "dtype": "uint8",
        "crs": layout.CRS,
        "transform": Affine(layout.GSD_M, 0, east, 0, -layout.GSD_M, north),
        "compress": "JPEG",
        "photometric": "YCBCR",
        "jpeg_quality": 94,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "interleave": "pixel",
    }
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(target, "w", **profile) as raster:
        raster.write(pixels)
        if not valid.all():
            raster.write_mask(valid)


# --- the world --------------------------------------------------------------------------------------------------


def _world(date: Side) -> Canvas:
    rng = np.random.default_rng(_SEED)  # the same draws for both dates, in the same order
    side = _SIZE_M * _FINE
    coarse, fine = _noise(rng, side, 40.0), _noise(rng, side, 1.2)
    canvas: Canvas = np.array((0.20, 0.24, 0.11), np.float32) * (1 + 0.07 * coarse + 0.08 * fine)[:, :, None]
    for outline, colour, angle, spacing, contrast in layout.FIELDS:
        tone = 1 + 0.10 * coarse + 0.06 * fine + contrast * _rows(side, angle, spacing) * (1 + 0.6 * coarse)
        _paint(canvas, _mask(side, np.array(outline)), colour, tone)
    for line, width, colour in layout.ROADS:
        _paint(canvas, _line_mask(side, line, width + 2.5) * 0.5, (0.26, 0.27, 0.15), 1 + 0.15 * fine)
        _paint(canvas, _line_mask(side, line, width), colour, 1 + 0.05 * fine)
    for building in date.buildings + date.bare:
        yard = cv2.GaussianBlur(_mask(side, _grown(building, 3.5)), (0, 0), 4.0) * 0.8
        _paint(canvas, yard, (0.37, 0.32, 0.24) if building in date.bare else (0.31, 0.30, 0.25), 1 + 0.12 * fine)
    trees = _trees(rng)
    shade = np.zeros((side, side), np.float32)
    for building in date.buildings:
        np.maximum(shade, _building_shadow(side, building, date), out=shade)
    for x, y, radius in trees:
        reach = np.array(date.sun) * date.shadow * radius * 1.6
        cv2.ellipse(shade, _ellipse(np.array([x, y]) + reach / 2, radius, reach), 1.0, -1, cv2.LINE_AA)
    canvas *= 1 - 0.62 * cv2.GaussianBlur(shade, (0, 0), 1.0)[:, :, None] * np.array((1.0, 0.97, 0.88), np.float32)
    for building in date.buildings:
        _draw_roof(canvas, building, date, fine)
    for x, y, radius in trees:
        _draw_tree(canvas, (x, y), radius, date, rng)
    return canvas


def _noise(rng: np.random.Generator, side: int, largest_m: float) -> Canvas:
    """(side, side) noise of several octaves, about unit variance."""
    total = np.zeros((side, side), np.float32)
    cell = largest_m * _FINE
    weight = 1.0
    while cell >= 2 and weight > 0.1:
        grid = rng.standard_normal((int(side / cell) + 3,) * 2).astype(np.float32)
        total += weight * cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
        cell, weight = cell / 2.2, weight * 0.7
    noise: Canvas = (total / total.std()).astype(np.float32)
    return noise


def _rows(side: int, angle: float, spacing: float) -> Canvas:
    """Crop rows: a wave in [-1, 1] across `angle`."""
    metres = (np.arange(side, dtype=np.float32) + 0.5) / _FINE
    across = metres[:, None] * np.cos(np.deg2rad(angle)) - metres[None, :] * np.sin(np.deg2rad(angle))
    wave: Canvas = np.sin(across * 2 * np.pi / spacing).astype(np.float32)
    return wave


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint((points * _FINE - 0.5) * 16).astype(np.int32)


def _mask(side: int, points: NDArray[np.float64]) -> Canvas:
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [_fixed(points)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / np.float32(255)


def _line_mask(side: int, line: tuple[tuple[float, float], ...], width: float) -> Canvas:
    mask = np.zeros((side, side), np.uint8)
    cv2.polylines(mask, [_fixed(np.array(line))], False, 255, round(width * _FINE), cv2.LINE_AA, 4)
    return mask.astype(np.float32) / np.float32(255)


def _paint(canvas: Canvas, mask: Canvas, colour: tuple[float, float, float], tone: Canvas) -> None:
    """Cover the canvas, where the mask is, with a colour times a tone; only the mask's bounds are touched."""
    x, y, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    here = slice(y, y + height), slice(x, x + width)
    paint = np.array(colour, np.float32) * tone[here][:, :, None]
    canvas[here] += mask[here][:, :, None] * (paint - canvas[here])


def _grown(building: Building, margin: float) -> NDArray[np.float64]:
    centre = np.array([building.x, building.y])
    offsets = building.corners() - centre
    along, across = building.axes()
    signs = np.stack([np.sign(offsets @ along), np.sign(offsets @ across)], axis=1)
    return building.corners() + margin * (signs[:, :1] * along + signs[:, 1:] * across)


def _building_shadow(side: int, building: Building, date: Side) -> Canvas:
    reach = np.array(date.sun) * date.shadow * building.height
    corners = building.corners()
    hull = cv2.convexHull(np.concatenate([corners, corners + reach]).astype(np.float32))[:, 0]
    return _mask(side, hull.astype(np.float64))


def _draw_roof(canvas: Canvas, building: Building, date: Side, fine: Canvas) -> None:
    side = len(canvas)
    corners = building.corners()
    ridge = np.array([(corners[0] + corners[3]) / 2, (corners[1] + corners[2]) / 2])
    _, across = building.axes()
    # The half that faces the sun is brighter; courses of tiles run along the ridge.
    facing = float(-across @ np.array(date.sun))
    courses = 1 + 0.04 * _rows(side, building.angle, 1.1) + 0.04 * fine
    halves = ((-1, [corners[0], corners[1], ridge[1], ridge[0]]), (1, [ridge[0], ridge[1], corners[2], corners[3]]))
    for sign, half in halves:
        _paint(canvas, _mask(side, np.array(half)), building.roof, np.float32(1 + 0.28 * sign * facing) * courses)


def _trees(rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Hedges along the fields, a copse, and a few in the gardens: x, y, radius in metres."""
    trees = []
    for start, end, count in layout.HEDGES:
        share = np.sort(rng.random(count))
        points = np.array(start) + share[:, None] * (np.array(end) - start) + rng.normal(0, 0.9, (count, 2))
        trees += [(*point, radius) for point, radius in zip(points.tolist(), rng.uniform(1.4, 3.2, count), strict=True)]
    for centre, spread, count in layout.COPSES:
        points = np.array(centre) + rng.normal(0, spread * 0.5, (count, 2)) * (1.3, 0.8)
        trees += [(*point, radius) for point, radius in zip(points.tolist(), rng.uniform(2.0, 4.2, count), strict=True)]
    return sorted(trees, key=lambda tree: tree[2])


def _ellipse(centre: NDArray[np.float64], radius: float, reach: NDArray[np.float64]) -> tuple[Any, Any, float]:
    length = float(np.hypot(*reach))
    angle = float(np.rad2deg(np.arctan2(reach[1], reach[0])))
    return tuple(centre * _FINE), ((2 * radius + length) * _FINE, 2 * radius * _FINE), angle


def _draw_tree(
    canvas: Canvas, centre: tuple[float, float], radius: float, date: Side, rng: np.random.Generator
) -> None:
    """A lumpy crown, brighter towards the sun."""
    reach = int(radius * _FINE * 1.3) + 2
    column, row = round(centre[0] * _FINE), round(centre[1] * _FINE)
    lumps = cv2.resize(
        rng.standard_normal((6, 6)).astype(np.float32), (2 * reach, 2 * reach), interpolation=cv2.INTER_CUBIC
    )
    green = rng.uniform(0.8, 1.35)
    hue = (0.075 * green, 0.12 * green, 0.045 * green)
    x0, y0, x1, y1 = (
        max(column - reach, 0),
        max(row - reach, 0),
        min(column + reach, len(canvas)),
        min(row + reach, len(canvas)),
    )
    if x1 <= x0 or y1 <= y0:
        return
    rows, columns = np.mgrid[y0:y1, x0:x1]
    dx, dy = (columns - column) / (radius * _FINE), (rows - row) / (radius * _FINE)
    bumps = lumps[y0 - row + reach : y1 - row + reach, x0 - column + reach : x1 - column + reach]
    crown = np.clip((1 + 0.18 * bumps - np.hypot(dx, dy)) * radius * _FINE * 0.5, 0, 1).astype(np.float32)
    lit = 1 - 0.45 * (dx * date.sun[0] + dy * date.sun[1]) + 0.22 * bumps
    _paint(canvas[y0:y1, x0:x1], crown, hue, np.clip(lit, 0.35, 2).astype(np.float32))
