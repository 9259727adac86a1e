"""From pixels to feature maps: the one place where pixel coordinates become positions on a map.

Pixel coordinates are those of the library: x is the column, y the row, (0, 0) is the **outer corner** of the first
pixel of the after image, whose centre is (0.5, 0.5). `grid_sample` with `align_corners=False` has its -1 and 1 at the
outer corners of the map's first and last cell, so one linear map connects the two, without half pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def covered(cells: int, stride: float, pixels: int) -> float:
    """How many pixels a side of a map covers.

    A tower that pads an image up to a whole number of cells sees a little more than the image: cells * stride. Any
    other map covers the image as it is.

    Args:
        cells: side of the map.
        stride: pixels per cell.
        pixels: side of the image.
    """
    return cells * stride if cells == cells_for(pixels, stride) else float(pixels)


def cells_for(pixels: int, stride: float) -> int:
    """Cells of `stride` pixels that a side of so many pixels needs."""
    return int(-(-pixels // stride))


def to_grid(points: Tensor, extent: tuple[float, float]) -> Tensor:
    """Pixel coordinates as positions for `grid_sample(align_corners=False)`.

    Args:
        points: (..., 2) x and y in pixels, (0, 0) the outer corner of the first.
        extent: height and width in pixels that the map covers.

    Returns:
        (..., 2), -1 and 1 at the outer corners of the map.
    """
    height, width = extent
    return 2 * points / points.new_tensor([width, height]) - 1


def roi_align(
    feature: Tensor, boxes: Sequence[Tensor], extent: tuple[float, float], *, size: int, samples: int
) -> Tensor:
    """Mean features in the cells of a size x size grid laid over each box, by bilinear samples.

    Args:
        feature: (B, C, h, w).
        boxes: B tensors (N_i, 4) of x0, y0, x1, y1 in pixels, outer corners; outside of the map its edge is repeated.
        extent: height and width in pixels that the map covers.
        size: cells along each side of a box.
        samples: bilinear samples along each side of a cell.

    Returns:
        (sum of N_i, C, size, size), in the order of the boxes.

    Source: He et al., "Mask R-CNN", ICCV 2017, section 3; sampling points inside each cell at equal distances.
    """
    count = size * samples
    steps = (torch.arange(count, device=feature.device, dtype=feature.dtype) + 0.5) / count
    pooled = []
    for image, corners in zip(feature, boxes, strict=True):
        x0, y0, x1, y1 = corners.to(feature).unbind(1)  # (N,)
        x = x0[:, None] + (x1 - x0)[:, None] * steps  # (N, size * samples)
        y = y0[:, None] + (y1 - y0)[:, None] * steps
        points = torch.stack([x[:, None, :].expand(-1, count, -1), y[:, :, None].expand(-1, -1, count)], dim=-1)
        grid = to_grid(points, extent).view(1, -1, count, 2)  # all boxes of an image below each other
        values = functional.grid_sample(image[None], grid, padding_mode="border", align_corners=False)
        values = values.view(image.shape[0], len(corners), count, count).transpose(0, 1)
        pooled.append(functional.avg_pool2d(values, samples) if len(corners) else values[..., :size, :size])
    return torch.cat(pooled)
