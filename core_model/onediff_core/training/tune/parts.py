"""The OneDiff that a recipe names, which of its weights a stage trains, and how they are stored without the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn
from transformers import AutoImageProcessor, AutoModel

from onediff_core.adapters import LORA, Base, freeze_base, has_adapters, save_adapters
from onediff_core.checkpoint import save_checkpoint
from onediff_core.loading import tokenizer
from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
from onediff_core.processing_onediff import OneDiffProcessor
from onediff_core.towers import LITE0, tower
from onediff_core.training.network import parameter_groups
from onediff_core.training.tune.recipe import Lora
from onediff_plugins.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from onediff_core.training.tune.recipe import Parts, TuneStage

_NEW: Final = ("model.delta.", "model.projector.", "model.delta_projector.")
_TOWER: Final = "model.vision_tower."


def build(parts: Parts, seed: int) -> tuple[OneDiffForConditionalGeneration, OneDiffProcessor]:
    """The model, what is new in it random, and its processor.

    Args:
        parts: of the recipe.
        seed: of what is new.

    Raises:
        FileNotFoundError: a part is neither here nor on the hub.
        ValueError: parts that do not fit; see `from_backbones` and `load_bert`.
        MissingDependencyError: a GGUF file, and the package gguf is not installed.
    """
    more = {} if parts.visual_layer is None else {"visual_layer": parts.visual_layer}
    with tower(parts.vision) as vision, torch.random.fork_rng():
        torch.manual_seed(seed)
        model = OneDiffForConditionalGeneration.from_backbones(
            vision=vision, text=parts.text, delta_config=dict(parts.delta), **more
        )
    if parts.bert is not None:
        bert: Any = AutoModel.from_pretrained(parts.bert, use_safetensors=True)
        model.get_submodule("model.delta").load_bert(bert)  # type: ignore[operator]  # a VisualDeltaModule
    like = None if parts.vision == LITE0 else _image_processor(parts.vision)
    sized = {} if parts.side is None else {"size": (parts.side, parts.side)}
    return model, OneDiffProcessor.for_model(model, tokenizer(parts.text), like=like, **sized)


def _image_processor(vision: str) -> Any:
    """What came with the tower, if anything did: else its kind says how images are normalised."""
    try:
        return AutoImageProcessor.from_pretrained(vision)
    except (OSError, ValueError):
        return None


class Trained(nn.Module):
    """The weights that a stage trains, and no other: what is averaged, saved, and summed over processes."""

    def __init__(self, model: OneDiffForConditionalGeneration) -> None:
        """Take those that need a gradient.

        Args:
            model: as `prepare_stage` left it; shared, not copied.
        """
        super().__init__()
        named = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
        self.names = [name for name, _ in named]
        self.values = nn.ParameterList(value for _, value in named)

    def named(self) -> dict[str, Tensor]:
        """Name in the model -> weights."""
        return dict(zip(self.names, self.values, strict=True))


def prepare_stage(model: OneDiffForConditionalGeneration, stage: TuneStage, adapters: Lora | None) -> None:
    """Let a stage's part learn and nothing else; adapters are put in where they are not there yet.

    Args:
        model: changed in place. What learns is in float32 from then on, the rest as it was stored.
        stage: of the recipe.
        adapters: of the stage, where it trains them.

    Raises:
        MissingDependencyError: adapters, and the package peft is not installed.
    """
    if stage.trains == "all":
        model.requires_grad_(True)
        model.float()
    else:
        config = None
        if stage.trains == "lora" and not has_adapters(model.language_model):
            config = _peft_config(adapters or Lora())
        freeze_base(model, config)
        for name, value in model.language_model.named_parameters():
            if ".lora_" in name:
                value.requires_grad_(stage.trains == "lora")
    for value in model.parameters():
        if value.requires_grad:
            value.data = value.data.float()
    words: Any = model.language_model
    if stage.checkpointing:
        words.activation_checkpointing_enable()
    elif words.is_activation_checkpointing:
        words.activation_checkpointing_disable()


def groups(trained: Trained, stage: TuneStage) -> list[dict[str, Any]]:
    """Groups for the optimiser: what is new, the language model or its adapters, and the tower have their own rates."""
    made: list[dict[str, Any]] = []
    shares = {"new": 1.0, "words": stage.words_share, "tower": stage.tower_share}
    for part, share in shares.items():
        chosen = [(name, value) for name, value in trained.named().items() if _part(name) == part and share]
        if chosen:
            made += parameter_groups(chosen, rate=stage.rate * share, weight_decay=stage.weight_decay)  # type: ignore[arg-type]
    return made


def _part(name: str) -> str:
    if name.startswith(_NEW):
        return "new"
    return "tower" if name.startswith(_TOWER) else "words"


def put(model: OneDiffForConditionalGeneration, state: Mapping[str, Tensor]) -> None:
    """Put named weights into a model.

    Args:
        model: which has them all.
        state: name -> weights.

    Raises:
        KeyError: it has not.
    """
    own = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in state.items():
            own[name].data = value.to(own[name].device, copy=True)


def save_model(
    folder: Path, model: OneDiffForConditionalGeneration, processor: OneDiffProcessor, base: Base | None
) -> None:
    """Write what a run made: without its base where that was not trained, else whole.

    Args:
        folder: new, or of an earlier writing.
        model: in `eval` mode.
        processor: its own.
        base: of `base_of` before training; None where everything was trained.
    """
    if base is None:
        save_checkpoint(folder, model, processor)
    else:
        save_adapters(folder, model, processor, base=base)


def adapters_of(folder: Path) -> bool:
    """Whether a folder of `save_model` holds LoRA adapters."""
    return (folder / LORA).is_dir()


def _peft_config(lora: Lora) -> Any:
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingDependencyError("peft", "a stage that trains lora", "onediff-core[tune]") from error
    return LoraConfig(r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=list(lora.targets))
