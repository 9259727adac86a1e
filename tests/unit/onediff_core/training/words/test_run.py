"""The word stages as runs, on a model that is small enough for a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from onediff_core.errors import TrainingError
from onediff_core.training.logs import read_log
from onediff_core.training.schedule import Budget
from onediff_core.training.words.lessons import Lesson, Turn
from onediff_core.training.words.run import WordRun
from onediff_core.training.words.settings import stage_settings
from onediff_core.training.words.sources import CoupledFacts, CoupledPictures

PARTS = ("model.vision_tower", "model.delta", "model.projector", "model.delta_projector", "language_model")


@pytest.fixture
def run(dense, tmp_path):
    def make(stage, source, steps=2, **changes):
        settings = stage_settings(
            stage, **{"batch": 2, "warm_up": 0, "precision": "fp32", "workers": 0, "log_every": 1, **changes}
        )
        return WordRun(tmp_path / stage, stage, dense.model, dense.processor, source, settings, Budget(steps=steps))

    return make


def losses(folder: Path) -> dict[int, float]:
    return {line["step"]: line["loss/words"] for line in read_log(folder) if "loss/words" in line}


@pytest.mark.parametrize(
    ("stage", "source", "trained"),
    [
        ("facts", CoupledFacts(), {"language_model"}),
        ("cst", CoupledPictures(64), {"model.delta", "model.projector", "model.delta_projector"}),
        ("joint", CoupledPictures(64), {*PARTS} - {"model.vision_tower"}),
    ],
)
def test_each_stage_trains_its_parts_and_no_other(run, dense, stage, source, trained):
    before = {name: value.clone() for name, value in dense.model.state_dict().items()}
    run(stage, source).go_on(dict)
    after = dense.model.state_dict()
    moved = {
        part
        for part in PARTS
        if any(not torch.equal(after[name], before[name]) for name in after if name.startswith(f"{part}."))
    }
    assert moved == trained


def test_rows_of_unlike_lengths_lose_what_the_whole_batch_loses(run):
    running = run("facts", CoupledFacts(), batch=5)
    batch = next(running._batches(0))
    whole = running.model(**batch).loss
    assert running._learn(batch, 0.0)["words"].item() == pytest.approx(whole.item(), rel=1e-5)


class OneSentence:
    def draw(self, rng):
        return Lesson(turns=(Turn("caption", "a house was built"),))


def test_a_sentence_is_learned(run, tmp_path):
    run("facts", OneSentence(), steps=60, rate=2e-2).go_on(dict)
    curve = list(losses(tmp_path / "facts").values())
    assert curve[-1] < 0.2 * curve[0]


def test_a_folder_of_another_stage_is_refused(run, tmp_path):
    run("cst", CoupledPictures(64))
    (tmp_path / "cst").rename(tmp_path / "joint")
    with pytest.raises(TrainingError, match=r"settings.json is of a run with other .*stage"):
        run("joint", CoupledPictures(64))


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_with_the_same_losses(dense, killed_once, tmp_path):
    script = Path(__file__).with_name("killed_run.py")

    def command(folder, pause):
        return [sys.executable, str(script), str(dense.folder), str(tmp_path / folder), str(pause)]

    subprocess.run(command("whole", 0), check=True, timeout=300)
    killed_once(command("killed", 0.4), lambda: len(losses(tmp_path / "killed")) >= 4)
    assert len(losses(tmp_path / "killed")) < 10
    subprocess.run(command("killed", 0), check=True, timeout=300)
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
