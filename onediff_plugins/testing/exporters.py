"""Checks of an exporter."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest

from onediff_plugins.errors import ExportError, OneDiffError
from onediff_plugins.testing.base import ConformanceTests
from onediff_plugins.testing.checks import comparable, differing
from onediff_plugins.testing.messages import failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from onediff_plugins.records import ChangeResult
    from onediff_plugins.specs import ExporterSpec
    from onediff_plugins.types import Array


class ExporterTests(ConformanceTests):
    """What every exporter must do; a subclass names the plugin and the exporter.

    Attributes:
        exporter: name of the ExporterSpec.
        georeferenced: compare georeferenced pictures (this needs `onediff-plugins[geo]`); None asks the domain.
    """

    exporter: ClassVar[str] = ""
    georeferenced: ClassVar[bool | None] = None

    @property
    def spec(self) -> ExporterSpec:
        """The exporter's record."""
        self.require_loaded()
        assert self.exporter, f"{type(self).__name__}: set `exporter` to the name of your ExporterSpec"
        return self.host.exporter(self.exporter)

    def result(self, number: int = 1) -> ChangeResult:
        """A result with its pixels; another number is another pair."""
        placed = self.can("georeferenced") if self.georeferenced is None else self.georeferenced
        georef = self.georef() if placed else None
        here = self.draw(place=number)
        before, after = (self.source(picture, georef=georef) for picture in (here, self.insert(here)[0]))
        return self.compare(before, after, name=f"pair-{number}")

    def export(self, results: Sequence[ChangeResult], out: Path) -> Mapping[str, str] | ExportError:
        """What the exporter answers, or the ExportError that it raised; anything else is a failed check."""
        try:
            return self.host.export(results, out, self.spec.name)
        except ExportError as exc:
            return exc
        except OneDiffError as exc:
            message = failure(
                f"exporter {self.exporter!r}",
                f"{len(results)} results to {out.name}: {type(exc).__name__}: {exc}",
                expected="a mapping of what was written, or ExportError that says what to do",
                do="raise onediff_plugins.errors.ExportError for what you do not write",
                section="writing",
            )
            raise AssertionError(message) from exc

    def _check_written(self, files: Mapping[str, str] | ExportError, folder: Path, what: str) -> None:
        assert isinstance(files, Mapping), failure(
            f"exporter {self.exporter!r}",
            f"{what}: {files}",
            expected="that one result is written to a folder, and to a file with each of its suffixes",
            do="ask `out.is_dir()`: a folder is to be filled under names of your own, else `out` is the file",
            section="writing",
        )
        here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        named = {str(name) for name in files.values()}
        wrong = [name for name in named if PurePosixPath(name).is_absolute() or ".." in name.split("/")]
        wrong += sorted(here ^ named)
        wrong += [name for name in here & named if not (folder / name).stat().st_size]
        assert not wrong, failure(
            f"exporter {self.exporter!r}",
            f"{what}: answered {dict(files)}, the folder holds {sorted(here)}; look at {', '.join(wrong)}",
            expected="key -> path relative to the folder, for every file that was written and for no other; none empty",
            do="answer with the names of the files, not with whole paths; remove temporary files",
            section="writing",
        )
        assert named, failure(
            f"exporter {self.exporter!r}",
            f"{what}: nothing was written",
            expected="at least one file",
            do="write it, or raise ExportError",
            section="writing",
        )

    # --- checks -----------------------------------------------------------------------------------------------

    def test_it_fills_a_folder(self) -> None:
        """`out` may be a folder: the names are the exporter's."""
        self._check_written(self.export([self.result()], self.folder), self.folder, "one result to a folder")

    def test_it_writes_a_file_with_each_suffix(self) -> None:
        """`out` may be a file with one of the suffixes: that file is written."""
        if not self.spec.suffixes:
            pytest.skip(f"exporter {self.exporter!r} has no suffixes: it only fills folders")
        for suffix in self.spec.suffixes:
            folder = self.folder / suffix.strip(".")
            folder.mkdir()
            files = self.export([self.result()], folder / f"out{suffix}")
            self._check_written(files, folder, f"one result to out{suffix}")
            assert (folder / f"out{suffix}").is_file(), failure(
                f"exporter {self.exporter!r}",
                f"out{suffix} was asked for, {dict(files)} was written",  # type: ignore[arg-type]
                expected=f"a file out{suffix}",
                do="write to `out` itself when it is a file",
                section="writing",
            )

    def test_several_results_are_written_or_refused(self) -> None:
        """Two results: both are written, or an ExportError says that it takes one."""
        for number, suffix in enumerate(("", *self.spec.suffixes)):
            folder = self.folder / f"{number}"
            folder.mkdir()
            out = folder / f"out{suffix}" if suffix else folder
            files = self.export([self.result(1), self.result(2)], out)
            if isinstance(files, ExportError):
                self._check_nothing_left(folder, f"two results to {out.name or 'a folder'}, refused")
            else:
                self._check_written(files, folder, f"two results to {out.name}")

    def test_a_result_without_pixels_is_written_or_refused(self) -> None:
        """A result that was read from JSON has no pixels any more."""
        stored = self.result().replace(change=None, mask=None, pair=None)
        files = self.export([stored], self.folder)
        if isinstance(files, ExportError):
            self._check_nothing_left(self.folder, "a result without pixels, refused")
        else:
            self._check_written(files, self.folder, "a result without pixels")

    def test_a_place_that_cannot_be_written_is_refused(self) -> None:
        """Below a file there can be no folder: ExportError, not a success."""
        blocker = self.folder / "file"
        blocker.write_text("not a folder")
        for suffix in self.spec.suffixes or ("",):
            files = self.export([self.result()], blocker / f"out{suffix}")
            assert isinstance(files, ExportError), failure(
                f"exporter {self.exporter!r}",
                f"answered {dict(files)} for a place below a file, where nothing can be written",
                expected="ExportError",
                do="let OSError through, or raise ExportError; look at what your writer returns (cv2.imwrite: False)",
                section="failing",
            )

    def test_a_full_disk_leaves_nothing_behind(self) -> None:
        """What cannot be written to its end is not there at all."""
        self.export([self.result()], self.folder / "warm")  # loads what it imports, which must not fail below
        folder = self.folder / "full"
        folder.mkdir()
        with _full_disk():
            files = self.export([self.result()], folder)
        assert isinstance(files, ExportError), failure(
            f"exporter {self.exporter!r}",
            f"answered {dict(files)} while the disk was full",
            expected="ExportError",
            do="let OSError through, or raise ExportError; look at what your writer returns (cv2.imwrite: False)",
            section="failing",
        )
        self._check_nothing_left(folder, "a full disk")

    def _check_nothing_left(self, folder: Path, what: str) -> None:
        left = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        assert not left, failure(
            f"exporter {self.exporter!r}",
            f"{what}: left {', '.join(left)}",
            expected="nothing: a file appears whole or not at all",
            do="check before you write, and write with onediff_plugins.exporters.write_file, which renames when all is "
            "there",
            section="failing",
        )

    def test_writing_does_not_change_the_result(self) -> None:
        """The same result may be written by another exporter next."""
        result = self.result()
        given = comparable(result), self._pixels(result)
        self.export([result], self.folder)
        same = comparable(result) == given[0] and not differing(given[1], self._pixels(result))
        assert same, failure(
            f"exporter {self.exporter!r}",
            "the result is another one after it was written",
            expected="a result that is only read",
            do="copy attributes and arrays before you change them",
            section="writing",
        )

    def _pixels(self, result: ChangeResult) -> dict[str, Array]:
        assert result.change is not None
        return {"score": result.change.score.copy(), "mask": np.array(result.mask)}


@contextlib.contextmanager
def _full_disk() -> Iterator[None]:
    """No byte can be written to any file; skips the check where a process cannot be limited so."""
    resource = pytest.importorskip("resource", reason="this system cannot limit what a process writes")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # Python ignores the signal and raises OSError
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
