"""Results of a run as pairs to learn from."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from onediff_core.data import PairFolder
from onediff_plugins import Host, PairFailure
from onediff_plugins.errors import ResultsError
from onediff_plugins.output import files_below, write_pair
from onediff_plugins.records import ErrorRecord, Fallback, PieceRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onediff_plugins import ChangeResult

SIZE = (96, 64)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ChangeResult]]:
    """A real run over a pair in which a red box is new, and one that did not change; its folder and results."""
    out = tmp_path_factory.mktemp("run")
    page = Image.new("RGB", SIZE, (240, 240, 240))
    page.paste((30, 30, 30), (8, 8, 40, 14))
    page.save(out / "before.png")
    page.save(out / "same.png")
    page.paste((200, 20, 20), (48, 30, 72, 50))
    page.save(out / "after.png")
    host, results = Host(), []
    for name, meta in (("after", {"group": "page", "split": "dev", "place": "shop"}), ("same", {})):
        sides = {"before": str(out / "before.png"), "after": str(out / f"{name}.png")}
        result = host.compare(**sides, domain="ui", id=name, meta=meta)
        made = write_pair(host, result, out / "pairs" / name)
        results.append(made.replace(files=files_below(f"pairs/{name}", made.files)))
    return out, results


@pytest.fixture
def listed(run: tuple[Path, list[ChangeResult]]) -> Callable[..., Path]:
    """Writes results beside the run's pairs, its own unless others are given; the folder."""

    def write(*results: Any) -> Path:
        lines = "".join(result.model_dump_json() + "\n" for result in results or run[1])
        (run[0] / "results.jsonl").write_text(lines, encoding="utf-8")
        return run[0]

    return write


def test_words_places_masks_and_verdict_of_a_run_become_a_record(listed, read, run) -> None:
    records, _ = read("results", listed())
    changed, same = records
    found = run[1][0]
    assert changed.captions == (found.caption,)
    assert (changed.changed, changed.domain, changed.task) == (True, "ui", "caption")
    assert (changed.group, changed.split, changed.meta["place"]) == ("page", "val", "shop")
    (region,) = changed.regions
    assert (region.kind, region.box, region.caption) == ("added", (48, 30, 72, 50), found.regions[0].caption)
    assert changed.meta["proposed"]["captioner"] == "template"
    assert changed.meta["proposed"]["detector"] == "ui-blocks"
    assert (same.changed, same.regions, same.captions) == (False, (), (run[1][1].caption,))


def test_what_was_converted_can_be_learned_from(listed, convert, tmp_path: Path) -> None:
    summary = convert("results", listed())
    sample = {sample.id: sample for sample in PairFolder(tmp_path / "out")}["after"]
    assert summary.kept == 2
    assert sample.masks["change"][30:50, 48:72].mean() > 0.9
    assert not sample.masks["change"][:, :40].any()
    assert sample.before.shape == sample.after.shape == (*SIZE[::-1], 3)


def test_words_of_the_captioner_that_is_wanted_are_kept_and_others_are_not(listed, read, run) -> None:
    by_model = run[1][0].replace(caption_source="hf-vlm:qwen", caption="A red box is new.")
    records, summary = read("results", listed(by_model, run[1][1]), captioner="hf-vlm")
    assert [(record.captions, record.task) for record in records] == [(("A red box is new.",), "caption"), ((), "")]
    assert summary.notes == {"pairs whose words are of another captioner, left without": 1}
    assert read("results", listed(by_model), captioner="hf")[0][0].captions == ()


def test_a_place_that_another_captioner_had_to_describe_has_no_words(listed, read, run) -> None:
    result = run[1][0]
    fallback = Fallback(model="hf-vlm", instead="template", reason="it saw nothing", regions=(1,))
    result = result.replace(provenance=result.provenance.replace(fallbacks=(fallback,)))
    (record,), _ = read("results", listed(result))
    assert record.captions
    assert [region.caption for region in record.regions] == [""]


def test_failed_undecided_and_unsure_pairs_are_left_out_and_named(listed, read, run) -> None:
    failed = PairFailure(id="f", domain="ui", error=ErrorRecord(type="PairError", message="no such file"))
    undecided = run[1][0].replace(id="u", changed=None, reason="too dark")
    unsure = run[1][0].replace(id="w", score=0.55)
    records, summary = read("results", listed(run[1][1], failed, undecided, unsure), sure=0.2)
    assert [record.id for record in records] == ["same"]
    assert summary.left_out == {"failed": ["f"], "unsure": ["u", "w"]}
    assert summary.seen == 3


def shifted(result: ChangeResult, dx: float) -> ChangeResult:
    matrix = ((1, 0, dx), (0, 1, 0), (0, 0, 1))
    return result.replace(registration=result.registration.replace(matrix=matrix, pieces=None))


def test_an_image_that_the_run_aligned_is_left_as_it_is_unless_the_aligned_one_is_wanted(listed, read, run) -> None:
    folder = listed(shifted(run[1][0], 4), shifted(run[1][1], 0.1))
    records, summary = read("results", folder)
    assert [record.before for record in records] == [folder / "before.png"] * 2
    assert sum(summary.notes.values()) == 1
    warped, still = read("results", folder, aligned=True)[0]
    assert still.before == folder / "before.png"
    pixels = np.asarray(Image.open(io.BytesIO(warped.before)))
    assert (pixels[:, :-4] == np.asarray(Image.open(folder / "before.png"))[:, 4:]).all()


def test_pieces_are_put_where_they_belong(listed, read, run) -> None:
    result = run[1][0]
    piece = PieceRecord(after_box=(0, 20, 96, 64), dx=0, dy=-20)
    result = result.replace(registration=result.registration.replace(pieces=(piece,)))
    (record,), _ = read("results", listed(result), aligned=True)
    pixels = np.asarray(Image.open(io.BytesIO(record.before)))
    assert (pixels[20:] == np.asarray(Image.open(run[0] / "before.png"))[:44]).all()
    assert not pixels[:20].any()


@pytest.mark.parametrize("source", ["<array>", "https://example.org/a.png", "/vsicurl/x.tif"])
def test_a_source_that_is_no_file_is_named(listed, read, run, source: str) -> None:
    result = run[1][0].replace(before=run[1][0].before.replace(source=source))
    records, summary = read("results", listed(result))
    assert (records, summary.left_out) == ([], {"broken": ["after"]})
    assert source in summary.details["broken"][0]


def test_a_window_is_not_taken_for_the_whole_file(listed, read, run) -> None:
    result = run[1][0].replace(after=run[1][0].after.replace(window=(0, 0, 96, 64)))
    assert read("results", listed(result))[1].left_out == {"broken": ["after"]}


def test_another_file_is_refused_with_the_line(read, tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text('{"before": "a.png", "after": "b.png"}\n', encoding="utf-8")
    with pytest.raises(ResultsError, match="line 1 is no record of onediff"):
        read("results", tmp_path)
