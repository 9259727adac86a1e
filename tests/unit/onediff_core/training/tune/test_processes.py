"""Several processes, started as `torchrun` and `accelerate launch` start them, and one that is killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from click.testing import CliRunner

from onediff_core.training.logs import read_log
from onediff_core.training.tune.__main__ import main
from onediff_core.weights import read_safetensors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

TUNE = [sys.executable, "-m", "onediff_core.training.tune"]


def losses(folder: Path) -> dict[int, float]:
    return {line["step"]: line["loss/words"] for line in read_log(folder) if "loss/words" in line}


def of_both(out: Path) -> list[float]:
    return [loss for name in ("1-cst", "2-tune") for loss in losses(out / name).values()]


@pytest.fixture
def options(sets: Path, write: Callable[..., Path], recipe: dict[str, Any]) -> list[str]:
    """Of a run of four steps a stage, whose state is written after each; the second shares out its moments."""
    recipe["stages"][1]["sharded"] = True
    for stage in recipe["stages"]:
        stage |= {"held_out": 0, "save_every_s": 0}
    return [str(write(recipe)), "--data", str(sets), "--threads", "1", "--out"]


@pytest.fixture
def whole(options: list[str], tmp_path: Path) -> Path:
    """A run of one process, from beginning to end."""
    done = CliRunner().invoke(main, [*options, str(tmp_path / "whole")])
    assert done.exit_code == 0, done.output
    return tmp_path / "whole"


def together(commands: Sequence[Sequence[str]]) -> list[subprocess.CompletedProcess[str]]:
    """Processes that find each other by what launchers put into the environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(len(commands)), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            command,
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, command in enumerate(commands)
    ]
    made = []
    for process in started:
        out, errors = process.communicate(timeout=240)
        made.append(subprocess.CompletedProcess(process.args, process.returncode, out, errors))
    return made


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(options, whole, tmp_path):
    out = tmp_path / "two"
    for done in together([[*TUNE, *options, str(out)]] * 2):
        assert done.returncode == 0, done.stderr
    assert len(of_both(out)) == 8
    assert of_both(out) == pytest.approx(of_both(whole), rel=1e-3)
    one, two = (read_safetensors(run / "2-tune" / "trained.safetensors") for run in (whole, out))
    assert all(torch.allclose(two[name], value, atol=2e-3) for name, value in one.items())


@pytest.mark.slow
def test_processes_that_were_told_different_things_are_all_refused(options, tmp_path):
    command = [*TUNE, *options, str(tmp_path / "two")]
    for done in together([command, [*command, "--set", "stages.cst.rate=0.02"]]):
        assert done.returncode == 1
        assert "process 1 was told another stages.cst.rate than process 0" in done.stderr
    assert not (tmp_path / "two").exists()


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_with_the_same_losses(options, whole, killed_once, tmp_path):
    out = tmp_path / "killed"
    killed_once([*TUNE, *options, str(out)], lambda: len(losses(out / "1-cst")) >= 2)
    done = CliRunner().invoke(main, [*options, str(out)])
    assert done.exit_code == 0, done.output
    assert of_both(out) == of_both(whole)


def test_a_batch_that_processes_cannot_share_is_refused(options, tmp_path, monkeypatch):
    monkeypatch.setattr("onediff_core.training.tune.processes.Processes.agree", lambda *_: None)
    monkeypatch.setattr("onediff_core.training.tune.__main__.Processes", Three)
    done = CliRunner().invoke(main, [*options, str(tmp_path / "three")])
    assert "2 times 2 examples, which 3 processes cannot share" in done.output


class Three:
    count, index, device, leads = 3, 0, torch.device("cpu"), True

    def __init__(self, device: str) -> None: ...
    def agree(self, record: Any) -> None: ...
    def close(self) -> None: ...
