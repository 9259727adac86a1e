"""The loss of the dense stage: each group of classes for itself, outlines counted more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_core.losses import binary_cross_entropy, border_weights, channel_mask, lovasz_hinge, soft_dice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

# How much each group counts; a group is the classes of one name, whatever their direction.
WEIGHTS: Final = {"building": 1.0, "landcover": 0.5, "object": 0.3}


def dense_losses(
    logits: Tensor,
    batch: Mapping[str, Tensor],
    classes: Sequence[str],
    *,
    border_px: int,
    border_weight: float,
    lovasz: float = 0.0,
) -> dict[str, Tensor]:
    """Border-weighted cross-entropy plus Dice of each group of classes, and the Lovasz hinge where it is asked for.

    Args:
        logits: (B, K, H, W).
        batch: masks (B, K, H, W) bool, labelled (B, K) bool, valid (B, H, W) bool.
        classes: K names.
        border_px: see `border_weights`.
        border_weight: see `border_weights`.
        lovasz: weight of `lovasz_hinge` beside them.

    Returns:
        Group -> scalar; zero for a group without a label in this batch.
    """
    labelled = channel_mask(batch["labelled"], (logits.shape[2], logits.shape[3]), batch["valid"])
    target = batch["masks"].float()
    weights = border_weights(target, labelled, width=border_px, weight=border_weight)
    logits = logits.float()
    found = {}
    for group, rows in groups_of(classes).items():
        part = (logits[:, rows], target[:, rows])
        found[group] = binary_cross_entropy(*part, weights[:, rows], labelled[:, rows]) + soft_dice(
            *part, labelled[:, rows]
        )
        if lovasz:
            found[group] = found[group] + lovasz * lovasz_hinge(*part, labelled[:, rows])
    return found


def weighted_sum(losses: Mapping[str, Tensor]) -> Tensor:
    """What is minimised: the losses, each times its group's weight."""
    terms = [WEIGHTS.get(group, 1.0) * loss for group, loss in losses.items()]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def groups_of(classes: Sequence[str]) -> dict[str, list[int]]:
    """Group -> indices of its classes: "building+" and "building-" are the group "building"."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(classes):
        groups.setdefault(name.rstrip("+-"), []).append(index)
    return groups
