from click.testing import CliRunner

from onediff_core.training.dense import main, training_sources
from onediff_core.training.network import classes_of
from onediff_core.training.sets import MaskSet
from onediff_core.training.settings import DenseSettings
from onediff_core.training.sources import MaskSource


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_what_is_missing_is_said_before_anything_runs(tmp_path):
    done = run("--out", tmp_path / "run", "--minutes", 1)
    assert done.exit_code == 1
    assert "name the folder of the sets with --data or the variable ONEDIFF_DATA" in done.output
    done = run("--data", tmp_path, "--out", tmp_path / "run", "--minutes", 1)
    assert "lacks levir_train, levir_tiles, levir_train_half, dsifn_train, levir_val, dsifn_val" in done.output
    assert not (tmp_path / "run").exists()


def test_a_setting_or_an_end_that_makes_no_sense_is_refused(tmp_path):
    assert "batch" in run("--out", tmp_path, "--minutes", 1, "--set", "batch=0").output
    assert "'batch' has no '='" in run("--out", tmp_path, "--minutes", 1, "--set", "batch").output
    assert (
        "no device of torch" in run("--data", tmp_path, "--out", tmp_path, "--minutes", 1, "--device", "abacus").output
    )
    assert "crops" in run("--out", tmp_path, "--minutes", 1, "--set", "crops=64").output


def test_drawn_scenes_and_pasted_things_stand_beside_the_sets(tmp_path, tile, monkeypatch):
    entry = MaskSet(name="drawn", mask="building+", empty=("building-",), share=1.0)
    monkeypatch.setattr("onediff_core.training.dense.TRAINING_SETS", (entry,))
    monkeypatch.setattr("onediff_core.training.dense.read_set", lambda folder, entry: [tile(1)])
    sources = training_sources(tmp_path, DenseSettings(scenes={"camera": 0.1}, workers=0))
    assert [type(source).__name__ for source in sources] == ["MaskSource", "ObjectSource", "SceneSource"]
    assert isinstance(sources[0], MaskSource)
    assert classes_of(sources) == ("building+", "building-", "object+", "object-")
