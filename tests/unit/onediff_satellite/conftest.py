"""Scenes and GeoTIFFs that the satellite tests are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine

from onediff_plugins import Frame
from onediff_satellite.settings import SatelliteSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UTM = "EPSG:32631"


@pytest.fixture
def settings() -> SatelliteSettings:
    return SatelliteSettings()


@pytest.fixture(scope="session")
def texture() -> Callable[..., np.ndarray]:
    """(C, H, W) uint8 that looks like land: smooth noise at several scales, other per band but related."""

    def make(width: int, height: int, bands: int = 3, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        shared = _octaves(rng, width, height)
        out = [0.8 * shared + 0.2 * _octaves(rng, width, height) for _ in range(bands)]
        return np.clip(110 + 35 * np.stack(out), 0, 255).astype(np.uint8)

    return make


def _octaves(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    total = np.zeros((height, width))
    for sigma in (1, 3, 9):
        layer = cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), sigma)
        total += layer / layer.std()
    return total / 3**0.5


@pytest.fixture
def write_tif(tmp_path: Path) -> Callable[..., Path]:
    """A GeoTIFF with given pixels; `origin` is the map position of its outer corner, `size` its pixel size."""

    def write(
        name: str,
        pixels: np.ndarray,
        *,
        crs: str | None = UTM,
        origin: tuple[float, float] = (500_000, 5_000_000),
        size: float = 2.0,
        mask: np.ndarray | None = None,
        descriptions: tuple[str, ...] = (),
        **profile: Any,
    ) -> Path:
        bands, height, width = pixels.shape
        place = {"crs": crs, "transform": Affine(size, 0, origin[0], 0, -size, origin[1])} if crs else {}
        path = tmp_path / name
        options = {"count": bands, "height": height, "width": width, "dtype": pixels.dtype, **place, **profile}
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", driver="GTiff", **options) as out:
            out.write(pixels)
            if mask is not None:
                out.write_mask(mask)
            for index, text in enumerate(descriptions, start=1):
                out.set_band_description(index, text)
        return path

    return write


@pytest.fixture(scope="session")
def frame() -> Callable[..., Frame]:
    """A frame of (C, H, W) pixels, all valid unless told otherwise."""

    def make(pixels: np.ndarray, valid: np.ndarray | None = None, **fields: Any) -> Frame:
        names = {1: ("gray",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "nir")}
        bands = fields.pop("bands", names.get(len(pixels), tuple(f"b{i + 1}" for i in range(len(pixels)))))
        whole = np.ones(pixels.shape[1:], dtype=bool)
        return Frame(pixels=pixels, valid=whole if valid is None else valid, bands=bands, **fields)

    return make
