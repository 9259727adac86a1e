"""A recipe from its first step to a OneDiff that speaks, on parts that are small enough for a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from click.testing import CliRunner

from onediff_core.adapters import load_adapters
from onediff_core.checkpoint import load_checkpoint
from onediff_core.training.logs import read_log
from onediff_core.training.tune.__main__ import main
from onediff_core.weights import read_safetensors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEW = ("model.delta.", "model.projector.", "model.delta_projector.")


@pytest.fixture
def tune(sets: Path, write: Callable[..., Path]) -> Callable[..., Any]:
    """Runs a recipe in this process."""

    def run(content: dict[str, Any], out: Path, *more: str) -> Any:
        return CliRunner().invoke(main, [str(write(content)), "--data", str(sets), "--out", str(out), *more])

    return run


def losses(folder: Path) -> dict[int, float]:
    return {line["step"]: line["loss/words"] for line in read_log(folder) if "loss/words" in line}


def test_both_stages_train_score_and_write_adapters_that_go_back_onto_the_base(tune, recipe, sets, tmp_path):
    out = tmp_path / "run"
    done = tune(recipe, out)
    assert done.exit_code == 0, done.output
    first, second = (set(read_safetensors(out / name / "trained.safetensors")) for name in ("1-cst", "2-tune"))
    assert all(name.startswith(NEW) for name in first), "Coupled Sample Training trains what is new and nothing else"
    assert second > first
    assert all(".lora_" in name for name in second - first)
    report = {name: json.loads((out / name / "report.json").read_text()) for name in ("1-cst", "2-tune")}
    assert {"coupled/words", "coupled/in_form"} <= set(report["1-cst"])
    assert {"pairs/yes_no", "pairs/cider_d"} <= set(report["2-tune"])
    told = report["2-tune"]["pairs/pairs"]
    assert told
    assert all(pair["references"] for pair in told)
    rows = [json.loads(line) for line in (out / "2-tune" / "answers-pairs.jsonl").read_text().splitlines()]
    assert [(row["id"], row["caption"]) for row in rows] == [(pair["id"], pair["said"]) for pair in told]
    assert all(row["changed"] in (True, False, None) for row in rows)
    model, processor = load_adapters(out / "test", vision=sets / "tower", text=sets / "words")
    assert model.config.trained_stages == ("cst", "tune")
    image = torch.zeros(SIDE := 64, SIDE, 3).numpy()
    inputs = processor([(image, image)], [processor.prompt()])
    assert model.generate(**inputs, max_new_tokens=2, do_sample=False).shape[0] == 1


def test_a_run_that_is_called_again_does_no_step_twice(tune, recipe, tmp_path):
    out = tmp_path / "run"
    assert tune(recipe, out).exit_code == 0
    before = read_safetensors(out / "2-tune" / "trained.safetensors")
    (out / "2-tune" / "trained.safetensors").unlink()
    again = tune(recipe, out)
    assert again.exit_code == 0, again.output
    assert "cst: done before" in again.output
    assert "from step 4" in again.output
    after = read_safetensors(out / "2-tune" / "trained.safetensors")
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_path_of_the_last_stage_is_missed_before_the_first_one_trains(tune, recipe, sets, tmp_path):
    recipe["stages"][1]["sources"][0]["path"] = "nothere"
    refused = tune(recipe, tmp_path / "run")
    assert refused.exit_code == 1
    assert f"stage tune, source of kind pairs: there is no {sets / 'nothere'} (paths are relative to" in refused.output
    assert not (tmp_path / "run").exists()


def test_another_recipe_in_the_same_folder_is_refused(tune, recipe, tmp_path):
    out = tmp_path / "run"
    assert tune(recipe, out, "--set", "stages.tune.steps=1", "--set", "stages.cst.steps=1").exit_code == 0
    refused = tune(recipe, out, "--set", "stages.tune.steps=1", "--set", "stages.cst.steps=1", "--set",
                   "stages.cst.rate=0.02")  # fmt: skip
    assert refused.exit_code == 1
    assert "is of a run with other rate" in refused.output


def test_one_stage_may_train_everything_and_writes_a_whole_model(tune, recipe, tmp_path):
    recipe["stages"] = [{**recipe["stages"][1], "trains": "all", "average": 0.0, "checkpointing": True, "steps": 2}]
    del recipe["stages"][0]["lora"]
    done = tune(recipe, tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert load_checkpoint(tmp_path / "run" / "test").model.config.trained_stages == ("tune",)
    names = set(read_safetensors(tmp_path / "run" / "1-tune" / "trained.safetensors"))
    assert any(name.startswith("model.vision_tower.") for name in names)
    assert any(name.startswith("language_model.") for name in names)


@pytest.fixture
def begun(tune, recipe, tmp_path) -> Path:
    """A whole OneDiff with words, whose terms are its own."""
    recipe["stages"] = [{**recipe["stages"][1], "trains": "all", "steps": 1, "held_out": 0}]
    del recipe["stages"][0]["lora"]
    assert tune(recipe, tmp_path / "begun").exit_code == 0
    folder = tmp_path / "begun" / "test"
    (folder / "MODEL_CARD.md").write_text(
        "---\nlicense: other\nlicense_name: mine\nlicense_notice: ask me\n---\n# it\n"
    )
    (folder / "LICENSE").write_text("as I say")
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in load_checkpoint(folder).model.state_dict().items()}


@pytest.mark.parametrize(("trains", "learns"), [
    ("new", NEW), ("lora", (*NEW, "language_model.")), ("words", (*NEW, "language_model."))
])  # fmt: skip
def test_a_onediff_goes_on_and_keeps_its_tower_and_its_terms(tune, recipe, begun, tmp_path, trains, learns):
    stage = {**recipe["stages"][0], "trains": trains, "steps": 2, "held_out": 0}
    content = {"name": "on", "model": {"start": str(begun)}, "stages": [stage]}
    done = tune(content, tmp_path / "run")
    assert done.exit_code == 0, done.output
    made, before = tmp_path / "run" / "on", weights(begun)
    changed = {name for name, value in weights(made).items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith(learns) for name in changed)
    assert trains == "new" or any(name.startswith("language_model.") for name in changed)
    loaded = load_checkpoint(made)
    assert loaded.terms == ("mine", "ask me")
    assert (made / "LICENSE").read_text() == "as I say"
    assert loaded.model.config.trained_stages == ("tune", "tune")


def test_a_onediff_that_goes_on_may_get_a_new_delta_module(tune, recipe, begun, tmp_path):
    stage = {**recipe["stages"][0], "trains": "new", "steps": 1, "held_out": 0}
    content = {"name": "on", "model": {"start": str(begun), "delta": {"num_delta_tokens": 3}}, "stages": [stage]}
    done = tune(content, tmp_path / "run")
    assert done.exit_code == 0, done.output
    delta = load_checkpoint(tmp_path / "run" / "on").model.config.delta_config
    assert (delta.num_delta_tokens, delta.hidden_size) == (3, 24)


def test_micro_batches_learn_what_the_whole_batch_learns(tune, recipe, tmp_path):
    """Up to what a source draws: whole blocks are of one source, so there is one here."""
    recipe["stages"] = [recipe["stages"][0]]
    for name, micro in (("parts", 1), ("whole", 4)):
        recipe["stages"][0]["micro"] = micro
        assert tune(recipe, tmp_path / name).exit_code == 0
    parts, whole = (losses(tmp_path / name / "1-cst") for name in ("parts", "whole"))
    assert list(parts) == list(whole)
    assert list(parts.values()) == pytest.approx(list(whole.values()), rel=1e-3)


def test_epochs_are_counted_in_pictures_and_without_any_they_are_refused(tune, recipe, tmp_path):
    recipe["stages"] = [recipe["stages"][1]]
    del recipe["stages"][0]["steps"]
    recipe["stages"][0]["epochs"] = 0.5
    assert "2 steps of 4" in tune(recipe, tmp_path / "run").output  # of ten pairs, two held out, and six pictures
    recipe["stages"][0]["sources"] = [{"kind": "drawn", "scenes": {"objects": 1}, "side": 64}]
    refused = tune(recipe, tmp_path / "drawn")
    assert "have no end: give it steps or minutes, not epochs" in refused.output
