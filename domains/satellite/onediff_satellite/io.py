"""Stage 1 for rasters: both sources read on their own grids, only the parts that belong to the pair.

The same CRS needs no resampling: where the grids lie is left to stage 2. Another CRS is warped onto the after grid
here. Overviews are read reduced, windows at full size with a margin that refinement may use.
"""

from __future__ import annotations

import math
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onediff_plugins.errors import UnsupportedSourceError
from onediff_plugins.types import Box, GeoRef, ImagePair
from onediff_satellite.bands import common_bands
from onediff_satellite.grids import check_same_place, map_box, source_matrix
from onediff_satellite.raster import (
    Raster,
    check_decodable,
    gdal,
    georef_of,
    is_raster_source,
    open_raster,
    read_frame,
    readable,
)

if TYPE_CHECKING:
    from onediff_plugins.types import Frame, PairRequest
    from onediff_satellite.settings import SatelliteSettings

_TILE_SIDES: Final = (256, 512, 1024)
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_RASTER_SUFFIXES: Final = frozenset({".tif", ".tiff", ".jp2", ".vrt", ".img", ".jpg", ".jpeg", ".png", ".nc", ".hdf"})


def sniff(request: PairRequest) -> float:
    """How sure the satellite domain is that a request is its own, from file headers alone.

    Args:
        request: any request; never raises.

    Returns:
        1.0 when a side is georeferenced, 0.5 for two square tiles of 256, 512 or 1024 px, 0.3 for two TIFFs, else 0.
    """
    sides = [_sniff_source(source) for source in (request.before, request.after)]
    return 1.0 if 1.0 in sides else min(sides)


def _sniff_source(source: Any) -> float:  # noqa: ANN401  # anything a request may hold
    if isinstance(source, str | Path):
        path = Path(source)
        remote = "://" in str(source) or str(source).startswith("/vsi")
        if not remote and (path.suffix.lower() not in _RASTER_SUFFIXES or not path.is_file()):
            return 0.0
        if not remote and (size := _plain_png_size(path)) is not None:
            return _tile_confidence(*size)
    elif not (hasattr(source, "crs") and hasattr(source, "transform") and hasattr(source, "read")):
        return 0.0
    try:
        with ExitStack() as stack:
            stack.enter_context(gdal())
            raster = open_raster(source, stack)
            if raster.georef is not None:
                return 1.0
            tile = _tile_confidence(raster.dataset.width, raster.dataset.height)
            return max(tile, 0.3) if raster.dataset.driver == "GTiff" else tile
    except (UnsupportedSourceError, AttributeError, TypeError, ValueError):
        return 0.0


def _tile_confidence(width: int, height: int) -> float:
    return 0.5 if width == height and width in _TILE_SIDES else 0.0


def _plain_png_size(path: Path) -> tuple[int, int] | None:
    """Size of a PNG that no side file can georeference: answered without loading GDAL."""
    try:
        with path.open("rb") as stream:
            start = stream.read(24)
    except OSError:
        return None
    beside = (Path(f"{path}.aux.xml"), path.with_suffix(".pgw"), path.with_suffix(".wld"))
    if len(start) < 24 or not start.startswith(_PNG) or any(extra.exists() for extra in beside):
        return None
    width, height = struct.unpack(">II", start[16:24])
    return width, height


def load_pair(request: PairRequest, settings: SatelliteSettings) -> ImagePair | None:
    """Read both rasters of a request.

    Args:
        request: paths, URLs or open rasterio datasets. `window` reads that box of the after raster and what lies there
            in the before raster; `max_side` reads the whole scene reduced instead.
        settings: `max_shift_px` is the margin kept around a window, `min_overlap` and `max_pixels` are limits.

    Returns:
        The pair, each frame on its own grid; None for arrays, images and frames, which the built-in loader takes.

    Raises:
        UnsupportedSourceError: a source that is missing, damaged, complex or too large.
        MismatchedPairError: a georeference on one side only, or no band in common.
        RegistrationError: scenes that do not overlap, or sizes that differ without a georeference.
    """
    if not (is_raster_source(request.before) and is_raster_source(request.after)):
        return None
    with ExitStack() as stack:
        stack.enter_context(gdal())
        before, after = open_raster(request.before, stack), open_raster(request.after, stack)
        who = f"{before.source} and {after.source}"
        check_same_place(before.grid, after.grid, settings.min_overlap, who=who)
        in_before, in_after, names = common_bands(
            before.bands, after.bands, before_stated=before.stated, after_stated=after.stated, who=who
        )
        box = _after_box(after, request)
        size = _reduced(box, request.max_side)
        check_decodable(after, box, size, settings.max_pixels)
        after_frame = read_frame(after, in_after, names, box, size)
        if before.georef is None or after.georef is None or before.georef.crs == after.georef.crs:
            before_frame = _read_in_place(before, in_before, names, after, box, after_frame, request, settings)
        else:
            before_frame = _read_reprojected(before, in_before, names, after, box, after_frame, settings, stack)
    return ImagePair(before=before_frame, after=after_frame, domain=request.domain, id=request.id)


def _after_box(after: Raster, request: PairRequest) -> Box:
    if request.window is None or request.max_side is not None:
        return after.box
    box = request.window.intersection(after.box)
    if not box.area:
        raise UnsupportedSourceError(
            f"{after.source}: the window {tuple(request.window)} lies outside of its "
            f"{after.box.width}x{after.box.height} pixels"
        )
    return box


def _reduced(box: Box, max_side: int | None) -> tuple[int, int]:
    """(width, height) of a box read at no more than `max_side` pixels a side."""
    if max_side is None or max(box.width, box.height) <= max_side:
        return box.width, box.height
    scale = max_side / max(box.width, box.height)
    return max(1, round(box.width * scale)), max(1, round(box.height * scale))


def _read_in_place(
    before: Raster,
    positions: tuple[int, ...],
    names: tuple[str, ...],
    after: Raster,
    box: Box,
    after_frame: Frame,
    request: PairRequest,
    settings: SatelliteSettings,
) -> Frame:
    """The part of the before raster that the after frame covers, in its own pixels."""
    matrix = source_matrix(before.grid, after.grid)
    scale = math.sqrt(abs(np.linalg.det(matrix[:2, :2])))  # before pixels per after pixel
    part = map_box(box, matrix, math.ceil(settings.max_shift_px * scale), before.box.width, before.box.height)
    size = _reduced(part, request.max_side)
    # Averaged where it is much finer than the after image: bilinear sampling later would skip most of its pixels.
    step = scale * math.sqrt(box.area / (after_frame.width * after_frame.height))
    if step >= 2:
        size = min(size, (max(1, round(part.width / step)), max(1, round(part.height / step))))
    check_decodable(before, part, size, settings.max_pixels)
    return read_frame(before, positions, names, part, size)


def _read_reprojected(
    before: Raster,
    positions: tuple[int, ...],
    names: tuple[str, ...],
    after: Raster,
    box: Box,
    after_frame: Frame,
    settings: SatelliteSettings,
    stack: ExitStack,
) -> Frame:
    """The before raster warped onto the after grid, with a margin around a window."""
    georef = after_frame.georef
    if georef is None or after.georef is None:
        raise TypeError("a raster is only reprojected onto a georeferenced one")
    if (after_frame.width, after_frame.height) == (box.width, box.height):
        # One grid for all windows, so that every window sees the same pixels.
        target, width, height = after.georef, after.box.width, after.box.height
        part = map_box(box, np.eye(3), math.ceil(settings.max_shift_px), width, height)
    else:
        target, width, height = georef, after_frame.width, after_frame.height
        part = Box(0, 0, width, height)
    check_decodable(before, Box(0, 0, 1, 1), (1, 1), settings.max_pixels)
    warped = _warped(before, target, width, height, stack)
    return read_frame(warped, positions, names, part, (part.width, part.height), grid=before.grid)


def _warped(before: Raster, target: GeoRef, width: int, height: int, stack: ExitStack) -> Raster:
    from dataclasses import replace

    from rasterio.enums import ColorInterp, Resampling
    from rasterio.vrt import WarpedVRT

    has_alpha = ColorInterp.alpha in before.dataset.colorinterp
    with readable(before.source):
        vrt = stack.enter_context(
            WarpedVRT(
                before.dataset,
                crs=target.crs,
                transform=target.transform,
                width=width,
                height=height,
                resampling=Resampling.nearest if before.paletted else Resampling.bilinear,
                add_alpha=not has_alpha,
                tolerance=0.01,
            )
        )
    return replace(before, dataset=vrt, georef=georef_of(vrt))
