"""Plugins installed as distributions of their own, the command line in this process, and pictures to compare."""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from onediff_plugins.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TOY = Path(__file__).parent.parent / "toy_domain.py"


@dataclass(frozen=True)
class Site:
    """A folder of installed distributions, as on `sys.path`."""

    folder: Path

    def install(self, dist: str, plugins: Mapping[str, str], *, version: str = "1.0", **modules: str) -> None:
        """Install a distribution.

        Args:
            dist: its name.
            plugins: entry point name -> module.
            version: its version.
            modules: module name -> source text.
        """
        info = self.folder / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        lines = "".join(f"{name} = {module}\n" for name, module in plugins.items())
        (info / "entry_points.txt").write_text(f"[onediff_plugins]\n{lines}")
        for name, source in modules.items():
            (self.folder / f"{name}.py").write_text(source)
        importlib.invalidate_caches()


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on stderr of a refusal."""
        assert self.code == 2, (self.code, self.out, self.err)
        assert self.out == ""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("onediff: ")
        assert "this is a defect" not in lines[0]
        return lines[0]


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy domain as distribution onediff-toy 1.2, for every test and its worker processes."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.install("onediff-toy", {"toy": "onediff_toy"}, version="1.2", onediff_toy=TOY.read_text())
    return site.folder


@pytest.fixture
def toy(toy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy domain is installed, and no other."""
    monkeypatch.syspath_prepend(toy_folder)
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "toy")
    return toy_folder


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Further distributions, of one test alone; their modules are forgotten after it."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    known = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def onediff(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command line in this process."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            main([str(argument) for argument in arguments])
            code: Any = 0
        except SystemExit as exc:
            code = exc.code
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def environment(toy: Path) -> dict[str, str]:
    """For real processes: the toy domain is found there too."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TOY_")}
    return {**inherited, "PYTHONPATH": os.pathsep.join([str(toy), inherited.get("PYTHONPATH", "")])}


def draw(path: Path, *squares: tuple[int, int], size: tuple[int, int] = (48, 64)) -> str:
    """A grey picture with red squares of 12 pixels at (x, y)."""
    pixels = np.full((*size, 3), 180, dtype=np.uint8)
    for x, y in squares:
        pixels[y : y + 12, x : x + 12] = (30, 30, 220)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return str(path)


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., str]:
    """Draw a picture under tmp_path: name, then the corners of its squares."""
    return lambda name, *squares, **how: draw(tmp_path / name, *squares, **how)


@pytest.fixture
def pairs(tmp_path: Path) -> Callable[[int], Path]:
    """A list of n pairs: every third is the same picture twice, in the others a square comes or goes."""

    def write(count: int) -> Path:
        rows = []
        for number in range(1, count + 1):
            after = () if number % 3 == 0 else ((4 * (number % 12), 20),)
            draw(tmp_path / "images" / f"{number}-before.png", (40, 4) if number % 2 else (4, 4))
            draw(tmp_path / "images" / f"{number}-after.png", (40, 4) if number % 2 else (4, 4), *after)
            before, after_name = f"images/{number}-before.png", f"images/{number}-after.png"
            rows.append({"id": f"pair {number}", "before": before, "after": after_name, "number": number})
        path = tmp_path / "pairs.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return path

    return write


def without_timings(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "timings_ms"}


@pytest.fixture
def results() -> Callable[[Path], list[dict[str, Any]]]:
    """The records of a batch folder, timings removed."""

    def read(out: Path) -> list[dict[str, Any]]:
        lines = (out / "results.jsonl").read_text(encoding="utf-8").splitlines()
        return [without_timings(json.loads(line)) for line in lines]

    return read
