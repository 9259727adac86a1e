"""RegionHead: what kind of change a box holds, and of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from onediff_core.heads.base import Head
from onediff_core.heads.blocks import TokenReader
from onediff_core.heads.grids import image_part, roi_align
from onediff_plugins.specs import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from onediff_core.features import DeltaFeatures
    from onediff_core.heads.config import HeadConfig, Task

_CELLS: Final = 3  # cells along each side of a box: enough to tell its middle from its rim
_SAMPLES: Final = 4  # bilinear samples along each side of a cell


class RegionLogits(NamedTuple):
    """Answers for all boxes of a batch, in the order of the boxes.

    Attributes:
        label: (N, K) logits of exclusive classes.
        kind: (N, 4) logits of exclusive kinds: added, removed, changed, moved.
    """

    label: Tensor
    kind: Tensor


class RegionView(NamedTuple):
    """What a head goes by, of N boxes.

    Attributes:
        pooled: (N, 9, C) of each dense map: three by three cells of the box.
        place: (N, 6) where the box lies and how large it is.
        tokens: (N, Q, token_size) delta tokens of its pair.
    """

    pooled: tuple[Tensor, ...]
    place: Tensor
    tokens: Tensor


class RegionAnswer(NamedTuple):
    """What a box holds, in words.

    Attributes:
        kind: kind of change.
        label: class name.
        confidence: probability of the label, in [0, 1].
        kind_confidence: probability of the kind, likewise.
    """

    kind: str
    label: str
    confidence: float
    kind_confidence: float


class RegionHead(Head):
    """Kind and label of boxes, from the dense features inside, the delta tokens, and where the box lies."""

    task: ClassVar[Task] = "region"

    def __init__(self, config: HeadConfig) -> None:
        """Build an untrained head.

        Args:
            config: of task "region".
        """
        super().__init__(config)
        width = config.width
        self.norm = nn.ModuleList(nn.LayerNorm(channels) for channels in config.channels)
        self.lateral = nn.ModuleList(nn.Linear(channels, width) for channels in config.channels)
        self.pool = nn.Linear(_CELLS * _CELLS * width, width)
        self.place = nn.Linear(6, width)
        self.read = TokenReader(config.token_size, width)
        self.mix = nn.Linear(3 * width, 2 * width)
        self.label = nn.Linear(2 * width, len(config.classes))
        self.kind = nn.Linear(2 * width, len(KINDS))

    def forward(self, features: DeltaFeatures, boxes: Sequence[Tensor]) -> RegionLogits:
        """Classify boxes.

        Args:
            features: of B pairs.
            boxes: B tensors (N_i, 4) of x0, y0, x1, y1 in pixels of the after image; (0, 0) is the outer corner of the
                first pixel, x1 and y1 are exclusive.

        Returns:
            Logits of all boxes.

        Raises:
            ValueError: not one tensor per pair, or a box that is empty or not finite; pair and box are named.
        """
        return self.decide(self.look(features, boxes))

    def look(self, features: DeltaFeatures, boxes: Sequence[Tensor]) -> RegionView:
        """All that it goes by, in which it has no part itself: of a base that stays as it is, it can be kept.

        Args:
            features: as for `forward`.
            boxes: as for `forward`.
        """
        features = self.checked(features)
        _check_boxes(self.config.name, boxes, len(features.tokens))
        parts = [self._look_at(features, pair, corners) for pair, corners in enumerate(boxes)]
        return RegionView(
            pooled=tuple(torch.cat(level) for level in zip(*(part.pooled for part in parts), strict=True)),
            place=torch.cat([part.place for part in parts]),
            tokens=torch.cat([part.tokens for part in parts]),
        )

    def _look_at(self, features: DeltaFeatures, pair: int, boxes: Tensor) -> RegionView:
        """The boxes of one pair, without its padding: it is read alike alone and in a batch."""
        size = features.image_size
        own = size if features.image_mask is None else _image_size(features.image_mask[pair])
        pooled = []
        for level, stride in zip(features.dense, self.config.strides, strict=True):
            part, extent = image_part(level[pair], stride, size, own)
            cells = roi_align(part, boxes, extent, size=_CELLS, samples=_SAMPLES)  # (N, C, 3, 3)
            pooled.append(cells.flatten(2).transpose(1, 2))  # (N, 9, C)
        # Where a box lies is worked out in single precision: halves tell pixel 1000 from 1003 no longer.
        place = _place(boxes.float(), own).to(pooled[0])
        return RegionView(tuple(pooled), place, features.tokens[pair].expand(len(boxes), -1, -1))

    def decide(self, seen: RegionView) -> RegionLogits:
        """Logits of all boxes, from what `look` saw."""
        levels = [
            lateral(norm(pooled))  # (N, 9, width)
            for pooled, norm, lateral in zip(seen.pooled, self.norm, self.lateral, strict=True)
        ]
        inside = self.pool(functional.gelu(torch.stack(levels).sum(0)).flatten(1))  # (N, width)
        query = inside + self.place(seen.place)
        read = self.read(query[:, None], seen.tokens)[:, 0]
        mixed = functional.gelu(self.mix(torch.cat([inside, query, read], dim=1)))
        return RegionLogits(label=self.label(mixed), kind=self.kind(mixed))

    def answers(self, logits: RegionLogits) -> list[RegionAnswer]:
        """The likeliest label and kind of each box; a class that has a direction of its own decides the kind.

        Args:
            logits: from `forward`.
        """
        sure_of_labels, labels = logits.label.float().softmax(1).max(1)
        sure_of_kinds, kinds = logits.kind.float().softmax(1).max(1)
        found = []
        for label, confidence, kind, kind_confidence in zip(
            labels.tolist(), sure_of_labels.tolist(), kinds.tolist(), sure_of_kinds.tolist(), strict=True
        ):
            name = self.config.classes[label]
            told = self.config.kinds.get(name)
            if told is None:
                found.append(RegionAnswer(KINDS[kind], name, confidence, kind_confidence))
            else:
                found.append(RegionAnswer(told, name, confidence, confidence))
        return found


def _image_size(mask: Tensor) -> tuple[int, int]:
    """Height and width of what is not padding, which lies at the right and bottom."""
    return max(1, int(mask.any(1).sum())), max(1, int(mask.any(0).sum()))


def _place(boxes: Tensor, image: tuple[int, int]) -> Tensor:
    """(N, 6): the corners as shares of the image, and the size in pixels on a log scale."""
    height, width = image
    sides = boxes[:, 2:] - boxes[:, :2]
    return torch.cat([boxes / boxes.new_tensor([width, height, width, height]), sides.log1p() / 5], dim=1)


def _check_boxes(name: str, boxes: Sequence[Tensor], batch: int) -> None:
    if len(boxes) != batch:
        raise ValueError(f"head {name!r}: boxes must be one tensor per pair, got {len(boxes)} for {batch} pairs")
    for pair, corners in enumerate(boxes):
        if corners.ndim != 2 or corners.shape[1] != 4:
            raise ValueError(f"head {name!r}: boxes of pair {pair} must be (N, 4), got {tuple(corners.shape)}")
        wrong = ~(corners.isfinite().all(1) & (corners[:, 2:] > corners[:, :2]).all(1))
        if bool(wrong.any()):
            index = int(wrong.nonzero()[0])
            raise ValueError(
                f"head {name!r}: box {index} of pair {pair} must be finite with x0 < x1 and y0 < y1, "
                f"got {corners[index].tolist()}"
            )
