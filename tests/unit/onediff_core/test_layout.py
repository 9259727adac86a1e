"""Where a OneDiff is found, and what its folder says of it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import huggingface_hub.constants
import pytest

from onediff_core import layout
from onediff_core.errors import CheckpointError
from onediff_plugins.atomic import unfinished
from onediff_plugins.errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def copy(tiny_onediff: Path, tmp_path: Path) -> Path:
    """A OneDiff to spoil."""
    return shutil.copytree(tiny_onediff, tmp_path / "copy")


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache, empty, on a machine without a network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_a_folder_is_called_by_its_last_part(tiny_onediff: Path) -> None:
    assert layout.locate(f"{tiny_onediff}/") == (tiny_onediff, "tiny", None)


def test_a_hub_id_is_found_in_the_hubs_cache_with_its_commit(tiny_onediff: Path, hub_cache: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = hub_cache / "models--somebody--onediff-tiny"
    shutil.copytree(tiny_onediff, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    found = layout.locate("somebody/onediff-tiny")
    assert (found.name, found.commit) == ("onediff-tiny", commit)
    assert (found.folder / "model.safetensors").is_file()


def test_a_hub_id_that_cannot_be_fetched_says_that_it_needs_a_network(hub_cache: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no folder some/model, and the hub .* needs a network the first time"):
        layout.locate("some/model")


def test_a_missing_folder_says_what_may_be_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no folder .*nowhere: .* or a hub id such as owner/name.*network"):
        layout.locate(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "source", ["x" * 5000, "~nobody-of-that-name/weights", "a\0b", "owner/na me", "owner/name@main", "owner/..", "a/-b"]
)
def test_whatever_is_named_it_is_said_that_there_is_no_such_folder(hub_cache: Path, source: str) -> None:
    with pytest.raises(CheckpointError, match="there is no folder"):
        layout.locate(source)


def test_a_file_is_no_folder_of_weights(tiny_onediff: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model\.safetensors is a file: weights are a folder"):
        layout.locate(tiny_onediff / "model.safetensors")


def test_a_folder_without_a_configuration_is_no_onediff(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is no OneDiff: it holds no config\.json"):
        layout.locate(tmp_path)


def test_another_kind_of_model_is_named(copy: Path) -> None:
    (copy / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(CheckpointError, match=r"copy holds a model of type 'llama', not a OneDiff"):
        layout.locate(copy)


def test_a_configuration_that_is_damaged_is_named(copy: Path) -> None:
    (copy / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"copy/config\.json cannot be read as JSON"):
        layout.locate(copy)


def test_without_shipped_weights_nothing_is_found_and_the_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_onediff: Path
) -> None:
    monkeypatch.setattr(layout, "SHIPPED", dict.fromkeys(("research", "open"), tmp_path / "none"))
    assert "--set weights=" in str(layout.no_weights())
    with pytest.raises(CheckpointError, match="'research' do not ship"):
        layout.locate(None)
    monkeypatch.setattr(layout, "SHIPPED", {"research": tiny_onediff, "open": tmp_path / "none"})
    assert layout.no_weights() is None
    assert layout.locate(None).folder == layout.locate("research").folder == tiny_onediff
    with pytest.raises(CheckpointError, match="'open' do not ship with this onediff-core, research do"):
        layout.locate("open")


def test_a_folder_may_be_called_as_shipped_weights_are(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy.rename(tmp_path / "open")
    monkeypatch.chdir(tmp_path)
    assert layout.locate("./open").folder.resolve() == tmp_path / "open"


def test_whether_a_onediff_has_words_is_told_from_its_files(copy: Path) -> None:
    assert layout.why_mute(copy) is None
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "trained_stages": []}))
    assert "never trained" in str(layout.why_mute(copy))
    for name in layout.TOKENIZERS:
        (copy / name).unlink(missing_ok=True)
    assert layout.why_mute(copy) == "holds no tokenizer"
    (copy / "config.json").write_text(json.dumps({**config, "architectures": ["OneDiffModel"]}))
    assert layout.why_mute(copy) == "holds no language model"


def test_heads_are_listed_with_what_they_answer(tiny_onediff: Path) -> None:
    changed, square = layout.held_heads(tiny_onediff)
    assert (changed.name, changed.task) == ("any.changed", "pair")
    assert (square.classes, dict(square.kinds)) == (
        ("square+", "square-"),
        {"square+": "added", "square-": "removed"},
    )


def test_a_head_in_a_folder_of_any_name_is_told_without_its_weights(copy: Path) -> None:
    folder = copy / "heads/any.square"
    (folder / "model.safetensors").unlink()
    assert layout.head_in(folder.rename(copy / "mine")).task == "mask"
    with pytest.raises(CheckpointError, match=r"heads holds no config\.json: a head is a folder with"):
        layout.head_in(copy / "heads")


def test_what_a_killed_save_left_behind_is_no_head(copy: Path) -> None:
    shutil.copytree(copy / "heads" / "any.square", unfinished(copy / "heads"))
    assert [head.name for head in layout.held_heads(copy)] == ["any.changed", "any.square"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "paint"}, "task 'paint' must be"),
        ({"classes": None}, "TypeError"),
        ({"classes": "square"}, "classes must be a tuple of names, got 'square'"),
        ({"gsd_range_m": [2, 0.5]}, "gsd_range_m goes from a length to a greater"),
        ({"gsd_range_m": 2}, "TypeError"),
        ({"name": "any.circle"}, "is of the head 'any.circle': its folder must be called so"),
    ],
)
def test_a_head_whose_configuration_is_wrong_is_named(copy: Path, changes: dict[str, object], message: str) -> None:
    path = copy / "heads" / "any.square" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(CheckpointError, match=rf"heads/any\.square/config\.json .*{message}"):
        layout.held_heads(copy)


def test_the_licence_is_the_cards(copy: Path) -> None:
    assert layout.terms_of(copy) == ("apache-2.0", None)
    (copy / "MODEL_CARD.md").write_text("No front matter.\n")
    (copy / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    assert layout.terms_of(copy) == ("cc-by-4.0", None)
    (copy / "README.md").write_text("---\nlicense: other\nlicense_name: Mine\nlicense_notice: Read it.\n---\n")
    assert layout.terms_of(copy) == ("Mine", "Read it.")
    (copy / "README.md").unlink()
    assert layout.terms_of(copy) == (None, None)


@pytest.mark.parametrize("front", ["license: [", "- a list"])
def test_a_cards_front_matter_that_cannot_be_read_is_named(copy: Path, front: str) -> None:
    (copy / "MODEL_CARD.md").write_text(f"---\n{front}\n---\n")
    with pytest.raises(CheckpointError, match=r"front matter of .*MODEL_CARD\.md cannot be read"):
        layout.terms_of(copy)


def test_its_errors_are_the_librarys() -> None:
    assert issubclass(CheckpointError, PluginError)
    assert issubclass(CheckpointError, ValueError)
