"""Fixed cameras: the hook implementations, each handing over to the module that does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onediff_plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onediff_plugins.records import ChangeRegion, ChangeResult
    from onediff_plugins.specs import BuildContext, DomainSpec, ModelSpec
    from onediff_plugins.types import ChangeMap, ImagePair, Overlay, Registration
    from onediff_surveillance.settings import SurveillanceSettings


@hookimpl
def onediff_domain() -> DomainSpec:
    """The domain "surveillance"."""
    from onediff_surveillance.domain import DOMAIN

    return DOMAIN


@hookimpl
def onediff_models() -> Iterable[ModelSpec]:
    """The detector "illumination"."""
    from onediff_plugins.specs import ModelSpec

    return [ModelSpec(name="illumination", roles=frozenset({"detect"}), build=_build, revision="1")]


@hookimpl
def onediff_align_pair(pair: ImagePair, settings: SurveillanceSettings) -> Registration:
    """What the camera shook, from the part of the view that stayed; or that it moved."""
    from onediff_surveillance.registration import align_pair

    return align_pair(pair, settings)


@hookimpl
def onediff_preprocess_pair(pair: ImagePair, overview: ImagePair, settings: SurveillanceSettings) -> ImagePair:
    """One scale for both images, and the before image's exposure and white balance fitted to the after image's."""
    from onediff_surveillance.preprocess import preprocess_pair

    return preprocess_pair(pair, overview)


@hookimpl
def onediff_extract_regions(
    change: ChangeMap, pair: ImagePair, settings: SurveillanceSettings
) -> Sequence[ChangeRegion]:
    """Connected components that are large enough, with the direction of the change where there is evidence."""
    from onediff_surveillance.regions import extract_regions

    return extract_regions(change, pair, settings)


@hookimpl
def onediff_overlays(result: ChangeResult, pair: ImagePair) -> Iterable[Overlay]:
    """What could not be compared, how far the camera shook, and how noisy the pair is."""
    from onediff_surveillance.overlays import camera_overlays

    return camera_overlays(result, pair)


@hookimpl
def onediff_fiftyone_setup(dataset: Any) -> None:  # noqa: ANN401  # fiftyone stays optional
    """Numbers, saved views and colours of this domain."""
    from onediff_surveillance.reviewing import set_up

    set_up(dataset)


def _build(context: BuildContext) -> Any:  # noqa: ANN401  # a Detector, not imported here
    from onediff_surveillance.detect import IlluminationDetector

    return IlluminationDetector()
