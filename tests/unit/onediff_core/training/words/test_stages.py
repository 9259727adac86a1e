"""The three stages one after the other through their command, on tiny sets."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from onediff_core.checkpoint import load_checkpoint
from onediff_core.presets import tiny_tokenizer
from onediff_core.training.words.__main__ import main
from onediff_core.training.words.settings import stage_settings
from onediff_core.training.words.stages import prepare, with_words, with_words_of


@pytest.fixture
def train(sets, tmp_path, monkeypatch):
    """(stage, start) -> the folder of the OneDiff that came out, after two steps on small scenes."""
    monkeypatch.setattr("onediff_core.training.words.stages._TAUGHT", 4)

    def run(stage, start, *options):
        out = tmp_path / f"run-{stage}"
        given = ["--from", start, "--data", sets, "--out", out, "--steps", 2, "--threads", 1, *options]
        for name, value in (("batch", 2), ("side", 64), ("held_out", 2), ("workers", 0), ("precision", "fp32")):
            given += ["--set", f"{name}={value}"]
        result = CliRunner().invoke(main, [stage, *map(str, given)])
        assert result.exit_code == 0, result.output
        return out / "weights"

    return run


@pytest.mark.slow
def test_words_that_were_learned_beside_the_tower_are_taken_over(dense, train):
    facts = load_checkpoint(train("facts", dense.folder))
    joined = with_words_of(load_checkpoint(dense.folder), facts)
    assert joined.model.config.trained_stages == ("facts",)
    assert set(joined.heads) == {"satellite.building"}
    learned = facts.model.language_model.state_dict()
    for name, value in joined.model.language_model.state_dict().items():
        assert torch.equal(value, learned[name]), name
    seen = load_checkpoint(dense.folder).model.model.state_dict()
    for name, value in joined.model.model.state_dict().items():
        assert torch.equal(value, seen[name]), name
    with pytest.raises(ValueError, match=r"its stages: none"):
        with_words_of(dense, dense)


@pytest.mark.slow
def test_three_stages_make_a_describer_of_a_dense_checkpoint(dense, train, tmp_path):
    facts = train("facts", dense.folder)
    cst = train("cst", facts)
    last = train("joint", cst, "--half")
    made = load_checkpoint(last)
    assert made.model.config.trained_stages == ("facts", "cst", "joint")
    assert set(made.heads) == {"satellite.building"}
    assert made.model.dtype == torch.float16
    tower = dense.model.model.vision_tower.half().state_dict()
    for name, value in made.model.model.vision_tower.state_dict().items():
        assert torch.equal(value, tower[name]), name
    assert made.processor.tokenizer.tokenize("Top left") == ["top", "Ġleft"]
    report = json.loads((tmp_path / "run-joint" / "report.json").read_text())
    assert {"reported/yes_no", "reported/no", "reported/yes", "reported/agreement"} <= report.keys()
    assert [len(report[f"{name}/pairs"]) for name in ("fold", "reported")] == [4, 12]
    for pair in report["reported/pairs"]:
        assert pair["changed"] is ("there is no difference" not in pair["references"])
        assert all(place["kind"] in ("added", "removed") for place in pair["places"])
        assert isinstance(pair["said"], str)


@pytest.mark.slow
def test_words_are_learned_without_delta_tokens_too(dense, train, tmp_path):
    facts = train("facts", dense.folder)
    last = train("joint", facts, "--set", "delta_tokens=false")
    made = load_checkpoint(last)
    assert made.model.config.delta_config.num_delta_tokens == 0
    delta = dense.model.model.delta.state_dict()
    for name, value in made.model.model.delta.state_dict().items():
        assert name == "delta_tokens" or torch.equal(value, delta[name]), name
    assert json.loads((tmp_path / "run-joint" / "settings.json").read_text())["delta_tokens"] is False
    image = np.zeros((64, 64, 3), np.uint8)
    inputs = made.processor([(image, 255 - image)], made.processor.prompt())
    assert made.model.config.delta_token_id not in inputs["input_ids"]
    assert made.model.generate(**inputs, max_new_tokens=2, do_sample=False).shape[0] == 1
    with pytest.raises(ValueError, match="go on without them, with --set delta_tokens=false"):
        prepare("joint", made, tmp_path / "sets", tmp_path, stage_settings("joint"))


def test_a_stage_that_needs_words_refuses_a_model_without(dense, sets, tmp_path):
    with pytest.raises(
        ValueError, match=r"knows no words yet .* the stage 'cst' starts from a run of the stage 'facts'"
    ):
        prepare("cst", dense, sets, tmp_path, stage_settings("cst"))


def test_missing_texts_are_named(dense, sets, tmp_path):
    (sets / "captions_text" / "levir_cc_train.json.gz").unlink()
    with pytest.raises(ValueError, match=r"levir_cc_train\.json\.gz cannot be read"):
        prepare("facts", dense, sets, tmp_path, stage_settings("facts"))


def test_new_words_are_learned_in_single_precision_whatever_was_stored(dense):
    dense.model.half()
    dense.model.config.text_config.dtype = torch.float16
    model, _ = with_words(dense, tiny_tokenizer(), seed=0)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
