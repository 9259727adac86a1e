"""The hooks that this domain answers, each a line or two that hand over to the module that does the work.

A hook that is not here is answered by the built-in behaviour: nothing below reads files or writes captions, because
plain images and template captions are exactly what is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# `onediff --help` imports this module, so it may import nothing but the marker and the standard library up here.
# Everything else is imported where it is used.
from onediff_plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onediff_documents.settings import DocumentsSettings
    from onediff_plugins import (
        BuildContext,
        ChangeMap,
        ChangeRegion,
        DomainSpec,
        ImagePair,
        ModelSpec,
        Registration,
    )


@hookimpl
def onediff_domain() -> DomainSpec:
    """The domain "documents"."""
    from onediff_documents.domain import DOMAIN

    return DOMAIN


@hookimpl
def onediff_models() -> Iterable[ModelSpec]:
    """The detector "documents-ink"."""
    from onediff_plugins import ModelSpec

    # Model names are shared by all plugins that are installed. One that starts with the domain's name is free.
    return [ModelSpec(name="documents-ink", roles=frozenset({"detect"}), build=_build, revision="1")]


@hookimpl
def onediff_align_pair(pair: ImagePair, settings: DocumentsSettings) -> Registration:
    """Find how the page lies in each scan; the host straightens it."""
    from onediff_documents.registration import align_pair

    return align_pair(pair, settings)


@hookimpl
def onediff_preprocess_pair(pair: ImagePair, overview: ImagePair) -> ImagePair:
    """Ink on white paper, whatever the light. A hook asks only for the arguments that it needs."""
    from onediff_documents.preprocess import preprocess_pair

    return preprocess_pair(pair, overview)


@hookimpl
def onediff_extract_regions(change: ChangeMap, settings: DocumentsSettings) -> Sequence[ChangeRegion]:
    """Strokes into words and lines."""
    from onediff_documents.regions import extract_regions

    return extract_regions(change, settings)


def _build(context: BuildContext) -> Any:  # noqa: ANN401  # a Detector, not imported here
    from onediff_documents.detect import InkDetector

    return InkDetector()
