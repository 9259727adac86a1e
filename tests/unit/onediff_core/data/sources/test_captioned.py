"""Sets with captions, in the form in which their makers publish them."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onediff_core.data import PairFolder, conversion, sources
from onediff_core.data.sources import birds_to_words
from onediff_core.data.sources.base import SourceError, denies_change
from onediff_core.data.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def write(path: Path, parsed: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(parsed), encoding="utf-8")
    return path


# Spot-the-Diff


def test_entries_of_one_pair_become_one_record_and_blank_sentences_are_dropped(tmp_path: Path, read) -> None:
    entries = [
        {"img_id": "7", "sentences": ["a car is gone", " "]},
        {"img_id": "8", "sentences": ["there are no differences"]},
        {"img_id": "7", "sentences": ["the  red car left"]},
        {"img_id": "9", "sentences": [""]},
        {"img_id": "10", "sentences": ["no changes", "a man has moved"]},
    ]
    write(tmp_path / "annotations/test.json", entries)
    records, summary = read("spot-the-diff", tmp_path)
    assert [(r.id, r.captions, r.changed) for r in records] == [
        ("7", ("a car is gone", "the red car left"), True),
        ("8", ("there are no differences",), False),
        ("9", (), None),
        ("10", ("no changes", "a man has moved"), True),
    ]
    assert records[0].after == tmp_path / "resized_images/7_2.png"
    assert summary.notes == {
        "blank sentences dropped": 2,
        "entries of a pair that others wrote about, too, merged": 1,
        "pairs of which some saw a difference and some did not": 1,
    }


def test_real_spot_the_diff_has_the_counts_that_are_reported(data_set: Callable[[str], Path]) -> None:
    job = conversion.Job(source=sources.source("spot-the-diff"), root=data_set("captions_text") / "spot_the_diff")
    summary = conversion.count(job)
    assert {split: counts["pairs"] for split, counts in summary.counts.items()} == {
        "train": 8566,
        "val": 1493,
        "test": 1270,
    }
    assert summary.counts["test"]["captions"] == 2100
    assert summary.notes["blank sentences dropped"] == 66
    assert summary.notes["pairs without a caption"] == 48
    assert summary.leaks == {}


# Image-Editing-Request


def test_orders_are_no_captions_and_pairs_in_two_splits_are_reported(tmp_path: Path, draw, convert) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        draw(f"ier/images/{name}")
    entry = {"img0": "a.jpg", "img1": "b.jpg", "sents": ["brighten it"]}
    write(tmp_path / "ier/train.json", [{**entry, "uid": "1", "img0": "c.jpg"}])
    write(tmp_path / "ier/valid.json", [{**entry, "uid": "2"}])
    write(tmp_path / "ier/test.json", [{**entry, "uid": "3"}, {**entry, "uid": "4", "img1": "c.jpg"}])
    summary = convert("image-editing-request", tmp_path / "ier")
    assert summary.leaks == {"pairs": {("test", "val"): ["3"]}, "groups": {("test", "val"): ["3"]}}
    assert {(sample.task, sample.changed) for sample in PairFolder(tmp_path / "out")} == {("edit", True)}
    assert convert("image-editing-request", tmp_path / "ier", drop_leaks=True).left_out == {"leaking": ["2"]}


def test_real_image_editing_requests_have_the_counts_that_are_reported(data_set: Callable[[str], Path]) -> None:
    root = data_set("captions_text") / "image_editing_request"
    summary = conversion.count(conversion.Job(source=sources.source("image-editing-request"), root=root))
    assert {split: counts["pairs"] for split, counts in summary.counts.items()} == {
        "train": 3061,
        "val": 383,
        "test": 495,
    }
    assert {splits: len(ids) for splits, ids in summary.leaks["pairs"].items()} == {
        ("test", "val"): 55,
        ("test", "train"): 1,
        ("train", "val"): 2,
    }


# Birds-to-Words


def birds(path: Path, *rows: dict[str, str]) -> Path:
    columns = (*birds_to_words.COLUMNS, "img1ImgURL", "img1Selection", "img2ImgURL", "img2Selection", "annN")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="", delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    return path


PHOTO = "https://www.inaturalist.org/photos/"
BIRDS = {"img1ObservationURL": f"{PHOTO}64", "img2ObservationURL": f"{PHOTO}55", "img1Species": "Parus", "split": "dev"}


def test_paragraphs_about_two_photographs_are_one_record(tmp_path: Path, draw, convert) -> None:
    draw("b2w/images/64.png")
    draw("b2w/images/55.jpg", size=(20, 30))
    told = ['Animal 1 is "small", animal 2 is not.', "Animal 2 is blue."]
    birds(tmp_path / "b2w/birds-to-words-v1.0.tsv", *({**BIRDS, "description": text} for text in told))
    summary = convert("birds-to-words", tmp_path / "b2w")
    assert summary.notes == {"pairs of two sizes": 1}
    (row,) = PairFolder(tmp_path / "out").rows
    assert (row["id"], row["task"], row["split"], row["captions"]) == ("64_55", "compare", "val", told)
    assert row["meta"] == {"species_before": "Parus", "species_after": ""}
    assert PairFolder(tmp_path / "out", fit=True)[0].before.shape == (30, 20, 3)


def test_a_table_that_is_not_of_birds_is_refused(tmp_path: Path, read) -> None:
    (tmp_path / "birds-to-words-v1.0.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(SourceError, match="its first line lacks img1ObservationURL"):
        read("birds-to-words", tmp_path)
    named = write(tmp_path / "test.json", [{"img_id": "1", "sentences": []}])
    with pytest.raises(SourceError, match="looks like one of Spot-the-Diff"):
        read("birds-to-words", tmp_path, named)
    birds(tmp_path / "birds-to-words-v1.0.tsv", {**BIRDS, "split": "tomorrow"})
    with pytest.raises(SourceError, match="line 2 is cut off, or its split"):
        read("birds-to-words", tmp_path)


# CLEVR-Change and CLEVR-DC


def test_a_clevr_scene_is_a_changed_and_an_unchanged_pair(tmp_path: Path, draw, convert) -> None:
    root = tmp_path / "clevr"
    for number in range(3):
        draw(f"clevr/images/CLEVR_default_{number:06d}.png", size=(48, 32))
        draw(f"clevr/sc_images/CLEVR_semantic_{number:06d}.png", size=(48, 32))
        draw(f"clevr/nsc_images/CLEVR_nonsemantic_{number:06d}.png", size=(48, 32))
    names = [f"CLEVR_default_{number:06d}.png" for number in range(3)]
    write(root / "change_captions.json", {name: [f"the cube of {name[-5]} left"] for name in names})
    write(root / "no_change_captions.json", {name: ["no change was made", "the scene is the same"] for name in names})
    write(root / "splits.json", {"train": [0], "val": [], "test": [2]})
    write(root / "type_mapping.json", {"drop": ["000000.png"], "move": ["000002.png"]})
    boxes = {"0": {"bbox_before": [4, 5, 6, 7], "bbox_after": None}}
    boxes["2"] = {"bbox_before": [1, 2, 3, 4], "bbox_after": [9.5, 9, 4, 4]}
    write(root / "change_captions_with_bbox.json", boxes)
    summary = convert("clevr-change", root)
    assert summary.notes == {"scenes of no split left out": 1}
    samples = {sample.id: sample for sample in PairFolder(tmp_path / "out")}
    assert sorted(samples) == ["000000", "000000_n", "000002", "000002_n"]
    (gone,), (moved,) = samples["000000"].regions or (), samples["000002"].regions or ()
    assert (gone.kind, gone.box) == ("removed", (4, 5, 10, 12))
    assert (moved.kind, moved.box, moved.attributes) == ("moved", (9, 9, 14, 13), {"box_before": (1, 2, 4, 6)})
    still = samples["000002_n"]
    assert (still.changed, still.regions, len(still.captions), still.split) == (False, (), 2, "test")
    assert still.group == samples["000002"].group


def test_a_clevr_scene_in_two_splits_is_refused(tmp_path: Path, read) -> None:
    for name in ("change_captions.json", "no_change_captions.json"):
        write(tmp_path / name, {"CLEVR_default_000000.png": ["x"]})
    write(tmp_path / "splits.json", {"train": [0], "val": [], "test": [0]})
    with pytest.raises(SourceError, match="scene 0 is in train and in test"):
        read("clevr-change", tmp_path)


@pytest.mark.parametrize("folders", [("bef", "aft"), ("images", "sc_images")])
def test_clevr_dc_knows_distractors_by_type_or_by_their_sentences(tmp_path: Path, draw, convert, folders) -> None:
    root = tmp_path / "dc"
    for folder in folders:
        for number in range(3):
            draw(f"dc/{folder}/{number}.png")
    told = {"0": ["the red ball moved"], "1": ["there is no change"], "2": ["the scene is the same as before"]}
    write(root / "captions_dc.json", told)
    write(root / "split_dc.json", {"train": [0, 1], "test": [2]})
    convert("clevr-dc", root)
    assert {sample.id: sample.changed for sample in PairFolder(tmp_path / "out")} == {"0": True, "1": False, "2": False}
    write(root / "type_mapping.json", {"move": ["2.png"], "no_change": ["0.png"]})
    convert("clevr-dc", root)
    assert {sample.id: sample.changed for sample in PairFolder(tmp_path / "out")} == {"0": False, "1": False, "2": True}


# LEVIR-CC and LEVIR-MCI


def levir(root: Path, **flags: int) -> None:
    told = {1: "a house is built .", 0: "there is no difference ."}
    images = [
        {
            "filepath": name.split("_")[0],
            "filename": f"{name}.png",
            "split": name.split("_")[0],
            "changeflag": flag,
            "sentences": [{"raw": f" {told[flag]}", "tokens": [], "sentid": 0}] * 5,
        }
        for name, flag in flags.items()
    ]
    write(root / "LevirCCcaptions.json", {"images": images})


def test_levir_cc_keeps_five_sentences_without_the_period_of_its_own(tmp_path: Path, draw, convert) -> None:
    levir(tmp_path / "levir", train_000001=1, test_000002=0)
    for name in ("train_000001", "test_000002"):
        for side in "AB":
            draw(f"levir/images/{name.split('_')[0]}/{side}/{name}.png")
    convert("levir-cc", tmp_path / "levir")
    samples = {sample.id: sample for sample in PairFolder(tmp_path / "out")}
    assert samples["train_000001"].captions == ("a house is built",) * 5
    assert {name: sample.changed for name, sample in samples.items()} == {"train_000001": True, "test_000002": False}
    assert samples["test_000002"].gsd_m == 0.5


def test_levir_mci_lists_pairs_that_contradict_their_masks(tmp_path: Path, draw, convert) -> None:
    root = tmp_path / "levir"
    levir(root, train_000001=1, train_000002=0, train_000003=1, train_000004=0)
    for number in range(1, 5):
        for side in "AB":
            draw(f"levir/images/train/{side}/train_{number:06d}.png")
    label = np.zeros((8, 12, 3))
    label[0, :3], label[1, :2] = 128, 255
    draw("levir/images/train/label/train_000001.png", label)
    draw("levir/images/train/label/train_000002.png", label)  # said to be unchanged
    draw("levir/images/train/label/train_000003.png", 0)  # said to be changed
    draw("levir/images/train/label/train_000004.png", 0)
    assert convert("levir-mci", root).contradicting == ["train_000002", "train_000003"]
    masks = PairFolder(tmp_path / "out")[0].masks
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"road": 3, "building": 2}
    summary = convert("levir-mci", root, drop_contradicting=True)
    assert summary.left_out == {"contradicting": ["train_000002", "train_000003"]}
    assert [sample.id for sample in PairFolder(tmp_path / "out")] == ["train_000001", "train_000004"]


def test_a_flag_that_the_sentences_deny_is_kept_and_noted(tmp_path: Path, read) -> None:
    levir(tmp_path, val_000001=0)
    held = json.loads((tmp_path / "LevirCCcaptions.json").read_text())
    held["images"][0]["changeflag"] = 1
    write(tmp_path / "LevirCCcaptions.json", held)
    records, summary = read("levir-cc", tmp_path)
    assert records[0].changed is True
    assert summary.notes == {"pairs whose flag and sentences disagree; the flag is kept": 1}


def test_real_levir_cc_training_captions_have_the_counts_that_are_reported(data_set: Callable[[str], Path]) -> None:
    folder = data_set("captions_text")
    given = (folder / "levir_cc_train.json.gz",)
    summary = conversion.count(conversion.Job(source=sources.source("levir-cc"), root=folder, annotations=given))
    assert dict(summary.counts["train"]) == {"pairs": 6815, "captions": 34075, "changed": 3407, "unchanged": 3408}


def test_real_annotations_of_others_are_told_apart(data_set: Callable[[str], Path]) -> None:
    folder = data_set("captions_text")
    job = conversion.Job(source=sources.source("spot-the-diff"), root=folder / "image_editing_request")
    with pytest.raises(SourceError, match="looks like one of Image-Editing-Request"):
        conversion.count(job)
    given = (folder / "cdchat_sysu" / "sysu_test_captions.json.gz",)
    with pytest.raises(SourceError, match="it is an object with licenses, info, images"):
        conversion.count(conversion.Job(source=sources.source("levir-cc"), root=folder, annotations=given))


# Pages


def test_wuicc_is_read_by_its_texts(tmp_path: Path, draw, convert) -> None:
    for name, said in (("p1", "The button is now red."), ("p2", "No change to mention.")):
        draw(f"wuicc/train/{name}.png")
        draw(f"wuicc/train/{name}_1.png")
        (tmp_path / f"wuicc/train/{name}.txt").write_text(said)
        (tmp_path / f"wuicc/train/{name}.html").write_text("<p>")
    convert("wuicc", tmp_path / "wuicc")
    found = {sample.id: (sample.changed, sample.captions, sample.domain) for sample in PairFolder(tmp_path / "out")}
    assert found == {
        "train-p1": (True, ("The button is now red.",), "ui"),
        "train-p2": (False, ("No change to mention.",), "ui"),
    }


def test_a_folder_that_is_not_wuicc_is_refused(tmp_path: Path, read) -> None:
    with pytest.raises(SourceError, match="has no folder train, val or test"):
        read("wuicc", tmp_path)


def embedded(path: Path) -> dict[str, Any]:
    return {"bytes": path.read_bytes(), "path": path.name}


def test_diffspot_comes_with_its_pictures_boxes_and_edits(tmp_path: Path, draw, convert) -> None:
    before, after = embedded(draw("a.png")), embedded(draw("b.png", 40))
    shared = {"image_before": before, "image_after": after, "domain": "finance"}
    edit = json.dumps({"type": "rounded", "before": "4px"})
    rows = [
        {
            **shared,
            "id": "hard-1",
            "difficulty": "hard",
            "task_type": "diff",
            "ground_truth_diff": "The button is rounder.",
            "mutation_dicts_json": [edit],
            **{"target_bbox_x": 1.5, "target_bbox_y": 2.0, "target_bbox_width": 3.0, "target_bbox_height": 4.0},
        },
        {**shared, "id": "none-1", "difficulty": "unknown", "task_type": "no_diff", "ground_truth_diff": None},
    ]
    (tmp_path / "ds").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "ds/test-00000-of-00001.parquet")
    convert("diffspot", tmp_path / "ds")
    changed, unchanged = PairFolder(tmp_path / "out")
    assert changed.captions == ("The button is rounder.",)
    assert [region.box for region in changed.regions or ()] == [(1, 2, 5, 6)]
    assert (unchanged.changed, unchanged.regions, unchanged.captions) == (False, (), ())
    assert PairFolder(tmp_path / "out").rows[0]["meta"]["operator"] == "rounded"
    job = conversion.Job(source=sources.source("diffspot"), root=tmp_path / "ds")
    with pytest.raises(SourceError, match="pictures that lie in no file: name a folder with --out"):
        conversion.convert(job, tmp_path / "x.jsonl")


def test_a_table_of_something_else_says_what_it_has(tmp_path: Path, read) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=r"is no file of DiffSpot: it lacks the columns id, .*it has text"):
        read("diffspot", tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        read("diffspot", tmp_path)


# InstructPix2Pix


def test_triples_in_parquet_are_orders_and_keep_what_both_images_show(tmp_path: Path, draw, convert) -> None:
    rows = [
        {
            "original_prompt": "a dog",
            "original_image": embedded(draw("a.png")),
            "edit_prompt": "make it a cat",
            "edited_prompt": "a cat",
            "edited_image": embedded(draw("b.png", 40)),
        }
    ]
    (tmp_path / "ip2p").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "ip2p/train-00000-of-00262-ab.parquet")
    convert("instructpix2pix", tmp_path / "ip2p")
    (row,) = PairFolder(tmp_path / "out").rows
    assert (row["task"], row["captions"], row["split"]) == ("edit", ["make it a cat"], "train")
    assert row["meta"] == {"caption_before": "a dog", "caption_after": "a cat"}


def test_triples_in_folders_share_a_group_by_prompt(tmp_path: Path, draw, read) -> None:
    write(tmp_path / "0000001/prompt.json", {"caption": "a dog", "edit": "make it a cat", "output": "a cat"})
    for seed in ("11", "12"):
        for side in "01":
            draw(f"0000001/{seed}_{side}.jpg")
    records, _ = read("instructpix2pix", tmp_path)
    assert [(r.id, r.group, r.captions) for r in records] == [
        ("0000001-11", "0000001", ("make it a cat",)),
        ("0000001-12", "0000001", ("make it a cat",)),
    ]
    assert records[0].after == tmp_path / "0000001/11_1.jpg"


# Sentences that deny a change


@pytest.mark.parametrize(
    "sentence",
    [
        "There is no difference.",
        "No change to mention.",
        "the scene is the same as before",
        "the two scenes seem identical",
        "almost nothing has changed",
        "no change has occurred",
        "i don t see any differences between the two images",
        "there are no noticeable changes here",
    ],
)
def test_no_change_is_understood(sentence: str) -> None:
    assert denies_change(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "a car is gone",
        "in the second picture the same car is on the other side",
        "the people in both images are not the same",
        "there is no difference except for a gap of light in the trees",
        "there are six people in the first photo and none in the other",
        "the cars are in different positions",
    ],
)
def test_a_change_is_not_taken_for_none(sentence: str) -> None:
    assert not denies_change(sentence)


def test_notes_of_nothing_are_not_told() -> None:
    summary = Summary(source="x")
    summary.note("blank sentences dropped", 0)
    assert list(summary.lines()) == ["x: 0 of 0 pairs"]
