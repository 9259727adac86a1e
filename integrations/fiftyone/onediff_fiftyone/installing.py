"""The FiftyOne plugin, put where the App looks for plugins and taken away again."""

from __future__ import annotations

import os
import shutil
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onediff_plugins.atomic import replaced_folder
from onediff_plugins.errors import MissingDependencyError, OneDiffError

if TYPE_CHECKING:
    from collections.abc import Callable

APP: Final = Path(__file__).parent / "app"
PLUGIN: Final = "@onediff/review"
FOLDER: Final = "onediff-review"  # in FiftyOne's plugins folder
OLDEST: Final = (1, 22)  # the oldest FiftyOne whose App has what the panel uses
_DEFINITION: Final = "fiftyone.yml"
_SHIPPED: Final = (_DEFINITION, "__init__.py", "dist/index.umd.js")


class InstallError(OneDiffError):
    """The plugin cannot be installed or removed; nothing was changed."""


def install(plugins: Path | None = None) -> Path:
    """Copy the plugin into FiftyOne's plugins folder, in place of an earlier one.

    Args:
        plugins: that folder; FIFTYONE_PLUGINS_DIR or FiftyOne's default unless given.

    Returns:
        The plugin's folder.

    Raises:
        MissingDependencyError: FiftyOne is not installed.
        InstallError: its App is too old, the folder cannot be written, or something else lies there.
    """
    _check_version()
    _check_shipped()
    target = _target(plugins)
    _check_ours(target)
    try:
        with replaced_folder(target) as new:
            for name in _SHIPPED:
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(APP / name, new / name)
    except OSError as exc:
        raise _not_writable(target.parent, exc) from exc
    return target


def uninstall(plugins: Path | None = None) -> Path | None:
    """Remove the plugin.

    Args:
        plugins: as for `install`.

    Returns:
        The folder that was removed, or None where there was none.

    Raises:
        InstallError: the folder holds something else, or cannot be removed.
    """
    target = _target(plugins)
    if not target.exists():
        return None
    _check_ours(target)
    going = target.with_name(f".unfinished-{FOLDER}~")
    try:
        shutil.rmtree(going, ignore_errors=True)
        target.rename(going)  # gone at once, or not at all
        shutil.rmtree(going)
    except OSError as exc:
        raise _not_writable(target.parent, exc) from exc
    return target


def plugins_folder() -> Path:
    """Where FiftyOne looks for plugins.

    Raises:
        MissingDependencyError: FiftyOne is not installed.
    """
    if named := os.environ.get("FIFTYONE_PLUGINS_DIR"):
        return Path(named).expanduser()
    from onediff_fiftyone.connecting import imported

    found: Any = imported().config.plugins_dir
    return Path(found).expanduser()


def _target(plugins: Path | None) -> Path:
    return (plugins or plugins_folder()) / FOLDER


def _check_version(version_of: Callable[[str], str] = metadata.version) -> None:
    try:
        found = version_of("fiftyone")
    except metadata.PackageNotFoundError as exc:
        raise MissingDependencyError("fiftyone", "the panel", "onediff-fiftyone") from exc
    from packaging.version import Version

    if Version(found).release[:2] < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise InstallError(
            f"FiftyOne {found} is too old for the panel, which needs {wanted} or newer: "
            f"pip install --upgrade 'fiftyone>={wanted}'"
        )


def _check_shipped() -> None:
    if missing := [name for name in _SHIPPED if not (APP / name).is_file()]:
        raise InstallError(
            f"{APP / missing[0]} is missing: from a checkout, build it with `make app`; otherwise the installation of "
            "onediff-fiftyone is broken: pip install --force-reinstall --no-deps onediff-fiftyone"
        )


def _check_ours(target: Path) -> None:
    """Refuse a folder or a link that somebody else made."""
    if not (target.exists() or target.is_symlink()):
        return
    if target.is_symlink():
        raise InstallError(f"{target} is a link that somebody made: remove it by hand first")
    try:
        ours = target.is_dir() and PLUGIN in (target / _DEFINITION).read_text(encoding="utf-8")
    except OSError:
        ours = False
    if not ours:
        raise InstallError(f"{target} is not the plugin {PLUGIN}, and is left alone: move it away first")


def _not_writable(folder: Path, exc: OSError) -> InstallError:
    return InstallError(
        f"the plugins folder {folder} cannot be written: {exc.strerror or exc}. Name another in FIFTYONE_PLUGINS_DIR, "
        "for this command and for the App"
    )
