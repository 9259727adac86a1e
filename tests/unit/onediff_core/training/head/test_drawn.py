"""Regions of drawn pairs, as the detector of their domain finds them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from click.testing import CliRunner

from onediff_core.checkpoint import load_checkpoint
from onediff_core.data import SampleRegion
from onediff_core.errors import TrainingError
from onediff_core.training.commands import train
from onediff_core.training.head import drawn, reading
from onediff_core.training.head.base import FrozenBase
from onediff_core.training.head.regions import RegionTask
from onediff_core.training.head.settings import HeadSettings
from onediff_plugins import Host
from onediff_plugins.errors import OneDiffError, SettingsError
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = ("text", "icon", "button", "card", "input", "banner", "image")


@pytest.fixture(scope="module")
def base(tiny_onediff: Path) -> FrozenBase:
    return FrozenBase(load_checkpoint(tiny_onediff, heads=()), torch.device("cpu"), "fp32")


@pytest.fixture(scope="module")
def scenes(base: FrozenBase) -> drawn.Scenes:
    eye = reading.Eye(host=Host(), domain="ui", image_processor=base.images)
    return drawn.Scenes(shares={"ui-drawn": 1.0}, eye=eye)


@pytest.fixture
def regions(scenes: drawn.Scenes, base: FrozenBase) -> drawn.DrawnRegions:
    return drawn.DrawnRegions(scenes, CLASSES, base, seed=3)


def test_a_region_hangs_on_its_number_alone(scenes: drawn.Scenes, base: FrozenBase) -> None:
    one, other = (drawn.DrawnRegions(scenes, CLASSES, base, seed=3) for _ in range(2))
    forwards = [one[number] for number in range(4)]
    backwards = [other[number] for number in reversed(range(4))][::-1]
    for here, there in zip(forwards, backwards, strict=True):
        assert all(torch.equal(here[name], there[name]) for name in here)
    assert not torch.equal(forwards[0]["pixels"], forwards[2]["pixels"])


def test_other_seeds_show_other_pairs(scenes: drawn.Scenes, base: FrozenBase, regions: drawn.DrawnRegions) -> None:
    held_out = drawn.DrawnRegions(scenes, CLASSES, base, seed=drawn.HELD_OUT + 3)
    assert not torch.equal(held_out[0]["pixels"], regions[0]["pixels"])


def test_most_regions_lie_where_the_detector_of_the_domain_found_them(regions: drawn.DrawnRegions) -> None:
    shown = [regions._pair(number) for number in range(12)]
    assert all(seen.regions for seen in shown)
    assert {region.label for seen in shown for region in seen.regions} <= set(CLASSES)
    item = regions[0]
    x0, y0, x1, y1 = item["box"].tolist()
    assert 0 <= x0 < x1 <= item["pixels"].shape[3]
    assert 0 <= y0 < y1 <= item["pixels"].shape[2]


def test_a_place_is_what_it_overlaps_by_half_or_nothing() -> None:
    told = [SampleRegion(kind="added", label="link", box=(10, 10, 50, 30))]
    (named,) = drawn._matched(told, [Box(12, 10, 50, 30), Box(10, 10, 25, 30)])
    assert (named.kind, named.label, named.box) == ("added", "text", (12, 10, 50, 30))


def test_classes_are_those_that_scenes_show_or_some_of_them(scenes: drawn.Scenes) -> None:
    there = drawn.classes_of(scenes, ())
    assert {"text", "button", "icon"} <= set(there)
    assert not set(there) & set(drawn.ALIKE)
    assert drawn.classes_of(scenes, ("icon", "text")) == ("icon", "text")
    with pytest.raises(TrainingError, match=r"ui-drawn shows no car; there are .*text"):
        drawn.classes_of(scenes, ("car",))
    with pytest.raises(TrainingError, match="the scene camera is of the domain surveillance, not of ui"):
        drawn.classes_of(replace(scenes, shares={"camera": 1.0}), ())


def test_regions_of_earlier_steps_are_learned_from_again(regions: drawn.DrawnRegions, base: FrozenBase) -> None:
    from onediff_core.heads import HeadConfig, RegionHead

    head = RegionHead(HeadConfig(name="ui.kind", task="region", classes=CLASSES, **base.shape._asdict()))
    counts: list[int] = []
    head.mix.register_forward_hook(lambda module, given, made: counts.append(len(made)))
    task = RegionTask(base, regions, [regions[0], regions[2]], HeadSettings(replay=5))
    batch = torch.utils.data.default_collate([regions[number] for number in range(2)])
    for _ in range(2):
        losses = task.losses(head, batch)
    assert counts == [2, 2 + 5]
    assert set(losses) == {"label", "kind"}
    assert set(task.scores(head)) == {"region/loss", "region/label", "region/kind"}


def call(*words: Any) -> Any:
    return CliRunner().invoke(train, ["head", *(str(word) for word in words)], catch_exceptions=False)


@pytest.mark.slow
def test_a_head_of_drawn_pages_names_what_the_domain_finds(tiny_onediff: Path, tmp_path: Path) -> None:
    small = ("workers=0", "batch=2", "replay=6", "score_at_most=4", "score_every=4")
    settings = [part for setting in small for part in ("--set", setting)]
    out = tmp_path / "ui.kind"
    asked = ("--task", "region", "--scene", "ui-drawn", "--base", tiny_onediff, "--out", out, "--steps", 8)
    result = call("ui.kind", *asked, *settings)
    assert result.exit_code == 0, result.output
    assert "drawn pairs of ui-drawn, without end" in result.stdout
    assert "--detector" not in result.stdout.splitlines()[-1]
    report = json.loads((out / "report.json").read_text())
    assert report["steps"] == 8
    assert set(report["held_out"]) == {"region/loss", "region/label", "region/kind"}
    host = Host(settings={"weights": str(tiny_onediff)})
    sample = drawn.scene("ui-drawn")(1, 4, 256)
    answer = host.compare(sample.before, sample.after, domain="ui", captioner="template", heads=(str(out),))
    assert answer.regions
    assert answer.provenance.models["label"].heads == ("ui.kind",)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name the folder or list of your pairs, or scenes to draw with --scene"),
        (("pairs", "--scene", "ui-drawn"), "name the folder or list"),
        (("--scene", "ui-drawn", "--task", "mask"), "onediff data synth"),
        (("--scene", "ui-drawn=0"), "a share is a positive number, as in ui-drawn=0.5"),
        (("--scene", "ui-drawn=much"), "a share is a positive number"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises((TrainingError, SettingsError)) as refused:
        call("ui.kind", "--task", "region", "--out", tmp_path / "out", *words)
    assert message in str(refused.value)
    assert isinstance(refused.value, OneDiffError)
    assert not (tmp_path / "out").exists()
