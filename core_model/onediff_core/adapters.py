"""What is trained on frozen pretrained parts, saved without them: the delta module, the projectors, LoRA adapters.

The paper's first stage trains no more than that, and neither does a small machine. A folder of it is a few megabytes;
the base, a vision tower and a language model, comes from wherever it is published, and has to be the one that was
trained on.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from torch import nn

from onediff_core.configuration_onediff import OneDiffConfig
from onediff_core.errors import CheckpointError
from onediff_core.layout import read_json
from onediff_core.loading import ADAPTERS_NAME
from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
from onediff_core.processing_onediff import OneDiffProcessor
from onediff_core.weights import (
    check_fit,
    fingerprint,
    load_strictly,
    read_safetensors,
    write_safetensors,
)
from onediff_plugins.atomic import replaced_folder
from onediff_plugins.errors import MissingDependencyError

if TYPE_CHECKING:
    import os

    from peft import LoraConfig
    from torch import Tensor
    from transformers import PreTrainedModel

FORMAT: Final = "onediff-adapters/1"
WEIGHTS_NAME: Final = "trained.safetensors"
LORA: Final = "lora"
LORA_NAME: Final = "adapter_model.safetensors"
_PREFIX: Final = "base_model.model."  # of peft's own model around the language model
# Fields of the configuration that say how the parts are joined.
_JOINTS: Final = (
    "delta_config",
    "visual_layer",
    "pair_token_id",
    "delta_token_id",
    "trained_stages",
    "initializer_range",
)


class Base(NamedTuple):
    """Fingerprints of what is not trained; see `onediff_core.weights.fingerprint`.

    Attributes:
        vision: of the tower, up to the last layer or stage that is read.
        text: of the language model, adapters left out.
    """

    vision: str
    text: str


def base_of(model: OneDiffForConditionalGeneration) -> Base:
    """Fingerprints of the tower and the language model of a OneDiff, with or without adapters."""
    words = model.language_model.state_dict()
    plain = {name.replace(".base_layer.", "."): value for name, value in words.items() if ".lora_" not in name}
    return Base(vision=fingerprint(model.model.vision_tower), text=fingerprint(plain))


def freeze_base(model: OneDiffForConditionalGeneration, lora: LoraConfig | None = None) -> Base:
    """Leave only the delta module and the projectors to be trained, and adapters in the language model.

    Args:
        model: as `from_backbones` makes it; changed in place.
        lora: adapters to put into the language model; None for none, as in the paper's first stage.

    Returns:
        What `save_adapters` is to be given: fingerprints of the base as it is now.

    Raises:
        MissingDependencyError: adapters are asked for, and the package peft is not installed.
    """
    base, tower = base_of(model), model.model.vision_tower
    model.requires_grad_(False)
    for part in model.new_parts().values():
        part.requires_grad_(True)
    if hasattr(tower, "freeze_stages"):  # running statistics move without gradients, too
        tower.freeze_stages(tower.out_features[-1])
    if lora is not None:
        _peft("adapters in the language model").inject_adapter_in_model(lora, model.language_model)
    return base


def save_adapters(
    folder: str | os.PathLike[str], model: OneDiffForConditionalGeneration, processor: OneDiffProcessor, *, base: Base
) -> None:
    """Write what was trained, the configuration and the processor, and not the base; they appear by one rename.

    Args:
        folder: made where it is missing; other files in it, such as a card, are kept.
        model: after training.
        processor: that it was trained with.
        base: what `freeze_base` returned.

    Raises:
        CheckpointError: the base is no longer what it was, so that what was trained does not belong to the one that
            others will load.
    """
    now = base_of(model)
    if changed := [part for part in Base._fields if getattr(now, part) != getattr(base, part)]:
        raise CheckpointError(
            f"the {' and the '.join(changed)} part of the base changed during training, in weights or in running "
            "statistics of BatchNorm: freeze it (freeze_base; layers with statistics in eval mode), or save the whole "
            "model with save_pretrained"
        )
    with replaced_folder(Path(folder), keep=True) as new:
        model.config.save_pretrained(new)
        processor.save_pretrained(new)
        write_safetensors(new / WEIGHTS_NAME, _trained(model).state_dict())
        shutil.rmtree(new / LORA, ignore_errors=True)
        if has_adapters(model.language_model):
            _save_lora(new / LORA, model.language_model)
        record = {"format": FORMAT, "base": base._asdict()}
        (new / ADAPTERS_NAME).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_adapters(
    folder: str | os.PathLike[str],
    *,
    vision: PreTrainedModel | str | os.PathLike[str],
    text: PreTrainedModel | str | os.PathLike[str],
    check_base: bool = True,
) -> tuple[OneDiffForConditionalGeneration, OneDiffProcessor]:
    """Put what was trained back onto its base.

    Args:
        folder: as `save_adapters` wrote it.
        vision: the base's tower, as for `from_backbones`.
        text: the base's language model, as for `from_backbones`.
        check_base: whether the base has to be the same to the bit. False takes one of the same shape, such as the same
            language model in another precision; what it then says was never measured.

    Returns:
        The model, in `eval` mode, and its processor.

    Raises:
        CheckpointError: no such folder, another base (both fingerprints are named), weights that are missing, left
            over, of another shape, damaged or pickled.
        MissingDependencyError: there are adapters, and the package peft is not installed.
    """
    folder = Path(folder)
    trained_on = _read_base(folder)
    config = OneDiffConfig.from_pretrained(folder)
    model = OneDiffForConditionalGeneration.from_backbones(
        vision=vision, text=text, **{name: getattr(config, name) for name in _JOINTS}
    )
    if check_base:
        _check_base(folder, trained_on, base_of(model))
    load_strictly(folder / WEIGHTS_NAME, _trained(model))
    if (folder / LORA).is_dir():
        _load_lora(folder / LORA, model.language_model)
    processor = OneDiffProcessor.from_pretrained(folder)
    processor.end_answers(model)
    return model.eval(), processor


def merge_adapters(model: OneDiffForConditionalGeneration) -> None:
    """Work the LoRA adapters into the language model, which then is one as any and can be saved with the rest.

    Args:
        model: changed in place; one without adapters stays as it is.

    Raises:
        ValueError: an adapter holds values that are not finite.
    """
    words = model.language_model
    if not has_adapters(words):
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, layer in list(words.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.merge(safe_merge=True)
            words.set_submodule(name, layer.get_base_layer())
    del words.peft_config


def has_adapters(words: nn.Module) -> bool:
    """Whether a language model holds adapters, whose weights and own have other names in a file than without them."""
    return hasattr(words, "peft_config")


def _trained(model: OneDiffForConditionalGeneration) -> nn.Module:
    return nn.ModuleDict(model.new_parts())


def _read_base(folder: Path) -> Base:
    path = folder / ADAPTERS_NAME
    if not path.is_file():
        raise CheckpointError(
            f"{folder} holds no {ADAPTERS_NAME}: give a folder that save_adapters wrote; a whole model is loaded with "
            "OneDiffForConditionalGeneration.from_pretrained"
        )
    record = read_json(path)
    if (found := record.get("format")) != FORMAT:
        raise CheckpointError(f"{path} is of format {found!r}, expected {FORMAT!r}")
    try:
        return Base(**record["base"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is not a record of adapters ({error!r}): copy or download it again") from error


def _check_base(folder: Path, trained_on: Base, found: Base) -> None:
    for part, wanted, here in zip(Base._fields, trained_on, found, strict=True):
        if here != wanted:
            raise CheckpointError(
                f"what {folder} holds was trained on the {part} base {wanted}, this one is {here}: load the one that "
                "it was trained on, in the same precision. check_base=False takes another of the same shape"
            )


# The two files are those of peft, which reads them without OneDiff, too. Its own ways through transformers 5.24 ask for
# a newer peft than there is.


def _save_lora(folder: Path, words: Any) -> None:
    folder.mkdir()
    words.peft_config["default"].save_pretrained(folder)
    write_safetensors(folder / LORA_NAME, _lora_state(words))


def _load_lora(folder: Path, words: Any) -> None:
    peft = _peft(f"the adapters in {folder}")
    state = read_safetensors(folder / LORA_NAME)
    peft.inject_adapter_in_model(peft.PeftConfig.from_pretrained(folder), words)
    check_fit(folder / LORA_NAME, state, _lora_state(words))
    peft.set_peft_model_state_dict(words, {name.removeprefix(_PREFIX): value for name, value in state.items()})


def _lora_state(words: Any) -> dict[str, Tensor]:
    """Weights of the adapters under the names that they have in a file of peft."""
    state = _peft("adapters in the language model").get_peft_model_state_dict(words)
    return {_PREFIX + name: value for name, value in state.items()}


def _peft(needed_for: str) -> Any:
    try:
        import peft
    except ImportError as error:
        raise MissingDependencyError("peft", needed_for, "onediff-core[lora]") from error
    return peft
