"""A good exporter passes all checks of the kit, and for each check one bad exporter fails that check alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from onediff_plugins import ExporterSpec, hookimpl
from onediff_plugins.errors import ExportError
from onediff_plugins.exporters import write_file
from onediff_plugins.testing import ExporterTests

if TYPE_CHECKING:
    from collections.abc import Callable


class Exporter:
    """Captions, one a line."""

    suffixes = (".txt", ".text")

    @hookimpl
    def onediff_exporters(self):
        yield ExporterSpec(name="subject", suffixes=self.suffixes, write=self.write)

    def write(self, results, out):
        path = out / "captions.txt" if out.is_dir() or not out.suffix else out
        self.save(path, "".join(f"{result.caption}\n" for result in results))
        return {"captions": path.name}

    def save(self, path, text):
        write_file(path, text.encode())


CHECKS = {name for name in dir(ExporterTests) if name.startswith("test_")}


def subject(plugin: object, **attributes: object) -> type:
    return type("TestSubject", (ExporterTests,), {"plugin": plugin, "exporter": "subject", **attributes})


class FoldersOnly(Exporter):
    suffixes = ()


def test_a_good_exporter_passes_every_check(run: Callable) -> None:
    outcomes = run(subject(Exporter()))
    assert outcomes.failed == {}
    assert outcomes.passed == CHECKS


def test_an_exporter_without_suffixes_only_fills_folders(run: Callable) -> None:
    outcomes = run(subject(FoldersOnly()))
    assert outcomes.failed == {}
    assert outcomes.passed == CHECKS - {"test_it_writes_a_file_with_each_suffix"}


def test_georeferenced_results_are_made_where_the_class_asks_for_them(run: Callable) -> None:
    class Coordinates(Exporter):
        def write(self, results, out):
            if any(result.georef is None for result in results):
                raise ExportError("no georeference")
            return super().write(results, out)

    assert run(subject(Coordinates())).failed.keys() >= {"test_it_fills_a_folder"}
    assert run(subject(Coordinates(), georeferenced=True)).failed == {}


# --- for each check one bad exporter -------------------------------------------------------------------------------


class FilesOnly(Exporter):
    def write(self, results, out):
        if out.is_dir():
            raise ExportError("name a file")
        return super().write(results, out)


class WholePaths(Exporter):
    def write(self, results, out):
        files = super().write(results, out)
        if not out.is_dir() or len(results) > 1 or results[0].pair is None:
            return files
        return {key: str(out / name) for key, name in files.items()}


class LeavesNotes(Exporter):
    def write(self, results, out):
        if out.is_dir() and results[0].pair is not None and len(results) == 1:
            write_file(out / "notes.tmp", b"a note")
        return super().write(results, out)


class ChoosesItsName(Exporter):
    def write(self, results, out):
        if out.suffix == ".text" and len(results) == 1:
            out = out.parent / "captions.txt"
        return super().write(results, out)


class TakesOneSilently(Exporter):
    def write(self, results, out):
        (result,) = results
        return super().write([result], out)


class NeedsPixels(Exporter):
    def write(self, results, out):
        assert all(result.pair.after is not None for result in results)
        return super().write(results, out)


class ChecksTooLate(Exporter):
    def write(self, results, out):
        files = super().write(results, out)
        if results[0].pair is None:
            raise ExportError("no pixels")
        return files


class SwallowsErrors(Exporter):
    def save(self, path, text):
        try:
            super().save(path, text)
        except ExportError as exc:
            if not isinstance(exc.__cause__, NotADirectoryError | FileExistsError):
                raise


class WritesInPlace(Exporter):
    def save(self, path, text):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


class IgnoresFullDisks(Exporter):
    def save(self, path, text):
        try:
            super().save(path, text)
        except ExportError as exc:
            if isinstance(exc.__cause__, NotADirectoryError | FileExistsError):
                raise


class MarksResults(Exporter):
    def write(self, results, out):
        results[0].regions[0].attributes["exported"] = True
        return super().write(results, out)


BAD = [
    (FilesOnly, "test_it_fills_a_folder", "one result to a folder: name a file"),
    (WholePaths, "test_it_fills_a_folder", "look at /"),
    (LeavesNotes, "test_it_fills_a_folder", "look at notes.tmp"),
    (ChoosesItsName, "test_it_writes_a_file_with_each_suffix", "out.text was asked for, {'captions': 'captions.txt'}"),
    (TakesOneSilently, "test_several_results_are_written_or_refused", "raised ValueError in stage 'export'"),
    (NeedsPixels, "test_a_result_without_pixels_is_written_or_refused", "raised AttributeError"),
    (ChecksTooLate, "test_a_result_without_pixels_is_written_or_refused", "left captions.txt"),
    (SwallowsErrors, "test_a_place_that_cannot_be_written_is_refused", "for a place below a file"),
    (WritesInPlace, "test_a_full_disk_leaves_nothing_behind", "a full disk: left captions.txt"),
    (IgnoresFullDisks, "test_a_full_disk_leaves_nothing_behind", "while the disk was full"),
    (MarksResults, "test_writing_does_not_change_the_result", "another one after it was written"),
]


@pytest.mark.parametrize(("exporter", "check", "said"), BAD, ids=[case[0].__name__ for case in BAD])
def test_a_bad_exporter_fails_the_one_check_that_is_for_it(exporter, check, said, fails_only) -> None:
    assert said in fails_only(subject(exporter()), check, CHECKS)


def test_every_check_has_a_bad_exporter() -> None:
    assert {check for _, check, _ in BAD} == CHECKS


def test_a_class_that_names_no_exporter_says_so(run) -> None:
    outcomes = run(subject(Exporter(), exporter=""))
    assert outcomes.passed == set()
    assert all("set `exporter`" in message for message in outcomes.failed.values())
