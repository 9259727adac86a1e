"""From two pictures to what the tower takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, CLIPImageProcessorPil, ConvNextV2Config, Dinov2Config, SiglipVisionConfig

from onediff_core import OneDiffConfig, OneDiffImageProcessor

if TYPE_CHECKING:
    from pathlib import Path

Pair = tuple[np.ndarray, np.ndarray]


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_pixels_are_those_of_clips_own_processor(picture_pair: Pair) -> None:
    ours = OneDiffImageProcessor(size=(28, 28))(picture_pair)["pixel_values"]
    theirs = CLIPImageProcessorPil(size={"height": 28, "width": 28}, do_center_crop=False)
    for time, picture in enumerate(picture_pair):
        expected = theirs(Image.fromarray(picture), return_tensors="pt")["pixel_values"]
        assert torch.allclose(ours[:, time], expected, atol=1e-5)


def test_pictures_arrays_and_floats_are_one_thing(picture_pair: Pair) -> None:
    process = OneDiffImageProcessor(size=(28, 28))
    arrays = process(picture_pair)["pixel_values"]
    assert torch.equal(process([tuple(map(Image.fromarray, picture_pair))])["pixel_values"], arrays)
    # Pillow rounds bytes twice when it resizes them, and cuts off where bicubic overshoots, which it does not do here.
    soft = tuple(picture // 4 + 100 for picture in picture_pair)
    floats = process(tuple(picture / 255 for picture in soft))["pixel_values"]
    assert (floats - process(soft)["pixel_values"]).abs().max() < 0.03


def test_grey_and_transparent_pictures_become_colour() -> None:
    grey = Image.fromarray(noise(28, 28)[..., 0])
    made = OneDiffImageProcessor(size=(28, 28), image_mean=(0, 0, 0), image_std=(1, 1, 1))((grey, grey.convert("RGBA")))
    assert made["pixel_values"].shape == (1, 2, 3, 28, 28)
    assert torch.equal(made["pixel_values"][0, 0], made["pixel_values"][0, 1])


def test_identical_pictures_stay_identical(picture_pair: Pair) -> None:
    made = OneDiffImageProcessor(size=None)((picture_pair[0], picture_pair[0]))["pixel_values"]
    assert torch.equal(made[:, 0], made[:, 1])


def test_nothing_is_cropped_away() -> None:
    before = np.zeros((60, 30, 3), np.uint8)
    for y, x in ((slice(0, 6), slice(None)), (slice(54, 60), slice(None)), (slice(None), slice(0, 3))):
        after = before.copy()
        after[y, x] = 255
        made = OneDiffImageProcessor(size=(28, 28))((before, after))["pixel_values"]
        assert (made[0, 1] - made[0, 0]).abs().max() > 1


def test_pairs_of_several_sizes_are_padded_and_the_mask_says_where() -> None:
    process = OneDiffImageProcessor(size=None, size_multiple=14)
    pairs = [(noise(28, 42), noise(28, 42, 1)), (noise(55, 30), noise(55, 30, 1))]
    made = process(pairs)
    assert made["pixel_values"].shape == (2, 2, 3, 56, 42)
    assert made["image_mask"].dtype == torch.bool
    assert made["image_mask"].sum((1, 2)).tolist() == [28 * 42, 56 * 28]
    assert not made["pixel_values"].permute(0, 3, 4, 1, 2)[~made["image_mask"]].any()
    for row, pair in enumerate(pairs):
        alone = process(pair)
        assert "image_mask" not in alone
        height, width = alone["pixel_values"].shape[-2:]
        assert torch.equal(made["pixel_values"][row, ..., :height, :width], alone["pixel_values"][0])


@pytest.mark.parametrize(
    ("settings", "given", "made"),
    [
        ({"size": (28, 42)}, (100, 200), (28, 42)),
        ({"size": None}, (100, 200), (98, 196)),
        ({"size": None}, (3, 3), (14, 14)),
        ({"size": (140, 140), "keep_aspect": True}, (100, 200), (70, 140)),
        ({"size": None, "size_multiple": 32}, (100, 200), (96, 192)),
    ],
)
def test_sizes_fit_the_towers_patches(settings: dict[str, Any], given: tuple[int, int], made: tuple[int, int]) -> None:
    assert OneDiffImageProcessor(**settings).resized(*given) == made


def test_every_family_has_its_own_statistics_and_steps() -> None:
    siglip = OneDiffImageProcessor.for_tower(SiglipVisionConfig(image_size=224, patch_size=16))
    assert (siglip.size, siglip.size_multiple, siglip.image_mean) == ((224, 224), 16, [0.5, 0.5, 0.5])
    dino = OneDiffImageProcessor.for_tower(Dinov2Config(image_size=518, patch_size=14))
    assert (dino.size, dino.image_mean) == ((518, 518), [0.485, 0.456, 0.406])
    convnext = OneDiffImageProcessor.for_tower(ConvNextV2Config(), size=None)
    assert (convnext.size, convnext.size_multiple) == (None, 32)
    clip = CLIPImageProcessorPil()
    assert OneDiffImageProcessor.for_tower(ConvNextV2Config(), clip).image_std == list(clip.image_std)


def test_the_auto_class_loads_what_was_saved(picture_pair: Pair, tmp_path: Path) -> None:
    process = OneDiffImageProcessor(size=(56, 42), keep_aspect=True, image_mean=(0.1, 0.2, 0.3))
    process.save_pretrained(tmp_path)
    OneDiffConfig().save_pretrained(tmp_path)
    loaded = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(loaded) is OneDiffImageProcessor
    assert loaded.to_dict() == process.to_dict()
    assert torch.equal(loaded(picture_pair)["pixel_values"], process(picture_pair)["pixel_values"])


with_nan, too_bright = np.full((28, 28, 3), 0.5), np.full((28, 28, 3), 0.5)
with_nan[3, 4, 1] = np.nan
too_bright[0, 0, 0] = 17


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "images is empty"),
        ([(noise(28, 28),)], r"pair 0 is 1 images: give \(before, after\)"),
        ([noise(28, 28)], "pair 0 is 1 images|pair 0 is a ndarray"),
        ((noise(28, 28), noise(28, 29)), "the images of pair 0 are 28x28 and 28x29: align them first"),
        ((noise(28, 28), noise(28, 28)[..., :2]), r"after image of pair 0 is an array \(28, 28, 2\)"),
        ((noise(28, 28).transpose(2, 0, 1), noise(28, 28)), r"before image of pair 0 is an array \(3, 28, 28\)"),
        ((noise(28, 28)[:0], noise(28, 28)[:0]), r"is an array \(0, 28, 3\)"),
        ((noise(28, 28), with_nan), "after image of pair 0 has NaN"),
        ((too_bright, noise(28, 28)), "before image of pair 0 has values from 0.5 to 17"),
        ((noise(28, 28).astype(np.int32), noise(28, 28)), "is of int32: give uint8"),
        ((Image.new("RGB", (0, 5)), Image.new("RGB", (0, 5))), r"before image of pair 0 is an array \(5, 0, 3\)"),
        ((Image.new("I;16", (28, 28)), noise(28, 28)), "has Pillow's mode 'I;16': scale it to 8 bits"),
    ],
    ids=lambda part: part[:30] if isinstance(part, str) else "",
)
def test_pictures_that_make_no_pair_are_refused(images: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OneDiffImageProcessor(size=(28, 28))(images)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(TypeError, match="images is a ndarray: give a pair"):
        OneDiffImageProcessor()(noise(28, 28))
    with pytest.raises(TypeError, match="before image of pair 0 is a str"):
        OneDiffImageProcessor()([("before.png", "after.png")])


def test_a_size_that_patches_do_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match=r"size \(30, 28\) is no multiple of the tower's 14 px"):
        OneDiffImageProcessor(size=(30, 28))


@pytest.mark.parametrize("size", [None, (56, 70)])
def test_each_pairs_own_size_or_one_for_all_is_saved(size: tuple[int, int] | None, tmp_path: Path) -> None:
    OneDiffImageProcessor(size=size).save_pretrained(tmp_path)
    assert OneDiffImageProcessor.from_pretrained(tmp_path).size == size
