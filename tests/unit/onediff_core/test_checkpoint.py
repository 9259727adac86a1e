"""What is saved is what is loaded, and what does not fit is refused."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch

from onediff_core import HeadSpec
from onediff_core.checkpoint import load_checkpoint, save_checkpoint
from onediff_core.errors import CheckpointError
from onediff_core.heads import ChangeMaskHead, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def copy(tiny_onediff: Path, tmp_path: Path) -> Path:
    """A OneDiff to spoil."""
    return shutil.copytree(tiny_onediff, tmp_path / "copy")


def test_a_checkpoint_is_loaded_with_its_heads_and_says_what_it_is(tiny_onediff: Path) -> None:
    checkpoint = load_checkpoint(tiny_onediff)
    assert sorted(checkpoint.heads) == ["any.changed", "any.square"]
    assert checkpoint.processor is not None
    assert checkpoint.processor.image_processor.size is None
    assert (checkpoint.name, checkpoint.terms.licence) == ("tiny", "apache-2.0")
    assert checkpoint.fingerprint == fingerprint(checkpoint.model.model)
    assert checkpoint.revision == checkpoint.fingerprint[:19]
    assert not any(module.training for module in (checkpoint.model, *checkpoint.heads.values()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_saved_again_is_the_same_base_for_its_heads(
    tiny_onediff: Path, tmp_path: Path, dtype: torch.dtype
) -> None:
    first = load_checkpoint(tiny_onediff)
    first.model.to(dtype)
    assert first.processor is not None
    again = load_checkpoint(
        save_checkpoint(tmp_path / "again", first.model, first.processor, first.heads.values(), card="A card.")
    )
    assert again.model.dtype == dtype
    for one, other in ((first.model, again.model), (first.heads["any.square"], again.heads["any.square"])):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert (again.folder / "MODEL_CARD.md").read_text() == "A card."


def test_the_part_that_sees_is_saved_alone_and_keeps_its_heads(tiny_onediff: Path, tmp_path: Path) -> None:
    first = load_checkpoint(tiny_onediff)
    folder = save_checkpoint(
        tmp_path / "sees", first.base, first.image_processor, first.heads.values(), papers={"LICENSE": "Be kind."}
    )
    again = load_checkpoint(folder)
    assert (again.fingerprint, sorted(again.heads)) == (first.fingerprint, sorted(first.heads))
    assert again.whole is None
    assert again.processor is None
    with pytest.raises(CheckpointError, match=r"sees holds no language model, .* choose --captioner template"):
        _ = again.model
    assert (folder / "LICENSE").read_text() == "Be kind."
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o644}


def test_only_the_heads_asked_for_are_loaded(tiny_onediff: Path) -> None:
    assert list(load_checkpoint(tiny_onediff, heads=["any.square"]).heads) == ["any.square"]
    assert load_checkpoint(tiny_onediff, heads=()).heads == {}


def test_a_head_may_lie_in_a_folder_of_its_own(tiny_onediff: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(tiny_onediff / "heads" / "any.square", tmp_path / "elsewhere")
    assert list(load_checkpoint(tiny_onediff, heads=[str(elsewhere)]).heads) == ["any.square"]


def test_a_head_may_come_with_a_plugin(tiny_onediff: Path, copy: Path) -> None:
    shipped = copy / "heads" / "any.square"
    shutil.rmtree(copy / "heads" / "any.changed")
    spec = HeadSpec(
        name="toy.square",
        task="mask",
        classes=("square+", "square-"),
        kinds={"square+": "added", "square-": "removed"},
        weights=shipped,
    )
    (head,) = load_checkpoint(tiny_onediff, heads=["toy.square"], head_specs={"toy.square": spec}).heads.values()
    assert head.config.classes == spec.classes


def test_two_heads_of_one_name_are_refused(tiny_onediff: Path, copy: Path) -> None:
    other = str(copy / "heads" / "any.square")
    with pytest.raises(CheckpointError, match=r"have one name \(any\.square is any\.square, .*copy.* is any\.square\)"):
        load_checkpoint(tiny_onediff, heads=["any.square", other])
    assert list(load_checkpoint(tiny_onediff, heads=["any.square", "any.square"]).heads) == ["any.square"]


def test_a_folder_of_a_plugins_head_is_built_as_the_plugin_builds_it(tiny_onediff: Path, copy: Path) -> None:
    class Own(ChangeMaskHead):
        pass

    kinds = {"square+": "added", "square-": "removed"}
    spec = HeadSpec(name="any.square", task="mask", classes=tuple(kinds), kinds=kinds, build=Own)
    folder = str(copy / "heads" / "any.square")
    (head,) = load_checkpoint(tiny_onediff, heads=[folder], head_specs={spec.name: spec}).heads.values()
    assert type(head) is Own
    turned = HeadSpec(name="any.square", task="mask", classes=("square-", "square+"), kinds=kinds)
    with pytest.raises(CheckpointError, match=r"declares .*'square-', 'square\+'.*: train it again, or give it a name"):
        load_checkpoint(tiny_onediff, heads=[folder], head_specs={turned.name: turned})


@pytest.mark.parametrize("asked", [".", "x" * 5000, "~nobody-of-that-name/head", "../heads"])
def test_a_path_that_is_no_head_is_refused(tiny_onediff: Path, asked: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r"holds no config\.json: a head is a folder|no weights of the head"):
        load_checkpoint(tiny_onediff, heads=[asked])


def test_a_head_that_a_plugin_contributes_without_weights_has_to_be_trained(tiny_onediff: Path) -> None:
    spec = HeadSpec(name="toy.mark", task="mask", classes=("mark",))
    message = r"no weights of the head 'toy\.mark': a plugin contributes it without weights, and beside tiny there are"
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(tiny_onediff, heads=["toy.mark"], head_specs={"toy.mark": spec})


def test_a_head_that_is_not_there_is_refused_with_those_that_are(tiny_onediff: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"'any\.circle': beside tiny there are any\.changed, any\.square\. Train it"
    ):
        load_checkpoint(tiny_onediff, heads=["any.circle"])


def test_a_head_of_another_base_is_refused_and_both_are_named(
    tiny_onediff: Path, save_onediff: Callable[..., Path], tmp_path: Path
) -> None:
    other = save_onediff(tmp_path / "other", seed=1)
    ours, theirs = load_checkpoint(tiny_onediff, heads=()).fingerprint, load_checkpoint(other, heads=()).fingerprint
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tiny_onediff, heads=[str(other / "heads" / "any.square")])
    assert ours in str(caught.value)
    assert theirs in str(caught.value)


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_pickle, r"the OneDiff in .*copy cannot be loaded: .*pytorch_model\.bin and no safetensors.* can run code"),
        (_cut, "the OneDiff in .*copy cannot be loaded"),
        (
            lambda folder: (folder / "model.safetensors").unlink(),
            r"cannot be loaded: .*no file named model\.safetensors",
        ),
        (lambda folder: (folder / "processor_config.json").write_text("["), "the processor in .*copy cannot be loaded"),
        (lambda folder: _cut(folder / "heads" / "any.square"), r"any\.square/model\.safetensors is damaged"),
    ],
    ids=["pickle", "cut short", "missing", "processor", "head"],
)
def test_what_is_damaged_or_unsafe_is_refused(copy: Path, spoil: Callable[[Path], Any], message: str) -> None:
    spoil(copy)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(copy)


def test_without_a_tokenizer_there_is_an_image_processor_alone(
    save_onediff: Callable[..., Path], tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(save_onediff(tmp_path / "sees", tokenizer=False, size=(64, 64)))
    assert checkpoint.processor is None
    assert checkpoint.image_processor.size == (64, 64)


def test_an_older_onediff_is_replaced_as_a_whole(save_onediff: Callable[..., Path], tmp_path: Path) -> None:
    folder = save_onediff(tmp_path / "mine")
    (folder / "left-over").touch()
    save_onediff(folder, heads=())
    assert not (folder / "heads").exists()
    assert not (folder / "left-over").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"], "nothing half-written is left beside it"


def test_a_folder_of_something_else_is_not_replaced(save_onediff: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CheckpointError, match="holds files that are not a OneDiff"):
        save_onediff(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_save_that_fails_leaves_the_older_onediff_as_it_was(
    tiny_onediff: Path, copy: Path, save_onediff: Callable[..., Path]
) -> None:
    checkpoint = load_checkpoint(tiny_onediff)

    class Unsaved:
        def save_pretrained(self, folder: Path) -> None:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        save_checkpoint(copy, checkpoint.model, Unsaved())  # type: ignore[arg-type]
    assert load_checkpoint(copy).fingerprint == checkpoint.fingerprint
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]
