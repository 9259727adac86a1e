"""The loop of the dense stage, on a network and tiles that are small enough for a test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from onediff_core.errors import TrainingError
from onediff_core.training.logs import read_log
from onediff_core.training.run import Run
from onediff_core.training.schedule import Budget
from onediff_core.training.settings import DenseSettings

SETTINGS = DenseSettings(
    crop=64, batch=4, late_crop=96, late_batch=2, warm_up=3, frozen="stage1", precision="fp32", workers=0,
    log_every=1, save_every_s=0, score_every_s=1e9, rate=1e-2,
)  # fmt: skip


@pytest.fixture
def run(tmp_path, network, sources):
    def make(folder="run", steps=12, settings=SETTINGS):
        return Run(tmp_path / folder, network, sources, settings, Budget(steps=steps))

    return make


def losses(folder: Path) -> dict[int, float]:
    return {line["step"]: line["loss/building"] for line in read_log(folder) if "loss/building" in line}


@pytest.mark.slow
def test_the_loss_falls_and_scores_are_logged(tile, run, tmp_path):
    learning = run(steps=100, settings=SETTINGS.model_copy(update={"frozen": None}))
    learning.train({"houses": [tile(2, seed=11), tile(0, seed=12)]})
    curve = losses(tmp_path / "run")
    assert len(curve) == 100
    assert sum(list(curve.values())[-20:]) < 0.7 * sum(list(curve.values())[:20])
    last = read_log(tmp_path / "run")[-1]
    assert last["step"] == 100
    assert {"houses/f1", "houses/tnr", "houses/pair_recall", "houses/direction"} <= last.keys()


def test_crops_grow_and_the_tower_thaws_on_the_way(run, monkeypatch):
    learning, seen = run(), []
    inner = learning._learn

    def watched(batch, progress):
        result = inner(batch, progress)
        frozen = not next(learning.network.base.vision_tower.parameters()).requires_grad
        seen.append((tuple(batch["images"].shape[::3]), frozen))
        return result

    monkeypatch.setattr(learning, "_learn", watched)
    learning.train({})
    assert [side for (_, side), _ in seen] == [64] * 9 + [96] * 3
    assert [frozen for _, frozen in seen] == [True] * 6 + [False] * 6
    assert learning.seen == 9 * 4 + 3 * 2


def test_a_folder_of_a_run_with_other_settings_is_refused(run):
    run()
    with pytest.raises(TrainingError, match=r"settings.json is of a run with other rate: name a new folder"):
        run(settings=SETTINGS.model_copy(update={"rate": 0.5}))


def test_a_finished_run_is_not_trained_again(run, network, tmp_path):
    run(steps=3).train({})
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    again = run(steps=3)
    again.train({})
    assert again.step == 3
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_with_the_same_losses(tmp_path):
    script = Path(__file__).with_name("killed_run.py")

    def command(folder, pause):
        return [sys.executable, str(script), str(tmp_path / folder), str(pause)]

    subprocess.run(command("whole", 0), check=True, timeout=200)
    with subprocess.Popen(command("killed", 0.4)) as process:
        deadline = time.monotonic() + 120
        while len(losses(tmp_path / "killed")) < 5:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert len(losses(tmp_path / "killed")) < 12
    subprocess.run(command("killed", 0), check=True, timeout=200)
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    assert json.loads((tmp_path / "killed/settings.json").read_text())["seed"] == 0
