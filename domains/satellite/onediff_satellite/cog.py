"""The exporter "cog": score and mask as cloud-optimised GeoTIFFs on the after grid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onediff_plugins.errors import ExportError
from onediff_plugins.exporters import write_file
from onediff_satellite.raster import gdal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.records import ChangeResult
    from onediff_plugins.types import Array, BoolArray, GeoRef

SUFFIXES: Final = (".tif", ".tiff")
_OPTIONS: Final = {"compress": "deflate", "predictor": "yes", "blocksize": 512}


def write_cog(results: Sequence[ChangeResult], out: Path) -> dict[str, str]:
    """Write one result's score and mask.

    Args:
        results: exactly one, with its pixels.
        out: a folder for both, "score.tif" and "mask.tif"; or a file ending in .tif or .tiff for the score alone.

    Returns:
        What was written, as entries of the record's `files`.

    Raises:
        ExportError: more than one result, one without pixels, another suffix, or a place that cannot be written.
    """
    if len(results) != 1:
        raise ExportError(f"{out}: a raster holds one result, got {len(results)}; write each into its own folder")
    result = results[0]
    if result.change is None or result.mask is None or result.pair is None:
        raise ExportError(f"{out}: the result {result.id!r} holds no pixels; export it before it is stored as JSON")
    out = Path(out)
    georef, valid = result.pair.after.georef, result.change.valid
    score = np.where(valid, result.change.score, np.float32(np.nan)).astype(np.float32)
    if not out.is_dir() and out.suffix:
        if out.suffix.lower() not in SUFFIXES:
            raise ExportError(
                f"{out}: cog writes {' and '.join(SUFFIXES)} files, not {out.suffix!r}; change the suffix"
            )
        write_file(out, encode_cog(score, georef, nodata=np.nan))
        return {"score": out.name}
    write_file(out / "score.tif", encode_cog(score, georef, nodata=np.nan))
    write_file(out / "mask.tif", encode_cog(np.asarray(result.mask, np.uint8), georef, valid=valid))
    return {"score": "score.tif", "mask": "mask.tif"}


def encode_cog(
    band: Array, georef: GeoRef | None, *, nodata: float | None = None, valid: BoolArray | None = None
) -> bytes:
    """One band as the bytes of a cloud-optimised GeoTIFF: tiled, with overviews, lossless.

    Args:
        band: (H, W) uint8 or float32.
        georef: where it lies, or None.
        nodata: value that stands for nothing, or None for no such tag.
        valid: (H, W) bool for an internal mask band, written where something is not valid.
    """
    import rasterio
    from rasterio.io import MemoryFile
    from rasterio.shutil import copy

    height, width = band.shape
    profile: dict[str, Any] = {"driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": band.dtype}
    if georef is not None:
        profile |= {"crs": georef.crs, "transform": georef.transform}
    # The COG driver only copies; overviews of a mask must not mix its two values.
    resampling = "average" if band.dtype.kind == "f" else "mode"
    with gdal(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as plain, MemoryFile() as target:
        with plain.open(**profile, nodata=nodata) as dataset:
            dataset.write(band, 1)
            if valid is not None and not valid.all():
                dataset.write_mask(valid)
        with plain.open() as dataset:
            copy(dataset, target.name, driver="COG", overview_resampling=resampling, **_OPTIONS)
        return bytes(target.read())
