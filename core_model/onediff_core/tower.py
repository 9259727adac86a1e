"""The siamese encoder: any vision tower, its hidden states at chosen layers for both images of each pair."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from transformers import AutoBackbone, AutoModel

from onediff_core.configuration_onediff import has_stages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tap:
    """What the tower knew of both images of each pair after one of its layers.

    Attributes:
        states: (B, 2, P + h*w, C): before and after; P tokens of the whole image (class and register tokens), then one
            for each cell of the grid, row by row.
        grid: (h, w) cells, on which the padded image lies.
        prefix: P; 0 for towers without such tokens.
        mask: (B, h, w) bool, False where there is only padding; None where there is none.
        knows_places: whether the tower has put positions into its tokens.
    """

    states: Tensor
    grid: Size
    prefix: int
    mask: Tensor | None
    knows_places: bool

    @property
    def cells(self) -> Tensor:
        """(B, 2, h*w, C): the states without those of the whole image."""
        return self.states[:, :, self.prefix :]

    def to(self, dtype: torch.dtype) -> Tap:
        """The same in another precision."""
        return replace(self, states=self.states.to(dtype))


def build_tower(config: PreTrainedConfig, layers: Sequence[int]) -> PreTrainedModel:
    """A tower with random weights that yields the states of the given layers or stages."""
    if has_stages(config):
        config = copy.deepcopy(config)
        config.out_indices = list(layers)
        tower: PreTrainedModel = AutoBackbone.from_config(config)
    else:
        tower = AutoModel.from_config(config)
    return tower


def tower_channels(tower: Any, layers: Sequence[int]) -> dict[int, int]:
    """Channels of the states of each layer or stage."""
    if has_stages(tower.config):
        return dict(zip(layers, tower.channels, strict=True))
    return dict.fromkeys(layers, tower.config.hidden_size)


def pair_of(pixel_values: Tensor | None, before: Tensor | None, after: Tensor | None, *, channels: int) -> Tensor:
    """(B, 2, C, H, W) from itself or from two (B, C, H, W), checked.

    Raises:
        ValueError: both or neither are given, a shape or dtype is wrong, or (on the CPU) a pixel is not finite.
    """
    if pixel_values is None:
        if before is None or after is None:
            raise ValueError("give pixel_values, or both before and after")
        if before.shape != after.shape:
            raise ValueError(
                f"before is {tuple(before.shape)} and after {tuple(after.shape)}: they have to be of one size"
            )
        pixel_values = torch.stack([before, after], dim=1)
    elif before is not None or after is not None:
        raise ValueError("give either pixel_values or before and after")
    shape = tuple(pixel_values.shape)
    if len(shape) != 5 or shape[1] != 2 or shape[2] != channels:
        raise ValueError(f"pixel_values is {shape}: the tower needs (pairs, 2, {channels}, height, width)")
    if 0 in shape:
        raise ValueError(f"pixel_values is {shape}: there is no pair in it, or no pixel")
    if not pixel_values.is_floating_point():
        raise ValueError(f"pixel_values is of {pixel_values.dtype}: give floats, normalised by OneDiffImageProcessor")
    # Looking at values makes an accelerator wait and breaks a compiled graph; OneDiffImageProcessor has looked already.
    if pixel_values.device.type == "cpu" and not torch.compiler.is_compiling():
        _check_finite(pixel_values)
    return pixel_values


def encode_pairs(tower: Any, pixel_values: Tensor, image_mask: Tensor | None, layers: Sequence[int]) -> dict[int, Tap]:
    """Both images of every pair through one tower, in one batch.

    Few towers heed padding, so none ever sees any: pairs of one size go through together, and their states are padded.
    A batch of one size, the usual case, is one call.

    Args:
        tower: as of `build_tower`.
        pixel_values: (B, 2, C, H, W), normalised as the tower wants it.
        image_mask: (B, H, W) bool, True in a rectangle at the upper left, where each pair's images are; None:
            everywhere.
        layers: those of `build_tower`, ascending.

    Returns:
        The tap of each layer.

    Raises:
        ValueError: sizes that the tower's patches or strides do not divide, or a mask that is no such rectangle.
    """
    if image_mask is None:
        return {
            layer: Tap(
                states=states.unflatten(0, (-1, 2)),  # (B, 2, P + h*w, C)
                grid=grid,
                prefix=prefix,
                mask=None,
                knows_places=not has_stages(tower.config),
            )
            for layer, (states, grid, prefix) in _encode(tower, pixel_values.flatten(0, 1), layers).items()
        }

    sizes = image_sizes(image_mask)
    rows = {size: [row for row, other in enumerate(sizes) if other == size] for size in dict.fromkeys(sizes)}
    taps = [
        encode_pairs(tower, pixel_values[of_size][..., : size[0], : size[1]], None, layers)
        for size, of_size in rows.items()
    ]
    order = torch.tensor([row for of_size in rows.values() for row in of_size], device=pixel_values.device).argsort()
    canvas = (pixel_values.shape[-2], pixel_values.shape[-1])
    return {layer: _joined([tap[layer] for tap in taps], list(rows), canvas, order) for layer in layers}


def image_sizes(image_mask: Tensor) -> list[Size]:
    """(h, w) of the rectangle of True at the upper left of each (H, W) mask of a (B, H, W) batch.

    Raises:
        ValueError: a mask that is anything else, or all False.
    """
    heights, widths = image_mask.any(2).sum(1), image_mask.any(1).sum(1)  # each (B,)
    area = image_mask.sum((1, 2))
    corner = image_mask[:, 0, 0]
    sizes = torch.stack([heights, widths, area, corner], dim=1).tolist()
    for row, (height, width, filled, starts) in enumerate(sizes):
        rectangle = image_mask[row, :height, :width]
        if not starts or height * width != filled or not bool(rectangle.all()):
            raise ValueError(f"image_mask[{row}] is not True in one rectangle at the upper left and False elsewhere")
    return [(height, width) for height, width, _, _ in sizes]


def _encode(tower: Any, images: Tensor, layers: Sequence[int]) -> dict[int, tuple[Tensor, Size, int]]:
    """States (N, P + h*w, C), grid and P of each layer, for images (N, C, H, W) without padding."""
    images = images.to(dtype=tower.dtype)
    if has_stages(tower.config):
        maps = tower(images).feature_maps  # each (N, C, h, w)
        return {
            k: (m.flatten(2).transpose(1, 2), (m.shape[2], m.shape[3]), 0) for k, m in zip(layers, maps, strict=True)
        }

    patch = tower.config.patch_size
    height, width = images.shape[-2:]
    if height % patch or width % patch:
        raise ValueError(
            f"images of {height}x{width} do not divide into the {patch} px patches of {tower.config.model_type}: "
            f"resize them to multiples of {patch}, as OneDiffImageProcessor(size_multiple={patch}) does"
        )
    grid = (height // patch, width // patch)
    accepted = inspect.signature(tower.forward).parameters
    if "spatial_shapes" in accepted:  # SigLIP 2 as NaFlex takes patches, row by row, and their number each way
        inputs = {
            "pixel_values": functional.unfold(images, patch, stride=patch)  # (N, C*p*p, h*w)
            .unflatten(1, (images.shape[1], -1))
            .permute(0, 3, 2, 1)  # (N, h*w, p*p, C)
            .flatten(2),
            "pixel_attention_mask": images.new_ones(len(images), grid[0] * grid[1], dtype=torch.long),
            "spatial_shapes": torch.tensor([grid] * len(images), device=images.device),
        }
    else:
        inputs = {"pixel_values": images}
        if "interpolate_pos_encoding" in accepted:
            size = tower.config.image_size
            inputs["interpolate_pos_encoding"] = (height, width) != (size if isinstance(size, tuple) else (size, size))
    states = tower(**inputs, output_hidden_states=True).hidden_states  # each (N, P + h*w, C)
    prefix = states[0].shape[1] - grid[0] * grid[1]
    return {layer: (states[layer], grid, prefix) for layer in layers}


def _joined(taps: list[Tap], sizes: list[Size], canvas: Size, order: Tensor) -> Tap:
    """Taps of pairs of several sizes as one, padded to the canvas, in the batch's order."""
    strides = {(size[0] / tap.grid[0], size[1] / tap.grid[1]) for tap, size in zip(taps, sizes, strict=True)}
    stride = strides.pop()
    if strides or stride[0] != stride[1] or any(side % stride[0] for side in canvas):
        raise ValueError(
            f"images of {sizes} on {canvas} do not share one grid: the sides of padded images have to be multiples of "
            "the tower's largest stride, as OneDiffImageProcessor(size_multiple=...) makes them"
        )
    grid = (int(canvas[0] // stride[0]), int(canvas[1] // stride[0]))
    states, masks = [], []
    for tap in taps:
        padding = (0, grid[1] - tap.grid[1], 0, grid[0] - tap.grid[0])
        maps = tap.cells.transpose(2, 3).unflatten(3, tap.grid)  # (b, 2, C, h, w)
        cells = functional.pad(maps, padding).flatten(3).transpose(2, 3)  # (b, 2, H*W, C)
        states.append(torch.cat([tap.states[:, :, : tap.prefix], cells], dim=2))
        present = torch.ones(len(maps), *tap.grid, dtype=torch.bool, device=maps.device)
        masks.append(functional.pad(present, padding))  # (b, H, W)
    return Tap(
        states=torch.cat(states)[order],
        grid=grid,
        prefix=taps[0].prefix,
        mask=torch.cat(masks)[order],
        knows_places=taps[0].knows_places,
    )


def _check_finite(pixel_values: Tensor) -> None:
    wrong = (~pixel_values.isfinite().flatten(2).all(2)).nonzero()  # (n, 2): pair, image
    if len(wrong):
        pair, image = wrong[0].tolist()
        raise ValueError(
            f"the {('before', 'after')[image]} image of pair {pair} has NaN or infinite pixels: fill them (nodata, for "
            "example) or leave the pair out"
        )
