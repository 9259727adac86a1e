import copy

import pytest
import torch

from onediff_core.heads import ChangeMaskHead, HeadConfig
from onediff_core.training.network import classes_of, moving_average, parameter_groups, split_head
from onediff_core.training.objective import dense_losses, groups_of, weighted_sum

CLASSES = ("building+", "building-", "landcover")
BORDER = {"border_px": 3, "border_weight": 3.0}


@pytest.fixture
def images():
    return torch.randint(0, 255, (2, 2, 3, 64, 64), dtype=torch.uint8)


def batch_of(labelled):
    return {
        "masks": torch.rand(2, 3, 64, 64) > 0.7,
        "labelled": torch.tensor(labelled),
        "valid": torch.ones(2, 64, 64, dtype=torch.bool),
    }


def test_logits_are_of_every_class_at_every_pixel(network, images):
    assert network(images).shape == (2, 3, 64, 64)


def test_the_channels_are_the_classes_of_heads_that_some_source_is_labelled_for(sources):
    assert classes_of(reversed(sources)) == CLASSES
    assert classes_of(sources[1:]) == ("landcover",)


def test_a_channel_without_labels_gets_no_gradient(network, images):
    batch = batch_of([[True, True, False], [True, True, False]])
    weighted_sum(dense_losses(network(images), batch, CLASSES, **BORDER)).backward()
    kernel = network.head.classify.weight.grad.unflatten(0, (3, 4))
    assert kernel[:2].abs().sum() > 0
    assert kernel[2].abs().sum() == 0


def test_each_group_is_a_loss_of_its_own():
    assert groups_of(CLASSES) == {"building": [0, 1], "landcover": [2]}
    logits = torch.randn(2, 3, 64, 64)
    losses = dense_losses(logits, batch_of([[True, True, False], [True, True, False]]), CLASSES, **BORDER)
    assert losses["building"] > 0
    assert losses["landcover"] == 0


def test_only_the_tower_and_the_head_are_trained(network):
    names = {name.split(".")[0] + "." + name.split(".")[1] for name, _ in network.trained()}
    assert {name for name in names if not name.startswith("head.")} == {"base.vision_tower"}
    groups = parameter_groups(network.trained(), rate=1e-2, tower_share=0.3, weight_decay=0.05)
    assert sum(len(group["params"]) for group in groups) == len(list(network.trained()))
    for group in groups:
        assert all((parameter.ndim > 1) == (group["weight_decay"] > 0) for parameter in group["params"])
    assert {round(group["lr"], 6) for group in groups} == {0.01, 0.003}


def test_a_frozen_stage_keeps_weights_and_statistics(network, images):
    network.train()
    network.freeze_tower("stage2")
    before = copy.deepcopy(network.base.vision_tower.state_dict())
    optimiser = torch.optim.AdamW(parameter_groups(network.trained(), rate=1e-2, tower_share=1.0, weight_decay=0.1))
    network(images).square().mean().backward()
    optimiser.step()
    moved = {
        name.split(".")[1] + name.split(".")[2] if "stages" in name else "stem"
        for name, value in network.base.vision_tower.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved == {"stages2", "stages3"}


def test_the_average_is_that_of_the_formula(network):
    average = moving_average(network, 0.9)
    weight, averaged = network.head.classify.weight, average.module.head.classify.weight
    expected = None
    for step in range(40):
        with torch.no_grad():
            weight.add_(1.0)
        average.update_parameters(network)
        share = min(0.9, (1 + step) / (10 + step))
        expected = weight.detach().clone() if expected is None else share * expected + (1 - share) * weight.detach()
    torch.testing.assert_close(averaged, expected)


def test_the_average_has_averaged_statistics(network, images):
    average = moving_average(network, 0.9)
    network.train()
    for _ in range(3):
        network(images)
        average.update_parameters(network)
    mean = network.head.lateral[0][0].running_mean
    assert not torch.equal(average.module.head.lateral[0][0].running_mean, mean)
    assert average.module.head.lateral[0][0].running_mean.abs().sum() > 0


def test_a_head_of_some_classes_has_their_logits(network, images):
    network.eval()
    network.head.calibration.set(1, 2.0, 0.5)
    with torch.no_grad():
        features = network.base.dense_features(images.float() / 255)
    whole = network.head(features)
    part = split_head(network.head, "satellite.building", ("building-", "building+"))
    torch.testing.assert_close(part(features), whole[:, [1, 0]])
    assert part.config.kinds == {"building+": "added", "building-": "removed"}
    assert part.config.gsd_range_m == (0.4, 1.2)
    torch.testing.assert_close(part.probabilities(part(features)), network.head.probabilities(whole)[:, [1, 0]])


def test_a_head_that_cannot_be_split_is_refused(network):
    with pytest.raises(ValueError, match=r"has no classes \['road'\]; it has \['building\+'"):
        split_head(network.head, "satellite.road", ("road",))
    values = {**network.head.config.to_dict(), "exclusive": True}
    exclusive = ChangeMaskHead(HeadConfig.from_dict(values))
    with pytest.raises(ValueError, match="exclusive"):
        split_head(exclusive, "satellite.change", ("landcover",))
