"""Dense inference on images larger than the network's window.

What is blended are **probabilities**, and blending comes before any threshold. A probability is bounded, so no window
outvotes its neighbours by more than its weight, which one extreme logit could; and blending is linear, so the blended
score is still 1 - P(no change). A threshold before blending would leave the windows' edges in the mask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import torch

from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

WINDOW: Final = 256
OVERLAP: Final = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """A window of an image and how much it says about each of its pixels.

    Attributes:
        box: in pixels of the image, wholly inside.
        rows: (box.height,) float64 weights; over all tiles of a plan, rows * columns sums to 1 at each pixel.
        columns: (box.width,) float64 weights.
    """

    box: Box
    rows: Tensor
    columns: Tensor


def plan_tiles(height: int, width: int, *, window: int = WINDOW, overlap: int = OVERLAP) -> list[Tile]:
    """Windows of one size that cover an image exactly, with a cosine taper where they overlap.

    Along each side the fewest windows that overlap by at least `overlap` pixels, evenly spread. A side that is shorter
    than the window has one, as long as the side. Weights fall as a squared cosine towards a neighbour, stay at full
    height towards the image's own edges, and are normalised here, so that blending is a plain sum.

    Args:
        height: rows of the image.
        width: columns of the image.
        window: side of a window in pixels.
        overlap: least overlap of neighbours in pixels, at most half of the window.

    Returns:
        Tiles, row by row.

    Raises:
        ValueError: an empty image, or an overlap that does not fit the window.
    """
    if height < 1 or width < 1:
        raise ValueError(f"an image of {height} x {width} pixels has nothing to tile")
    if window < 1 or not 0 <= overlap <= window // 2:
        raise ValueError(f"overlap must be between 0 and half of the window, got {overlap} and window {window}")
    rows, columns = _axis(height, window, overlap), _axis(width, window, overlap)
    return [
        Tile(box=Box(x, y, x + len(across), y + len(down)), rows=down, columns=across)
        for y, down in rows
        for x, across in columns
    ]


def _axis(length: int, window: int, overlap: int) -> list[tuple[int, Tensor]]:
    """Start and normalised weights of each window along one side."""
    if length <= window:
        return [(0, torch.ones(length, dtype=torch.float64))]
    count = math.ceil((length - overlap) / (window - overlap))
    starts = [round(index * (length - window) / (count - 1)) for index in range(count)]
    weights = []
    for index, start in enumerate(starts):
        weight = torch.ones(window, dtype=torch.float64)
        if index > 0:
            shared = starts[index - 1] + window - start
            weight[:shared] *= _rise(shared)
        if index < count - 1:
            shared = start + window - starts[index + 1]
            weight[window - shared :] *= _rise(shared).flip(0)
        weights.append(weight)
    total = torch.zeros(length, dtype=torch.float64)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + window] += weight
    return [(start, weight / total[start : start + window]) for start, weight in zip(starts, weights, strict=True)]


def _rise(length: int) -> Tensor:
    """(length,) from near 0 to near 1 as a squared sine; with its own mirror image it sums to 1."""
    return torch.sin((torch.arange(length, dtype=torch.float64) + 0.5) / length * (math.pi / 2)) ** 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """An aligned pair from which windows are cut when their turn comes.

    Attributes:
        height: rows of the after grid.
        width: columns of the after grid.
        cut: box -> the before and the after image there, each (C, box.height, box.width).
    """

    height: int
    width: int
    cut: Callable[[Box], tuple[Tensor, Tensor]]

    @classmethod
    def of(cls, before: Tensor, after: Tensor) -> Self:
        """A pair that is in memory.

        Args:
            before: (C, H, W).
            after: (C, H, W), the same shape.
        """
        if before.ndim != 3 or before.shape != after.shape:
            raise ValueError(
                f"before and after must be (C, H, W) of one shape, got {tuple(before.shape)} and {tuple(after.shape)}"
            )

        def cut(box: Box) -> tuple[Tensor, Tensor]:
            rows, columns = box.slices
            return before[:, rows, columns], after[:, rows, columns]

        return cls(height=after.shape[1], width=after.shape[2], cut=cut)


def predict_tiled(
    network: Callable[[Tensor, Tensor], Tensor],
    scenes: Iterable[Scene],
    *,
    window: int = WINDOW,
    overlap: int = OVERLAP,
    batch_size: int = 8,
) -> Iterator[Tensor]:
    """Run a dense network over scenes of any size, tiles of several scenes in one batch.

    At any time memory holds one batch of windows and one accumulator for each scene with a tile in that batch. Scenes
    and windows are asked for when they are needed. A scene that fits into one window gets what the network says, as it
    is.

    Args:
        network: (T, C, h, w) before and after -> (T, K, h, w) probabilities, such as class probabilities with the
            score as one more channel. It sees windows of one shape at a time, and every window on its own.
        scenes: any number.
        window: see `plan_tiles`.
        overlap: see `plan_tiles`.
        batch_size: most windows in one call of the network.

    Yields:
        (K, H, W) float32 on the CPU for each scene, in the order of the scenes.

    Raises:
        ValueError: a batch size under 1, or a network that answers in another shape.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    waiting: list[tuple[_Mosaic, Tile]] = []
    open_scenes: list[_Mosaic] = []
    for scene in scenes:
        tiles = plan_tiles(scene.height, scene.width, window=window, overlap=overlap)
        mosaic = _Mosaic(scene, len(tiles))
        open_scenes.append(mosaic)
        for tile in tiles:
            if waiting and (len(waiting) == batch_size or _shape(waiting[0][1]) != _shape(tile)):
                _run(network, waiting)
                waiting = []
                while open_scenes and not open_scenes[0].missing:
                    yield open_scenes.pop(0).finished()
            waiting.append((mosaic, tile))
    if waiting:
        _run(network, waiting)
    yield from (mosaic.finished() for mosaic in open_scenes)


def _shape(tile: Tile) -> tuple[int, int]:
    return tile.box.height, tile.box.width


class _Mosaic:
    """The sum of a scene's weighted tiles so far."""

    def __init__(self, scene: Scene, tiles: int) -> None:
        self.scene = scene
        self.missing = tiles
        self.whole = tiles == 1
        self.sum: Tensor | None = None

    def add(self, tile: Tile, values: Tensor) -> None:
        self.missing -= 1
        values = values.float().cpu()
        if self.whole:
            self.sum = values.clone()  # not a view that keeps its whole batch alive
            return
        if self.sum is None:
            self.sum = torch.zeros(len(values), self.scene.height, self.scene.width)
        rows, columns = tile.box.slices
        self.sum[:, rows, columns] += values * (tile.rows[:, None] * tile.columns).float()

    def finished(self) -> Tensor:
        if self.sum is None:
            raise RuntimeError("a scene without a tile")
        return self.sum


def _run(network: Callable[[Tensor, Tensor], Tensor], batch: list[tuple[_Mosaic, Tile]]) -> None:
    cuts = [mosaic.scene.cut(tile.box) for mosaic, tile in batch]
    before, after = torch.stack([cut[0] for cut in cuts]), torch.stack([cut[1] for cut in cuts])
    with torch.inference_mode():
        values = network(before, after)
    if values.ndim != 4 or (len(values), *values.shape[2:]) != (len(batch), *after.shape[2:]):
        raise ValueError(
            f"the network must answer ({len(batch)}, K, {after.shape[2]}, {after.shape[3]}), got {tuple(values.shape)}"
        )
    for (mosaic, tile), value in zip(batch, values, strict=True):
        mosaic.add(tile, value)
