"""What is typed may be a path or anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from onediff_plugins.paths import existing_folder, existing_path

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_a_path_and_a_file_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").touch()
    assert existing_folder("~") == existing_path(tmp_path) == tmp_path
    assert existing_path("~/file") == tmp_path / "file"
    assert existing_folder("~/file") is None


@pytest.mark.parametrize("text", ["x" * 5000, "~nobody-of-that-name/x", "a\0b", "a/b", "any.square"])
def test_what_is_no_path_is_nowhere(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert existing_path(text) is None
    assert existing_folder(text) is None
