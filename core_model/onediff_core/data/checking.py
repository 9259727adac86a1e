"""Whether a record can be used: its pictures are there, its masks and boxes lie on the after image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from onediff_core.data.record import grey, named, opened, shade
from onediff_plugins.errors import PairError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from onediff_core.data.record import Picture, Record, Shade
    from onediff_core.data.sample import SampleRegion


class UnusableError(ValueError):
    """A record that cannot be used.

    Attributes:
        reason: a name of `summary.REASONS`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the reason."""
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A record that can be used.

    Attributes:
        record: as it came, but for boxes, which are cut to the after image.
        masks: class -> (H, W) bool.
        ignore: (H, W) bool, or None.
        sizes: width and height of before and after.
    """

    record: Record
    masks: Mapping[str, NDArray[np.bool_]]
    ignore: NDArray[np.bool_] | None
    sizes: tuple[tuple[int, int], tuple[int, int]]


def checked(record: Record, *, decode: bool = False) -> Checked:
    """Look at the headers of both pictures, and at the masks.

    Args:
        record: any.
        decode: whether both pictures are decoded, which finds those that were cut off.

    Raises:
        UnusableError: a picture is missing or broken, or what is labelled does not lie on the after image.
    """
    for picture in record.pictures:
        if isinstance(picture, Path) and not picture.is_file():
            raise UnusableError("missing", f"{picture} is not there")
    sizes = _size(record.before, decode), _size(record.after, decode)
    greys: dict[Picture, NDArray[np.uint8]] = {}  # one picture may hold the masks of several classes
    masks = {name: _mask(mask, sizes[1], greys) for name, mask in record.masks.items()}
    ignore = None if record.ignore is None else _mask(record.ignore, sizes[1], greys)
    if record.regions is not None:
        record = replace(record, regions=tuple(_inside(region, sizes[1]) for region in record.regions))
    return Checked(record=record, masks=masks, ignore=ignore, sizes=sizes)


def contradicts(ready: Checked, *, complete: bool) -> bool:
    """Whether a record says that it changed, or did not, against what is labelled.

    Args:
        ready: any.
        complete: whether masks show every change there is; only then does an empty one deny what was said.
    """
    said, labelled = ready.record.changed, [bool(mask.any()) for mask in ready.masks.values()]
    if ready.record.regions is not None:
        labelled.append(bool(ready.record.regions))
    if said is None or not labelled:
        return False
    return not any(labelled) and complete if said else any(labelled)


def _size(picture: Picture, decode: bool) -> tuple[int, int]:
    try:
        with opened(picture) as image:
            if decode:
                image.load()
            return image.size
    except (PairError, OSError) as error:
        raise _broken(picture, error) from error


def _broken(picture: Picture, error: PairError | OSError) -> UnusableError:
    """Pillow names no file where one was cut off."""
    said = str(error) if isinstance(error, PairError) else f"{named(picture)} cannot be read: {error}"
    return UnusableError("broken", said)


def _mask(mask: Shade, size: tuple[int, int], greys: dict[Picture, NDArray[np.uint8]]) -> NDArray[np.bool_]:
    if mask.picture not in greys:
        try:
            greys[mask.picture] = grey(mask.picture)
        except (PairError, OSError) as error:
            raise _broken(mask.picture, error) from error
    found = greys[mask.picture]
    if found.shape[::-1] != size:
        raise UnusableError(
            "mask size",
            f"{named(mask.picture)} is {found.shape[1]}x{found.shape[0]}, the image {size[0]}x{size[1]}",
        )
    return shade(found, mask.values)


def _inside(region: SampleRegion, size: tuple[int, int]) -> SampleRegion:
    """A box that sticks out is cut; one that lies outside says nothing of this image."""
    (x0, y0, x1, y1), (width, height) = region.box, size
    box = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if box[0] >= box[2] or box[1] >= box[3]:
        raise UnusableError("box", f"the box {region.box} on an image of {width}x{height}")
    return replace(region, box=box)
