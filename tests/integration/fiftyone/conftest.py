"""A MongoDB of this test run alone: own process, free port, folder that is deleted. No shared service is ever asked."""

from __future__ import annotations

import secrets
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from private_mongod import NoMongodError, environment, private_mongod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a MongoDB that was started for these tests and ends with them."""
    try:
        with private_mongod(tmp_path_factory.mktemp("mongod")) as uri:
            yield uri
    except NoMongodError as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope="session")
def fo(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module `fiftyone` on a database of these tests; nothing is read from or written to the user's home."""
    home = tmp_path_factory.mktemp("fiftyone")
    patch = pytest.MonkeyPatch()
    for name, value in environment(mongo_uri, home).items():
        patch.setenv(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own dependencies
        import fiftyone

        assert fiftyone.config.database_uri == mongo_uri, "fiftyone was imported before, with another database"
        fiftyone.list_datasets()
    yield fiftyone
    patch.undo()


@pytest.fixture
def dataset_name(fo: Any) -> Iterator[Callable[[], str]]:
    """Names of datasets that are deleted after the test."""
    names: list[str] = []

    def new() -> str:
        names.append(f"test-{secrets.token_hex(4)}")
        return names[-1]

    yield new
    for name in names:
        if fo.dataset_exists(name):
            fo.delete_dataset(name)


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a batch over the shipped pairs of all domains, as `onediff batch` writes it."""
    from onediff_plugins.batch import RunPlan, run_batch
    from onediff_plugins.demo import pairs_file
    from onediff_plugins.pairs import read_pairs

    out = tmp_path_factory.mktemp("runs") / "demo"
    summary = run_batch(RunPlan(out=out, disable=("onediff_core",)), read_pairs(pairs_file()), workers=1)
    assert summary.failed == 0
    return out


@pytest.fixture(scope="session")
def imported_demo(fo: Any, demo_run: Path) -> Any:
    """The dataset of `demo_run`, about which nobody has decided; tests work on copies of it."""
    from onediff_fiftyone import to_fiftyone

    return to_fiftyone(demo_run, name=f"base-{secrets.token_hex(4)}").dataset


@pytest.fixture
def dataset(imported_demo: Any, dataset_name: Callable[[], str]) -> Any:
    """A review dataset of the test's own, of one pair of each domain."""
    return imported_demo.clone(dataset_name())


@pytest.fixture(scope="session")
def plugin(fo: Any) -> Path:
    """The folder of the installed FiftyOne plugin."""
    from onediff_fiftyone.installing import install

    return install()


@pytest.fixture
def write_run(tmp_path: Path, make_result: Callable[..., Any]) -> Callable[..., Path]:
    """Write a run of drawn pairs: called with the records' fields, one mapping a pair; the folder is given back.

    Each pair has as many regions as `count` says, two unless told otherwise, and its images as files.
    """
    from onediff_plugins.exporters import png_bytes, write_file, write_json, write_png

    def write(*pairs: dict[str, Any], folder: str = "run", width: int = 400, height: int = 300) -> Path:
        run = tmp_path / folder
        records = []
        for number, fields in enumerate(pairs, start=1):
            result = make_result(
                fields.get("count", 2), id=fields.get("id", f"{number:06d}"), width=width, height=height
            )
            below = f"pairs/{result.id}"
            (run / below).mkdir(parents=True, exist_ok=True)
            sides = {}
            for side, frame in (("before", result.pair.before), ("after", result.pair.after)):
                path = tmp_path / "images" / result.id / f"{side}.png"
                write_file(path, png_bytes(frame.hwc))
                sides[side] = getattr(result, side).replace(source=str(path))
            files = {key: f"{below}/{name}" for key, name in write_png([result], run / below).items()}
            own = {name: value for name, value in fields.items() if name != "count"}
            records.append(result.replace(**{"files": files, **sides, **own}))
        write_json(records, run / "results.jsonl")
        return run

    return write
