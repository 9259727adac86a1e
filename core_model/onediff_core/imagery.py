"""A pair of the library as OneDiff looks at it: RGB in [0, 1], and nothing to see where nothing can be compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

import cv2
import numpy as np

from onediff_core.image_processing_onediff import OneDiffImageProcessor
from onediff_core.suitability import missing_colours
from onediff_core.tiling import WINDOW
from onediff_plugins.errors import UnsupportedSourceError
from onediff_plugins.types import Box
from onediff_plugins.viewing import Scale, scale_of, scaled_rgb, whole_pixels, with_surroundings
from onediff_plugins.windows import overview

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.types import Frame, ImagePair

    FloatImage = NDArray[np.float32]

# Pixels beside a part of an image that bicubic interpolation looks at.
_REACH: Final = 3
# A crop shows at least this share of the window.
_LEAST_SHARE: Final = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class PairView:
    """An aligned pair as RGB, made where it is looked at.

    Attributes:
        pair: preprocessed.
        scale: of its values.
        blank: the grey or colour of places that neither image shows, (3,) in [0, 1].
    """

    pair: ImagePair
    scale: Scale
    blank: FloatImage

    @classmethod
    def of(cls, pair: ImagePair, scene: ImagePair, image_processor: OneDiffImageProcessor) -> Self:
        """The view of a pair.

        Args:
            pair: preprocessed, with before_on_after.
            scene: its overview, preprocessed alike, whose values say how to scale, so that windows agree.
            image_processor: its mean is what is shown where there is nothing.

        Raises:
            UnsupportedSourceError: bands that are neither red, green and blue nor a single one; they are named.
        """
        for frame in (pair.aligned, pair.after):
            check_bands(frame)
        blank = np.asarray(image_processor.image_mean, dtype=np.float32)
        return cls(pair=pair, scale=scale_of(scene), blank=blank)

    @property
    def box(self) -> Box:
        """The whole after grid."""
        return self.pair.after.box

    def cut(self, box: Box) -> tuple[FloatImage, FloatImage]:
        """Both images inside a box.

        Args:
            box: within the after grid.

        Returns:
            Before and after, each (box.height, box.width, 3) float32 in [0, 1]. Where either has nothing to compare,
            both show the same: what one of them shows, or `blank`.
        """
        before, after = (self._rgb(frame, box) for frame in (self.pair.aligned, self.pair.after))
        known, seen = (frame.valid[box.slices][..., None] for frame in (self.pair.aligned, self.pair.after))
        if known.all() and seen.all():
            return before, after
        alike = np.where(seen, after, np.where(known, before, self.blank))
        return np.where(known & seen, before, alike), np.where(known & seen, after, alike)

    def whole(self) -> tuple[FloatImage, FloatImage]:
        """Both images whole, (height, width, 3); a scene of more than 1024 px a side by its overview."""
        seen = replace(self, pair=overview(self.pair))
        return seen.cut(seen.box)

    def cut_enlarged(self, box: Box, width: int, height: int) -> tuple[FloatImage, FloatImage]:
        """Both images inside a box of the view as it is at a larger size, bicubic.

        Args:
            box: within (height, width).
            width: of the enlarged view.
            height: likewise.

        Returns:
            Before and after, each (box.height, box.width, 3) float32 in [0, 1].
        """
        x, y = self.box.width / width, self.box.height / height
        source = Box(
            max(0, int(np.floor(box.x0 * x)) - _REACH),
            max(0, int(np.floor(box.y0 * y)) - _REACH),
            min(self.box.width, int(np.ceil(box.x1 * x)) + _REACH),
            min(self.box.height, int(np.ceil(box.y1 * y)) + _REACH),
        )
        # OpenCV counts from the centres of pixels.
        left, top = (box.x0 + 0.5) * x - 0.5 - source.x0, (box.y0 + 0.5) * y - 0.5 - source.y0
        matrix = np.array([[x, 0, left], [0, y, top]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        before, after = (
            np.clip(
                cv2.warpAffine(image, matrix, (box.width, box.height), flags=flags, borderMode=cv2.BORDER_REPLICATE),
                0,
                1,
            ).astype(np.float32)
            for image in self.cut(source)
        )
        return before, after

    def resized(self, width: int, height: int) -> tuple[FloatImage, FloatImage]:
        """Both images whole, (height, width, 3): by area where that is smaller, bicubic where it is larger."""
        smaller = width * height < self.box.width * self.box.height
        method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        before, after = (
            np.clip(cv2.resize(image, (width, height), interpolation=method), 0, 1) for image in self.cut(self.box)
        )
        return before.astype(np.float32), after.astype(np.float32)

    def _rgb(self, frame: Frame, box: Box) -> FloatImage:
        return scaled_rgb(frame, box, self.scale)


def check_bands(frame: Frame) -> None:
    """Refuse what OneDiff cannot look at.

    Raises:
        UnsupportedSourceError: neither red, green and blue nor a single band; the bands are named.
    """
    if missing := missing_colours(frame):
        raise UnsupportedSourceError(
            f"{frame.source}: OneDiff looks at red, green and blue, or at a single band; there is no "
            f"{' and no '.join(missing)} among {', '.join(frame.bands)}. Give an image in colour, or another detector "
            "and captioner"
        )


def window_of(image_processor: OneDiffImageProcessor) -> int:
    """Side in pixels of the images that the model was made for."""
    return max(image_processor.size) if image_processor.size else WINDOW


def whole_view(image_processor: OneDiffImageProcessor) -> OneDiffImageProcessor:
    """An image processor that brings every picture to the window's size.

    Args:
        image_processor: itself, if it has a size; else what it returns keeps proportions.
    """
    if image_processor.size:
        return image_processor
    settings: dict[str, Any] = {
        name: getattr(image_processor, name) for name in ("size_multiple", "image_mean", "image_std", "resample")
    }
    return OneDiffImageProcessor(size=(WINDOW, WINDOW), keep_aspect=True, **settings)


def place_of(region: ChangeRegion, grid: Box) -> Box:
    """The whole pixels of a region on the after grid, at least one; where something was removed, its former place."""
    return whole_pixels(region.geometry.bounds, grid)


def is_shown(region: ChangeRegion) -> bool:
    """Whether the after grid shows a region: what is gone with its room left a seam there."""
    return region.kind != "removed" or region.bbox_before is None


def with_context(place: Box, grid: Box, window: int) -> Box:
    """The part of the image in which a place is looked at.

    Args:
        place: within the grid.
        grid: the whole image.
        window: side of the model's window in pixels.

    Returns:
        The place grown by half its side on each side, at least a quarter of the window, moved to lie inside the image.
    """
    return with_surroundings(place, grid, int(window * _LEAST_SHARE))
