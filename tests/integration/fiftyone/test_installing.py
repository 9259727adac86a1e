"""`onediff fiftyone install` and `uninstall`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from onediff_fiftyone import installing
from onediff_fiftyone.installing import InstallError, install, uninstall
from onediff_plugins.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"fiftyone.yml", "__init__.py", "dist/index.umd.js"}


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_is_installed_where_fiftyone_looks_and_removed(
    fo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_PLUGINS_DIR", str(tmp_path / "plugins"))
    done = CliRunner().invoke(cli, ["fiftyone", "install"])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "plugins" / "onediff-review"
    assert done.stdout.strip() == str(folder)
    assert files_in(folder) == FILES
    assert CliRunner().invoke(cli, ["fiftyone", "uninstall"]).stdout.strip() == str(folder)
    assert list((tmp_path / "plugins").iterdir()) == []
    assert "was not installed" in CliRunner().invoke(cli, ["fiftyone", "uninstall"]).stderr


def test_the_installed_folder_is_a_plugin_to_fiftyone(fo: Any, plugin: Path) -> None:
    import fiftyone.plugins as fop

    found = fop.get_plugin("@onediff/review")
    assert found.directory == str(plugin)
    assert found.has_js
    assert found.can_register_operator("change_review")


def test_an_update_replaces_what_was_there(tmp_path: Path) -> None:
    folder = install(tmp_path)
    (folder / "dist" / "index.umd.js").write_text("old")
    (folder / "leftover.py").write_text("")
    install(tmp_path)
    assert files_in(folder) == FILES
    assert (folder / "dist" / "index.umd.js").read_bytes() == (installing.APP / "dist" / "index.umd.js").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["onediff-review"]


@pytest.mark.parametrize("act", [install, uninstall])
def test_what_somebody_else_put_there_is_left_alone(tmp_path: Path, act: Any) -> None:
    folder = tmp_path / "onediff-review"
    folder.mkdir()
    (folder / "fiftyone.yml").write_text("name: '@somebody/else'")
    with pytest.raises(InstallError, match="left alone"):
        act(tmp_path)
    assert files_in(folder) == {"fiftyone.yml"}


def test_a_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "onediff-review").symlink_to(installing.APP)
    for act in (install, uninstall):
        with pytest.raises(InstallError, match="remove it by hand"):
            act(tmp_path)
    assert (installing.APP / "panel.py").is_file()


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")  # no folder can be made below it, whoever asks
    with pytest.raises(InstallError, match=r"cannot be written.*FIFTYONE_PLUGINS_DIR"):
        install(tmp_path / "file" / "plugins")


def test_a_copy_that_fails_leaves_the_earlier_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = install(tmp_path)

    def full(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("onediff_fiftyone.installing.shutil.copyfile", full)
    with pytest.raises(InstallError, match="No space left"):
        install(tmp_path)
    assert files_in(folder) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["onediff-review"]


def test_an_app_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onediff_fiftyone.installing._check_version.__defaults__", (lambda _: "1.9.0",))
    with pytest.raises(InstallError, match=r"FiftyOne 1\.9\.0 is too old.*1\.22"):
        install(tmp_path)
    assert list(tmp_path.iterdir()) == []
