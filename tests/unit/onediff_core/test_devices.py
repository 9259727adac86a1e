"""Devices by name."""

from __future__ import annotations

import pytest
import torch

from onediff_core.devices import torch_device
from onediff_plugins.errors import SettingsError


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
