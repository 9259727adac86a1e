"""What the UI domain is called, how it speaks, and which files look like screenshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_plugins import images
from onediff_plugins.errors import OneDiffError
from onediff_plugins.specs import DomainSpec, Wording
from onediff_plugins.types import Frame
from onediff_ui.settings import UiSettings

if TYPE_CHECKING:
    from onediff_plugins.images import ImageHeader
    from onediff_plugins.types import PairRequest

_SCREEN: Final = 0.8
_MAYBE: Final = 0.4
_HARDLY: Final = 0.1
# Remote sensing tiles are small squares; screens hardly ever are.
_TILES: Final = frozenset({128, 224, 256, 384, 512, 1024})


def sniff(request: PairRequest) -> float:
    """How sure it is that both images are screenshots, from their headers.

    Args:
        request: paths, arrays, PIL images or frames.

    Returns:
        0.8 for lossless files of a screen's shape, 0.4 where nothing speaks for or against, 0.1 for photographs and
        square tiles, 0 for georeferenced or unreadable sources.
    """
    return min(_one_side(source) for source in (request.before, request.after))


def _one_side(source: object) -> float:
    if isinstance(source, Frame):
        return 0.0 if source.georef is not None else _MAYBE
    try:
        header = images.header(source)
    except OneDiffError:
        return 0.0
    if header.georeferenced:
        return 0.0
    if header.camera or (header.width == header.height and header.width in _TILES):
        return _HARDLY
    return _SCREEN if _lossless(header) else _MAYBE


def _lossless(header: ImageHeader) -> bool:
    return header.format in ("PNG", "WEBP", "BMP", "GIF") and header.mode not in ("I;16", "I", "F")


DOMAIN: Final = DomainSpec(
    name="ui",
    summary="screenshots of user interfaces: elements that were added, removed, changed or moved",
    settings=UiSettings,
    wording=Wording(
        scene="page",
        region=("element", "elements"),
        place="grid",
        unit="px",
        unchanged="Nothing that a user would see changed.",
    ),
    kinds=("added", "removed", "changed", "moved"),
    capabilities=frozenset({"pieces", "sizes-differ"}),
    sniff=sniff,
    detectors=("ui-blocks",),
    # The words of "onediff" are not true of real pairs yet: docs/results.md has them beside these.
    describers=("template",),
    labellers=("onediff",),
    verdict_kinds=("added", "removed", "changed"),
)
