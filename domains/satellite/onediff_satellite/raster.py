"""One raster through GDAL: what its header says, and reads of a part of it with what is valid there."""

from __future__ import annotations

import math
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onediff_plugins.errors import UnsupportedSourceError
from onediff_plugins.types import Box, Frame, GeoRef, SourceGrid
from onediff_satellite.bands import name_bands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from onediff_plugins.types import Array, BoolArray

# These are decoded from the first row on, whatever part is wanted.
_WHOLE_FILE_DRIVERS: Final = frozenset({"PNG", "JPEG", "GIF", "BMP", "WEBP", "JPEGXL", "AVIF"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Raster:
    """An open raster and what its header says.

    Attributes:
        dataset: the rasterio dataset (or WarpedVRT).
        source: path or URL as given.
        georef: its georeference, or None.
        bands: names of its bands, alpha excluded.
        indexes: the dataset's band numbers that hold them.
        stated: whether the raster named its bands itself.
        captured_at: time of capture, where its zone is stated.
    """

    dataset: Any
    source: str
    georef: GeoRef | None
    bands: tuple[str, ...]
    indexes: tuple[int, ...]
    stated: bool
    captured_at: datetime | None

    @property
    def grid(self) -> SourceGrid:
        """The raster's own grid."""
        return SourceGrid(width=self.dataset.width, height=self.dataset.height, georef=self.georef)

    @property
    def box(self) -> Box:
        """All of its pixels."""
        return Box(0, 0, self.dataset.width, self.dataset.height)

    @property
    def paletted(self) -> bool:
        """One band of indices into a colour table."""
        return bool(self.dataset.colorinterp[0].name == "palette")


def is_raster_source(source: object) -> bool:
    """Whether a source is a path, a URL or an open rasterio dataset (and not an array, an image or a frame)."""
    if isinstance(source, str | Path):
        return True
    import rasterio
    from rasterio.vrt import WarpedVRT

    return isinstance(source, rasterio.DatasetReader | WarpedVRT)


@contextmanager
def gdal() -> Iterator[None]:
    """GDAL with its log kept off stderr, damaged JPEGs as errors, and no warning about plain images."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with rasterio.Env(GDAL_ERROR_ON_LIBJPEG_WARNING=True, GDAL_PNG_WHOLE_IMAGE_OPTIM=False), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


@contextmanager
def readable(source: str) -> Iterator[None]:
    """Whatever GDAL cannot read becomes one line that names the source.

    Raises:
        UnsupportedSourceError: with GDAL's own reason.
    """
    from rasterio.errors import RasterioError

    try:
        yield
    except (RasterioError, OSError) as exc:
        reason = " ".join(str(exc.__cause__ or exc).split())
        raise UnsupportedSourceError(
            f"{source}: cannot be read as a raster or image, it may be damaged, cut short or of another kind ({reason})"
        ) from exc


def open_raster(source: Any, stack: ExitStack) -> Raster:  # noqa: ANN401  # path, URL or dataset
    """Open a source and read its header.

    Args:
        source: path, URL that rasterio reads, or an open rasterio dataset (which stays open).
        stack: closes what was opened here.

    Raises:
        UnsupportedSourceError: missing, not a raster, without bands, or of complex numbers.
    """
    import rasterio

    name = str(source) if isinstance(source, str | Path) else str(source.name)
    with readable(name):
        if not isinstance(source, str | Path):
            dataset = source
        elif _is_local(name) and not Path(name).exists():
            raise UnsupportedSourceError(f"{name}: no such file; check the path")
        else:
            dataset = stack.enter_context(rasterio.open(source))
    if dataset.count == 0:
        raise UnsupportedSourceError(
            f"{name}: holds no bands of its own; give one of its subdatasets ({len(dataset.subdatasets)} found)"
        )
    indexes = tuple(i for i, how in enumerate(dataset.colorinterp, start=1) if how.name != "alpha")
    if not indexes:
        raise UnsupportedSourceError(f"{name}: holds nothing but an alpha band; give an image with colour or data")
    if complex_types := sorted({dtype for dtype in dataset.dtypes if dtype.startswith("complex")}):
        raise UnsupportedSourceError(
            f"{name}: pixels of type {', '.join(complex_types)} cannot be compared; convert them to amplitude first"
        )
    bands, stated = _bands(dataset, indexes)
    return Raster(
        dataset=dataset,
        source=name,
        georef=georef_of(dataset),
        bands=bands,
        indexes=indexes,
        stated=stated,
        captured_at=_captured_at(dataset.tags()),
    )


def _is_local(name: str) -> bool:
    return "://" not in name and not name.startswith("/vsi") and ":" not in name[2:]


def _bands(dataset: Any, indexes: tuple[int, ...]) -> tuple[tuple[str, ...], bool]:  # noqa: ANN401  # rasterio
    if dataset.colorinterp[0].name == "palette":
        return ("red", "green", "blue"), True
    return name_bands(
        [dataset.colorinterp[i - 1].name for i in indexes],
        [dataset.descriptions[i - 1] for i in indexes],
        [dataset.tags(i) for i in indexes],
    )


def georef_of(dataset: Any) -> GeoRef | None:  # noqa: ANN401  # rasterio
    """The dataset's georeference; None without a CRS, or with one but no transform."""
    if dataset.crs is None or not dataset.crs or dataset.transform.is_identity:
        return None
    return GeoRef(crs=dataset.crs.to_string(), transform=dataset.transform)


def gsd_metres(georef: GeoRef | None, width: int, height: int) -> float | None:
    """Ground sample distance at the centre of a grid, along the ellipsoid.

    Args:
        georef: georeference of the grid, projected or geographic.
        width: columns.
        height: rows.

    Returns:
        Metres (geometric mean of both directions), or None where the CRS has no place on the earth.
    """
    if georef is None:
        return None
    import pyproj

    x, y = width / 2, height / 2
    points = georef.pixel_to_map(np.array([[x - 0.5, y], [x + 0.5, y], [x, y - 0.5], [x, y + 0.5]]))
    try:
        crs = pyproj.CRS.from_user_input(georef.crs)
        geodetic = crs.geodetic_crs
        if geodetic is None:
            return None
        transformer = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True)
        lon, lat = transformer.transform(points[:, 0], points[:, 1])
        geod = crs.get_geod()
    except pyproj.exceptions.ProjError:
        return None
    if geod is None or not np.isfinite([*lon, *lat]).all():
        return None
    _, _, metres = geod.inv(lon[[0, 2]], lat[[0, 2]], lon[[1, 3]], lat[[1, 3]])
    gsd = math.sqrt(float(metres[0]) * float(metres[1]))
    return gsd if gsd > 0 else None


def _captured_at(tags: dict[str, str]) -> datetime | None:
    """Time of capture where its zone is stated: a time without one could be anywhere on earth."""
    for key in ("TIFFTAG_DATETIME", "ACQUISITIONDATETIME", "datetime"):
        try:
            moment = datetime.fromisoformat(tags[key].strip())
        except (KeyError, ValueError):
            continue
        if moment.tzinfo is not None:
            return moment
    return None


def check_decodable(raster: Raster, box: Box, size: tuple[int, int], max_pixels: int) -> None:
    """Refuse, from the header, what would fill the memory.

    Args:
        raster: an open raster.
        box: the part that is wanted.
        size: (width, height) that it is read at.
        max_pixels: the limit.

    Raises:
        UnsupportedSourceError: naming the limit, the size and the setting.
    """
    dataset = raster.dataset
    blocks = dataset.block_shapes
    at_once = max(h * w for h, w in blocks)
    if getattr(dataset, "driver", "") in _WHOLE_FILE_DRIVERS:
        at_once = max(at_once, dataset.width * dataset.height)
    if at_once > max_pixels:
        raise UnsupportedSourceError(
            f"{raster.source}: {dataset.width}x{dataset.height} is decoded in pieces of {at_once:,} pixels, the limit "
            f"max_pixels is {max_pixels:,}; raise it with --set max_pixels=N, or convert the file to a tiled GeoTIFF"
        )
    if size[0] * size[1] > max_pixels:
        raise UnsupportedSourceError(
            f"{raster.source}: {size[0]}x{size[1]} pixels at once are more than the limit max_pixels = {max_pixels:,}; "
            f"compare it in windows, or raise it with --set max_pixels=N"
        )


def read_frame(
    raster: Raster,
    positions: tuple[int, ...],
    names: tuple[str, ...],
    box: Box,
    size: tuple[int, int],
    grid: SourceGrid | None = None,
) -> Frame:
    """Read a part of a raster.

    Args:
        raster: an open raster.
        positions: bands to read, as positions in `raster.bands`.
        names: what to call them.
        box: part of the raster, in its pixels.
        size: (width, height) to read it at; smaller than the box averages over valid pixels.
        grid: grid of the source file, where the raster is a reprojection of it.

    Returns:
        Native dtype. Not valid, and 0: nodata, masked, transparent, NaN and infinite pixels.

    Raises:
        UnsupportedSourceError: the file is damaged there.
    """
    from rasterio.enums import Resampling
    from rasterio.windows import Window

    width, height = size
    window = Window(box.x0, box.y0, box.width, box.height)
    reduced = size != (box.width, box.height)
    resampling = Resampling.average if reduced and not raster.paletted else Resampling.nearest
    with readable(raster.source):
        valid = raster.dataset.dataset_mask(out_shape=(height, width), window=window) > 0
        indexes = [1] if raster.paletted else [raster.indexes[i] for i in positions]
        pixels = raster.dataset.read(
            indexes, window=window, out_shape=(len(indexes), height, width), resampling=resampling
        )
        if raster.paletted:
            pixels, opaque = _expand(pixels[0], raster.dataset.colormap(1))
            pixels, valid = pixels[list(positions)], valid & opaque
    pixels, valid = _finite(pixels, valid)
    georef = raster.georef and _part_georef(raster.georef, box, size)
    whole = box == raster.box and not reduced
    own = SourceGrid(width=raster.box.width, height=raster.box.height, georef=raster.georef, window=box)
    return Frame(
        pixels=pixels,
        valid=valid,
        bands=names,
        georef=georef,
        gsd_m=gsd_metres(georef, width, height),
        captured_at=raster.captured_at,
        source=raster.source,
        source_grid=grid or (None if whole else own),
    )


def _part_georef(georef: GeoRef, box: Box, size: tuple[int, int]) -> GeoRef:
    """Georeference of a part of a grid read at another size."""
    scale_x, scale_y = box.width / size[0], box.height / size[1]
    a, b, _, d, e, _ = georef.transform[:6]
    (x, y) = georef.pixel_to_map(np.array([[box.x0, box.y0]], dtype=np.float64))[0]
    transform = type(georef.transform)(a * scale_x, b * scale_y, float(x), d * scale_x, e * scale_y, float(y))
    return GeoRef(crs=georef.crs, transform=transform)


def _expand(indices: Array, colours: dict[int, tuple[int, int, int, int]]) -> tuple[Array, BoolArray]:
    """Colours of a palette, and where they are opaque."""
    table = np.zeros((max(256, max(colours) + 1), 4), dtype=np.uint8)
    for index, colour in colours.items():
        table[index] = colour
    rgba = table[indices]
    return np.ascontiguousarray(np.moveaxis(rgba[..., :3], 2, 0)), rgba[..., 3] > 0


def _finite(pixels: Array, valid: BoolArray) -> tuple[Array, BoolArray]:
    """Invalid pixels as 0, NaN and infinity among them."""
    if pixels.dtype.kind == "f":
        valid = valid & np.isfinite(pixels).all(axis=0)
    return (pixels, valid) if valid.all() else (np.where(valid, pixels, np.zeros((), pixels.dtype)), valid)
