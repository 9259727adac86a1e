"""Torch devices by name, held against what this machine has, and how models run on them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from onediff_plugins.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


def torch_device(name: str) -> torch.device:
    """The device of that name, once it has taken a number.

    Args:
        name: as torch names devices: "cpu", "cuda", "cuda:1", "mps", "xpu".

    Raises:
        SettingsError: torch knows no such device, this machine or this build of torch does not have it, or it holds no
            values; the devices that are here are named.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(
            f"{name!r} is no device of torch. Here are {_here()}; name one as torch does, such as 'cpu' or 'cuda:0'"
        ) from error
    if device.type == "meta":
        raise SettingsError(f"the device 'meta' holds no values, so no model runs on it. Here are {_here()}")
    try:
        return torch.zeros(1, device=device).device  # with its number: "cuda" and "cuda:0" are one
    except (AssertionError, NotImplementedError, RuntimeError) as error:  # as its backend says so
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]  # some assert without a word
        raise SettingsError(
            f"the device {name!r} is not there for torch {torch.__version__}: {reason}. Here are {_here()}; choose one "
            "of them, or install the build of torch for yours (https://pytorch.org/get-started/locally/)"
        ) from error


def _here() -> str:
    names = ["cpu"]
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is not None:
        names += [f"{accelerator.type}:{index}" for index in range(torch.accelerator.device_count())]
    return ", ".join(names)


def place(module: nn.Module, device: torch.device) -> None:
    """Make a module ready for inference on a device, in place: channels last, and on a CPU in float32.

    On a CPU normalisations are worked into the convolutions before them, where a part can do that (`fold`).

    Args:
        module: in `eval` mode, in any dtype. A CPU is slow at halves; elsewhere the dtype stays.
        device: of `torch_device`.
    """
    if device.type == "cpu":
        module.float()
        for part in module.modules():
            if not part.training and (fold := getattr(part, "fold", None)) is not None:
                fold()
    module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # untyped in torch


@contextmanager
def inference(device: torch.device) -> Iterator[None]:
    """No gradients, and bf16 autocast on CUDA.

    Args:
        device: of `torch_device`.
    """
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
        yield
