"""Files and folders are whole or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from onediff_plugins.atomic import LEFTOVERS, replaced_folder, unfinished, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_unfinished_names_are_new_and_found_by_the_pattern(tmp_path: Path) -> None:
    names = {unfinished(tmp_path) for _ in range(100)}
    assert len(names) == 100
    assert all(name.match(LEFTOVERS) for name in names)


def test_text_that_ends_in_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_atomically(path, ["old\n"])

    def failing() -> Iterator[str]:
        yield "new\n"
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write_atomically(path, failing())
    assert path.read_text() == "old\n"
    assert names(tmp_path) == ["results.jsonl"]


def test_a_new_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "far" / "away"
    with replaced_folder(folder) as new:
        (new / "one").write_text("1")
        assert not folder.exists()
        (new / "two").write_text("2")
    assert names(folder) == ["one", "two"]
    assert names(folder.parent) == ["away"]


def test_a_folder_stays_as_it_was_until_the_new_one_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "head"
    folder.mkdir()
    (folder / "weights").write_text("old")
    (folder / "card").write_text("by hand")
    with pytest.raises(FileNotFoundError), replaced_folder(folder) as new:
        (new / "weights").write_bytes((new / "nothing to copy").read_bytes())
    assert (folder / "weights").read_text() == "old"
    with replaced_folder(folder, keep=True) as new:
        (new / "weights").write_text("new")
    assert (folder / "weights").read_text() == "new"
    assert (folder / "card").read_text() == "by hand"
    assert names(tmp_path) == ["head"]


def test_a_folder_that_is_not_kept_begins_empty(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with replaced_folder(folder) as new:
        (new / "new").touch()
    assert names(folder) == ["new"]


@pytest.mark.parametrize("keep", [False, True])
def test_of_a_symbolic_link_the_target_is_replaced(tmp_path: Path, keep: bool) -> None:
    (tmp_path / "disk" / "real").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "real")
    with replaced_folder(link, keep=keep) as new:
        (new / "one").touch()
    assert link.is_symlink()
    assert names(tmp_path / "disk") == ["real"]
    assert names(link) == ["one"]
    assert names(tmp_path) == ["disk", "link"]
