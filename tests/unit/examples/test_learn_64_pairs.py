"""The example learns, and what it saves is a OneDiff with its heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from click.testing import CliRunner

from learn_64_pairs import CHANGED, OBJECT, learn, main, new_learner
from onediff_core.checkpoint import load_checkpoint, save_checkpoint
from shape_pairs import shape_pairs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_the_loss_falls_and_what_is_saved_says_the_same(tmp_path: Path) -> None:
    samples = shape_pairs(scenes=1)[:6]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        learner = new_learner(samples, tower=None)
        losses = learn(learner, samples, steps=12, seed=0)
    assert losses[-1] < 0.8 * losses[0]
    heads = [learner.object, learner.changed]
    saved = save_checkpoint(tmp_path / "model", learner.model, learner.processor, heads)

    loaded = load_checkpoint(saved, head_specs={spec.name: spec for spec in (OBJECT, CHANGED)})
    assert loaded.processor is not None
    model, outlines, verdict = loaded.model, loaded.heads[OBJECT.name], loaded.heads[CHANGED.name]
    inputs = loaded.processor((samples[1].before, samples[1].after))
    said = [one.generate(**inputs, max_new_tokens=8, do_sample=False) for one in (model, learner.model)]
    assert torch.equal(*said)
    with torch.inference_mode():
        seen, expected = model.model(inputs["pixel_values"]).delta, learner.model.model(inputs["pixel_values"]).delta
        torch.testing.assert_close(outlines(seen), learner.object(expected), atol=1e-4, rtol=0)
        score = outlines.score(outlines(seen))
        torch.testing.assert_close(verdict(seen, score), learner.changed(expected, score), atol=1e-4, rtol=0)


@pytest.mark.slow
def test_it_runs_as_its_page_says(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        done = CliRunner().invoke(main, ["--out", str(tmp_path / "model"), "--steps", "1", "--blank-after"])
    assert done.exit_code == 0, done.output
    assert "captions exactly right 0.000" in done.stdout
    assert (tmp_path / "model" / "heads" / "any.object" / "model.safetensors").is_file()


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "exists already" in done.stderr
