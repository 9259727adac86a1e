"""`onediff data synth`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import onediff_core.plugin
from onediff_core.data import PairFolder
from onediff_core.data.commands import data
from onediff_core.data.synthetic import SCENES, scene
from onediff_core.data.synthetic import export as exporting
from onediff_core.data.synthetic.export import Plan, export
from onediff_plugins import Host
from onediff_plugins.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from pathlib import Path

    from onediff_core.data import Sample

PLAN = Plan(scenes=("objects", "satellite"), seed=3, size=64)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_command_draws_scenes_in_turn_and_prints_where_the_list_is(tmp_path: Path) -> None:
    out = tmp_path / "pairs"
    asked = ["synth", "--scene", "objects", "--scene", "camera", "--count", "4", "--size", "64", "--out", str(out)]
    result = CliRunner().invoke(data, asked, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(out / "pairs.jsonl")
    ids = [sample.id for sample in PairFolder(out)]
    assert ids == ["objects-0-0", "camera-0-0", "objects-0-1", "camera-0-1"]
    assert (out / "before" / "objects-0-0.png").exists()
    assert (out / "masks" / "object+" / "camera-0-0.png").exists()


def test_the_pairs_are_those_that_the_scene_draws(tmp_path: Path) -> None:
    list(export(tmp_path, PLAN, 3))
    for sample, (name, index) in zip(
        PairFolder(tmp_path), [("objects", 0), ("satellite", 0), ("objects", 1)], strict=True
    ):
        drawn = scene(name)(3, index, 64)
        np.testing.assert_array_equal(sample.after, drawn.after)
        assert (sample.captions, sample.regions, sample.gsd_m) == (drawn.captions, drawn.regions, drawn.gsd_m)


def test_a_run_that_was_cut_off_goes_on_and_ends_with_the_same_files(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    list(export(whole, PLAN, 6))
    run = export(broken, PLAN, 6)
    assert [next(run), next(run), next(run)] == [1, 2, 3]
    run.close()
    assert not (broken / "pairs.jsonl").exists()  # the list is there when all pairs are
    with (broken / "pairs.jsonl.part").open("a", encoding="utf-8") as stream:
        stream.write('{"id": "torn')  # what a power cut leaves
    assert list(export(broken, PLAN, 6)) == [4, 5, 6]
    assert files(broken) == files(whole)


def test_what_is_there_is_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(export(tmp_path, PLAN, 4))
    drawn: list[tuple[int, int]] = []

    def counted(seed: int, index: int, size: int) -> Sample:
        drawn.append((seed, index))
        return scene("objects")(seed, index, size)

    monkeypatch.setattr(exporting, "scene", lambda _name: counted)
    list(export(tmp_path, PLAN, 5))
    assert drawn == [(3, 2)]
    assert len(PairFolder(tmp_path)) == 5


def test_a_folder_of_another_plan_is_refused(tmp_path: Path) -> None:
    list(export(tmp_path, PLAN, 1))
    other = Plan(scenes=PLAN.scenes, seed=4, size=64)
    with pytest.raises(SettingsError, match=r"was drawn with another seed \(synth\.json\); name another folder"):
        list(export(tmp_path, other, 1))


def test_a_folder_of_other_pairs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match="was not drawn here"):
        list(export(tmp_path, PLAN, 1))


def test_an_unknown_scene_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown scene 'moon'"):
        list(export(tmp_path / "out", Plan(scenes=("moon",), seed=0, size=64), 1))
    assert not (tmp_path / "out").exists()


def test_pictures_of_ones_own_can_be_edited(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "a.png"), np.full((96, 96, 3), (10, 200, 30), np.uint8))
    asked: list[Any] = ["synth", "--scene", "edited", "--count", "2", "--size", "64", "--images", pictures]
    result = CliRunner().invoke(
        data, [str(word) for word in [*asked, "--out", tmp_path / "out"]], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    assert {sample.source for sample in PairFolder(tmp_path / "out")} == {"edited-pictures"}
    assert json.loads((tmp_path / "out" / "synth.json").read_text(encoding="utf-8"))["images"] == str(pictures)


def test_a_folder_without_pictures_to_edit_is_named(tmp_path: Path) -> None:
    plan = Plan(scenes=("edited",), seed=0, size=64, images=str(tmp_path))
    with pytest.raises(SettingsError, match=rf"{tmp_path} holds no pictures, .*: name another --images"):
        list(export(tmp_path / "out", plan, 1))


def test_the_help_names_every_scene() -> None:
    (told,) = [option.help for option in data.commands["synth"].params if option.name == "scenes"]
    assert f"What to draw: {', '.join(list(SCENES)[:-1])} or {list(SCENES)[-1]};" in told


def test_the_command_line_has_them() -> None:
    host = Host([onediff_core.plugin], entry_points=False)
    assert [command.name for command in host.commands()] == ["data", "eval", "train"]


def test_listing_them_loads_neither_numpy_nor_opencv() -> None:
    modules = "onediff_core.data.commands, onediff_core.training.commands"
    code = f"import sys, {modules}; print(sorted({{'numpy', 'cv2', 'torch', 'PIL'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
