"""UI screenshots: the hook implementations, each two or three lines that hand over to the module that does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onediff_plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onediff_plugins.records import ChangeResult
    from onediff_plugins.specs import BuildContext, DomainSpec, ModelSpec
    from onediff_plugins.types import ImagePair, Overlay, PairRequest, Registration
    from onediff_ui.settings import UiSettings


@hookimpl
def onediff_domain() -> DomainSpec:
    """The domain "ui"."""
    from onediff_ui.domain import DOMAIN

    return DOMAIN


@hookimpl
def onediff_models() -> Iterable[ModelSpec]:
    """The detector "ui-blocks"."""
    from onediff_plugins.specs import ModelSpec

    return [ModelSpec(name="ui-blocks", roles=frozenset({"detect"}), build=_build, revision="1")]


@hookimpl
def onediff_load_pair(request: PairRequest, settings: UiSettings) -> ImagePair:
    """Decode both screenshots; alpha over white, depth kept."""
    from onediff_ui.io import load_pair

    return load_pair(request, settings)


@hookimpl
def onediff_align_pair(pair: ImagePair, settings: UiSettings) -> Registration:
    """Align in pieces that moved by whole pixels."""
    from onediff_ui.registration import align_pair

    return align_pair(pair, settings)


@hookimpl
def onediff_preprocess_pair(pair: ImagePair, overview: ImagePair, settings: UiSettings) -> ImagePair:
    """Both images as float32 sRGB in [0, 1]; nothing depends on the overview."""
    from onediff_ui.preprocess import preprocess_pair

    return preprocess_pair(pair)


@hookimpl
def onediff_overlays(result: ChangeResult, pair: ImagePair) -> Iterable[Overlay]:
    """Where parts of the page moved, and what has no counterpart."""
    from onediff_ui.overlays import layout_overlays

    return layout_overlays(result, pair)


@hookimpl
def onediff_fiftyone_setup(dataset: Any) -> None:  # noqa: ANN401  # fiftyone stays optional
    """Numbers, saved views and colours of this domain."""
    from onediff_ui.reviewing import set_up

    set_up(dataset)


def _build(context: BuildContext) -> Any:  # noqa: ANN401  # a Detector, not imported here
    from onediff_ui.detect import BlockDetector

    return BlockDetector()
