"""Fixtures for all tests."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

REPO = Path(__file__).resolve().parent.parent
# Read before any test starts, because `clean_environment` takes every ONEDIFF_* variable away.
DATA = Path(os.environ.get("ONEDIFF_DATA") or REPO.parent / "shared" / "data")

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

# The conformance tests of one domain also run where nothing but pytest is installed beside it.
if importlib.util.find_spec("hypothesis") is not None:
    import hypothesis

    # No deadline: a busy machine is not a failed property. On a CI the examples are the same every time.
    hypothesis.settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
    hypothesis.settings.load_profile("project")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the ONEDIFF_* variables of whoever runs it."""
    for variable in [name for name in os.environ if name.startswith("ONEDIFF_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def data_set() -> Callable[[str], Path]:
    """Folder of a real data set by name; the test is skipped, with the reason, where there is none."""

    def find(name: str) -> Path:
        folder = DATA / name
        if not folder.is_dir():
            pytest.skip(f"no data set {name!r}: set ONEDIFF_DATA to the folder that holds it")
        return folder

    return find


@pytest.fixture(scope="session")
def schema_errors() -> Callable[[Any], list[str]]:
    """What the shipped JSON Schema finds wrong with a parsed record; an empty list for a valid one."""
    from jsonschema import Draft202012Validator

    text = resources.files("onediff_plugins").joinpath("schemas/change-result-1.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return lambda record: [error.message for error in validator.iter_errors(record)]


def _region(index: int, width: int, height: int) -> Any:
    """The index-th of many small boxes on a picture, with its kind by turns."""
    import shapely

    from onediff_plugins import ChangeRegion

    columns = max(1, (width - 40) // 30)
    x, y = 20 + index % columns * 30, 20 + index // columns * 30 % max(1, height - 40)
    box = (x, y, x + 20, y + 12)
    kind = ("changed", "added", "removed", "moved")[index % 4]
    return ChangeRegion(
        id=index + 1,
        kind=kind,
        label=("button", "text", "")[index % 3],
        score=round(1 - index / 4000, 4),
        caption=f"Place {index + 1} differs.",
        bbox_before=None if kind == "added" else box,
        bbox_after=None if kind == "removed" else box,
        area_px=240,
        geometry=shapely.box(*box),
    )


@pytest.fixture(scope="session")
def make_result() -> Callable[..., Any]:
    """A result with its images: on a light page, each region is a dark box that only the after image has.

    Called with the number of regions, the page's size, and any fields of the result.
    """
    import numpy as np

    from onediff_plugins import ChangeMap, ChangeResult, Frame, ImagePair, Registration
    from onediff_plugins.records import Provenance, RegistrationRecord, SourceInfo

    def make(count: int = 5, *, width: int = 400, height: int = 300, **fields: Any) -> Any:
        regions = tuple(_region(index, width, height) for index in range(count))
        before = np.full((3, height, width), 230, np.uint8)
        before[:, :: max(1, height // 20)] = 120
        after, score = before.copy(), np.zeros((height, width), np.float32)
        for region in regions:
            x0, y0, x1, y1 = region.bbox_after or region.bbox_before
            after[0, y0:y1, x0:x1], after[1:, y0:y1, x0:x1] = 200, 30
            score[y0:y1, x0:x1] = region.score
        valid = np.ones((height, width), bool)
        bands = ("red", "green", "blue")
        frames = [Frame(pixels=pixels, valid=valid, bands=bands) for pixels in (before, after)]
        pair = ImagePair(
            before=frames[0], after=frames[1], before_on_after=frames[0], registration=Registration(method="assumed")
        )
        identity = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
        values = {
            "id": "page",
            "domain": "toy",
            "changed": bool(regions),
            "score": 0.97 if regions else 0.02,
            "valid_fraction": 1.0,
            "caption": f"{count} places differ." if regions else "Nothing changed.",
            "caption_source": "template",
            "detector": "difference",
            "before": SourceInfo(source="before.png", width=width, height=height),
            "after": SourceInfo(source="after.png", width=width, height=height),
            "registration": RegistrationRecord(method="assumed", matrix=identity, overlap=1.0),
            "regions": regions,
            "provenance": Provenance(onediff_plugins="0.1.0", settings_digest="0123456789abcdef"),
            "change": ChangeMap(score=score, valid=valid),
            "mask": np.where(score >= 0.5, 255, 0).astype(np.uint8),
            "pair": pair,
        }
        return ChangeResult(**{**values, **fields})

    return make


@pytest.fixture(scope="session")
def save_onediff() -> Callable[..., Path]:
    """Save the smallest OneDiff with heads, called with a folder and what `tiny_onediff.save` takes."""
    save: Callable[..., Path] = _module("tiny_onediff").save
    return save


@pytest.fixture(scope="session")
def chat() -> Any:
    """The module `chat_server`: a real OpenAI-compatible server, and what it can be told to answer."""
    return _module("chat_server")


@pytest.fixture(scope="session")
def tiny_vlm() -> Any:
    """The module `tiny_vlm`: builds and saves the smallest chat model for images."""
    return _module("tiny_vlm")


def _module(name: str) -> Any:
    """A module of this folder, which is on no path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_onediff(save_onediff: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny OneDiff whose mask head has learnt bright squares that come and go."""
    return save_onediff(tmp_path_factory.mktemp("weights") / "tiny", learn=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; tests that need it are skipped, with the reason, where there is none.

    One for all: a process has one loop of playwright's, and this is it.
    """
    named = [os.environ["CHROMIUM"]] if os.environ.get("CHROMIUM") else CHROMIUM_NAMES
    found = next((path for name in named if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no Chromium ({', '.join(named)}): install it, or name one in the variable CHROMIUM")
    from playwright.sync_api import sync_playwright

    # Each launch has a user data folder of its own, which is gone afterwards.
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, headless=True, args=list(CHROMIUM_FLAGS))
        yield launched
        launched.close()
