"""What the domain is called, how it speaks, and which files look like its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_documents.settings import DocumentsSettings
from onediff_plugins import DomainSpec, Frame, Wording
from onediff_plugins.errors import OneDiffError
from onediff_plugins.images import header

if TYPE_CHECKING:
    from onediff_plugins import PairRequest

# Long side over short side of A4 and its kin, and of US letter; many screens have the shape of US legal.
_PAPER: Final = (2**0.5, 11 / 8.5)
_PAPER_TOLERANCE: Final = 0.02


def sniff(request: PairRequest) -> float:
    """How sure it is that both images are scanned pages, from their headers; `--domain auto` asks every domain.

    Args:
        request: paths, arrays, PIL images or frames.

    Returns:
        0.8 for grey images in the shape of a sheet, 0.5 for colour ones, 0.2 where nothing speaks for a page, 0 for
        camera photographs, georeferenced and unreadable sources.
    """
    return min(_one_side(source) for source in (request.before, request.after))


def _one_side(source: object) -> float:
    if isinstance(source, Frame):
        return 0.2
    try:
        found = header(source)
    except OneDiffError:  # not an image at all: whoever is asked to read it says so better than a sniff can
        return 0.0
    if found.georeferenced or found.camera:
        return 0.0
    shape = max(found.width, found.height) / min(found.width, found.height)
    if min(abs(shape / paper - 1) for paper in _PAPER) > _PAPER_TOLERANCE:
        return 0.2
    return 0.8 if found.mode in ("1", "L") else 0.5


DOMAIN: Final = DomainSpec(
    name="documents",
    summary="scanned pages: ink that was added, removed or changed",
    settings=DocumentsSettings,
    wording=Wording(
        scene="page",
        region=("passage", "passages"),
        unchanged="Both scans show the same page.",
        undecided="Too little of the page can be compared.",
    ),
    # Paper does not stretch, so one matrix carries the whole page ("rigid"), and two scans of a page hardly ever have
    # the same size ("sizes-differ"). The conformance tests read these words to know what to ask for.
    capabilities=frozenset({"rigid", "sizes-differ"}),
    sniff=sniff,
    detectors=("documents-ink",),
    api=1,  # the hook API that this was written for: a host with another one says so, and works on without it
)
