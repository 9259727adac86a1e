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
    from torch import Tensor


def cells_for(pixels: int, stride: float) -> int:
    """Cells of `stride` pixels that a side of so many pixels needs."""
    return int(-(-pixels // stride))


def image_part(
    level: Tensor, stride: int, padded: tuple[int, int], image: tuple[int, int]
) -> tuple[Tensor, tuple[int, int]]:
    """The cells of a map that an image lies in, and the pixels that they cover.

    A tower that works on whole cells sees a little more than the image: its last row and column of cells reach beyond.
    A map with any other number of cells is taken to cover the padded image as it is.

    Args:
        level: (C, h, w).
        stride: pixels per cell.
        padded: (H, W) that the map was made from.
        image: (H, W) of the image in its upper left corner; the same where there is no padding.

    Returns:
        (C, h', w'), and the height and width in pixels that it covers.
    """
    if level.shape[1:] != (cells_for(padded[0], stride), cells_for(padded[1], stride)):
        return level, padded
    height, width = cells_for(image[0], stride), cells_for(image[1], stride)
    return level[:, :height, :width], (height * stride, width * stride)


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


def roi_align(feature: Tensor, boxes: Tensor, extent: tuple[float, float], *, size: int, samples: int) -> Tensor:
    """Mean features in the cells of a size x size grid laid over each box, by bilinear samples.

    Args:
        feature: (C, h, w).
        boxes: (N, 4) of x0, y0, x1, y1 in pixels, outer corners; beyond the map its edge is repeated.
        extent: height and width in pixels that the map covers.
        size: cells along each side of a box.
        samples: bilinear samples along each side of a cell.

    Returns:
        (N, C, size, size).

    Source: He et al., "Mask R-CNN", ICCV 2017, section 3; sampling points inside each cell at equal distances.
    """
    if not len(boxes):
        return feature.new_zeros(0, len(feature), size, size)
    count = size * samples
    steps = (torch.arange(count, device=feature.device, dtype=feature.dtype) + 0.5) / count
    x0, y0, x1, y1 = boxes.to(feature).unbind(1)  # each (N,)
    x = x0[:, None] + (x1 - x0)[:, None] * steps  # (N, size * samples)
    y = y0[:, None] + (y1 - y0)[:, None] * steps
    points = torch.stack([x[:, None, :].expand(-1, count, -1), y[:, :, None].expand(-1, -1, count)], dim=-1)
    grid = to_grid(points, extent).view(1, -1, count, 2)  # all boxes below each other
    values = functional.grid_sample(feature[None], grid, padding_mode="border", align_corners=False)
    return functional.avg_pool2d(values.view(-1, len(boxes), count, count).transpose(0, 1), samples)
