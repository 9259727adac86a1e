"""Satellite imagery: the hook implementations, each handing over to the module that does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onediff_plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onediff_plugins.records import ChangeRegion, ChangeResult
    from onediff_plugins.specs import BuildContext, DomainSpec, ExporterSpec, ModelSpec
    from onediff_plugins.types import ChangeMap, ImagePair, Overlay, PairRequest, Registration
    from onediff_satellite.settings import SatelliteSettings


@hookimpl
def onediff_domain() -> DomainSpec:
    """The domain "satellite"."""
    from onediff_satellite.domain import DOMAIN

    return DOMAIN


@hookimpl
def onediff_models() -> Iterable[ModelSpec]:
    """The detector "ir-mad"."""
    from onediff_plugins.specs import ModelSpec

    return [ModelSpec(name="ir-mad", roles=frozenset({"detect"}), build=_build, revision="1")]


@hookimpl
def onediff_exporters() -> Iterable[ExporterSpec]:
    """The exporter "cog"."""
    from onediff_plugins.specs import ExporterSpec

    summary = "score and mask as cloud-optimised GeoTIFF"
    return [ExporterSpec(name="cog", suffixes=(".tif", ".tiff"), write=_write_cog, summary=summary)]


@hookimpl
def onediff_load_pair(request: PairRequest, settings: SatelliteSettings) -> ImagePair | None:
    """Rasters, by window or reduced; arrays and images are left to the built-in loader."""
    from onediff_satellite.io import load_pair

    return load_pair(request, settings)


@hookimpl
def onediff_align_pair(pair: ImagePair, settings: SatelliteSettings) -> Registration:
    """The georeference or equal grid, refined by content where that can be trusted."""
    from onediff_satellite.registration import align_pair

    return align_pair(pair, settings)


@hookimpl
def onediff_preprocess_pair(pair: ImagePair, overview: ImagePair, settings: SatelliteSettings) -> ImagePair:
    """One scale for both images, and the before image's radiometry fitted to the after image's."""
    from onediff_satellite.preprocess import preprocess_pair

    return preprocess_pair(pair, overview, settings)


@hookimpl
def onediff_extract_regions(change: ChangeMap, pair: ImagePair, settings: SatelliteSettings) -> Sequence[ChangeRegion]:
    """Connected components that are large enough, with the direction of the change where there is evidence."""
    from onediff_satellite.regions import extract_regions

    return extract_regions(change, pair, settings)


@hookimpl
def onediff_overlays(result: ChangeResult, pair: ImagePair) -> Iterable[Overlay]:
    """What could not be compared, and how far the images still lie apart."""
    from onediff_satellite.overlays import satellite_overlays

    return satellite_overlays(result, pair)


@hookimpl
def onediff_fiftyone_setup(dataset: Any) -> None:  # noqa: ANN401  # fiftyone stays optional
    """Numbers, saved views and colours of this domain."""
    from onediff_satellite.reviewing import set_up

    set_up(dataset)


def _build(context: BuildContext) -> Any:  # noqa: ANN401  # a Detector, not imported here
    from onediff_satellite.detect import IrMadDetector

    return IrMadDetector()


def _write_cog(results: Sequence[ChangeResult], out: Any) -> dict[str, str]:  # noqa: ANN401  # a Path, not imported here
    from onediff_satellite.cog import write_cog

    return write_cog(results, out)
