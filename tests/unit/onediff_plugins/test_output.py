"""A pair's folder: whole or not there, and never in place of what is not ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from affine import Affine

from onediff_plugins import DomainSettings, DomainSpec, ExporterSpec, Frame, GeoRef, Host, Overlay, hookimpl
from onediff_plugins.errors import ExportError, PluginContractError, StageError
from onediff_plugins.output import check_replaceable, read_record, remove_pair, write_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from onediff_plugins import ChangeResult, ImagePair


class Tiny:
    """A domain that adds nothing to the built-in behaviour."""

    @hookimpl
    def onediff_domain(self) -> DomainSpec:
        return DomainSpec(name="tiny", summary="nothing of its own", settings=DomainSettings)

    @hookimpl
    def onediff_overlays(self, result: ChangeResult, pair: ImagePair) -> Iterable[Overlay]:
        yield Overlay(name="note", kind="text", slice="after", data="seen")


def picture(square: bool) -> np.ndarray:
    pixels = np.full((40, 60, 3), 200, dtype=np.uint8)
    if square:
        pixels[10:30, 20:50] = (255, 0, 0)
    return pixels


@pytest.fixture(scope="module")
def host() -> Host:
    return Host(plugins=[Tiny()], entry_points=False)


@pytest.fixture(scope="module")
def result(host: Host) -> ChangeResult:
    return host.compare(picture(False), picture(True))


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_a_pair_folder_holds_the_record_and_every_file_that_it_names(
    host: Host, result: ChangeResult, tmp_path: Path, schema_errors: Callable[[Any], list[str]]
) -> None:
    written = write_pair(host, result, tmp_path / "a" / "out")
    record = json.loads((tmp_path / "a" / "out" / "result.json").read_text())
    assert schema_errors(record) == []
    assert record["files"] == written.files
    keys = ("score", "mask", "overlay", "report", "thumbnail")
    named = {record["files"][key] for key in keys} | {record["files"]["overlays"]["note"]}
    assert everything(tmp_path / "a" / "out") == named | {"result.json", "overlays"}
    assert everything(tmp_path / "a") == {"out"} | {f"out/{name}" for name in everything(tmp_path / "a" / "out")}


def test_an_empty_folder_and_one_of_ours_are_replaced(host: Host, result: ChangeResult, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write_pair(host, result, out)
    (out / "stale.png").write_bytes(b"")
    write_pair(host, result.replace(id="second"), out)
    record = read_record(out)
    assert record is not None
    assert record["id"] == "second"
    assert "stale.png" not in everything(out)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["letter.txt", "result.json"])
def test_a_folder_that_is_not_ours_stays_as_it_is(host: Host, result: ChangeResult, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text('{"mine": true}')
    with pytest.raises(ExportError, match="not a result of onediff"):
        write_pair(host, result, out)
    assert everything(tmp_path) == {"out", f"out/{name}"}
    assert (out / name).read_text() == '{"mine": true}'


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ExportError, match="is a file: --out names a folder"):
        check_replaceable(tmp_path / "out")


def test_a_folder_below_a_file_cannot_be_written(host: Host, result: ChangeResult, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    check_replaceable(tmp_path / "file" / "out")
    with pytest.raises(ExportError, match=r"Not a directory\. Choose another --out"):
        write_pair(host, result, tmp_path / "file" / "out")
    assert everything(tmp_path) == {"file"}


def test_of_a_symbolic_link_the_target_is_replaced(host: Host, result: ChangeResult, tmp_path: Path) -> None:
    (tmp_path / "disk" / "real").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "real")
    for _ in range(2):
        write_pair(host, result, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert read_record(tmp_path / "disk" / "real") is not None
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["real"]


def test_what_a_failed_swap_would_have_replaced_is_put_back(
    host: Host, result: ChangeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_pair(host, result.replace(id="first"), out)
    rename = Path.rename

    def fail_for_the_new(self: Path, target: Path) -> Path:
        if (self / "result.json").exists() and target == out and read_record(self)["id"] == "second":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(ExportError, match="No space left on device"):
        write_pair(host, result.replace(id="second"), out)
    assert read_record(out)["id"] == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_removing_takes_only_what_is_ours(host: Host, result: ChangeResult, tmp_path: Path) -> None:
    write_pair(host, result, tmp_path / "ours")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "letter.txt").write_text("mine")
    for name in ("ours", "theirs", "gone"):
        remove_pair(tmp_path / name)
    assert everything(tmp_path) == {"theirs", "theirs/letter.txt"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "onediff.change-result/2"}', '"\\ud800"'])
def test_only_a_record_of_this_schema_is_a_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    assert read_record(tmp_path) is None


# --- exporters of plugins ---------------------------------------------------------------------------------------


class Mapped(Tiny):
    """A georeferenced domain whose raster exporter is told what to do."""

    def __init__(self, write: Callable[..., Any]) -> None:
        self._write = write

    @hookimpl
    def onediff_exporters(self) -> Iterable[ExporterSpec]:
        yield ExporterSpec(name="cog", suffixes=(".tif",), write=self._write)


def located(square: bool) -> Frame:
    pixels = np.moveaxis(picture(square), 2, 0)
    georef = GeoRef(crs="EPSG:32631", transform=Affine(10, 0, 500000, 0, -10, 5400000))
    return Frame(pixels=pixels, valid=np.ones(pixels.shape[1:], bool), bands=("red", "green", "blue"), georef=georef)


def export_with(write: Callable[..., Any], folder: Path) -> None:
    host = Host(plugins=[Mapped(write)], entry_points=False)
    write_pair(host, host.compare(located(False), located(True)), folder)


def break_down(results: object, out: Path) -> dict[str, str]:
    (out / "half.tif").write_bytes(b"half")
    raise RuntimeError("the disk is square")


def forget_the_files(results: object, out: Path) -> None:
    (out / "mask.tif").write_bytes(b"")


def test_an_exporter_that_raises_is_named_and_nothing_stays(tmp_path: Path) -> None:
    with pytest.raises(StageError) as caught:
        export_with(break_down, tmp_path / "out")
    assert "Mapped (" in str(caught.value)
    assert str(caught.value).endswith("raised RuntimeError in stage 'export': the disk is square")
    assert (caught.value.stage, caught.value.plugin) == ("export", "Mapped")
    assert everything(tmp_path) == set()


def test_an_exporter_that_does_not_say_what_it_wrote_breaks_the_contract(tmp_path: Path) -> None:
    with pytest.raises(PluginContractError, match=r"'cog' of Mapped \(.*\) must give a mapping of files, got NoneType"):
        export_with(forget_the_files, tmp_path / "out")
    assert everything(tmp_path) == set()
