"""`onediff eval` as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from onediff_core.evaluation import commands
from onediff_core.evaluation.protocols import PROTOCOLS
from onediff_plugins.cli import cli
from onediff_plugins.errors import OneDiffError

HOUSE, POOL = (4, 4, 16, 16), (24, 24, 36, 32)
PLACES = ("--protocol", "masks", "--protocol", "regions", "--protocol", "verdict", "--protocol", "calibration")


def call(*words):
    return CliRunner().invoke(cli, ["eval", *map(str, words)], catch_exceptions=False, standalone_mode=False)


@pytest.fixture
def references(make_references):
    return make_references({"boxes_of_mask": [HOUSE]}, {"boxes_of_mask": []}, {"boxes_of_mask": [POOL]})


@pytest.fixture
def results(make_results):
    return make_results({"boxes_of_mask": [HOUSE]}, {}, {"boxes_of_mask": [HOUSE]})


def test_tables_figures_samples_a_sheet_and_a_plot_are_written(references, results, tmp_path):
    import pyarrow.parquet as pq

    out = tmp_path / "eval"
    done = call(results, references, "--baseline", "no-change", *PLACES, "--out", out)
    assert done.stdout.rstrip("\n") == (out / "evaluation.md").read_text().rstrip("\n")
    assert "| ours | 0.545 (" in done.stdout
    assert "| no-change | 0.000 (" in done.stdout
    assert f"look at {out / 'sheet.html'}" in done.stderr
    held = json.loads((out / "evaluation.json").read_text())
    assert held["sources"] == {"ours": str(results), "no-change": "built in"}
    assert held["protocols"].keys() == {"masks", "regions", "verdict", "calibration"}
    rows = pq.read_table(out / "samples.parquet").to_pylist()
    assert [(row["method"], row["id"], row["masks.iou"]) for row in rows][:3] == [
        ("ours", "p0", 1), ("ours", "p1", 1), ("ours", "p2", 0)
    ]  # fmt: skip
    assert (out / "reliability.svg").read_text().startswith("<?xml")
    assert sorted(path.name for path in out.iterdir()) == [
        *("evaluation.json", "evaluation.md", "reliability.svg", "samples.parquet", "sheet.html")
    ]


def test_several_methods_have_names(references, make_results, tmp_path):
    ours, theirs = (make_results(*[{"boxes_of_mask": [HOUSE]}] * 3, name=name) for name in ("a", "b"))
    named = ("--results", f"one={ours}", "--results", f"two={theirs.parent}")
    done = call(references, *named, "--protocol", "verdict", "--out", tmp_path / "eval")
    assert "| one | " in done.stdout
    assert "| two | " in done.stdout


def test_an_earlier_evaluation_is_replaced_and_other_folders_are_not(references, results, tmp_path):
    out = tmp_path / "eval"
    for _ in range(2):
        call(results, references, "--protocol", "verdict", "--resamples", 0, "--out", out)
    assert not (out / "reliability.svg").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years")
    with pytest.raises(OneDiffError, match="holds files that are not an evaluation"):
        call(results, references, "--out", tmp_path / "mine")
    assert (tmp_path / "mine/thesis.txt").read_text() == "years"


def test_nothing_is_written_where_something_is_wrong(references, make_results, tmp_path):
    with pytest.raises(OneDiffError, match="1 references have no answer: p2"):
        call(make_results({}, {}), references, "--out", tmp_path / "eval")
    assert not (tmp_path / "eval").exists()


def test_a_flag_decides_to_go_on_without_what_is_missing(references, make_results, tmp_path):
    done = call(make_results({}, {}), references, "--missing", "skip", *PLACES, "--out", tmp_path / "eval")
    assert "onediff: ours: 1 references have no answer: p2" in done.stderr
    assert "| 2 pairs |" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--results", "nameless"), "is not NAME=PATH"),
        (("--results", "../up=."), "a name becomes a folder of --swap"),
        (("--results", "a=/no/such/file"), "does not exist"),
        (("--ignored", "85,x"), "is not a list of grey values"),
        (("--still", "300"), "grey values lie from 0 to 255"),
        (("--protocol", "bleurt"), "is not one of"),
        ((), "there is nothing to score"),
        (("--baseline", "no-change", "--swapped", "a=."), "--swapped names 'a', which is no method"),
    ],
)
def test_what_cannot_be_meant_is_refused(references, tmp_path, words, message):
    done = CliRunner().invoke(cli, ["eval", str(references), "--out", str(tmp_path / "e"), *words])
    assert done.exit_code != 0
    assert message in f"{done.output}{done.exception}"


def test_two_methods_cannot_have_one_name(references, results, tmp_path):
    with pytest.raises(OneDiffError, match="two methods are called 'ours'"):
        call(results, references, "--results", f"ours={results}", "--out", tmp_path / "eval")


def test_files_in_the_wrong_order_are_called_what_they_are(references, results, tmp_path):
    with pytest.raises(OneDiffError, match="these are no references"):
        call(references / "pairs.jsonl", results, "--out", tmp_path / "eval")
    with pytest.raises(OneDiffError, match="a line of a list of pairs, which are references"):
        call(references / "pairs.jsonl", references, "--out", tmp_path / "eval")


def test_the_command_knows_all_protocols():
    assert set(commands.PROTOCOLS) == set(PROTOCOLS)
    assert list(commands.PROTOCOLS) == list(PROTOCOLS)


def test_help_comes_without_numpy():
    code = (
        "import sys; from onediff_core.evaluation.commands import evaluate;"
        "from click.testing import CliRunner; done = CliRunner().invoke(evaluate, ['--help']);"
        "assert done.exit_code == 0 and 'REFERENCES' in done.output, done.output;"
        "sys.exit('numpy' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
