"""Changes as vectors: what the delta tokens say of a pair, or of a place in it, for likeness and not for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from torch.nn import functional

from onediff_core.devices import inference, place
from onediff_core.imagery import whole_view, window_of, with_context
from onediff_plugins.errors import MismatchedPairError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from onediff_core.checkpoint import Checkpoint
    from onediff_plugins.types import Box

    Rgb = NDArray[np.uint8]

_BATCH: Final = 8


class ChangeEmbedder:
    """Embeds changes with the base of a OneDiff; heads and language model have no part in it."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        """Bring the base to the device.

        Args:
            checkpoint: any OneDiff.
            device: where it is to run.
        """
        self._base = checkpoint.base
        place(self._base, device)
        self._device = device
        self._whole, self._window = whole_view(checkpoint.image_processor), window_of(checkpoint.image_processor)

    def embed(self, pictures: Sequence[tuple[Rgb, Rgb]]) -> NDArray[np.float32]:
        """One vector a pair: the mean of its delta tokens, brought to length 1.

        Args:
            pictures: before and after, (h, w, 3) uint8 RGB on one grid, each pair of any size.

        Returns:
            (N, D) float32; the scalar product of two is the likeness of two changes, at most 1.

        Raises:
            MismatchedPairError: before and after are of different sizes.
        """
        for before, after in pictures:
            if before.shape != after.shape:
                raise MismatchedPairError(
                    f"before is {before.shape} and after is {after.shape}: embed the before image on the after grid"
                )
        found = [self._seen(pictures[start : start + _BATCH]) for start in range(0, len(pictures), _BATCH)]
        width = self._base.config.delta_config.hidden_size
        return np.concatenate(found) if found else np.zeros((0, width), np.float32)

    def crop(self, pictures: tuple[Rgb, Rgb], box: Box) -> tuple[Rgb, Rgb]:
        """What is looked at for a place: the place with some context, as region heads see it.

        Args:
            pictures: before and after, (h, w, 3) on one grid.
            box: the place, inside of them.
        """
        height, width = pictures[1].shape[:2]
        seen = with_context(box, type(box)(0, 0, width, height), self._window)
        before, after = (picture[seen.slices] for picture in pictures)
        return before, after

    def _seen(self, pictures: Sequence[tuple[Rgb, Rgb]]) -> NDArray[np.float32]:
        scaled = [(before / np.float32(255), after / np.float32(255)) for before, after in pictures]
        made = self._whole(scaled).to(self._device)
        with inference(self._device):
            tokens = self._base(made["pixel_values"], made.get("image_mask")).delta.tokens  # (B, Q, D)
            vectors = functional.normalize(tokens.float().mean(dim=1), dim=-1)  # (B, D)
        return np.asarray(vectors.cpu().numpy(), np.float32)
