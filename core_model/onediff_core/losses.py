"""Losses as pure functions on tensors.

Dense tensors are (B, K, H, W): logits of K independent channels, targets of the same shape with values 0 and 1.
`labelled` says where a channel has a label at all. What is not labelled has no part in a value and a gradient of
exactly zero, whatever its logit is; a loss without a single label is zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor


def channel_mask(channels: Tensor, size: tuple[int, int], valid: Tensor | None = None) -> Tensor:
    """Where each channel is trained, from what each image is labelled for.

    Args:
        channels: (B, K) bool, True where image b carries labels of channel k.
        size: (H, W) of the targets.
        valid: (B, H, W) bool, False on padding and nodata, or None where every pixel counts.

    Returns:
        (B, K, H, W) bool, to pass on as `labelled`.

    Raises:
        ValueError: the shapes do not fit.
    """
    if channels.ndim != 2:
        raise ValueError(f"channels must be (B, K), got {tuple(channels.shape)}")
    shape = (*channels.shape, *size)
    mask = channels.bool()[:, :, None, None].expand(shape)
    if valid is None:
        return mask
    if valid.shape != (channels.shape[0], *size):
        raise ValueError(f"valid must be {(channels.shape[0], *size)}, got {tuple(valid.shape)}")
    return mask & valid.bool()[:, None]


def border_weights(target: Tensor, labelled: Tensor | None = None, *, width: int = 3, weight: float = 3.0) -> Tensor:
    """Pixel weights that are higher in a band along the outlines of the target.

    The band is the morphological gradient of the target, dilation minus erosion with a square of 2 * width + 1 pixels:
    `width` pixels inside and `width` outside of each outline. The image's own edge is no outline, nor is the edge
    of what is labelled.

    Args:
        target: (B, K, H, W), 0 or 1.
        labelled: (B, K, H, W) bool, or None where all is.
        width: pixels on each side.
        weight: value in the band; 1 elsewhere.

    Returns:
        (B, K, H, W) float32, without gradient.

    Source: the weight map of Ronneberger et al., "U-Net", MICCAI 2015, reduced to a band of constant weight.
    """
    _check_dense("target", target)
    if width < 1:
        raise ValueError(f"width must be at least 1 pixel, got {width}")
    inside = target.detach().float()
    highest, lowest = inside, inside
    if labelled is not None:
        _check_same("labelled", labelled, "target", target)
        highest = inside.masked_fill(~labelled.bool(), 0.0)
        lowest = inside.masked_fill(~labelled.bool(), 1.0)
    weights = torch.ones_like(inside)
    drawn = highest.flatten(2).any(dim=2)  # (B, K): most channels of most images have no outline to look for
    if not drawn.any():
        return weights
    dilated, eroded = _dilated(highest[drawn], width), -_dilated(-lowest[drawn], width)
    weights[drawn] = 1.0 + (weight - 1.0) * ((dilated - eroded) > 0.5).float()
    return weights


def binary_cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, labelled: Tensor | None = None
) -> Tensor:
    """Weighted mean of the binary cross-entropy over what is labelled.

    Args:
        logits: any shape.
        target: same shape, in [0, 1].
        weight: same shape, not negative, or None for equal weights; see `border_weights`.
        labelled: same shape, bool, or None where all is.

    Returns:
        Scalar, at least 0.
    """
    _check_same("target", target, "logits", logits)
    safe, counted = _only_labelled(logits, labelled)
    if weight is not None:
        _check_same("weight", weight, "logits", logits)
        counted = counted * weight
    loss = functional.binary_cross_entropy_with_logits(safe, target.to(safe.dtype), reduction="none")
    return _weighted_mean(loss, counted)


def focal(
    logits: Tensor, target: Tensor, labelled: Tensor | None = None, *, gamma: float = 2.0, alpha: float | None = 0.25
) -> Tensor:
    """Mean focal loss over what is labelled: -alpha_t (1 - p_t)^gamma log p_t.

    Args:
        logits: any shape.
        target: same shape, 0 or 1.
        labelled: same shape, bool, or None where all is.
        gamma: how much less the easy pixels count; 0 is cross-entropy.
        alpha: weight of the positives, 1 - alpha that of the negatives; None weighs both with 1.

    Returns:
        Scalar, at least 0.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017, equation 5.
    """
    _check_same("target", target, "logits", logits)
    if gamma < 0:
        raise ValueError(f"gamma must not be negative, got {gamma}")
    safe, counted = _only_labelled(logits, labelled)
    positive = target > 0.5
    signed = torch.where(positive, safe, -safe)
    # Both factors from log-sigmoids: a power of 1 - p_t has no gradient that is finite where p_t reaches 1.
    loss = -torch.exp(gamma * functional.logsigmoid(-signed)) * functional.logsigmoid(signed)
    if alpha is not None:
        loss = loss * torch.where(positive, alpha, 1.0 - alpha)
    return _weighted_mean(loss, counted)


def soft_dice(logits: Tensor, target: Tensor, labelled: Tensor | None = None, *, smooth: float = 1.0) -> Tensor:
    """One minus the Dice coefficient of probabilities, over the whole batch; the mean of the channels with a label.

    Args:
        logits: (B, K, H, W).
        target: same shape, 0 or 1.
        labelled: same shape, bool, or None where all is.
        smooth: added above and below, so that an empty target that is predicted empty costs nothing.

    Returns:
        Scalar in [0, 1].

    Source: Milletari et al., "V-Net", 3DV 2016, with the sums of the plain Dice coefficient in the denominator.
    """
    _check_dense("logits", logits)
    _check_same("target", target, "logits", logits)
    safe, counted = _only_labelled(logits, labelled)
    probability, truth = torch.sigmoid(safe) * counted, target.to(safe.dtype) * counted
    pixels = (0, 2, 3)
    overlap = (probability * truth).sum(pixels)  # (K,)
    dice = (2 * overlap + smooth) / (probability.sum(pixels) + truth.sum(pixels) + smooth)
    return _weighted_mean(1 - dice, counted.sum(pixels).gt(0).to(dice.dtype))


def lovasz_hinge(logits: Tensor, target: Tensor, labelled: Tensor | None = None) -> Tensor:
    """The Lovasz hinge, a surrogate of one minus the intersection over union of all pixels of a channel in the batch.

    Args:
        logits: (B, K, H, W).
        target: same shape, 0 or 1.
        labelled: same shape, bool, or None where all is.

    Returns:
        Scalar, at least 0: the mean of the channels with a positive; the others have no union to speak of.

    Source: Berman et al., "The Lovasz-Softmax loss", CVPR 2018, equation 9, over a batch rather than an image.
    """
    _check_dense("logits", logits)
    _check_same("target", target, "logits", logits)
    safe, counted = _only_labelled(logits, labelled)
    values, truths = safe.transpose(0, 1).flatten(1), target.to(safe.dtype).transpose(0, 1).flatten(1)  # (K, pixels)
    kept = counted.transpose(0, 1).flatten(1)
    total = safe[:0].sum()  # zero, with a way back to the logits
    channels = 0
    for value, truth, known in zip(values, truths, kept.bool(), strict=True):
        one, there = value[known], truth[known]
        positives = there.sum()
        if not bool(positives):
            continue
        errors, order = (1 - one * (2 * there - 1)).sort(descending=True)
        sorted_truth = there[order]
        union = positives + (1 - sorted_truth).cumsum(0)
        jaccard = 1 - (positives - sorted_truth.cumsum(0)) / union
        steps = torch.cat([jaccard[:1], jaccard.diff()])
        total = total + (errors.clamp(min=0) * steps).sum()
        channels += 1
    return total / max(channels, 1)


def cross_entropy(logits: Tensor, target: Tensor, *, ignore_index: int = -100, weight: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of exclusive classes over what is not ignored.

    Args:
        logits: (N, K) of boxes, or (B, K, H, W).
        target: (N,) or (B, H, W), class indices; `ignore_index` where there is no label.
        ignore_index: the index that stands for "no label".
        weight: (K,) weight of each class, or None.

    Returns:
        Scalar, at least 0; zero where everything is ignored (torch's own mean is then not a number).
    """
    if logits.ndim < 2 or target.shape != (logits.shape[0], *logits.shape[2:]):
        raise ValueError(
            f"logits must be (N, K, ...) and target (N, ...), got {tuple(logits.shape)} and {tuple(target.shape)}"
        )
    classes = logits.shape[1]
    kept = target != ignore_index
    if bool((kept & ((target < 0) | (target >= classes))).any()):
        wrong = sorted(set(target[kept].tolist()) - set(range(classes)))
        raise ValueError(f"target holds {wrong[:5]}; the classes are 0 to {classes - 1}, {ignore_index} is ignored")
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"weight must be ({classes},), got {tuple(weight.shape)}")
    safe = logits.masked_fill(~kept.unsqueeze(1), 0.0)
    index = target.masked_fill(~kept, 0)
    loss = functional.cross_entropy(safe, index, reduction="none")
    counted = kept.to(loss.dtype)
    if weight is not None:
        counted = counted * weight.to(loss.dtype)[index]
    return _weighted_mean(loss, counted)


def balanced_sum(
    losses: Mapping[str, Tensor], weights: Mapping[str, float] | None = None, *, floor: float = 1e-6
) -> Tensor:
    """Sum of losses, each divided by its own detached value, so that none drowns another.

    The value is the sum of the weights and says nothing: log the losses themselves. What counts is the gradient, that
    of the sum of weight * log(loss).

    Args:
        losses: name -> scalar, not negative.
        weights: name -> weight; 1 for a name that is left out.
        floor: smallest divisor: a loss that has reached zero pulls no longer.

    Returns:
        Scalar.

    Raises:
        ValueError: no loss, one that is not a scalar, or a weight for a loss that is not there.

    Source: Liu et al., "Change-Agent", IEEE TGRS 2024, which balances mask and caption loss so.
    """
    weights = weights or {}
    if unknown := sorted(set(weights) - set(losses)):
        raise ValueError(f"weights names {unknown}; the losses are {sorted(losses)}")
    if not losses:
        raise ValueError("balanced_sum needs at least one loss")
    if wrong := {name: tuple(loss.shape) for name, loss in losses.items() if loss.ndim}:
        raise ValueError(f"every loss must be a scalar, got {wrong}")
    return torch.stack(
        [weights.get(name, 1.0) * loss / loss.detach().clamp(min=floor) for name, loss in losses.items()]
    ).sum()


def _dilated(values: Tensor, width: int) -> Tensor:
    """Largest value of (N, H, W) in a square of 2 * width + 1 pixels; rows and columns apart cost a fraction of it."""
    side = 2 * width + 1
    columns = functional.max_pool2d(values, (side, 1), stride=1, padding=(width, 0))
    return functional.max_pool2d(columns, (1, side), stride=1, padding=(0, width))


def _only_labelled(logits: Tensor, labelled: Tensor | None) -> tuple[Tensor, Tensor]:
    """Logits with a constant where there is no label, in float32 or finer, and what counts as 0 and 1."""
    exact = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    if labelled is None:
        return exact, torch.ones_like(exact)
    _check_same("labelled", labelled, "logits", logits)
    # Filled rather than multiplied by zero: a logit that is not finite would still reach the gradient.
    return exact.masked_fill(~labelled.bool(), 0.0), labelled.to(exact.dtype)


def _weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    total = weight.sum()
    return (values * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))


def _check_dense(name: str, value: Tensor) -> None:
    if value.ndim != 4:
        raise ValueError(f"{name} must be (B, K, H, W), got {tuple(value.shape)}")


def _check_same(name: str, value: Tensor, other_name: str, other: Tensor | Sequence[int]) -> None:
    shape = tuple(other.shape) if isinstance(other, torch.Tensor) else tuple(other)
    if tuple(value.shape) != shape:
        raise ValueError(f"{name} must have the shape of {other_name}, {shape}, got {tuple(value.shape)}")
