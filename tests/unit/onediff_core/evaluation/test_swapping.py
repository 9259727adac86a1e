"""A real batch, compared once more with its images exchanged."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from onediff_core.errors import EvaluationError
from onediff_core.evaluation.answers import read_answers
from onediff_core.evaluation.swapping import run_swapped
from onediff_plugins.batch import RunPlan, run_batch
from onediff_plugins.pairs import read_pairs


@pytest.fixture
def batch(tmp_path):
    """Two pages, one of which gets a button."""
    page = np.full((120, 160, 3), 240, np.uint8)
    changed = page.copy()
    changed[40:70, 50:100] = (30, 30, 200)
    for name, pixels in {"a": page, "b": changed}.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), pixels)
    rows = [{"id": "one", "before": "a.png", "after": "b.png", "domain": "ui"},
            {"id": "two", "before": "a.png", "after": "a.png", "domain": "ui"},
            {"id": "gone", "before": "a.png", "after": "nowhere.png", "domain": "ui"}]  # fmt: skip
    (tmp_path / "pairs.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    plan = RunPlan(out=tmp_path / "batch", settings='{"ui.edge_tolerance": 20}', load=("ui",))
    run_batch(plan, read_pairs(tmp_path / "pairs.jsonl"), workers=1)
    return tmp_path / "batch"


@pytest.mark.slow
def test_what_came_is_gone_and_the_settings_are_the_same(batch, tmp_path):
    swapped = run_swapped(batch, tmp_path / "swapped", workers=1)
    there, back = read_answers("a", batch).by_id, read_answers("b", swapped).by_id
    assert back.keys() == {"one", "two"}
    assert [region.kind for region in there["one"].regions] == ["added"]
    assert [region.kind for region in back["one"].regions] == ["removed"]
    assert back["two"].changed is False
    assert json.loads((tmp_path / "swapped/run.json").read_text())["settings"]["ui"]["edge_tolerance"] == 20
    before = swapped.stat().st_mtime_ns
    assert run_swapped(batch / "results.jsonl", tmp_path / "swapped", workers=1).stat().st_mtime_ns > before
    (tmp_path / "b.png").unlink()
    with pytest.raises(EvaluationError, match=r"b\.png is not there any more"):
        run_swapped(batch, tmp_path / "again", workers=1)


def test_results_without_their_run_cannot_be_exchanged(make_results, tmp_path):
    with pytest.raises(EvaluationError, match=r"is no batch of onediff with its run.json.*--swapped"):
        run_swapped(make_results({}), tmp_path / "swapped")


def test_captions_that_lie_beside_a_batch_are_not_that_batch(make_results, tmp_path):
    folder = make_results({}).parent
    (folder / "run.json").write_text(json.dumps({"schema": "onediff.run/1", "asked": {}, "settings": {}}))
    (folder / "captions.jsonl").write_text("")
    with pytest.raises(EvaluationError, match=r"captions\.jsonl is no batch of onediff"):
        run_swapped(folder / "captions.jsonl", tmp_path / "swapped")
