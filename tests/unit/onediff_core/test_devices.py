"""Devices by name, and models that run on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from onediff_core.devices import place, torch_device
from onediff_core.heads import build_head
from onediff_plugins.errors import SettingsError
from onediff_plugins.specs import HeadSpec

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_cpu_is_always_there() -> None:
    assert torch_device("cpu") == torch.device("cpu")


def test_two_names_of_one_device_are_one() -> None:
    assert str(torch_device("cpu:0")) == str(torch_device("cpu")) == "cpu"


@pytest.mark.parametrize("name", ["cuda", "cuda:99", "mps", "xpu"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    kind = torch.device(name).type
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is not None and accelerator.type == kind and ":" not in name:
        pytest.skip(f"this machine has {kind}")
    with pytest.raises(SettingsError, match=rf"the device '{name}' is not there for torch .* Here are cpu.*install"):
        torch_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:first", ""])
def test_what_is_no_device_of_torch_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"'{name}' is no device of torch\. Here are cpu.*such as 'cpu'"):
        torch_device(name)


def test_a_device_without_values_is_refused() -> None:
    with pytest.raises(SettingsError, match="'meta' holds no values"):
        torch_device("meta")


def test_a_placed_model_answers_as_before_without_its_normalisations(make_model: Callable[..., Any]) -> None:
    model = make_model("efficientnet_lite", delta={"dense_taps": (1, 2, 3, 4), "taps": (3, 4)}).model.eval()
    spec = HeadSpec(name="any.thing", task="mask", classes=("thing",))
    head = build_head(spec, **model.dense_shape()._asdict()).eval()
    for norm in (part for whole in (model, head) for part in whole.modules() if isinstance(part, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
    pixels = torch.randn(1, 2, 3, 64, 64)
    with torch.inference_mode():
        before = head(model.dense_features(pixels))
        for whole in (model, head):
            place(whole, torch.device("cpu"))
        after = head(model.dense_features(pixels))
    assert not [part for part in model.vision_tower.modules() if isinstance(part, nn.BatchNorm2d)]
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


def test_what_is_still_trained_keeps_its_normalisations(make_model: Callable[..., Any]) -> None:
    tower = make_model("efficientnet_lite", delta={"dense_taps": (1, 2, 3, 4), "taps": (3, 4)}).model.vision_tower
    place(tower.train(), torch.device("cpu"))
    assert [part for part in tower.modules() if isinstance(part, nn.BatchNorm2d)]
