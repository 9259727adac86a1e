from dataclasses import replace

import numpy as np
import pytest
import torch

from onediff_core.checkpoint import load_checkpoint, save_checkpoint
from onediff_core.image_processing_onediff import OneDiffImageProcessor
from onediff_core.training.evaluation import operating_point
from onediff_core.training.export import SIZES, Choice, averaged_network, heads_of, sizes_for
from onediff_core.training.network import DenseNetwork
from onediff_core.training.run import Run
from onediff_core.training.schedule import Budget
from onediff_core.training.sets import VALIDATION_SETS, held_out_half, tuning_half
from onediff_core.training.settings import DenseSettings

CLASSES = ("building+", "building-", "landcover")


@pytest.fixture
def model(make_model):
    return make_model("efficientnet_lite", delta={"dense_taps": (1, 2, 3, 4), "taps": (3, 4)})


def test_a_run_becomes_a_onediff_with_its_averaged_weights(model, make_model, sources, tmp_path):
    network = DenseNetwork(model.model, CLASSES, (0.5,) * 3, (0.25,) * 3)
    settings = DenseSettings(crop=64, batch=2, late_crop=64, late_batch=2, workers=0, precision="fp32", frozen=None)
    run = Run(tmp_path / "run", network, sources, settings, Budget(steps=3))
    run.train({})

    fresh = make_model("efficientnet_lite", delta={"dense_taps": (1, 2, 3, 4), "taps": (3, 4)})
    averaged = averaged_network(tmp_path / "run", fresh.model)
    for name, value in run.average.module.state_dict().items():
        assert torch.equal(averaged.state_dict()[name], value), name
    assert not torch.equal(averaged.head.classify.weight, network.head.classify.weight)

    processor = OneDiffImageProcessor.for_tower(fresh.config.vision_config)
    save_checkpoint(tmp_path / "saved", fresh, processor, heads_of(averaged))
    saved = load_checkpoint(tmp_path / "saved")
    assert sorted(saved.heads) == ["satellite.building", "satellite.change"]
    pixels = torch.randn(1, 2, 3, 64, 64)
    with torch.no_grad():
        wanted = averaged.head(averaged.base.dense_features(pixels))
        features = saved.model.model.dense_features(pixels)
        torch.testing.assert_close(saved.heads["satellite.building"](features), wanted[:, :2], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(saved.heads["satellite.change"](features), wanted[:, 2:], rtol=1e-4, atol=1e-4)


def test_a_folder_without_a_run_is_refused(model, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no run: there is no state\.pt"):
        averaged_network(tmp_path, model.model)


def test_the_halves_of_a_set_share_no_group_and_leave_no_sample(tile):
    samples = [replace(tile(index), id=f"{index}", group=f"place {index // 2}") for index in range(10)]
    tuning, held_out = tuning_half(samples), held_out_half(samples)
    assert {sample.group for sample in tuning}.isdisjoint(sample.group for sample in held_out)
    assert sorted(sample.id for sample in (*tuning, *held_out)) == [str(index) for index in range(10)]


@pytest.mark.parametrize("shift", [-1.5, 0.0, 2.0])
def test_the_bias_puts_the_best_threshold_at_a_half(tile, shift):
    sample, noise = tile(2), np.random.default_rng(0).normal(0, 0.05, (3, 96, 96))
    truth = np.stack([sample.masks.get(name, np.zeros((96, 96), bool)) for name in CLASSES])
    logits = torch.from_numpy(np.where(truth, 0.8, -3.0) + noise + shift)[None]
    bias = operating_point(lambda images: logits, [sample], CLASSES).bias
    assert 0.8 + shift + bias > 0
    assert -3.0 + shift + bias < 0


def test_heads_that_answer_together_look_at_one_picture():
    levir, dsifn = VALIDATION_SETS
    assert sizes_for(levir, {}) == SIZES
    assert sizes_for(dsifn, {}) == SIZES
    assert sizes_for(dsifn, {levir: Choice(1.25, 0.0, 0.9)}) == (1.25,)
