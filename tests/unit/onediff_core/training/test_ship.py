"""A run of two steps through `onediff train export` and `onediff train ship`, on noise in sets of the real names."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from onediff_core import layout
from onediff_core.checkpoint import load_checkpoint, save_checkpoint
from onediff_core.efficientnet_lite import IMAGE_MEAN, IMAGE_STD
from onediff_core.errors import CheckpointError
from onediff_core.heads import RegionHead
from onediff_core.heads.config import HeadConfig
from onediff_core.training import ship
from onediff_core.training.export import main as export
from onediff_core.training.network import DenseNetwork, classes_of
from onediff_core.training.run import Run
from onediff_core.training.schedule import Budget
from onediff_core.training.sets import TRAINING_SETS, VALIDATION_SETS, read_set
from onediff_core.training.settings import DenseSettings
from onediff_core.training.sources import MaskSource
from onediff_core.training.start import starting_model

SETTINGS = {"seed": 7, "crop": 64, "batch": 2, "late_crop": 64, "late_batch": 2, "workers": 0, "log_every": 1}


def write_set(folder):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for number in range(2):
        image = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        mask = np.zeros((64, 64), np.uint8)
        mask[10:30, 10:30] = 255
        files = {"before": image, "after": np.where(mask[..., None] > 0, 255, image).astype(np.uint8), "mask": mask}
        for side, pixels in files.items():
            cv2.imwrite(str(folder / f"{number}{side}.png"), pixels)
        rows.append({"id": f"{number}", "group": f"{number}", **{side: f"{number}{side}.png" for side in files}})
    (folder / "pairs.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    for entry in (*TRAINING_SETS, *VALIDATION_SETS):
        write_set(folder / entry.name)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data):
    """A folder with `dense` and `weights`."""
    run = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    sources = [MaskSource(entry, read_set(data, entry)) for entry in TRAINING_SETS]
    model, _ = starting_model()
    network = DenseNetwork(model.model, classes_of(sources), IMAGE_MEAN, IMAGE_STD)
    settings = DenseSettings(precision="fp32", frozen=None, scenes={"camera": 0.1}, **SETTINGS)
    Run(run / "dense", network, sources, settings, Budget(steps=2)).train({})
    done = CliRunner().invoke(export, [str(run / "dense"), str(run / "weights"), "--data", str(data), "--half"])
    assert done.exit_code == 0, done.output
    return run


@pytest.fixture(scope="module")
def spoken(tmp_path_factory, finished):
    """What a word stage leaves: the same weights, trained to speak, and its report. Nothing of it was learned here."""
    run = tmp_path_factory.mktemp("words")
    stored = load_checkpoint(finished / "weights")
    stored.model.config.trained_stages = ("facts", "joint")
    save_checkpoint(run / "weights", stored.model, stored.processor, stored.heads.values())
    (run / "settings.json").write_text('{"seed": 0}')
    (run / "log.jsonl").write_text('{"step": 12, "pairs/seen": 96, "seconds": 90.0}\n')
    (run / "report.json").write_text('{"reported/cider_d": 0.5, "reported/pairs": []}')
    return run


@pytest.fixture(scope="module")
def of_pages(tmp_path_factory, spoken):
    """A region head, as `onediff train head` leaves it."""
    folder = tmp_path_factory.mktemp("head")
    stored = load_checkpoint(spoken / "weights", heads=())
    shape = stored.base.dense_shape()._asdict()
    head = RegionHead(HeadConfig(name="ui.kind", task="region", classes=("button", "text"), **shape))
    head.save_pretrained(folder, base_fingerprint=stored.fingerprint)
    (folder / "report.json").write_text('{"pairs": 1200, "held_out": {"label": 0.75}}')
    return folder


def call(*arguments):
    return CliRunner().invoke(ship.main, [str(argument) for argument in arguments])


def test_what_ships_is_whole_small_and_in_halves_and_its_card_is_filled(tmp_path, data, finished, spoken, of_pages):
    shutil.copytree(spoken, tmp_path / "run" / "words")
    for part in ("dense", "weights"):
        (tmp_path / "run" / part).symlink_to(finished / part)
    for seed in (0, 1):
        shutil.copytree(spoken, tmp_path / "run" / "ablations" / "no-delta-module" / str(seed))
    folder = tmp_path / "onediff-tiny"
    done = call(tmp_path / "run", folder, "--data", data, "--head", of_pages, "--machine", "one abacus")
    assert done.exit_code == 0, done.output

    shipped = load_checkpoint(folder)
    assert shipped.whole is not None
    assert sorted(shipped.heads) == ["satellite.building", "satellite.change", "ui.kind"]
    modules = (shipped.model, *shipped.heads.values())
    assert {value.dtype for module in modules for value in module.parameters()} == {torch.float16}
    assert layout.why_mute(folder) is None
    assert shipped.terms.licence == "LicenseRef-OneDiff-Research"
    assert shipped.terms.notice.startswith("the weights of onediff-tiny are for non-commercial research only")
    ship.check_size(folder)

    card = (folder / "MODEL_CARD.md").read_text()
    for said in (
        "# onediff-tiny\n",
        "It is a whole OneDiff",
        "Not in these weights: `surveillance.object`.",
        "On one abacus.",
        "--scene camera=0.1",
        "--set seed=7",
        "2 steps, 4 pairs",
        "| levir_train | 2 | building+, building- | LEVIR-CD",
        "| levir_val, held-out half | 1 |",
        "| dsifn_val, held-out half | 1 |",
        "| words | reported/cider_d | 0.500 |",
        "| `ui.kind` | pairs | 1,200 |",
        "| `ui.kind` | held_out/label | 0.750 |",
        "in the stages facts, joint (`onediff train words STAGE`); the last run: 12 steps, 1.5 minutes",
        "| no delta module | 0 | 12 | 0.500 |",
        "| `satellite.building` | mask | building+, building- | 0.4 to 1.2 m a pixel",
        "Spot-the-Diff",
    ):
        assert said in card, said
    assert "$" not in card
    licence = (folder / "LICENSE").read_text()
    assert all(name in licence for name in ("LEVIR-CD", "LEVIR-CC", "DSIFN"))
    assert "EfficientNet-Lite0" in (folder / "NOTICE").read_text()


def test_without_words_what_sees_ships_alone_and_the_card_says_what_is_missing(tmp_path, data, finished):
    done = call(finished, tmp_path / "sees", "--data", data, "--without-words")
    assert done.exit_code == 0, done.output
    assert "without `surveillance.object`, `ui.kind`, a language model" in done.output
    shipped = load_checkpoint(tmp_path / "sees")
    assert shipped.whole is None
    card = (tmp_path / "sees" / "MODEL_CARD.md").read_text()
    for said in (
        "It finds and does not speak",
        "Not in these weights: `surveillance.object`, `ui.kind`, a language model.",
        "| words | - | there are none |",
        "| `ui.kind` | - | not trained |",
        "None was measured for these weights",
        "On a machine that nobody named.",
    ):
        assert said in card, said
    assert "Spot-the-Diff" not in card


def test_weights_of_another_run_are_refused(tmp_path, data, finished):
    other = load_checkpoint(finished / "weights")
    with torch.no_grad():
        next(other.base.vision_tower.parameters()).add_(1)
    save_checkpoint(tmp_path / "run" / "weights", other.model, other.processor, other.heads.values())
    (tmp_path / "run" / "dense").symlink_to(finished / "dense")
    done = call(tmp_path / "run", tmp_path / "out", "--data", data)
    assert done.exit_code == 1
    assert "is not what" in done.output
    assert not (tmp_path / "out").exists()


def test_a_head_of_another_base_is_refused(tmp_path, data, finished, of_pages):
    config = json.loads((of_pages / "config.json").read_text())
    shutil.copytree(of_pages, tmp_path / "head")
    (tmp_path / "head" / "config.json").write_text(json.dumps({**config, "base_fingerprint": "sha256:0"}))
    done = call(finished, tmp_path / "out", "--data", data, "--head", tmp_path / "head")
    assert done.exit_code == 1
    assert "was trained on the base sha256:0" in done.output


def test_a_language_model_that_was_not_trained_does_not_ship(tmp_path, data, finished):
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "weights").symlink_to(finished / "weights")
    done = call(finished, tmp_path / "out", "--data", data, "--words", tmp_path / "words")
    assert done.exit_code == 1
    assert "was never trained to speak" in done.output
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path, data, finished):
    (tmp_path / "thesis.txt").write_text("three years of work")
    done = call(finished, tmp_path, "--data", data)
    assert done.exit_code == 1
    assert "so it is not replaced" in done.output
    assert (tmp_path / "thesis.txt").is_file()


@pytest.mark.parametrize(("files", "megabytes"), [(1, 17), (3, 11)])
def test_a_folder_that_is_too_large_is_refused_with_its_sizes(tmp_path, files, megabytes):
    for number in range(files):
        with (tmp_path / f"{number}.safetensors").open("wb") as stream:
            stream.truncate(megabytes * ship.MEGABYTE)
    with pytest.raises(CheckpointError, match=rf"too large to ship, {files * megabytes}\.0 MB in all"):
        ship.check_size(tmp_path)
