"""The base that a head is trained on: it is looked through and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from onediff_core.imagery import whole_view, window_of

if TYPE_CHECKING:
    from torch import Tensor

    from onediff_core.checkpoint import Checkpoint
    from onediff_core.features import DeltaFeatures
    from onediff_core.heads import ChangeMaskHead


class FrozenBase:
    """The part of a OneDiff that sees, without gradients.

    Attributes:
        fingerprint: of the base as it is stored.
        shape: of its features, which heads are built for.
        images: its image processor, for crops as they are.
        whole: the same, for pictures that are brought to the window's size.
        window: side in pixels of what it was made to see.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device, precision: str) -> None:
        """Put it on a device, in float32; its language model stays where it is.

        Args:
            checkpoint: as loaded; its model is moved.
            device: of `torch_device`.
            precision: "fp32" or "bf16", in which it runs.
        """
        self.fingerprint, self.device = checkpoint.fingerprint, device
        self.images, self.whole = checkpoint.image_processor, whole_view(checkpoint.image_processor)
        self.window = window_of(checkpoint.image_processor)
        self._model = checkpoint.base.requires_grad_(False).eval()
        self._model.to(device=device, dtype=torch.float32, memory_format=torch.channels_last)
        self.shape = self._model.dense_shape()
        self._bf16 = precision == "bf16"
        mean, std = self.images.image_mean, self.images.image_std
        self._mean, self._std = (torch.tensor(of, device=device).view(3, 1, 1) for of in (mean, std))

    def dense(self, images: Tensor) -> DeltaFeatures:
        """Dense maps of crops.

        Args:
            images: (B, 2, 3, H, W) uint8, sides that the tower divides.
        """
        pixels = (images.to(self.device).float() / 255 - self._mean) / self._std
        with torch.no_grad(), self.autocast():
            features: DeltaFeatures = self._model.dense_features(pixels)
        return features

    def seen(self, pixels: Tensor, mask: Tensor) -> DeltaFeatures:
        """Delta tokens and dense maps of pictures as the image processor makes them.

        Args:
            pixels: (B, 2, 3, H, W), normalised.
            mask: (B, H, W) bool, False on padding.
        """
        padded = None if bool(mask.all()) else mask.to(self.device)
        with torch.no_grad(), self.autocast():
            features: DeltaFeatures = self._model(pixels.to(self.device), padded).delta
        return features

    def score(self, head: ChangeMaskHead, features: DeltaFeatures) -> Tensor:
        """(B, H, W) score of a mask head that is trained already."""
        with torch.no_grad(), self.autocast():
            return head.score(head(features))

    def autocast(self) -> torch.autocast:
        """The precision that the base runs in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16)
