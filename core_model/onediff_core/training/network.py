"""What dense training trains: the tower of a OneDiff and one decoder for all classes, later split into heads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from onediff_core.heads import ChangeMaskHead, HeadConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from onediff_core.modeling_onediff import OneDiffModel
    from onediff_core.training.sources import Source

# The heads that a decoder is saved as, by the classes in them.
HEADS: Final = {
    "satellite.building": ("building+", "building-"),
    "satellite.change": ("landcover",),
    "surveillance.object": ("object+", "object-"),
}
KINDS: Final = {"+": "added", "-": "removed"}
# What was learned from has 0.5 and 1 m where that is known, enlarged and reduced; finer images are best seen at that.
GSD_RANGES_M: Final = dict.fromkeys(("satellite.building", "satellite.change"), (0.4, 1.2))
# Smaller than in inference: a batch of a few crops says little about a channel.
TOWER_MOMENTUM: Final = 0.02


class DenseNetwork(nn.Module):
    """Pairs of images in, logits of every class out; the delta module and the projector of the base are not run."""

    mean: Tensor
    std: Tensor

    def __init__(self, base: OneDiffModel, classes: Sequence[str], mean: Sequence[float], std: Sequence[float]) -> None:
        """Put a new decoder on a base.

        Args:
            base: its tower is trained.
            classes: a channel each.
            mean: of red, green and blue in [0, 1], as the base's image processor has it.
            std: likewise.
        """
        super().__init__()
        self.base = base
        shape = base.dense_shape()
        self.head = ChangeMaskHead(HeadConfig(name="all", task="mask", classes=tuple(classes), **shape._asdict()))
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs

    def forward(self, images: Tensor) -> Tensor:
        """Logits.

        Args:
            images: (B, 2, 3, H, W) uint8, before and after.

        Returns:
            (B, K, H, W).
        """
        pixels = (images.float() / 255 - self.mean) / self.std
        logits: Tensor = self.head(self.base.dense_features(pixels))
        return logits

    def trained(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Names and parameters of what is trained at all."""
        for name, parameter in self.named_parameters():
            if name.startswith(("base.vision_tower.", "head.")):
                yield name, parameter

    def freeze_tower(self, up_to: str | None) -> None:
        """Keep the tower's stages up to a named one as they are; None trains all."""
        tower: Any = self.base.vision_tower
        tower.freeze_stages(up_to)


def classes_of(sources: Iterable[Source]) -> tuple[str, ...]:
    """The channels of a network: every class of `HEADS` that some source is labelled for."""
    labelled = {name for source in sources for name in source.classes}
    return tuple(name for classes in HEADS.values() for name in classes if name in labelled)


def parameter_groups(
    trained: Iterable[tuple[str, nn.Parameter]], *, rate: float, weight_decay: float, tower_share: float = 1.0
) -> list[dict[str, Any]]:
    """Groups for the optimiser: the tower learns slower, norms and biases do not decay.

    Args:
        trained: names and parameters; those of the base begin with "base.".
        rate: highest learning rate of the head.
        weight_decay: of matrices and kernels.
        tower_share: learning rate of the tower, as a share of it.

    Returns:
        Groups with `params`, `lr`, `highest` (the same, for the schedule) and `weight_decay`.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in trained:
        groups.setdefault((name.startswith("base."), parameter.ndim > 1), []).append(parameter)
    made = []
    for (of_tower, decays), parameters in sorted(groups.items(), key=lambda item: item[0]):
        highest = rate * (tower_share if of_tower else 1.0)
        decay = weight_decay if decays else 0.0
        made.append({"params": parameters, "lr": highest, "highest": highest, "weight_decay": decay})
    return made


class NoAverage(nn.Module):
    """The weights themselves, where an average would be: of large models a copy of all weights costs too much."""

    def __init__(self, network: nn.Module) -> None:
        """Keep the network, shared."""
        super().__init__()
        self.module = network

    def update_parameters(self, _: nn.Module) -> None:
        """They are what they are."""

    def state_dict(self, *_: Any, **__: Any) -> dict[str, Any]:  # type: ignore[override]  # overloads
        """Nothing of its own."""
        return {}

    def load_state_dict(self, *_: Any, **__: Any) -> Any:
        """Nothing of its own."""


def moving_average(network: nn.Module, decay: float) -> AveragedModel | NoAverage:
    """An exponential moving average of all weights and statistics, which follows faster in the first steps.

    Args:
        network: what is averaged; copied, unless the decay is 0.
        decay: share of the old value in a late step.
    """
    if not decay:
        return NoAverage(network)

    @torch.no_grad()
    def update(averaged: Any, current: Any, count: Any) -> None:
        share = min(decay, (1 + int(count)) / (10 + int(count)))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1 - share)
        else:
            torch._foreach_copy_(averaged, current)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)


def split_head(head: ChangeMaskHead, name: str, classes: Sequence[str], *, enlarge: float = 1.0) -> ChangeMaskHead:
    """A head of some of another's classes, with a copy of its decoder: equal logits for those classes.

    Args:
        head: of independent classes.
        name: of the new head.
        classes: some of the head's.
        enlarge: see `HeadConfig`.

    Raises:
        ValueError: exclusive classes, whose logits mean nothing apart, or a class that the head lacks.
    """
    config = head.config
    if config.exclusive:
        raise ValueError(f"head {config.name!r} has exclusive classes, which cannot be split")
    if missing := sorted(set(classes) - set(config.classes)):
        raise ValueError(f"head {config.name!r} has no classes {missing}; it has {list(config.classes)}")
    kinds = {entry: KINDS[entry[-1]] for entry in classes if entry[-1] in KINDS}
    scale = GSD_RANGES_M.get(name)
    made = ChangeMaskHead(
        replace(config, name=name, classes=tuple(classes), kinds=kinds, gsd_range_m=scale, enlarge=enlarge)
    )
    rows = torch.tensor([config.classes.index(entry) for entry in classes])
    state = dict(head.state_dict())
    for part in ("weight", "bias"):
        kernel = state[f"classify.{part}"]
        state[f"classify.{part}"] = kernel.unflatten(0, (-1, 4))[rows].flatten(0, 1)  # four outputs a class
    for part in ("temperature", "bias"):
        state[f"calibration.{part}"] = state[f"calibration.{part}"][rows]
    made.load_state_dict(state)
    return made.train(head.training)
