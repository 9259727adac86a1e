from __future__ import annotations

import pytest

from evaluation import page, tables
from evaluation.scores import Answer, Tally, Truth
from evaluation.sets import Group

PAGE = """# Results

<!-- quality: overview -->
| set | domain |
| --- | --- |
| b | old b |
| c | old c |
<!-- end of overview -->
Words in between.
<!-- quality: a -->
<!-- end of a -->
<!-- quality: b -->
old b
<!-- end of b -->
The end.
"""


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_only_the_tables_that_were_measured_are_replaced(results):
    page.update(results, {"a": "new a"}, [])
    text = results.read_text(encoding="utf-8")
    assert "<!-- quality: a -->\nnew a\n<!-- end of a -->" in text
    assert "old b\n<!-- end of b -->\nThe end.\n" in text
    assert "Words in between." in text


def test_writing_twice_changes_nothing_more(results):
    page.update(results, {"a": "new a"}, [["a", "x"]])
    once = results.read_text(encoding="utf-8")
    page.update(results, {"a": "new a"}, [["a", "x"]])
    assert results.read_text(encoding="utf-8") == once


def test_rows_of_other_sets_stay_in_the_overview(results):
    page.update(results, {}, [["a", "new a"], ["c", "new c"]])
    text = results.read_text(encoding="utf-8")
    assert "| b | old b |\n| c | new c |\n| a | new a |\n<!-- end of overview" in text


def test_a_page_without_a_place_says_which_lines_to_add(results):
    page.check_places(results, ["a", "b"])
    with pytest.raises(SystemExit, match="<!-- quality: d --> and <!-- end of d -->"):
        page.check_places(results, ["d"])


# --- tables ---


def verdicts(*answers, failed=0):
    tally = Tally()
    for expected, said in answers:
        tally.add(Truth(changed=expected), Answer(changed=said, seconds=0.02))
    for _ in range(failed):
        tally.add(Truth(changed=True), Answer(failed="it broke"))
    return tally


def test_verdicts_are_pooled_over_sets_with_failures_named():
    tallies = {
        "fx_one": {"ours": verdicts((True, True), (False, True)), "peer": verdicts((True, True), (False, False))},
        "fx_two": {"ours": verdicts((True, True), failed=1), "peer": verdicts((True, True), (True, False))},
    }
    lines = tables.table(Group("ui_verdicts", "ui", "verdict"), tallies).splitlines()
    assert lines[0] == "| pairs | ours | peer |"
    assert lines[2] == "| fx_one: 2 | 1/2 (0/1) | 2/2 (1/1) |"
    assert lines[3] == "| fx_two: 2 | 1/2, 1 failed | 1/2 |"
    assert lines[4] == "| **fx, all**: 4 | 2/4 (0/1), 1 failed | 3/4 (1/1) |"
    assert lines[6] == "| balanced accuracy | 0.333 | 0.833 |"
    assert lines[7] == "| ms a pair | 20 | 20 |"


def test_the_overview_names_the_best_peer_and_not_our_own_variant():
    tallies = {
        "all": {
            "ui-blocks": verdicts((True, True), (False, True)),
            "ui-blocks, moves counted": verdicts((True, True), (False, False)),
            "odiff": verdicts((True, False), (False, True)),
            "pixelmatch": verdicts((True, True), (False, False)),
        }
    }
    row = tables.glance(Group("ui_verdicts", "ui", "verdict"), tallies)
    assert row[:5] == ["ui_verdicts", "ui", "balanced accuracy of verdicts", "0.500 `ui-blocks`", "1.000 `pixelmatch`"]


def test_the_overview_shows_the_held_out_half():
    tallies = {"tuning half": {"ours": Tally()}, "held-out half": {"ours": Tally()}}
    assert tables.glance(Group("levir_val", "satellite", "mask"), tallies)[0] == "levir_val, held-out half"


def test_what_is_not_defined_is_a_dash():
    assert (tables.number(None), tables.percent(None), tables.counted(0, 0)) == ("-", "-", "-")
