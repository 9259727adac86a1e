"""The OneDiff that a recipe names, which of its weights a stage trains, and how they are stored without the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
import yaml
from torch import nn
from transformers import AutoImageProcessor, AutoModel

from onediff_core import layout
from onediff_core.adapters import LORA, Base, freeze_base, has_adapters, merge_adapters, save_adapters
from onediff_core.checkpoint import load_checkpoint, save_checkpoint
from onediff_core.errors import CheckpointError
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

    from onediff_core.checkpoint import Checkpoint
    from onediff_core.configuration_onediff import OneDiffDeltaConfig
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
        CheckpointError: a OneDiff to go on from that is not there, damaged, or without words.
        MissingDependencyError: a GGUF file, and the package gguf is not installed.
    """
    if parts.start is not None:
        return _gone_on(load_checkpoint(parts.start, heads=()), parts.delta, seed)
    assert parts.vision is not None  # noqa: S101  # both, as recipes are checked
    assert parts.text is not None  # noqa: S101
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


def _gone_on(
    start: Checkpoint, delta: Mapping[str, Any], seed: int
) -> tuple[OneDiffForConditionalGeneration, OneDiffProcessor]:
    """A OneDiff that learned already; where a delta module is described, with that one and projectors, all new."""
    model, processor = start.model.float(), start.processor
    if processor is None:
        raise CheckpointError(f"{start.name} has no tokenizer, which words are learned with")
    if not delta:
        return model, processor
    config = model.config
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        renewed = OneDiffForConditionalGeneration.from_backbones(
            vision=model.model.vision_tower,
            text=model.language_model,
            delta_config={**_described(config.delta_config), **delta},
            visual_layer=config.visual_layer,
        )
    like = processor.image_processor
    return renewed, OneDiffProcessor.for_model(renewed, processor.tokenizer, like=like, size=like.size)


def _described(config: OneDiffDeltaConfig) -> dict[str, Any]:
    about = config.to_diff_dict()
    return {name: value for name, value in about.items() if name not in ("transformers_version", "model_type", "dtype")}


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
        if stage.trains == "words":
            model.language_model.requires_grad_(True)
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
    folder: Path,
    model: OneDiffForConditionalGeneration,
    processor: OneDiffProcessor,
    base: Base | None,
    start: str | None = None,
) -> None:
    """Write what a run made: without its base where that is published and was not trained, else whole.

    Args:
        folder: new, or of an earlier writing.
        model: in `eval` mode; adapters are worked in where it is written whole.
        processor: its own.
        base: of `base_of` before training; None where the model is written whole.
        start: the OneDiff that went on, whose terms are kept.
    """
    if base is None:
        if has_adapters(model.language_model):
            merge_adapters(model)
        papers, card = {}, None
        if start is not None:
            begun = layout.locate(start)
            card = _card(folder.name, start if begun.commit else begun.name, begun.folder)
            papers = {name: (begun.folder / name).read_text("utf-8") for name in layout.PAPERS
                      if (begun.folder / name).is_file()}  # fmt: skip
        save_checkpoint(folder, model, processor, card=card, papers=papers)
    else:
        save_adapters(folder, model, processor, base=base)


def _card(name: str, start: str, folder: Path) -> str:
    """What says whose terms hold for a OneDiff that was made of another: one on the hub, by its id, or a local one."""
    about = yaml.safe_dump({**layout.terms_stated(folder), "base_model": start}, sort_keys=False)
    return (
        f"---\n{about}---\n# {name}\n\n{start}, tuned further with `onediff train tune`. The terms of {start} hold "
        "for it, and those of what it was tuned on.\n"
    )


def adapters_of(folder: Path) -> bool:
    """Whether a folder of `save_model` holds LoRA adapters."""
    return (folder / LORA).is_dir()


def _peft_config(lora: Lora) -> Any:
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingDependencyError("peft", "a stage that trains lora", "onediff-core[tune]") from error
    return LoraConfig(r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=list(lora.targets))
