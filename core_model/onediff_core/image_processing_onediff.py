"""From two pictures to what the tower takes: Pillow and numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from PIL import Image
from transformers import AutoImageProcessor, BaseImageProcessor, BatchFeature
from transformers.utils.constants import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    OPENAI_CLIP_MEAN,
    OPENAI_CLIP_STD,
)

from onediff_core.configuration_onediff import OneDiffConfig, size_multiple
from onediff_core.efficientnet_lite import IMAGE_MEAN, IMAGE_STD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import PreTrainedConfig

Size = tuple[int, int]
Picture = Image.Image | np.ndarray
Pair = tuple[Picture, Picture]

# What the towers were trained with, by the start of their model type; those that are not named, with ImageNet's.
_STATISTICS = {
    "clip": (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD),
    "siglip": (IMAGENET_STANDARD_MEAN, IMAGENET_STANDARD_STD),
    "efficientnet_lite": (list(IMAGE_MEAN), list(IMAGE_STD)),
}


class OneDiffImageProcessor(BaseImageProcessor):
    """Resizes, normalises and pads pairs of images of one size each; both of a pair are always treated alike."""

    model_input_names = ["pixel_values", "image_mask"]  # noqa: RUF012 - transformers declares it so

    def __init__(
        self,
        *,
        size: Size | Sequence[int] | None = (336, 336),
        keep_aspect: bool = False,
        size_multiple: int = 14,
        image_mean: Sequence[float] = tuple(OPENAI_CLIP_MEAN),
        image_std: Sequence[float] = tuple(OPENAI_CLIP_STD),
        resample: int = Image.Resampling.BICUBIC,
        **kwargs: Any,
    ) -> None:
        """How pairs are made ready.

        Args:
            size: (height, width) in pixels that every image gets; None leaves each pair its own size. Nothing is ever
                cropped away: a difference may lie at the border. (Ours; the paper does not say.)
            keep_aspect: whether `size` is only the room that an image is scaled to fit, its proportions kept.
            size_multiple: sides are rounded to multiples of this many pixels: the tower's patch or its largest stride.
            image_mean: of the three channels, in [0, 1].
            image_std: of the three channels.
            resample: filter of Pillow.
            **kwargs: what transformers writes beside.
        """
        super().__init__(**kwargs)
        self.size = None if size is None else (int(size[0]), int(size[1]))
        self.keep_aspect = keep_aspect
        self.size_multiple = size_multiple
        self.image_mean, self.image_std = list(image_mean), list(image_std)
        self.resample = int(resample)
        if self.size and not keep_aspect and any(side < 1 or side % size_multiple for side in self.size):
            raise ValueError(f"size {self.size} is no multiple of the tower's {size_multiple} px")

    @classmethod
    def for_tower(cls, vision_config: PreTrainedConfig, like: Any = None, **changes: Any) -> Self:
        """What a tower needs: its size, patch or stride, and statistics.

        Args:
            vision_config: the tower's configuration.
            like: the image processor that came with the tower; without it the statistics are those of its family.
            **changes: arguments of OneDiffImageProcessor that shall differ.
        """
        multiple = size_multiple(vision_config)
        side = getattr(vision_config, "image_size", None) or 224
        height, width = (side, side) if isinstance(side, int) else side
        family = (key for key in _STATISTICS if vision_config.model_type.startswith(key))
        mean, std = _STATISTICS.get(next(family, ""), (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD))
        made: dict[str, Any] = {
            "size": (_rounded(height, multiple), _rounded(width, multiple)),
            "size_multiple": multiple,
            "image_mean": mean if like is None else like.image_mean,
            "image_std": std if like is None else like.image_std,
        }
        return cls(**{**made, **changes})

    def __call__(  # type: ignore[override]  # pairs, not images
        self, images: Pair | Sequence[Pair], *, return_tensors: str | None = "pt", **_: Any
    ) -> BatchFeature:
        """Make pairs ready.

        Args:
            images: (before, after), or a list of such pairs. Each is a Pillow image of 8 bits, or an array (H, W, 3) of
                uint8, or of floats in [0, 1].
            return_tensors: "pt" for torch, "np" for numpy.

        Returns:
            pixel_values, (B, 2, 3, H, W) float32; where pairs of several sizes share the batch, also image_mask,
            (B, H, W) bool, False in the padding at the right and bottom.

        Raises:
            ValueError: no pair, images of two sizes in one, a wrong number of channels, NaN or values out of range.
            TypeError: something that is no image.
        """
        pairs = [self._pair(index, pair) for index, pair in enumerate(_pairs(images))]  # each (2, 3, h, w)
        height, width = (max(pair.shape[axis] for pair in pairs) for axis in (2, 3))
        pixels = np.zeros((len(pairs), 2, 3, height, width), np.float32)
        mask = np.zeros((len(pairs), height, width), bool)
        for row, pair in enumerate(pairs):
            pixels[row, :, :, : pair.shape[2], : pair.shape[3]] = pair
            mask[row, : pair.shape[2], : pair.shape[3]] = True
        made = {"pixel_values": pixels} if mask.all() else {"pixel_values": pixels, "image_mask": mask}
        return BatchFeature(made, tensor_type=return_tensors)

    def to_dict(self) -> dict[str, Any]:
        """What is saved: all arguments. Transformers leaves out those that are None, and None is a size here."""
        return {**super().to_dict(), "size": self.size}

    def resized(self, height: int, width: int) -> Size:
        """(height, width) that an image of the given size gets."""
        if self.size is None:
            return _rounded(height, self.size_multiple), _rounded(width, self.size_multiple)
        if not self.keep_aspect:
            return self.size
        scale = min(self.size[0] / height, self.size[1] / width)
        return _rounded(height * scale, self.size_multiple), _rounded(width * scale, self.size_multiple)

    def _pair(self, index: int, pair: Pair) -> NDArray[np.float32]:
        before, after = (
            _checked(picture, f"{side} image of pair {index}")
            for side, picture in zip(("before", "after"), pair, strict=True)
        )
        if before.shape != after.shape:
            raise ValueError(
                f"the images of pair {index} are {_named(before)} and {_named(after)}: align them first, so that they "
                "are of one size"
            )
        size = self.resized(before.shape[0], before.shape[1])
        made = np.stack([self._resize(picture, size) for picture in (before, after)])  # (2, h, w, 3)
        mean, std = np.asarray(self.image_mean, np.float32), np.asarray(self.image_std, np.float32)
        return ((made - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)

    def _resize(self, picture: NDArray[Any], size: Size) -> NDArray[np.float32]:
        """(H, W, 3) in its own type -> (h, w, 3) float32 in [0, 1]."""
        to = (size[1], size[0])
        if picture.shape[:2] != size:
            if picture.dtype == np.uint8:
                picture = np.asarray(Image.fromarray(picture).resize(to, self.resample))
            else:
                bands = [Image.fromarray(picture[..., band]).resize(to, self.resample) for band in range(3)]
                picture = np.stack([np.asarray(band) for band in bands], axis=-1).clip(0, 1)
        return (picture / 255 if picture.dtype == np.uint8 else picture).astype(np.float32)


def _rounded(side: float, multiple: int) -> int:
    return max(1, round(side / multiple)) * multiple


def _named(picture: NDArray[Any]) -> str:
    return f"{picture.shape[0]}x{picture.shape[1]}"


def _pairs(images: Any) -> list[Pair]:
    """One pair or many as a list of pairs."""
    if not isinstance(images, list | tuple):
        raise TypeError(f"images is a {type(images).__name__}: give a pair (before, after) or a list of pairs")
    if not images:
        raise ValueError("images is empty: give at least one pair (before, after)")
    pairs = [images] if all(isinstance(part, Image.Image | np.ndarray) for part in images) else list(images)
    for index, pair in enumerate(pairs):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            count = f"{len(pair)} images" if isinstance(pair, list | tuple) else f"a {type(pair).__name__}"
            raise ValueError(f"pair {index} is {count}: give (before, after)")
    return [(pair[0], pair[1]) for pair in pairs]


def _checked(picture: Any, what: str) -> NDArray[Any]:
    """(H, W, 3), uint8 or float32 in [0, 1]."""
    if isinstance(picture, Image.Image):
        if picture.mode.startswith(("I", "F")):
            raise ValueError(
                f"the {what} has Pillow's mode {picture.mode!r}: scale it to 8 bits, or give floats in [0, 1]"
            )
        picture = np.asarray(picture.convert("RGB"))
    if not isinstance(picture, np.ndarray):
        raise TypeError(f"the {what} is a {type(picture).__name__}: give a Pillow image or an array (height, width, 3)")
    if picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise ValueError(f"the {what} is an array {picture.shape}: it has to be (height, width, 3)")
    if picture.dtype == np.uint8:
        return picture
    if not np.issubdtype(picture.dtype, np.floating):
        raise ValueError(f"the {what} is of {picture.dtype}: give uint8, or floats in [0, 1]")
    if not np.isfinite(picture).all():
        raise ValueError(f"the {what} has NaN or infinite pixels: fill them or leave the pair out")
    if picture.min() < 0 or picture.max() > 1:
        raise ValueError(
            f"the {what} has values from {picture.min():g} to {picture.max():g}: floats have to be in [0, 1]"
        )
    return picture.astype(np.float32)


AutoImageProcessor.register(OneDiffConfig, image_processor_classes={"pil": OneDiffImageProcessor})
