"""What is trained on a frozen base, saved without it and put back onto it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from onediff_core import OneDiffForConditionalGeneration, OneDiffProcessor
from onediff_core.adapters import Base, base_of, freeze_base, load_adapters, merge_adapters, save_adapters
from onediff_core.checkpoint import load_checkpoint, save_checkpoint
from onediff_core.errors import CheckpointError
from onediff_plugins.errors import MissingDependencyError

from .conftest import DELTA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTS = ("delta.", "projector.", "delta_projector.")


@pytest.fixture
def start(base: dict[str, Path], tokenizer: Any) -> Callable[[], tuple[Any, OneDiffProcessor]]:
    def make() -> tuple[Any, OneDiffProcessor]:
        model = OneDiffForConditionalGeneration.from_backbones(**base, delta_config=DELTA)
        return model, OneDiffProcessor.for_model(model, tokenizer, size=(64, 64))

    return make


def lora() -> LoraConfig:
    return LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)


def train(model: Any, batch: Any, steps: int = 3) -> None:
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    model.train()
    for _ in range(steps):
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def batch_of(processor: OneDiffProcessor) -> Any:
    pixels = torch.rand(4, 64, 64, 3).numpy()
    return processor([(pixels[0], pixels[1]), (pixels[2], pixels[3])], answers=["a house was built", "nothing"])


@pytest.fixture
def trained(start: Callable[[], Any], tmp_path: Path) -> tuple[Any, Any, Path]:
    """A model with adapters after a few steps, a batch, and the folder that it was saved to."""
    model, processor = start()
    frozen, batch = freeze_base(model, lora()), batch_of(processor)
    train(model, batch)
    save_adapters(tmp_path / "saved", model, processor, base=frozen)
    return model, batch, tmp_path / "saved"


def test_only_what_is_new_and_the_adapters_learn(start: Callable[[], Any]) -> None:
    model, processor = start()
    freeze_base(model, lora())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train(model, batch_of(processor))
    for name, value in model.state_dict().items():
        is_new = name.removeprefix("model.").startswith(PARTS) or ".lora_" in name
        assert torch.equal(value, before[name]) is not is_new, name


def test_adapters_do_not_change_whose_base_it_is(start: Callable[[], Any]) -> None:
    model, _ = start()
    before = base_of(model)
    assert freeze_base(model, lora()) == before == base_of(model)


@pytest.mark.parametrize("adapters", [lora, lambda: None])
def test_what_was_trained_says_the_same_on_its_base_again(
    start: Callable[[], Any], base: dict[str, Path], tmp_path: Path, adapters: Callable[[], Any]
) -> None:
    model, processor = start()
    frozen, batch = freeze_base(model, adapters()), batch_of(processor)
    train(model, batch)
    model.config.trained_stages = ("cst",)
    save_adapters(tmp_path / "saved", model, processor, base=frozen)
    loaded, its_processor = load_adapters(tmp_path / "saved", **base)
    assert torch.equal(loaded(**batch).logits, model(**batch).logits)
    assert its_processor.prompt() == processor.prompt()
    assert loaded.config.trained_stages == ("cst",)
    assert loaded.config.pair_token_id == model.config.pair_token_id


def test_merged_adapters_say_the_same_in_a_checkpoint_as_any(
    trained: tuple[Any, Any, Path], base: dict[str, Path], tmp_path: Path
) -> None:
    model, batch, folder = trained
    loaded, processor = load_adapters(folder, **base)
    with pytest.raises(CheckpointError, match=r"holds adapters: work them in with .*merge_adapters"):
        save_checkpoint(tmp_path / "whole", loaded, processor)
    assert not (tmp_path / "whole").exists()
    merge_adapters(loaded)
    save_checkpoint(tmp_path / "whole", loaded, processor)
    whole = load_checkpoint(tmp_path / "whole").model
    assert torch.allclose(whole(**batch).logits, model(**batch).logits, atol=1e-5)
    merge_adapters(whole)  # nothing is left to merge


def test_the_base_is_not_in_the_folder(trained: tuple[Any, Any, Path]) -> None:
    folder = trained[2]
    files = {str(path.relative_to(folder)) for path in folder.rglob("*.safetensors")}
    assert files == {"trained.safetensors", "lora/adapter_model.safetensors"}
    assert all(name.startswith(PARTS) for name in load_file(folder / "trained.safetensors"))
    assert all("lora_" in name for name in load_file(folder / "lora" / "adapter_model.safetensors"))
    assert str(folder.parent) not in (folder / "config.json").read_text(), "paths of this machine are not saved"


# peft 0.21 asks a model for what transformers 5.24 has renamed.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_peft_reads_the_adapters_without_onediff(trained: tuple[Any, Any, Path], base: dict[str, Path]) -> None:
    from peft import PeftModel

    model, _, folder = trained
    words = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base["text"]), folder / "lora").eval()
    ids = torch.tensor([[0, 5, 6, 7]])
    assert torch.allclose(words(ids).logits, model.language_model(ids).logits, atol=1e-6)


def test_saving_again_keeps_the_card_and_drops_adapters_that_are_no_more(
    trained: tuple[Any, Any, Path], start: Callable[[], Any]
) -> None:
    _, _, folder = trained
    (folder / "MODEL_CARD.md").write_text("by hand")
    model, processor = start()
    save_adapters(folder, model, processor, base=freeze_base(model))
    assert (folder / "MODEL_CARD.md").read_text() == "by hand"
    assert not (folder / "lora").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["saved", "tower", "words"]


@pytest.mark.parametrize("part", ["vision", "text"])
def test_a_base_that_changed_during_training_is_not_saved(start: Callable[[], Any], tmp_path: Path, part: str) -> None:
    model, processor = start()
    frozen = freeze_base(model)
    if part == "vision":
        next(model.model.vision_tower.buffers()).add_(1)  # a running mean
    else:
        next(model.language_model.parameters()).data.add_(1)
    with pytest.raises(
        CheckpointError, match=f"the {part} part of the base changed .* running statistics .* freeze it"
    ):
        save_adapters(tmp_path / "saved", model, processor, base=frozen)
    assert not (tmp_path / "saved").exists()


def test_another_base_is_refused_with_both_fingerprints_unless_it_is_asked_for(
    trained: tuple[Any, Any, Path], base: dict[str, Path]
) -> None:
    model, _, folder = trained
    words = AutoModelForCausalLM.from_pretrained(base["text"]).to(torch.bfloat16)
    words.save_pretrained(base["text"])
    other = Base(*base_of(OneDiffForConditionalGeneration.from_backbones(**base, delta_config=DELTA)))
    with pytest.raises(
        CheckpointError, match=f"on the text base {base_of(model).text}, this one is {other.text}.*check_base=False"
    ):
        load_adapters(folder, **base)
    loaded, _ = load_adapters(folder, **base, check_base=False)
    assert torch.equal(loaded.model.delta.delta_tokens, model.model.delta.delta_tokens)


@pytest.mark.parametrize("name", ["trained.safetensors", "lora/adapter_model.safetensors"])
def test_missing_and_extra_keys_are_named(trained: tuple[Any, Any, Path], base: dict[str, Path], name: str) -> None:
    path = trained[2] / name
    state = load_file(path)
    lost = sorted(state)[0]
    state["surplus"] = state.pop(lost)
    save_file(state, path)
    with pytest.raises(CheckpointError, match=rf"missing keys \['{lost}'\], extra keys \['surplus'\]"):
        load_adapters(trained[2], **base)


@pytest.mark.parametrize("name", ["trained.safetensors", "lora/adapter_model.safetensors"])
def test_a_pickle_in_the_place_of_weights_is_refused(
    trained: tuple[Any, Any, Path], base: dict[str, Path], name: str
) -> None:
    path = trained[2] / name
    path.unlink()
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="a pickle under another name"):
        load_adapters(trained[2], **base)
    path.rename(path.with_suffix(".bin"))
    with pytest.raises(CheckpointError, match=r"holds .*\.bin and no safetensors|holds no trained\.safetensors"):
        load_adapters(trained[2], **base)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ('{"format": "onediff-adapters/1"}', "is not a record of adapters"),
        (json.dumps({"format": "onediff-adapters/2", "base": {}}), "of format 'onediff-adapters/2', expected"),
    ],
)
def test_a_record_that_is_none_is_refused(
    trained: tuple[Any, Any, Path], base: dict[str, Path], text: str, message: str
) -> None:
    (trained[2] / "adapters.json").write_text(text)
    with pytest.raises(CheckpointError, match=message):
        load_adapters(trained[2], **base)


def test_adapters_and_whole_models_are_not_taken_for_one_another(
    trained: tuple[Any, Any, Path], base: dict[str, Path], make_model: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=r"not the base: load it with onediff_core\.adapters\.load_adapters"):
        OneDiffForConditionalGeneration.from_pretrained(trained[2])
    make_model().save_pretrained(tmp_path / "whole")
    with pytest.raises(CheckpointError, match=r"holds no adapters\.json.*OneDiffForConditionalGeneration"):
        load_adapters(tmp_path / "whole", **base)


def test_without_peft_adapters_say_what_to_install(
    trained: tuple[Any, Any, Path], base: dict[str, Path], start: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = start()
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingDependencyError, match=r"'peft': pip install 'onediff-core\[lora\]'"):
        freeze_base(model, lora())
    with pytest.raises(MissingDependencyError, match=r"the adapters in .*lora needs the package 'peft'"):
        load_adapters(trained[2], **base)
