"""OneDiff on the command line, with a tiny one for its weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from onediff_core import layout
from onediff_plugins import Box, Host, PairRequest
from onediff_plugins.demo import pairs_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEMO = {
    pair["domain"]: [str(pairs_file().parent / pair[side]) for side in ("before", "after")]
    for pair in map(json.loads, pairs_file().read_text(encoding="utf-8").splitlines())
}
ONEDIFF = ("--detector", "onediff", "--captioner", "onediff")


@pytest.fixture
def steering(tiny_onediff: Path) -> tuple[str, ...]:
    """Options for OneDiff in both roles; the threshold is low, so that what it has not learnt has regions, too."""
    return (*ONEDIFF, "--set", f"weights={tiny_onediff}", "--set", "threshold=0.3")


def square(path: Path, *, there: bool = True) -> str:
    """A grey wall, and a white square on it."""
    pixels = np.random.default_rng(0).normal(100, 4, (160, 200, 3)).clip(0, 255).astype(np.uint8)
    if there:
        pixels[40:80, 60:100] = 245
    assert cv2.imwrite(str(path), pixels)
    return str(path)


@pytest.mark.parametrize("domain", DEMO)
def test_a_shipped_pair_of_each_domain_is_compared_and_its_record_is_valid(
    domain: str,
    onediff: Callable[..., Any],
    steering: tuple[str, ...],
    schema_errors: Callable[[Any], list[str]],
    tmp_path: Path,
) -> None:
    done = onediff("compare", *DEMO[domain], "--domain", domain, "--json", "--out", tmp_path / "out", *steering)
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert schema_errors(record) == []
    assert (record["detector"], record["caption_source"]) == ("onediff", "tiny")
    detect, describe = record["provenance"]["models"]["detect"], record["provenance"]["models"]["describe"]
    assert (detect["name"], describe["name"]) == ("tiny", "tiny")
    assert detect["heads"] == ["any.changed", "any.square"]
    assert record["regions"], "nothing to describe: the test would say little"
    assert all(region["caption"] for region in record["regions"])
    assert {region["label"] for region in record["regions"]} <= {"square", ""}
    assert (tmp_path / "out" / "report.html").is_file()
    assert "Traceback" not in done.err


def test_windows_of_a_raster_agree_with_the_whole_of_it(tiny_onediff: Path) -> None:
    host = Host(settings={"weights": str(tiny_onediff)})
    before, after = DEMO["satellite"]
    whole = host.compare(before, after, domain="satellite", detector="onediff").change.score
    for window in (Box(0, 0, 256, 256), Box(130, 90, 450, 400)):
        part = host.compare(before, after, domain="satellite", detector="onediff", window=window).change.score
        assert part.shape == (window.height, window.width)
        # The network sees 48 px and more around a pixel: nearer to a window's edge it sees less than in the whole.
        inner = (slice(48, -48), slice(48, -48))
        difference = np.abs(part[inner] - whole[window.slices][inner])
        assert difference.max() < 0.1
        assert difference.mean() < 0.01


def test_a_batch_goes_on_past_a_bad_pair(
    onediff: Callable[..., Any], steering: tuple[str, ...], results: Callable[[Path], list[Any]], tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with_square, without = square(tmp_path / "with.png"), square(tmp_path / "without.png", there=False)
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(
        f"id,before,after\ncame,{without},{with_square}\nbroken,broken.png,{with_square}\n"
        f"went,{with_square},{without}\nsame,{without},{without}\n"
    )
    out = tmp_path / "out"
    done = onediff("batch", pairs, "--out", out, "--domain", "ui", "--workers", "1", *steering[:-2])
    assert done.code == 2
    came, broken, went, same = results(out)
    assert broken["error"]["type"] == "UnsupportedSourceError"
    assert [[(r["kind"], r["label"]) for r in record["regions"]] for record in (came, went, same)] == [
        [("added", "square")],
        [("removed", "square")],
        [],
    ]
    assert same["caption"] == "Nothing that a user would see changed."
    assert came["provenance"]["models"]["describe"]["name"] == "tiny"


def test_many_pairs_of_one_host_are_compared_with_one_base(tiny_onediff: Path, tmp_path: Path) -> None:
    host = Host(settings={"weights": str(tiny_onediff)})
    paths = square(tmp_path / "without.png", there=False), square(tmp_path / "with.png")
    requests = [PairRequest(before=paths[n % 2], after=paths[1 - n % 2], domain="ui") for n in range(3)]
    outcomes = list(host.compare_many(requests, detector="onediff", captioner="onediff"))
    assert [outcome.regions[0].kind for outcome in outcomes] == ["added", "removed", "added"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--head", "any.sqare"),
            "unknown head 'any.sqare'. Did you mean 'any.square'? Installed: any.changed, any.sq",
        ),
        (("--set", "weights=nowhere"), "there is no folder nowhere: weights are a folder of a OneDiff, or a hub id"),
        (("--head", "any.changed"), "the heads loaded are: any.changed (pair). Beside tiny lie"),
        (("--device", "cuda:99"), "the device 'cuda:99' is not there"),
        (("--device", "gpu"), "'gpu' is no device of torch"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    options: tuple[str, ...], message: str, onediff: Callable[..., Any], steering: tuple[str, ...], tmp_path: Path
) -> None:
    path = square(tmp_path / "with.png")
    assert message in onediff("compare", path, path, "--domain", "ui", *steering, *options).error


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--head", "any.sqare"), "unknown head"), (("--set", "weights=nowhere"), "there is no folder nowhere")],
)
def test_a_batch_that_cannot_begin_writes_nothing(
    options: tuple[str, ...], message: str, onediff: Callable[..., Any], steering: tuple[str, ...], tmp_path: Path
) -> None:
    path = square(tmp_path / "with.png")
    (tmp_path / "pairs.csv").write_text(f"before,after\n{path},{path}\n")
    out = tmp_path / "out"
    done = onediff("batch", tmp_path / "pairs.csv", "--out", out, "--domain", "ui", *steering, *options)
    assert message in done.error
    assert not out.exists()


def test_without_weights_it_says_how_to_name_some(
    onediff: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "SHIPPED", {"research": tmp_path / "none"})
    path = square(tmp_path / "with.png")
    assert "--set weights=" in onediff("compare", path, path, "--domain", "ui", "--detector", "onediff").error


def test_doctor_finds_the_weights_that_the_settings_name(
    tiny_onediff: Path, onediff: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDIFF_WEIGHTS", str(tiny_onediff))
    well = onediff("doctor")
    assert well.code == 0
    assert "satellite: detect by onediff with any.changed, any.square\n" in well.out
    assert "satellite: describe by onediff\n" in well.out

    monkeypatch.setenv("ONEDIFF_WEIGHTS", "nowhere")
    ill = onediff("doctor")
    assert ill.code == 2
    assert ill.out.count("problem: there is no folder nowhere: weights are a folder") == 1
    assert ill.out.endswith("1 problem\n")
