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
    summary = run_batch(RunPlan(out=out), read_pairs(pairs_file()), workers=1)
    assert summary.failed == 0
    return out
