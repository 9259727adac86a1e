"""How well drawn pairs are spoken of: pooled, and by scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from onediff_core.data import Sample, SampleRegion
from onediff_core.training.words.drawn import DrawnAnswer, score_drawn

IMAGE = np.zeros((90, 90, 3), np.uint8)
CAME = SampleRegion(kind="added", label="house", box=(0, 0, 20, 20), caption="a house was built at the top left")
BUILT = Sample(before=IMAGE, after=IMAGE, regions=(CAME,), captions=("A house was built.",), changed=True)
SAME = replace(BUILT, regions=(), captions=(), changed=False)


def answer(scene: str, sample: Sample, verdict: str, **said: str | None) -> DrawnAnswer:
    return DrawnAnswer(scene, sample, verdict, **{"located": None, "forwards": None, "backwards": None, **said})


def test_every_scene_has_scores_of_its_own_beside_those_of_all():
    right = {"located": "a house was built at the top left", "forwards": "a house was built",
             "backwards": "a house was demolished"}  # fmt: skip
    scores = score_drawn([
        answer("satellite", BUILT, "yes", **right),
        answer("satellite", SAME, "no"),
        answer("camera", BUILT, "no", located="a house was built at the bottom", forwards="nothing changed",
               backwards="nothing changed"),
    ])  # fmt: skip
    assert scores["drawn/yes_no"] == pytest.approx(2 / 3, abs=1e-4)
    assert [scores[f"{name}/{score}"] for name in ("drawn-satellite", "drawn-camera", "drawn")
            for score in ("sides", "swap", "yes")] == [1, 1, 1, 0, 0, 0, 0.5, 0.5, 0.5]  # fmt: skip
    assert "drawn-camera/no" not in scores, "there is no unchanged pair of it"


def test_one_scene_is_not_told_twice():
    scores = score_drawn([answer("camera", SAME, "no"), answer("camera", SAME, "")])
    assert scores == {"drawn/yes_no": 0.5, "drawn/no": 0.5}
