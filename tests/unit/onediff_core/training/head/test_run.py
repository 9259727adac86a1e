"""The loop that trains a head."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from onediff_core.errors import TrainingError
from onediff_core.training.head.run import HeadRun
from onediff_core.training.head.settings import HeadSettings
from onediff_core.training.learner import BAD_BATCH_NAME
from onediff_core.training.logs import read_log
from onediff_core.training.schedule import Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Numbers(Dataset[dict[str, torch.Tensor]]):
    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        return {"x": torch.tensor([float(number % 3)])}


class Guess:
    """A head that guesses a number; `merits` are what its scores will be, one after the other."""

    pairs = Numbers()

    def __init__(self, *merits: float, loss: float = 1.0) -> None:
        self.merits, self.loss = list(merits), loss

    def losses(self, head: nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"guess": (head(batch["x"]) - 1).square().mean() * self.loss}

    def scores(self, head: nn.Module) -> dict[str, float]:
        return {"guess/merit": self.merits.pop(0)}

    def merit(self, scores: Mapping[str, float]) -> float:
        return scores["guess/merit"]

    def calibrate(self, head: Any) -> None: ...


def run(folder: Path, task: Guess, steps: int = 100) -> HeadRun:
    settings = HeadSettings(workers=0, batch=2, score_every=5, patience=3, log_every=1, save_every_s=0)
    return HeadRun(folder, nn.Linear(1, 1), task, settings, Budget(steps=steps))  # type: ignore[arg-type]  # any module


def quiet(progress: float, scores: Mapping[str, float]) -> None:
    pass


def test_a_run_ends_when_nothing_gets_better_and_the_best_weights_are_kept(tmp_path: Path) -> None:
    learning = run(tmp_path, Guess(0.1, 0.7, 0.2, 0.7, 0.3, 0.9))
    kept: list[dict[str, torch.Tensor]] = []
    inner = learning._score

    def scored() -> dict[str, float]:
        found = inner()
        kept.append({name: value.clone() for name, value in learning.average.module.state_dict().items()})
        return found

    learning._score = scored  # type: ignore[method-assign]
    head = learning.train(quiet)
    assert learning.step == 25  # the second score was the best, three after it were not
    for name, value in head.state_dict().items():
        assert torch.equal(value, kept[1][name])
    again = run(tmp_path, Guess())
    again.train(quiet)
    assert again.step == 25  # over is over


def test_a_loss_that_is_no_number_stops_the_run_and_saves_the_batch(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"the loss of step 1 is nan: its batch is in .*bad-batch\.pt"):
        run(tmp_path, Guess(loss=float("nan"))).train(quiet)
    assert torch.load(tmp_path / BAD_BATCH_NAME)["x"].shape == (2, 1)


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_with_the_same_losses_and_ends_with_the_same_head(
    tiny_onediff: Path, squares: Callable[..., Path], tmp_path: Path
) -> None:
    script, data = Path(__file__).with_name("killed_head.py"), squares(9)

    def command(folder: str, pause: float) -> list[str]:
        return [sys.executable, *map(str, (script, tiny_onediff, data, tmp_path / folder, pause))]

    subprocess.run(command("whole", 0), check=True, timeout=200)
    with subprocess.Popen(command("killed", 0.4)) as process:
        deadline = time.monotonic() + 120
        while len(read_log(tmp_path / "killed/run")) < 6:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed/model.safetensors").exists()
    subprocess.run(command("killed", 0), check=True, timeout=200)

    def curve(folder: str) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in line.items() if name != "seconds"}
            for line in read_log(tmp_path / folder / "run")
        ]

    assert len(curve("whole")) == 12 + 3
    assert curve("killed") == curve("whole")
    weights = [(tmp_path / folder / "model.safetensors").read_bytes() for folder in ("killed", "whole")]
    assert weights[0] == weights[1]
