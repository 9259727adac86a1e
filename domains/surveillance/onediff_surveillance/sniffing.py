"""How sure the domain is of a pair, from file headers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from onediff_plugins import images
from onediff_plugins.errors import OneDiffError
from onediff_plugins.types import Frame

if TYPE_CHECKING:
    from onediff_plugins.types import PairRequest

# Nothing in a file says that its camera was fixed: two photographs of one size may be it, and no more is claimed.
_PHOTOGRAPHS: Final = 0.5
_HARDLY: Final = 0.1


def sniff(request: PairRequest) -> float:
    """How sure it is that both images are stills of one fixed camera.

    Args:
        request: paths, arrays, PIL images or frames.

    Returns:
        0.5 for two JPEG files of one size, 0.1 for other images of one size and for squares, which tiles of maps and
        not cameras have; 0 for different sizes, georeferenced or unreadable sources.
    """
    before, after = _still(request.before), _still(request.after)
    if before is None or after is None or before.size != after.size:
        return 0.0
    square = after.size[0] == after.size[1]
    return _PHOTOGRAPHS if before.photograph and after.photograph and not square else _HARDLY


class _Still(NamedTuple):
    size: tuple[int, int]
    photograph: bool


def _still(source: object) -> _Still | None:
    """What the header says; None for what cannot be a camera's still."""
    if isinstance(source, Frame):
        return None if source.georef is not None else _Still((source.width, source.height), photograph=False)
    try:
        header = images.header(source)
    except OneDiffError:
        return None
    if header.georeferenced:
        return None
    return _Still((header.width, header.height), photograph=header.format == "JPEG")
