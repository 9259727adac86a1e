from __future__ import annotations

import gzip
import json

import pytest
from PIL import Image

from onediff_core.errors import EvaluationError
from onediff_core.evaluation.answers import read_answers
from onediff_core.evaluation.regions import Box
from onediff_plugins.errors import OneDiffError


def written(path, *rows):
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def test_results_of_a_batch_are_read_with_their_regions_and_masks(make_results):
    path = make_results({"boxes_of_mask": [(4, 4, 16, 16)]}, {})
    answers = read_answers("ours", path)
    one = answers.by_id["p0"]
    assert (one.changed, one.score, one.caption) == (True, 0.9, "A house is built.")
    assert one.regions[0].kind == "added"
    assert one.regions[0].boxes == (Box(4, 4, 16, 16), Box(4, 4, 16, 16))
    assert one.mask == path.parent / "pairs/p0.png"
    assert answers.judged
    assert read_answers("ours", path.parent).by_id.keys() == {"p0", "p1"}


def test_a_failed_pair_is_an_answer_that_says_why(tmp_path):
    failure = {"schema": "onediff.change-result/1", "id": "a", "domain": "ui"}
    failure["error"] = {"type": "PairError", "message": "no picture"}
    assert read_answers("ours", written(tmp_path / "r.jsonl", failure)).by_id["a"].failed == "no picture"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.jsonl", '{"id": "a", "caption": "a house"}\n{"image_id": 2, "caption": ""}\n'),
        ("c.json", '{"a": "a house", "2": [""]}'),
        ("c.json", '[{"image_id": "a", "caption": "a house"}, {"image_id": 2, "caption": ""}]'),
    ],
)
def test_captions_come_in_the_forms_that_people_have_them(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    answers = read_answers("theirs", tmp_path / name)
    assert {id_: answer.caption for id_, answer in answers.by_id.items()} == {"a": "a house", "2": ""}
    assert answers.empty == ("2",)
    assert not answers.judged


def test_captions_may_bring_verdicts_scores_and_regions(tmp_path):
    row = {
        "id": "a",
        "caption": "x",
        "changed": True,
        "score": 1,
        "regions": [{"kind": "removed", "box": [0, 0, 4, 4]}],
    }
    answers = read_answers("theirs", written(tmp_path / "c.jsonl", row))
    assert answers.judged
    assert answers.by_id["a"].regions[0].boxes == (Box(0, 0, 4, 4),)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a", "before": "a.png", "after": "b.png", "caption": "x"}, "a line of a list of pairs"),
        ({"id": "a", "captions": ["x", "y"]}, "what people said of a pair"),
        ({"images": []}, "a file of annotations"),
        ({"id": "a", "caption": 3}, "the caption of 'a' is int"),
        ({"id": "a", "score": 1.5}, "a confidence of change lies in"),
        ('{"id": "a", "score": NaN}', "score is nan"),
        ({"id": "a", "changed": "yes"}, "write true, false or null"),
        ({"id": "a", "regions": [{"box": [4, 4, 2, 8]}]}, "write a list of objects with a kind"),
        ({"id": "a", "regions": [{"bbox": [4, 4, 8, 8]}]}, r"regions is \[\{'bbox': \[4, 4, 8, 8\]\}\]: write a list"),
        ({"schema": "onediff.change-result/2", "id": "a"}, "update onediff-plugins"),
        ({"schema": "something/1", "id": "a"}, "is no record of onediff"),
        ({"schema": "onediff.change-result/1", "id": "a"}, "is no record of the form"),
        ("{", "line 1: not JSON"),
        ("[1]", r"a JSON object is needed, got list; a JSON list is read from a file called \.json"),
    ],
)
def test_a_line_that_is_no_answer_is_named_with_what_it_looks_like(tmp_path, row, message):
    with pytest.raises(OneDiffError, match=message) as caught:
        read_answers("x", written(tmp_path / "a.jsonl", row))
    assert "a.jsonl" in str(caught.value)


def test_an_id_that_comes_twice_is_refused(tmp_path):
    path = written(tmp_path / "a.jsonl", {"id": "a", "caption": "x"}, {"id": "a", "caption": "y"})
    with pytest.raises(EvaluationError, match="line 2: 'a' comes a second time"):
        read_answers("x", path)


def test_files_of_other_kinds_are_called_what_they_are(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "mask.png")
    (tmp_path / "captions.json.gz").write_bytes(gzip.compress(b"{}"))
    (tmp_path / "pairs.csv").write_text("id,caption\na,x\n")
    (tmp_path / "notes").write_text("hello")
    (tmp_path / "packed.parquet").write_bytes(b"PAR1....")
    (tmp_path / "folder").mkdir()
    for name, words in {
        "mask.png": "looks like a PNG picture",
        "captions.json.gz": "a gzip file: unpack it",
        "pairs.csv": "a table with commas",
        "notes": "without an ending",
        "packed.parquet": "a Parquet file: packed pairs are references",
        "folder": "holds neither results.jsonl nor result.json",
        "nowhere.jsonl": "cannot be read",
    }.items():
        with pytest.raises(OneDiffError, match=words):
            read_answers("x", tmp_path / name)


def test_json_under_the_name_of_another_form_is_told_its_own(tmp_path):
    lines = written(tmp_path / "a.json", {"id": "a", "caption": "x"}, {"id": "b", "caption": "x"})
    with pytest.raises(EvaluationError, match=r"not JSON: .*; a file with an object a line is called \.jsonl"):
        read_answers("x", lines)
    with pytest.raises(EvaluationError, match="holds no answers: it looks like a file of annotations"):
        read_answers("x", written(tmp_path / "coco.json", {"images": [], "annotations": []}))


def test_an_empty_file_holds_no_answers(tmp_path):
    with pytest.raises(EvaluationError, match="holds no answers"):
        read_answers("x", written(tmp_path / "a.jsonl"))
