"""Losses against closed forms, torch's own functions, and their gradients."""

import math

import pytest
import torch
from torch.nn import functional

from onediff_core import losses

DENSE = (2, 3, 7, 9)
ELEMENTWISE = [losses.binary_cross_entropy, losses.focal, losses.soft_dice]
MASKED = [*ELEMENTWISE, losses.lovasz_hinge]


@pytest.fixture
def target():
    return (torch.rand(DENSE, generator=torch.Generator().manual_seed(1)) > 0.6).float()


@pytest.fixture
def logits():
    return torch.randn(DENSE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labelled():
    mask = torch.rand(DENSE, generator=torch.Generator().manual_seed(2)) > 0.3
    mask[0, 1] = False
    return mask


def test_binary_cross_entropy_without_weights_is_torch_s(logits, target):
    expected = functional.binary_cross_entropy_with_logits(logits, target)
    torch.testing.assert_close(losses.binary_cross_entropy(logits, target), expected)


def test_binary_cross_entropy_averages_over_weights_and_labels(logits, target, labelled):
    weight = torch.rand(DENSE) + 0.5
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    expected = (each * weight)[labelled].sum() / weight[labelled].sum()
    torch.testing.assert_close(losses.binary_cross_entropy(logits, target, weight, labelled), expected)


def test_focal_follows_its_formula(logits, target):
    p = torch.sigmoid(logits)
    p_true, alpha = torch.where(target > 0, p, 1 - p), torch.where(target > 0, 0.25, 0.75)
    expected = (-alpha * (1 - p_true) ** 2 * p_true.log()).mean()
    torch.testing.assert_close(losses.focal(logits, target), expected)


def test_focal_without_focus_is_cross_entropy(logits, target):
    expected = losses.binary_cross_entropy(logits, target)
    torch.testing.assert_close(losses.focal(logits, target, gamma=0.0, alpha=None), expected)


def test_the_lovasz_hinge_of_margins_is_one_minus_the_intersection_over_union(target, labelled):
    wrong = torch.rand(DENSE, generator=torch.Generator().manual_seed(3)) > 0.7
    logits = torch.where(wrong, 0.0, 2 * target - 1)  # errors of 1 where it is wrong, of 0 elsewhere
    there = target.bool()
    pixels = (0, 2, 3)
    hit, either = (there & ~wrong & labelled).sum(pixels), ((there | wrong) & labelled).sum(pixels)
    torch.testing.assert_close(losses.lovasz_hinge(logits, target, labelled), (1 - hit / either).mean())


def test_the_lovasz_hinge_leaves_out_channels_without_a_positive(target):
    logits = torch.randn(DENSE, generator=torch.Generator().manual_seed(0))
    target[:, 1] = 0
    torch.testing.assert_close(losses.lovasz_hinge(logits, target), losses.lovasz_hinge(logits[:, ::2], target[:, ::2]))


def test_dice_of_half_a_mask_is_a_third():
    target = torch.zeros(1, 1, 4, 4)
    target[..., :2] = 1
    sure = torch.full_like(target, -50.0)
    sure[..., :1] = 50  # half of the mask, nothing else: 2 * 4 / (4 + 8)
    assert losses.soft_dice(sure, target, smooth=0.0).item() == pytest.approx(1 / 3)
    assert losses.soft_dice(target * 100 - 50, target).item() == pytest.approx(0.0, abs=1e-6)


def test_dice_averages_over_the_channels_that_have_a_label(logits, target):
    labelled = losses.channel_mask(torch.tensor([[True, False, True], [False, False, True]]), (7, 9))
    p = torch.sigmoid(logits)
    first = 1 - (2 * (p * target)[0, 0].sum() + 1) / ((p + target)[0, 0].sum() + 1)
    third = 1 - (2 * (p * target)[:, 2].sum() + 1) / ((p + target)[:, 2].sum() + 1)
    torch.testing.assert_close(losses.soft_dice(logits, target, labelled), (first + third) / 2)


@pytest.mark.parametrize("loss", MASKED)
def test_what_is_not_labelled_has_a_gradient_of_exactly_zero(loss, logits, target, labelled):
    logits = logits.masked_fill(~labelled, float("nan")).requires_grad_()
    value = loss(logits, target, labelled=labelled)
    value.backward()
    assert value.isfinite()
    assert (logits.grad[~labelled] == 0).all()
    pulls = logits.grad[labelled] != 0
    assert pulls.any() if loss is losses.lovasz_hinge else pulls.all()  # a hinge lets go of what is right by a margin


@pytest.mark.parametrize("loss", MASKED)
def test_without_a_label_a_loss_is_zero_and_pulls_nowhere(loss, logits, target):
    logits.requires_grad_()
    value = loss(logits, target, labelled=torch.zeros(DENSE, dtype=torch.bool))
    value.backward()
    assert value.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("loss", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_extreme_logits_give_finite_values_and_gradients(loss, dtype):
    logits = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4], dtype=dtype).repeat(2).view(1, 1, 2, 5).requires_grad_()
    target = torch.tensor([0.0] * 5 + [1.0] * 5).view(1, 1, 2, 5)
    value = loss(logits, target)
    value.backward()
    assert value.dtype == torch.float32
    assert value.isfinite()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_gradients_are_those_of_finite_differences(loss, target, labelled):
    logits = torch.randn(DENSE, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda value: loss(value, target.double(), labelled=labelled), logits)


def test_gradients_of_weighted_and_of_exclusive_classes_are_those_of_finite_differences(target, labelled):
    logits = torch.randn(DENSE, dtype=torch.float64, requires_grad=True)
    weight = losses.border_weights(target, width=1).double()
    assert torch.autograd.gradcheck(
        lambda value: losses.binary_cross_entropy(value, target.double(), weight, labelled), logits
    )
    classes = torch.randint(0, 3, (2, 7, 9), generator=torch.Generator().manual_seed(3))
    classes[0, :3] = -100
    assert torch.autograd.gradcheck(
        lambda value: losses.cross_entropy(value, classes, weight=torch.tensor([1.0, 2.0, 0.5])), logits
    )


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_a_target_of_another_shape_is_refused_with_both_shapes(loss, logits):
    with pytest.raises(ValueError, match=r"target must have the shape of logits, \(2, 3, 7, 9\), got \(2, 3, 7, 8\)"):
        loss(logits, torch.zeros(2, 3, 7, 8))


def test_weights_and_labels_of_another_shape_are_refused(logits, target):
    with pytest.raises(ValueError, match=r"weight must .* got \(2,\)"):
        losses.binary_cross_entropy(logits, target, torch.ones(2))
    with pytest.raises(ValueError, match=r"labelled must .* got \(2, 3\)"):
        losses.soft_dice(logits, target, torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"logits must be \(B, K, H, W\), got \(4,\)"):
        losses.soft_dice(torch.zeros(4), torch.zeros(4))
    with pytest.raises(ValueError, match="gamma must not be negative, got -1"):
        losses.focal(logits, target, gamma=-1.0)


def test_the_border_is_a_band_on_both_sides_of_an_outline():
    target = torch.zeros(1, 1, 1, 20)
    target[..., 10:] = 1
    weights = losses.border_weights(target, width=3, weight=3.0)
    assert weights.flatten().tolist() == [1.0] * 7 + [3.0] * 6 + [1.0] * 7


def test_the_edge_of_the_image_is_no_border():
    assert (losses.border_weights(torch.ones(2, 1, 8, 8)) == 1).all()


def test_the_edge_of_what_is_labelled_is_no_border():
    target, labelled = torch.zeros(1, 1, 1, 20), torch.ones(1, 1, 1, 20, dtype=torch.bool)
    target[..., 10:], labelled[..., 10:] = 1, False
    assert (losses.border_weights(target, labelled)[labelled] == 1).all()


def test_the_band_is_that_of_dilation_minus_erosion_at_every_pixel():
    target = (torch.rand(3, 2, 24, 31) > 0.97).float()
    target[1, 0] = 0
    labelled = torch.rand(3, 2, 24, 31) > 0.1
    highest, lowest = target.masked_fill(~labelled, 0), target.masked_fill(~labelled, 1)
    dilated = torch.nn.functional.max_pool2d(highest, 5, stride=1, padding=2)
    eroded = -torch.nn.functional.max_pool2d(-lowest, 5, stride=1, padding=2)
    expected = 1 + 2.0 * (dilated - eroded > 0.5).float()
    assert torch.equal(losses.border_weights(target, labelled, width=2, weight=3.0), expected)


def test_border_weights_refuse_what_is_not_dense_and_no_width():
    with pytest.raises(ValueError, match=r"target must be \(B, K, H, W\), got \(8, 8\)"):
        losses.border_weights(torch.ones(8, 8))
    with pytest.raises(ValueError, match="width must be at least 1 pixel, got 0"):
        losses.border_weights(torch.ones(1, 1, 8, 8), width=0)


def test_a_channel_is_trained_where_its_image_is_labelled_and_valid():
    valid = torch.ones(2, 4, 5, dtype=torch.bool)
    valid[1, :, 3:] = False
    mask = losses.channel_mask(torch.tensor([[True, False], [True, True]]), (4, 5), valid)
    assert mask.shape == (2, 2, 4, 5)
    assert mask.sum((2, 3)).tolist() == [[20, 0], [12, 12]]
    with pytest.raises(ValueError, match=r"channels must be \(B, K\), got \(2,\)"):
        losses.channel_mask(torch.ones(2), (4, 5))
    with pytest.raises(ValueError, match=r"valid must be \(2, 4, 5\), got \(4, 5\)"):
        losses.channel_mask(torch.ones(2, 2), (4, 5), valid[0])


@pytest.mark.parametrize("shape", [(6, 4), (2, 4, 3, 5)])
def test_cross_entropy_is_torch_s_where_something_is_labelled(shape):
    logits = torch.randn(shape)
    target = torch.randint(0, 4, (shape[0], *shape[2:]))
    target[0] = -100
    weight = torch.tensor([1.0, 2.0, 0.5, 3.0])
    expected = functional.cross_entropy(logits, target, weight=weight, ignore_index=-100)
    torch.testing.assert_close(losses.cross_entropy(logits, target, weight=weight), expected)


def test_cross_entropy_ignores_without_a_trace():
    logits = torch.randn(3, 4)
    logits[1] = float("inf")
    logits.requires_grad_()
    losses.cross_entropy(logits, torch.tensor([0, -1, 3]), ignore_index=-1).backward()
    assert (logits.grad[1] == 0).all()
    assert (logits.grad[0] != 0).all()
    assert losses.cross_entropy(logits, torch.full((3,), -1), ignore_index=-1).item() == 0


def test_cross_entropy_names_shapes_and_indices_that_do_not_fit():
    with pytest.raises(ValueError, match=r"got \(3, 4\) and \(2,\)"):
        losses.cross_entropy(torch.zeros(3, 4), torch.zeros(2, dtype=torch.long))
    with pytest.raises(ValueError, match=r"target holds \[-7, 4\]; the classes are 0 to 3"):
        losses.cross_entropy(torch.zeros(3, 4), torch.tensor([4, 1, -7]))
    with pytest.raises(ValueError, match=r"weight must be \(4,\), got \(3,\)"):
        losses.cross_entropy(torch.zeros(3, 4), torch.tensor([0, 1, 2]), weight=torch.ones(3))


def test_balanced_losses_pull_alike_whatever_their_size():
    x = torch.tensor([3.0, 3.0], requires_grad=True)
    total = losses.balanced_sum({"mask": 1000 * x[0] ** 2, "caption": 0.001 * x[1] ** 2})
    total.backward()
    assert total.item() == pytest.approx(2.0)
    torch.testing.assert_close(x.grad, torch.tensor([2 / 3, 2 / 3]))  # d log(x^2) / dx


def test_a_weight_scales_the_pull_of_its_loss():
    x = torch.tensor([2.0, 2.0], requires_grad=True)
    losses.balanced_sum({"mask": x[0], "pair": x[1]}, {"pair": 0.3}).backward()
    assert x.grad.tolist() == pytest.approx([0.5, 0.15])


def test_a_loss_of_zero_stays_finite():
    x = torch.tensor(0.0, requires_grad=True)
    total = losses.balanced_sum({"mask": x**2, "pair": torch.tensor(2.0)})
    total.backward()
    assert total.item() == 1
    assert math.isfinite(x.grad)


def test_balanced_sum_names_what_is_wrong():
    with pytest.raises(ValueError, match=r"weights names \['word'\]; the losses are \['mask'\]"):
        losses.balanced_sum({"mask": torch.tensor(1.0)}, {"word": 1.0})
    with pytest.raises(ValueError, match="at least one loss"):
        losses.balanced_sum({})
    with pytest.raises(ValueError, match=r"every loss must be a scalar, got \{'mask': \(2,\)\}"):
        losses.balanced_sum({"mask": torch.ones(2)})
