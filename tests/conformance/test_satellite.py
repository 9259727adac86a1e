"""The satellite domain, its detector and its exporter keep the contract."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

import onediff_satellite.plugin
from onediff_plugins.testing import DomainPluginTests, ExporterTests, ModelTests

if TYPE_CHECKING:
    from onediff_plugins import GeoRef
    from onediff_plugins.types import Array, BoolArray


class TestSatellite(DomainPluginTests):
    plugin = onediff_satellite.plugin


class TestSatelliteFiles(TestSatellite):
    """The same with GeoTIFFs, which are read by window, instead of frames."""

    def source(self, picture: Array, *, valid: BoolArray | None = None, georef: GeoRef | None = None) -> str:
        bands = np.moveaxis(picture, 2, 0)
        path = self.folder / f"{len(list(self.folder.iterdir()))}.tif"
        profile = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype}
        if georef is not None:
            profile |= {"crs": georef.crs, "transform": georef.transform}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", driver="GTiff", **profile) as out:
                out.write(bands)
                if valid is not None:
                    out.write_mask(valid)
        return str(path)


class TestIrMad(ModelTests):
    plugin = onediff_satellite.plugin
    model = "ir-mad"


class TestCog(ExporterTests):
    plugin = onediff_satellite.plugin
    exporter = "cog"
