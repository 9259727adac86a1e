"""Heads as they are stored: what they answer at the size that they see pairs at, and how right that is."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import interpolate

from onediff_core.efficientnet_lite import IMAGE_MEAN, IMAGE_STD
from onediff_core.training.card import Scored
from onediff_core.training.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from onediff_core.data import Sample
    from onediff_core.training.sets import MaskSet


def enlarged(network: Callable[[Tensor], Tensor], size: float) -> Callable[[Tensor], Tensor]:
    """A network that sees pairs enlarged, as the detector shows them to a head, and answers on their own grid.

    Args:
        network: (B, 2, 3, H, W) -> (B, K, H, W).
        size: at least 1.
    """
    if size == 1:
        return network

    def answer(images: Tensor) -> Tensor:
        side = tuple(images.shape[-2:])
        larger = [round(size * length) for length in side]
        shown = interpolate(images.flatten(0, 1).float(), larger, mode="bicubic", align_corners=False)
        return interpolate(network(shown.clamp(0, 255).unflatten(0, (-1, 2))), side, mode="area")

    return answer


def look_of(base: Any, head: Any) -> Callable[[Tensor], Tensor]:
    """What a calibrated mask head answers as it is stored, at the size that it sees pairs at, in float32.

    Args:
        base: a OneDiffModel in any dtype; left as it is, the head too.
        head: on it.

    Returns:
        (B, 2, 3, H, W) uint8 -> (B, K, H, W) in [0, 1].
    """
    base, head = (copy.deepcopy(part).float().eval() for part in (base, head))
    mean, std = (torch.tensor(of).view(3, 1, 1) for of in (IMAGE_MEAN, IMAGE_STD))

    def probabilities(images: Tensor) -> Tensor:
        pixels = (images.float() / 255 - mean) / std
        answer: Tensor = head.probabilities(head(base.dense_features(pixels)))
        return answer

    look: Callable[[Tensor], Tensor] = torch.inference_mode()(enlarged(probabilities, head.config.enlarge))
    return look


def held_out_scores(base: Any, heads: Mapping[str, Any], sets: Mapping[MaskSet, Sequence[Sample]]) -> dict[str, Scored]:
    """Scores of calibrated heads as they are stored, run in float32.

    Args:
        base: a OneDiffModel in any dtype; left as it is, the heads too.
        heads: name -> head; the mask head that has a set's class is scored on it.
        sets: set -> samples on which nothing was chosen.

    Returns:
        Name of the set -> scores; sets that no head is for are left out.
    """
    found = {}
    for entry, samples in sets.items():
        head = next((head for head in heads.values() if _is_for(head, entry)), None)
        if head is not None:
            scores = evaluate(look_of(base, head), samples, head.config.classes)
            found[entry.name] = Scored(pairs=len(samples), scores=scores)
    return found


def _is_for(head: Any, entry: MaskSet) -> bool:
    return head.config.task == "mask" and {entry.mask, *entry.empty} <= set(head.config.classes)
