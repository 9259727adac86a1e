"""Stage 9: further things to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onediff_plugins.types import Overlay

if TYPE_CHECKING:
    from onediff_plugins.records import ChangeResult
    from onediff_plugins.types import ImagePair


def satellite_overlays(result: ChangeResult, pair: ImagePair) -> list[Overlay]:
    """What could not be compared, and how far the images still lie apart.

    Args:
        result: the finished record.
        pair: as read and aligned.

    Returns:
        "not-compared", a mask on the after image, where there is nodata or no overlap; "registration-residual", in
        after pixels, where it was measured.
    """
    overlays = []
    if not pair.valid.all():
        overlays.append(Overlay(name="not-compared", kind="mask", slice="after", data=~pair.valid))
    residual = result.registration.residual_px
    if residual is not None:
        overlays.append(Overlay(name="registration-residual", kind="scalar", slice="after", data=residual))
    return overlays
