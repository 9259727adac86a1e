"""The siamese encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from onediff_core.tower import build_tower, encode_pairs, image_sizes, tower_channels

if TYPE_CHECKING:
    from collections.abc import Callable

    from onediff_core import OneDiffConfig

FAMILIES = ["clip", "siglip", "siglip2", "dinov2", "convnextv2", "swin", "efficientnet_lite"]


def close(a: torch.Tensor, b: torch.Tensor, within: float = 1e-5) -> bool:
    return a.shape == b.shape and bool(((a - b).abs() <= within).all())


def test_taps_of_clip_are_its_hidden_states(make_config: Callable[..., OneDiffConfig]) -> None:
    config = make_config("clip")
    tower = build_tower(config.vision_config, config.tower_layers).eval()
    pixels = torch.randn(2, 2, 3, 28, 28)
    taps = encode_pairs(tower, pixels, None, config.tower_layers)
    assert list(taps) == [2, 4, 5, 6]
    for time in (0, 1):
        theirs = tower(pixels[:, time], output_hidden_states=True).hidden_states
        for layer, tap in taps.items():
            assert tap.prefix == 1
            assert close(tap.states[:, time], theirs[layer])
            assert close(tap.cells[:, time], theirs[layer][:, 1:])


@pytest.mark.parametrize(
    ("family", "sides"), [("convnextv2", [16, 4, 2]), ("swin", [16, 4, 2]), ("efficientnet_lite", [32, 8, 4])]
)
def test_taps_of_a_backbone_are_its_feature_maps(
    make_config: Callable[..., OneDiffConfig], family: str, sides: list[int]
) -> None:
    config = make_config(family)
    tower = build_tower(config.vision_config, config.tower_layers).eval()
    pixels = torch.randn(1, 2, 3, 64, 64)
    taps = encode_pairs(tower, pixels, None, config.tower_layers)
    theirs = tower(pixels[:, 1]).feature_maps
    assert [tap.grid for tap in taps.values()] == [(side, side) for side in sides]
    for tap, feature_map in zip(taps.values(), theirs, strict=True):
        assert close(tap.cells[:, 1], feature_map.flatten(2).transpose(1, 2))


def test_patches_of_naflex_are_those_of_its_own_image_processor(make_config: Callable[..., OneDiffConfig]) -> None:
    from transformers import Siglip2ImageProcessorPil

    config = make_config("siglip2")
    tower = build_tower(config.vision_config, config.tower_layers).eval()
    picture = torch.randint(0, 255, (28, 28, 3), dtype=torch.uint8)
    processor = Siglip2ImageProcessorPil(patch_size=7, max_num_patches=16)
    theirs = tower(**processor(picture.numpy(), return_tensors="pt"), output_hidden_states=True).hidden_states
    pixels = ((picture.permute(2, 0, 1) / 255 - 0.5) / 0.5).expand(1, 2, -1, -1, -1)
    taps = encode_pairs(tower, pixels, None, config.tower_layers)
    for layer, tap in taps.items():
        assert close(tap.states[:, 0], theirs[layer])


@pytest.mark.parametrize("family", FAMILIES)
def test_channels_are_those_of_the_states(make_config: Callable[..., OneDiffConfig], family: str) -> None:
    config = make_config(family)
    tower = build_tower(config.vision_config, config.tower_layers).eval()
    side = 64 if family in ("convnextv2", "swin", "efficientnet_lite") else 28
    taps = encode_pairs(tower, torch.randn(1, 2, 3, side, side), None, config.tower_layers)
    assert {k: tap.states.shape[-1] for k, tap in taps.items()} == tower_channels(tower, config.tower_layers)


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_changes_nothing_within_the_image(make_config: Callable[..., OneDiffConfig], family: str) -> None:
    config = make_config(family)
    tower = build_tower(config.vision_config, config.tower_layers).eval()
    unit = 32 if family in ("convnextv2", "swin", "efficientnet_lite") else 7
    sizes = [(2 * unit, 3 * unit), (3 * unit, unit), (2 * unit, 3 * unit)]
    pixels = torch.full((3, 2, 3, 4 * unit, 3 * unit), 9.0)
    mask = torch.zeros(3, 4 * unit, 3 * unit, dtype=torch.bool)
    for row, (height, width) in enumerate(sizes):
        pixels[row, :, :, :height, :width] = torch.randn(2, 3, height, width)
        mask[row, :height, :width] = True
    together = encode_pairs(tower, pixels, mask, config.tower_layers)
    for row, (height, width) in enumerate(sizes):
        alone = encode_pairs(tower, pixels[row : row + 1, :, :, :height, :width], None, config.tower_layers)
        for layer, tap in together.items():
            inside = tap.mask[row].flatten()
            assert tap.mask[row].sum() == alone[layer].grid[0] * alone[layer].grid[1]
            assert close(tap.cells[row][:, inside], alone[layer].cells[0])
            assert not tap.cells[row][:, ~inside].any()
            assert close(tap.states[row][:, : tap.prefix], alone[layer].states[0][:, : tap.prefix])


def test_both_images_go_through_in_one_call(make_config: Callable[..., OneDiffConfig]) -> None:
    config = make_config("clip")
    tower = build_tower(config.vision_config, config.tower_layers).eval()
    seen = []
    tower.register_forward_pre_hook(lambda _, __, given: seen.append(given["pixel_values"].shape), with_kwargs=True)
    encode_pairs(tower, torch.randn(3, 2, 3, 28, 28), None, config.tower_layers)
    assert seen == [(6, 3, 28, 28)]


def test_a_mask_that_is_no_rectangle_at_the_upper_left_is_refused() -> None:
    fine = torch.zeros(1, 4, 4, dtype=torch.bool)
    fine[0, :2, :3] = True
    assert image_sizes(fine) == [(2, 3)]
    hole, shifted, nothing = fine.clone(), fine.roll(1, dims=2), torch.zeros_like(fine)
    hole[0, 0, 1] = False
    for wrong in (hole, shifted, nothing):
        with pytest.raises(ValueError, match=r"image_mask\[0\] is not True in one rectangle"):
            image_sizes(wrong)


def test_an_image_that_patches_do_not_divide_is_refused(make_config: Callable[..., OneDiffConfig]) -> None:
    config = make_config("clip")
    tower = build_tower(config.vision_config, config.tower_layers)
    with pytest.raises(ValueError, match="28x30 do not divide into the 7 px patches of clip_vision_model"):
        encode_pairs(tower, torch.randn(1, 2, 3, 28, 30), None, config.tower_layers)


def test_padded_images_that_strides_do_not_divide_are_refused(make_config: Callable[..., OneDiffConfig]) -> None:
    config = make_config("convnextv2")
    tower = build_tower(config.vision_config, config.tower_layers)
    mask = torch.zeros(2, 64, 64, dtype=torch.bool)
    mask[0], mask[1, :40, :64] = True, True
    with pytest.raises(ValueError, match="multiples of the tower's largest stride"):
        encode_pairs(tower, torch.randn(2, 2, 3, 64, 64), mask, config.tower_layers)
