"""ChangeMaskHead: where what changed, a map per class at the resolution of the image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Final

import torch
from torch import nn
from torch.nn import functional

from onediff_core.calibration import Calibration
from onediff_core.heads.base import Head
from onediff_core.heads.blocks import ConvBlock
from onediff_core.heads.grids import cells_for

if TYPE_CHECKING:
    from torch import Tensor

    from onediff_core.features import DeltaFeatures
    from onediff_core.heads.config import HeadConfig, Task

# Changed pixels are rare: starting near 12 % saves the first steps from unlearning a half.
INITIAL_LOGIT: Final = -2.0
# What padding gets: a probability of zero in every dtype, and finite.
NO_CHANGE_LOGIT: Final = -1e4


class ChangeMaskHead(Head):
    """Multi-scale dense decoder over delta features.

    Coarse maps are added to finer ones from the top down, pixel-shuffled up to half of the image's resolution, joined
    there with the half-resolution map where the tower has one, refined by one block and shuffled to full size.

    Maps that cover a padded image cell by cell (ceil(side / stride) cells) are cropped rather than rescaled, so a
    picture has the same logits alone and padded in a batch, exactly where strides are powers of two. Maps of other
    sizes are taken to cover the image as it is.

    Source: top-down path of Lin et al., "Feature pyramid networks", CVPR 2017; sub-pixel convolution of Shi et al.,
        CVPR 2016. The half-resolution block is ours.
    """

    task: ClassVar[Task] = "mask"
    reads_tokens: ClassVar[bool] = False

    def __init__(self, config: HeadConfig) -> None:
        """Build an untrained head.

        Args:
            config: of task "mask"; at least one map must be coarser than half of the image's resolution.
        """
        super().__init__(config)
        width, half, strides = config.width, config.half_width, config.strides
        self.fine = sum(stride == 2 for stride in strides)  # maps that wait at half resolution
        pyramid = strides[self.fine :]
        if not pyramid:
            raise ValueError(f"head {config.name!r}: a mask head needs a map of stride 3 or more, got {list(strides)}")
        # Normalised per channel first: states from the middle of a tower have channels of very different sizes.
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(channels), nn.Conv2d(channels, half if index < self.fine else width, 1))
            for index, channels in enumerate(config.channels)
        )
        self.smooth = nn.ModuleList(ConvBlock(width, width) for _ in pyramid)
        doublings = max(1, math.floor(math.log2(pyramid[0] / 2)))
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width if step == 0 else half, 4 * half, 1), nn.PixelShuffle(2))
            for step in range(doublings)
        )
        self.refine = nn.ModuleList(ConvBlock(half, half) for _ in range(doublings - 1))
        self.join = ConvBlock(half + self.fine * half, half)
        self.block = ConvBlock(half, half)
        outputs = len(config.classes) + config.exclusive
        self.classify = nn.Conv2d(half, 4 * outputs, 1)
        with torch.no_grad():
            start = self.classify.bias.view(outputs, 4).fill_(0.0 if config.exclusive else INITIAL_LOGIT)  # type: ignore[union-attr]
            if config.exclusive:
                start[0] = -INITIAL_LOGIT
        # Each channel has its own training data, hence its own temperature and bias; a softmax has one temperature.
        self.calibration = Calibration(1 if config.exclusive else len(config.classes))

    def forward(self, features: DeltaFeatures) -> Tensor:
        """Logits, not calibrated: losses take them as they are.

        Args:
            features: of the shapes in the configuration, any image size.

        Returns:
            (B, K, H, W) of independent classes, or (B, 1 + K, H, W) of exclusive ones, "no change" first. On padding
            the logits are constant and say "no change".
        """
        features = self.checked(features)
        size, strides = features.image_size, self.config.strides
        valid = features.image_mask
        masks = [_cells_with_image(valid, level, stride) for level, stride in zip(features.dense, strides, strict=True)]
        levels = [
            _masked(lateral(_masked(level, mask)), mask)
            for lateral, level, mask in zip(self.lateral, features.dense, masks, strict=True)
        ]  # each (B, width, H_l, W_l), at half resolution (B, half_width, H/2, W/2)

        # Before each 3x3 convolution, what is not image is zero, as it is beyond the edge of an image of its own.
        x = self.smooth[-1](levels[-1])
        for index in range(len(levels) - 2, self.fine - 1, -1):
            x = levels[index] + _enlarged(x, strides[index + 1], strides[index], _side(levels[index]))
            x = self.smooth[index - self.fine](_masked(x, masks[index]))

        stride = float(strides[self.fine])
        for step, up in enumerate(self.up):
            x, stride = up(x), stride / 2
            x = _fit(x, (cells_for(size[0], stride), cells_for(size[1], stride)), 2)
            if step < len(self.refine):
                x = self.refine[step](_masked(x, _cells_with_image(valid, x, stride)))

        half_size = (cells_for(size[0], 2), cells_for(size[1], 2))
        x = torch.cat([_fit(level, half_size, 1) for level in (x, *levels[: self.fine])], dim=1)
        mask = _cells_with_image(valid, x, 2)
        x = self.join(_masked(x, mask))  # (B, half_width, H/2, W/2)
        x = x + self.block(_masked(x, mask))
        logits = _fit(functional.pixel_shuffle(self.classify(x), 2), size, 2)
        if valid is None:
            return logits
        padding = torch.full((logits.shape[1], 1, 1), NO_CHANGE_LOGIT, dtype=logits.dtype, device=logits.device)
        if self.config.exclusive:
            padding[0] = 0.0
        return torch.where(valid[:, None], logits, padding)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Calibrated probability of each class.

        Args:
            logits: from `forward`.

        Returns:
            (B, K, H, W) float32 in [0, 1].
        """
        calibrated: Tensor = self.calibration(logits.float(), dim=1)
        return calibrated.softmax(dim=1)[:, 1:] if self.config.exclusive else calibrated.sigmoid()

    def score(self, logits: Tensor) -> Tensor:
        """1 - P(no change), calibrated.

        Args:
            logits: from `forward`.

        Returns:
            (B, H, W) float32 in [0, 1], 0 on padding. For independent classes no change means none of them.
        """
        calibrated = self.calibration(logits.float(), dim=1)
        if self.config.exclusive:
            return -torch.expm1(calibrated.log_softmax(dim=1)[:, 0])
        return -torch.expm1(functional.logsigmoid(-calibrated).sum(dim=1))


def _side(x: Tensor) -> tuple[int, int]:
    return x.shape[2], x.shape[3]


def _masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """Zero where nothing of the image is, whatever the tower made of the padding."""
    return x if mask is None else x.masked_fill(~mask, 0.0)


def _cells_with_image(valid: Tensor | None, level: Tensor, stride: float) -> Tensor | None:
    """(B, 1, h, w) bool, True for cells that any pixel of the image lies in."""
    if valid is None:
        return None
    pixels, side = valid[:, None].float(), _side(level)
    if stride == int(stride):
        pooled = functional.max_pool2d(pixels, int(stride), ceil_mode=True)
        if _side(pooled) == side:
            return pooled > 0
    return functional.adaptive_max_pool2d(pixels, side) > 0


def _enlarged(x: Tensor, coarse: int, fine: int, side: tuple[int, int]) -> Tensor:
    """A map of stride `coarse` on the cells of one of stride `fine`."""
    factor, rest = divmod(coarse, fine)
    if rest:
        return functional.interpolate(x, side, mode="bilinear", align_corners=False)
    return _fit(x if factor == 1 else functional.interpolate(x, scale_factor=float(factor)), side, factor)


def _fit(x: Tensor, side: tuple[int, int], factor: int) -> Tensor:
    """After an enlargement by `factor`: crop what lies beyond the image; rescale a map whose cells do not line up."""
    height, width = side
    if 0 <= x.shape[2] - height < factor and 0 <= x.shape[3] - width < factor:
        return x[:, :, :height, :width]
    return functional.interpolate(x, side, mode="bilinear", align_corners=False)
