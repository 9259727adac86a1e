from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from onediff_core.data.commands import data
from onediff_core.errors import EvaluationError
from onediff_core.evaluation.references import References
from onediff_core.evaluation.regions import Box

HOUSE, BUILT = (4, 4, 16, 16), ("a house is built", "one house appears")


def test_pairs_are_read_with_what_is_known_of_them(make_references):
    folder = make_references(
        {"boxes_of_mask": [HOUSE], "captions": BUILT, "group": "g"},
        {"captions": ["there is no difference", "a tree moved", "nothing has changed"], "changed": False},
        {},
    )
    one, two, three = References(folder).pairs
    assert (one.group, one.masked, one.told_changed, one.changed) == ("g", True, True, None)
    assert (two.group, two.masked, two.told_changed, two.changed) == ("p1", False, False, False)
    assert (three.told_changed, three.regions) == (None, None)


def test_the_regions_of_a_mask_are_its_components(make_references):
    references = References(make_references({"boxes_of_mask": [HOUSE, (30, 30, 32, 32)]}))
    truth = references.truth(references.pairs[0])
    assert truth.boxes == (Box(*HOUSE),)  # four pixels are too small
    assert truth.mask.sum() == 144 + 4
    assert truth.kinds == ()


def test_listed_regions_come_before_components(make_references):
    listed = [{"kind": "moved", "label": "car", "box": [0, 0, 8, 8]}]
    references = References(make_references({"boxes_of_mask": [HOUSE], "regions": listed}))
    truth = references.truth(references.pairs[0])
    assert (truth.boxes, truth.kinds) == ((Box(0, 0, 8, 8),), ("moved",))


def test_grey_values_can_be_still_or_mean_nothing(make_references):
    folder = make_references({"boxes_of_mask": [HOUSE]})
    mask = np.zeros((40, 40), np.uint8)
    mask[:10], mask[10:20], mask[20:30] = 255, 50, 85
    cv2.imwrite(str(folder / "masks/p0.png"), mask)
    references = References(folder, still=(50,), ignored=(85,))
    truth = references.truth(references.pairs[0])
    assert truth.mask.sum() == 400
    assert (~truth.scored).sum() == 400


def test_classes_can_be_chosen(make_references):
    folder = make_references({"boxes_of_mask": [HOUSE]}, {})
    line, other = map(json.loads, (folder / "pairs.jsonl").read_text().splitlines())
    line["masks"] = {"building+": line["mask"]}
    (folder / "pairs.jsonl").write_text(f"{json.dumps(line)}\n{json.dumps(other)}\n")
    assert [pair.masked for pair in References(folder, classes=("building+",)).pairs] == [True, False]
    with pytest.raises(EvaluationError, match=r"no masks of road; there are building\+, change"):
        References(folder, classes=("road",))


def test_what_holds_no_pairs_is_refused_with_words(tmp_path, make_references, make_results):
    with pytest.raises(EvaluationError, match="these are no references"):
        References(make_results({}))
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(EvaluationError, match=r"looks like a file \.json; references come as \.csv, \.jsonl"):
        References(tmp_path / "x.json")
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(EvaluationError, match=r"looks like a PNG picture; references come as \.csv, \.jsonl"):
        References(tmp_path / "x.png")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/results.jsonl").touch()
    with pytest.raises(EvaluationError, match="run holds results of onediff; REFERENCES comes last"):
        References(tmp_path / "run")
    folder = make_references({"id": "a", "changed": "perhaps"})
    with pytest.raises(EvaluationError, match="pair 'a': changed is 'perhaps'"):
        References(folder)
    twice = make_references({"id": "a"}, {"id": "a"}, name="twice")
    with pytest.raises(EvaluationError, match="comes more than once, the first is 'a'"):
        References(twice)


def test_a_split_can_be_chosen(make_references):
    folder = make_references({"split": "val"}, {"split": "test"}, {})
    assert [pair.id for pair in References(folder, split="test").pairs] == ["p1"]
    assert [pair.id for pair in References(folder, split="validation").pairs] == ["p0"]
    with pytest.raises(EvaluationError, match="holds no pairs of the split 'train'"):
        References(folder, split="train")


def test_packed_pairs_are_references_too(make_references, tmp_path):
    folder = make_references({"boxes_of_mask": [HOUSE], "captions": BUILT}, {"changed": False})
    done = CliRunner().invoke(data, ["pack", str(folder), "--out", str(tmp_path / "packed")])
    assert done.exit_code == 0, done.output
    references = References(tmp_path / "packed")
    assert [(pair.id, pair.masked, pair.captions) for pair in references.pairs] == [
        ("p0", True, BUILT), ("p1", False, ())
    ]  # fmt: skip
    assert references.truth(references.pairs[0]).boxes == (Box(*HOUSE),)
