"""PairHead: did anything change at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Final

import torch
from torch import nn
from torch.nn import functional

from onediff_core.calibration import Calibration
from onediff_core.heads.base import Head
from onediff_core.heads.blocks import TokenReader

if TYPE_CHECKING:
    from torch import Tensor

    from onediff_core.features import DeltaFeatures
    from onediff_core.heads.config import HeadConfig, Task

_THRESHOLDS: Final = (0.3, 0.5, 0.7)
_WINDOWS: Final = (1, 4, 16, 32)  # pixels
_TOP_SHARE: Final = 0.01
EVIDENCE: Final = len(_THRESHOLDS) + 1 + len(_WINDOWS)


class PairHead(Head):
    """Changed or not, from the delta tokens and from what a mask head found.

    Its probability is calibrated: the temperature and bias of `calibration` are set from held-out pairs, see
    `onediff_core.calibration.fit_temperature`.
    """

    task: ClassVar[Task] = "pair"

    def __init__(self, config: HeadConfig) -> None:
        """Build an untrained head.

        Args:
            config: of task "pair"; `evidence` says whether it looks at a mask head's score.
        """
        super().__init__(config)
        width = config.width
        self.query = nn.Parameter(torch.randn(1, 1, width) / math.sqrt(width))
        self.read = TokenReader(config.token_size, width)
        inputs = width if config.evidence is None else width + EVIDENCE
        self.decide = nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, 1))
        self.calibration = Calibration(1)

    def forward(self, features: DeltaFeatures, score: Tensor | None = None) -> Tensor:
        """Logit of "changed", not calibrated: losses and `fit_temperature` take it as it is.

        Args:
            features: of B pairs.
            score: (B, H, W) score of the mask head that `config.evidence` names, or None where it names none. No
                gradient flows back into it.

        Returns:
            (B,).

        Raises:
            ValueError: a score that is missing, not asked for, or of another shape.
        """
        features = self.checked(features)
        batch, evidence = len(features.tokens), self.config.evidence
        if (score is None) != (evidence is None):
            wanted = "takes no score" if evidence is None else f"needs the score of the mask head {evidence!r}"
            raise ValueError(f"head {self.config.name!r} {wanted}")
        read = self.read(self.query.expand(batch, -1, -1), features.tokens)[:, 0]  # (B, width)
        if score is not None:
            expected = (batch, *features.image_size)
            if tuple(score.shape) != expected:
                raise ValueError(f"head {self.config.name!r}: score must be {expected}, got {tuple(score.shape)}")
            read = torch.cat([read, mask_evidence(score.detach(), features.image_mask).to(read.dtype)], dim=1)
        logits: Tensor = self.decide(read)
        return logits[:, 0]

    def score(self, logits: Tensor) -> Tensor:
        """Calibrated probability of "changed".

        Args:
            logits: (B,) from `forward`.

        Returns:
            (B,) float32 in [0, 1].
        """
        calibrated: Tensor = self.calibration(logits.float()[:, None])
        return calibrated[:, 0].sigmoid()


def mask_evidence(score: Tensor, valid: Tensor | None = None) -> Tensor:
    """What a score map says about the pair, in numbers that do not depend on the size of the image's unchanged rest.

    Args:
        score: (B, H, W) in [0, 1].
        valid: (B, H, W) bool, False on padding, or None.

    Returns:
        (B, 8) float32: log area in pixels above 0.3, 0.5 and 0.7; mean of the highest percent; highest mean in a window
        of 1, 4, 16 and 32 pixels a side, which tells one coherent change from scattered noise.
    """
    score = score.float() if valid is None else score.float().masked_fill(~valid, 0.0)
    flat = score.flatten(1)  # (B, H * W)
    areas = [torch.log1p((flat > threshold).sum(1).float()) / 10 for threshold in _THRESHOLDS]
    pixels = valid.flatten(1).sum(1) if valid is not None else torch.full_like(flat[:, 0], flat.shape[1]).long()
    count = (pixels * _TOP_SHARE).long().clamp(min=1)  # (B,)
    highest = flat.topk(int(count.max()), dim=1).values.cumsum(1)
    top = highest.gather(1, (count - 1)[:, None])[:, 0] / count
    peaks = [
        functional.avg_pool2d(
            score[:, None], (min(side, score.shape[1]), min(side, score.shape[2])), stride=max(1, side // 4)
        ).amax((1, 2, 3))
        for side in _WINDOWS
    ]
    return torch.stack([*areas, top, *peaks], dim=1)
