import pytest
import torch

from onediff_core import losses
from onediff_core.features import DeltaFeatures
from onediff_core.heads import RegionHead, RegionLogits
from onediff_plugins.specs import KINDS

BOXES = [torch.tensor([[2.0, 3, 10, 12], [0, 0, 48, 32]]), torch.tensor([[20.0, 4, 21, 30]])]


@pytest.fixture
def head(config):
    return RegionHead(config("region")).eval()


def test_every_box_has_a_label_and_a_kind(head, features):
    answer = head(features(), BOXES)
    assert answer.label.shape == (3, 2)
    assert answer.kind.shape == (3, 4)


def test_pairs_may_have_no_box(head, features):
    made = features()
    assert head(made, [torch.zeros(0, 4)] * 2).kind.shape == (0, 4)
    some = head(made, [torch.zeros(0, 4), BOXES[1]])
    torch.testing.assert_close(some.label, head(made, BOXES).label[2:])


def test_a_box_is_answered_alike_whatever_boxes_are_beside_it(head, features):
    made = features()
    together, alone = head(made, BOXES), head(made, [BOXES[0][1:], BOXES[1]])
    torch.testing.assert_close(together.label[1:], alone.label)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (21, 37)])
def test_a_box_is_answered_alike_alone_and_padded_in_a_batch(head, features, height, width):
    alone = features(1, height, width)
    mask = torch.zeros(1, 48, 64, dtype=torch.bool)
    mask[:, :height, :width] = True
    padded = features(1, 48, 64, mask=mask)
    padded.tokens[:] = alone.tokens
    for inner, outer in zip(alone.dense, padded.dense, strict=True):
        outer[:, :, : inner.shape[2], : inner.shape[3]] = inner
    box = [torch.tensor([[5.0, 3.0, width, height]])]
    torch.testing.assert_close(head(padded, box), head(alone, box), rtol=1e-5, atol=1e-5)


def test_boxes_may_come_in_whole_pixels(head, features):
    made = features()
    whole = [corners.long() for corners in BOXES]
    torch.testing.assert_close(head(made, whole).kind, head(made, BOXES).kind)


def test_only_what_lies_in_a_box_and_the_tokens_count(head, features):
    made = features(1, 64, 64)
    box = [torch.tensor([[32.0, 32, 60, 60]])]
    before = head(made, box).label
    made.dense[0][:, :, :14] = 9.0
    made.dense[1][:, :, :, :7] = -9.0
    assert torch.equal(head(made, box).label, before)
    made.dense[0][:, :, 20:24, 20:24] = 9.0
    assert not torch.equal(head(made, box).label, before)
    before = head(made, box).label
    made.tokens[:] += torch.randn_like(made.tokens)
    assert not torch.equal(head(made, box).label, before)


def test_the_order_of_the_kinds_is_that_of_saved_heads():
    assert KINDS == ("added", "removed", "changed", "moved")


def test_a_class_with_a_direction_decides_the_kind(config):
    head = RegionHead(config("region", classes=("demolished", "repainted"), kinds={"demolished": "removed"}))
    logits = RegionLogits(
        label=torch.tensor([[2.0, 0.0], [0.0, 1.0]]), kind=torch.tensor([[9.0, 0, 0, 0], [9.0, 0, 0, 0]])
    )
    first, second = head.answers(logits)
    assert (first.kind, first.label) == ("removed", "demolished")
    assert (second.kind, second.label) == ("added", "repainted")
    assert first.confidence == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item())
    assert head.answers(RegionLogits(label=torch.zeros(0, 2), kind=torch.zeros(0, 4))) == []


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (BOXES[:1], "one tensor per pair, got 1 for 2 pairs"),
        ([BOXES[0], torch.zeros(4)], r"boxes of pair 1 must be \(N, 4\), got \(4,\)"),
        ([BOXES[0], torch.tensor([[5.0, 5, 5, 9]])], r"box 0 of pair 1 .* got \[5.0, 5.0, 5.0, 9.0\]"),
        ([torch.tensor([[1.0, 1, 2, 2], [0, 0, 9, float("inf")]]), BOXES[1]], "box 1 of pair 0 must be finite"),
    ],
)
def test_boxes_that_cannot_be_are_named(head, features, boxes, message):
    with pytest.raises(ValueError, match=message):
        head(features(), boxes)


def test_gradients_are_those_of_finite_differences(config):
    head = RegionHead(config("region", channels=(2,), strides=(4,), width=3, token_size=2)).double()
    dense = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    tokens = torch.randn(1, 3, 2, dtype=torch.float64, requires_grad=True)
    boxes = [torch.tensor([[1.0, 2, 9, 11]], dtype=torch.float64)]

    def run(dense, tokens):
        return tuple(head(DeltaFeatures(tokens=tokens, dense=(dense,), image_size=(16, 16)), boxes))

    assert torch.autograd.gradcheck(run, (dense, tokens))


def test_what_was_looked_at_may_be_kept_and_decided_on_later(head, features):
    made = features(2, 64, 64)
    boxes = [torch.tensor([[4.0, 4, 28, 28], [36.0, 36, 60, 60]]), torch.tensor([[0.0, 0, 64, 9]])]
    kept = head.look(made, boxes)
    assert [len(level) for level in kept.pooled] == [3] * len(made.dense)
    assert len(kept.place) == len(kept.tokens) == 3
    assert not any(level.requires_grad for level in kept.pooled)
    for now, later in zip(head(made, boxes), head.decide(kept), strict=True):
        torch.testing.assert_close(now, later)


def test_every_parameter_is_trained(config, features):
    head = RegionHead(config("region"))
    answer = head(features(), BOXES)
    (answer.label.square().mean() + answer.kind.square().mean()).backward()
    untrained = {name for name, value in head.named_parameters() if value.grad is None or not value.grad.any()}
    assert untrained == set()


def test_a_head_learns_the_kinds_of_boxes(config, features):
    head, made = RegionHead(config("region")), features(4, 64, 64)
    boxes = [torch.tensor([[4.0, 4, 28, 28], [36.0, 36, 60, 60]])] * 4
    target = torch.tensor([0, 1, 2, 3, 0, -100, 2, 1])
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-2)
    for _ in range(40):
        loss = losses.cross_entropy(head(made, boxes).kind, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found = head(made, boxes).kind.argmax(1)
    assert torch.equal(found[target >= 0], target[target >= 0])


def test_far_from_the_corner_autocast_leaves_small_boxes_apart(head, features):
    made = features(1, 32, 2048)
    boxes = [torch.tensor([[2001.0, 8, 2003, 12], [2001.0, 8, 2006, 12]])]
    places = []
    head.place.register_forward_pre_hook(lambda module, given: places.append(given[0]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        head(made, boxes)
    widths = (places[0][:, 4].double() * 5).expm1()
    torch.testing.assert_close(widths, torch.tensor([2.0, 5.0], dtype=torch.float64), rtol=0.05, atol=0)
