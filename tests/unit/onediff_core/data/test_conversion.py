"""Conversion: what is left out, what is refused, and that output is whole or not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from onediff_core.data import PairFolder, conversion, packing, sources
from onediff_core.data.commands import data
from onediff_core.data.sources.base import SourceError
from onediff_core.data.summary import Summary
from onediff_plugins.errors import ExportError, SettingsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def spotted(tmp_path: Path, draw: Callable[..., Path]) -> Path:
    """Spot-the-Diff with a hundred training pairs, all of their pictures there."""
    root = tmp_path / "std"
    for number in range(100):
        draw(f"std/resized_images/{number}.png")
        draw(f"std/resized_images/{number}_2.png", 20)
    entries = [{"img_id": str(number), "sentences": ["a car is gone"]} for number in range(100)]
    (root / "train.json").write_text(json.dumps(entries))
    return root


def lists(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_a_list_names_images_where_they_lie_and_is_read_as_it_is(spotted: Path) -> None:
    out = spotted / "train.jsonl"
    asked = ["convert", "spot-the-diff", str(spotted), "--out", str(out)]
    result = CliRunner().invoke(data, asked, catch_exceptions=False)
    assert result.stdout.strip() == str(out)
    assert "train: 100 pairs (100 captions, 100 changed)" in result.stderr
    first = json.loads(out.read_text().splitlines()[0])
    assert (first["before"], first["captions"], first["task"]) == ("resized_images/0.png", ["a car is gone"], "list")
    assert [sample.captions for sample in PairFolder(out)[:2]] == [("a car is gone",)] * 2
    assert json.loads((spotted / "train.summary.json").read_text())["splits"]["train"]["pairs"] == 100


def test_a_list_elsewhere_has_whole_paths(spotted: Path, tmp_path: Path) -> None:
    out = tmp_path / "lists" / "train.jsonl"
    conversion.convert(conversion.Job(source=sources.source("spot-the-diff"), root=spotted), out)
    assert json.loads(out.read_text().splitlines()[0])["before"] == str(spotted / "resized_images/0.png")
    assert len(PairFolder(out)[:]) == 100


def test_three_percent_of_images_that_are_missing_are_named_and_the_rest_converted(spotted: Path, convert) -> None:
    for number in (3, 50, 99):
        (spotted / f"resized_images/{number}_2.png").unlink()
    summary = convert("spot-the-diff", spotted)
    assert summary.left_out == {"missing": ["3", "50", "99"]}
    assert len(PairFolder(spotted.parent / "out")) == 97
    held = json.loads((spotted.parent / "out/summary.json").read_text())
    assert held["left_out"] == {"missing": ["3", "50", "99"]}
    assert any("left out: 3, a picture is missing: 3, 50, 99" in line for line in summary.lines())


def test_a_folder_without_the_images_is_refused_with_the_place_that_was_looked_at(spotted: Path, convert) -> None:
    for path in (spotted / "resized_images").iterdir():
        path.unlink()
    with pytest.raises(SourceError, match=r"100 of 100 pairs cannot be used, a picture is missing; .*/0\.png is not"):
        convert("spot-the-diff", spotted)
    assert not (spotted.parent / "out").exists()


def test_more_missing_images_than_allowed_are_refused_until_they_are_allowed(spotted: Path, convert) -> None:
    for number in range(11):
        (spotted / f"resized_images/{number}.png").unlink()
    with pytest.raises(SourceError, match=r"11 of 100 pairs .* More than 10% may be absent with --max-missing"):
        convert("spot-the-diff", spotted)
    assert convert("spot-the-diff", spotted, max_missing=0.2).kept == 89


def test_a_picture_that_is_none_is_left_out(spotted: Path, convert) -> None:
    (spotted / "resized_images/7.png").write_text("<html>not found</html>")
    assert convert("spot-the-diff", spotted).left_out == {"broken": ["7"]}


def test_annotations_of_another_set_are_told_whose_they_are(spotted: Path, convert) -> None:
    entry = {"uid": "1", "img0": "a.jpg", "img1": "b.jpg", "sents": ["brighten"]}
    (spotted / "train.json").write_text(json.dumps([entry]))
    with pytest.raises(SourceError, match=r"it looks like one of Image-Editing-Request, the source 'image-editing-req"):
        convert("spot-the-diff", spotted)


@pytest.mark.parametrize(
    ("parsed", "says"),
    [
        ({"images": [{}], "annotations": []}, "a file of COCO's form"),
        ({"version": 1, "data": []}, "an object with version, data"),
        ({}, "an empty object"),
        ([{"question": 1}], "a list of objects with question"),
        ([1, 2], "a list of 2 values"),
        ("text", "a single value, 'text'"),
    ],
)
def test_annotations_of_nobody_are_described(spotted: Path, convert, parsed: Any, says: str) -> None:
    (spotted / "train.json").write_text(json.dumps(parsed))
    with pytest.raises(SourceError, match=says):
        convert("spot-the-diff", spotted)


@pytest.mark.parametrize("text", ["", "[{", "\udcff"])
def test_a_damaged_annotation_file_is_an_error_with_its_name(spotted: Path, convert, text: str) -> None:
    (spotted / "train.json").write_text(text, errors="surrogateescape")
    with pytest.raises(SourceError, match=r"train\.json cannot be read as JSON"):
        convert("spot-the-diff", spotted)


@pytest.mark.parametrize(
    ("head", "kind"), [(b"\x89PNG", "a PNG picture"), (b"PAR1", "a Parquet file"), (b"a\tb\n", "a table with tabs")]
)
def test_annotations_that_are_no_json_are_told_what_they_look_like(
    spotted: Path, convert, head: bytes, kind: str
) -> None:
    (spotted / "train.json").write_bytes(head)
    with pytest.raises(SourceError, match=rf"train\.json looks like {kind}; it cannot be read as JSON"):
        convert("spot-the-diff", spotted)


def test_a_folder_without_annotations_is_told_how_to_name_them(tmp_path: Path, convert) -> None:
    with pytest.raises(SourceError, match=r"has no train\.json, val\.json, test\.json; name them with --annotations"):
        convert("spot-the-diff", tmp_path)
    with pytest.raises(SourceError, match=r"LevirCCcaptions\.json is not there; name .* with --annotations"):
        convert("levir-cc", tmp_path)


def test_an_id_that_comes_twice_is_refused(tmp_path: Path, draw, convert) -> None:
    for name in ("a.png", "b.png"):
        draw(f"ier/images/{name}")
    entry = {"uid": "1", "img0": "a.png", "img1": "b.png", "sents": ["brighten"]}
    (tmp_path / "ier/train.json").write_text(json.dumps([entry, entry]))
    with pytest.raises(SourceError, match="the id '1' comes twice"):
        convert("image-editing-request", tmp_path / "ier")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def leaking(tmp_path: Path, draw: Callable[..., Path]) -> Path:
    """Four pairs of one's own, of which one place stands in two splits."""
    for name in ("a.png", "b.png", "c.png", "d.png"):
        draw(f"own/{name}", ord(name[0]))
    both = [("a", "b", "train", "p"), ("b", "c", "test", "p"), ("c", "d", "train", "q"), ("d", "a", "train", "r")]
    rows = [
        {"id": one, "before": f"{one}.png", "after": f"{other}.png", "split": split, "group": group, "changed": True}
        for one, other, split, group in both
    ]
    return lists(tmp_path / "own", *rows)


def test_splits_of_ones_own_that_leak_are_refused(leaking: Path, convert) -> None:
    with pytest.raises(SourceError, match=r"1 groups stand in test and train, the first is 'b'.*--drop-leaks"):
        convert("pairs", leaking)
    assert not (leaking.parent / "out").exists()


def test_splits_that_leak_are_named_by_validate_and_can_be_unpacked(leaking: Path) -> None:
    result = CliRunner().invoke(data, ["validate", str(leaking)], catch_exceptions=False)
    assert (result.exit_code, "shared: 1 groups stand in test and train: b" in result.stdout) == (1, True)
    job = conversion.Job(source=sources.source("pairs"), root=leaking)
    assert conversion.unpack(job, leaking.parent / "again").kept == 4


def test_what_leaks_is_left_out_of_the_split_that_is_less_worth_protecting(leaking: Path, convert) -> None:
    summary = convert("pairs", leaking, drop_leaks=True)
    assert (summary.left_out, summary.leaks) == ({"leaking": ["a"]}, {})
    assert sorted(sample.id for sample in PairFolder(leaking.parent / "out")) == ["b", "c", "d"]


def test_masks_of_another_size_and_boxes_outside_are_left_out(tmp_path: Path, draw, convert) -> None:
    draw("own/a.png")
    draw("own/m.png", 255)
    draw("own/small.png", 255, size=(6, 4))
    both = {"before": "a.png", "after": "a.png"}
    rows = [
        {"id": "whole", **both, "mask": "m.png", "boxes": [[8, 4, 20, 6]]},
        {"id": "mask", **both, "mask": "small.png"},
        {"id": "box", **both, "boxes": [[12, 0, 20, 5]]},
        {"id": "line", **both, "boxes": [[5, 5, 4, 4]]},
        {"id": "task", **both, "captions": ["x"], "task": "captions"},
    ]
    summary = convert("pairs", lists(tmp_path / "own", *rows))
    assert summary.left_out == {"mask size": ["mask"], "box": ["box"], "line": ["line", "task"]}
    assert summary.seen == 5
    (kept,) = PairFolder(tmp_path / "out")
    assert kept.regions is not None
    assert kept.regions[0].box == (8, 4, 12, 6)  # cut where the image ends


def test_pairs_that_contradict_their_masks_are_named_and_left_out_on_request(tmp_path: Path, draw, convert) -> None:
    draw("own/a.png")
    draw("own/m.png", 255)
    draw("own/none.png", 0)
    both = {"before": "a.png", "after": "a.png"}
    rows = [
        {"id": "denied", **both, "mask": "m.png", "changed": False},
        {"id": "more than is labelled", **both, "mask": "none.png", "changed": True},
    ]
    own = lists(tmp_path / "own", *rows)
    assert convert("pairs", own).contradicting == ["denied"]
    assert len(PairFolder(tmp_path / "out")) == 2
    assert convert("pairs", own, drop_contradicting=True).left_out == {"contradicting": ["denied"]}
    assert [sample.id for sample in PairFolder(tmp_path / "out")] == ["more than is labelled"]


def test_a_folder_that_holds_something_else_is_not_replaced(spotted: Path, tmp_path: Path, convert) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="is not empty and holds no packed pairs"):
        convert("spot-the-diff", spotted)
    assert (tmp_path / "out/thesis.txt").read_text() == "years of work"


def test_a_conversion_that_fails_leaves_what_was_there(spotted: Path, tmp_path: Path, convert) -> None:
    convert("spot-the-diff", spotted)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    entries = json.loads((spotted / "train.json").read_text())
    (spotted / "train.json").write_text(json.dumps([*entries, {"img_id": "100"}]))
    with pytest.raises(SourceError, match=r"what follows the pair 'none' is not as Spot-the-Diff is written: KeyError"):
        convert("spot-the-diff", spotted)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "std"]


def test_a_conversion_that_is_stopped_leaves_nothing(
    spotted: Path, tmp_path: Path, convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def stopped(packer: packing.Packer, ready: Any) -> None:
        written.append(ready)
        if len(written) == 50:
            raise KeyboardInterrupt
        packing_write(packer, ready)

    packing_write = packing.Packer.write
    monkeypatch.setattr(packing.Packer, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        convert("spot-the-diff", spotted)
    assert [path.name for path in tmp_path.iterdir()] == ["std"]


def test_a_list_that_is_there_is_not_overwritten(spotted: Path) -> None:
    (spotted / "x.jsonl").write_text("mine")
    with pytest.raises(ExportError, match="is there already"):
        conversion.convert(conversion.Job(source=sources.source("spot-the-diff"), root=spotted), spotted / "x.jsonl")


def test_a_place_that_is_neither_list_nor_folder_is_refused(spotted: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"name a folder, or a list that ends in \.jsonl"):
        conversion.convert(conversion.Job(source=sources.source("spot-the-diff"), root=spotted), tmp_path / "x.parquet")


def test_what_else_a_list_says_is_carried_along(tmp_path: Path, draw, convert) -> None:
    draw("own/a.png")
    row = {"before": "a.png", "after": "a.png", "captions": ["A car.", " "], "tile": [2, 2], "split": "validation"}
    summary = convert("pairs", lists(tmp_path / "own", {**row, "meta": {"by": "me"}}))
    assert summary.notes == {"blank captions dropped": 1}
    (packed,) = PairFolder(tmp_path / "out").rows
    assert (packed["meta"], packed["captions"]) == ({"tile": [2, 2], "by": "me"}, ["A car."])
    assert (packed["id"], packed["task"], packed["split"]) == ("000001", "caption", "val")
    (tmp_path / "again").mkdir()
    conversion.unpack(conversion.Job(source=sources.source("pairs"), root=tmp_path / "out"), tmp_path / "again/x")
    assert PairFolder(tmp_path / "again/x").rows[0]["meta"] == {"tile": [2, 2], "by": "me"}


def test_settings_and_sources_that_do_not_exist_say_what_does(spotted: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'spot-the-diff'"):
        sources.source("spot_the_diff")
    job = conversion.Job(source=sources.source("spot-the-diff"), root=spotted, settings={"image": "x"})
    with pytest.raises(SettingsError, match="has no setting 'image': did you mean 'images'"):
        list(job.records(Summary(source="x")))
    job = conversion.Job(source=sources.source("pairs"), root=spotted, settings={"values": 255})
    with pytest.raises(SettingsError, match=r"^values: Input should be a list, such as \[85,170\]$"):
        list(job.records(Summary(source="x")))


def test_counting_needs_no_images(spotted: Path) -> None:
    for path in (spotted / "resized_images").iterdir():
        path.unlink()
    asked = ["convert", "spot-the-diff", str(spotted), "--dry-run"]
    result = CliRunner().invoke(data, asked, catch_exceptions=False)
    assert "train: 100 pairs (100 captions, 100 changed)" in result.stdout


def test_either_a_place_or_a_dry_run_is_asked_for(spotted: Path) -> None:
    assert CliRunner().invoke(data, ["convert", "spot-the-diff", str(spotted)]).exit_code == 2


def test_validate_finds_a_picture_that_was_cut_off(tmp_path: Path, draw) -> None:
    import numpy as np

    whole = draw("own/a.png", np.random.default_rng(0).integers(0, 255, (64, 64)))
    (tmp_path / "own/cut.png").write_bytes(whole.read_bytes()[:2000])
    lists(
        tmp_path / "own",
        {"id": "good", "before": "a.png", "after": "a.png"},
        {"id": "bad", "before": "a.png", "after": "cut.png"},
    )
    asked = ["validate", str(tmp_path / "own")]
    result = CliRunner().invoke(data, asked, catch_exceptions=False)
    assert result.exit_code == 1
    assert "left out: 1, a picture cannot be read" in result.stdout
    assert f"    bad: {tmp_path / 'own/cut.png'} cannot be read: " in result.stdout
    lists(tmp_path / "own", {"id": "good", "before": "a.png", "after": "a.png"})
    assert CliRunner().invoke(data, asked, catch_exceptions=False).exit_code == 0


def test_validate_names_every_pair_that_is_wrong_even_if_all_are(tmp_path: Path, draw) -> None:
    draw("own/a.png")
    missing = [{"id": f"m{number}", "before": "a.png", "after": f"gone-{number}.png"} for number in range(5)]
    lists(tmp_path / "own", *missing)
    result = CliRunner().invoke(data, ["validate", str(tmp_path / "own")], catch_exceptions=False)
    assert result.exit_code == 1
    for number in range(5):
        assert f"    m{number}: {tmp_path / 'own'}/gone-{number}.png is not there" in result.stdout


def test_a_column_that_is_nearly_a_field_is_noted(tmp_path: Path, draw, convert) -> None:
    draw("own/a.png")
    row = {"before": "a.png", "after": "a.png", "captoins": ["A car."], "license": "MIT", "caption_source": "me"}
    notes = convert("pairs", lists(tmp_path / "own", row)).notes
    assert notes == {
        "pairs with 'captoins', which is carried along: 'captions' would be read": 1,
        "pairs with 'license', which is carried along: 'licence' would be read": 1,
    }


def test_validate_names_pairs_with_blank_captions(tmp_path: Path, draw) -> None:
    draw("own/a.png")
    pair = {"before": "a.png", "after": "a.png"}
    lists(tmp_path / "own", {"id": "told", **pair, "captions": ["A car."]}, {"id": "b", **pair, "captions": ["x", " "]})
    result = CliRunner().invoke(data, ["validate", str(tmp_path / "own")], catch_exceptions=False)
    assert result.exit_code == 1
    assert "blank captions: 1 pairs: b" in result.stdout


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"boxes": [[1, 2, 3]]}, r"the box \[1, 2, 3\] is not \[x0, y0, x1, y1\]"),
        ({"boxes": [{"bbox": [1, 2, 3, 4]}]}, r"a region without a box; it has 'bbox'"),
        ({"boxes": 3}, r"boxes is 3: write a list"),
        ({"masks": ["m.png"]}, r"masks is \['m\.png'\]: write an object of classes and paths"),
        ({"masks": {"roof": {"path": "m.png"}}}, r"write a path, or \{\"picture\": path"),
        ({"gsd_m": "x"}, r"gsd_m is 'x': write metres, above 0"),
        ({"gsd_m": -1}, r"gsd_m is -1: write metres, above 0"),
        ({"meta": 3}, r"meta is 3: write an object"),
    ],
)
def test_what_a_line_gets_wrong_is_told_with_its_pair(
    tmp_path: Path, draw, convert, wrong: dict[str, Any], message: str
) -> None:
    draw("own/a.png")
    lists(tmp_path / "own", {"id": "odd", "before": "a.png", "after": "a.png", **wrong})
    with pytest.raises(SourceError, match=rf"the first, 'odd': .*pair 'odd': .*{message}"):
        convert("pairs", tmp_path / "own")


def test_a_split_that_is_not_there_is_told_with_those_that_are(tmp_path: Path, draw, convert) -> None:
    draw("own/a.png")
    pair = {"before": "a.png", "after": "a.png"}
    lists(tmp_path / "own", {**pair, "split": "validation"}, pair)
    with pytest.raises(SourceError, match=r"holds no pairs of the split trian; its splits: none, val"):
        convert("pairs", tmp_path / "own", splits=("trian",))
    assert convert("pairs", tmp_path / "own", splits=("valid",)).kept == 1


def test_a_folder_that_holds_nothing_of_a_source_is_no_count_of_0(tmp_path: Path) -> None:
    result = CliRunner().invoke(data, ["convert", "diffspot", str(tmp_path), "--dry-run"])
    assert isinstance(result.exception, SourceError)
    assert "holds no pairs. Of DiffSpot is read: Parquet with image_before" in str(result.exception)


def test_every_source_says_what_it_reads() -> None:
    result = CliRunner().invoke(data, ["sources"], catch_exceptions=False)
    for name in sources.NAMES:
        assert f"{name}: " in result.stdout
