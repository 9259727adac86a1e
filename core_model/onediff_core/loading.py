"""Loading: checkpoints of ours, strictly; towers and language models of others, from a folder, the hub, or GGUF."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedModel

from onediff_core.configuration_onediff import has_stages
from onediff_core.errors import CheckpointError
from onediff_core.tower import build_tower
from onediff_core.weights import damaged, refuse_pickles, some
from onediff_plugins.errors import MissingDependencyError

ADAPTERS_NAME: Final = "adapters.json"  # in a folder that `adapters.save_adapters` wrote

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

    from onediff_core.configuration_onediff import OneDiffConfig

    Source = str | os.PathLike[str]

_UNRECOGNISED: Final = "Unrecognized configuration class"  # how an Auto class of transformers begins to say so


def load_pretrained(
    load: Callable[..., Any], source: Source | None, *args: Any, **kwargs: Any
) -> tuple[Any, dict[str, Any]]:
    """A model of ours and the report of what in its checkpoint did not fit; only ever from safetensors.

    Args:
        load: `from_pretrained` of transformers.
        source: a folder or hub id; None for weights that are given as `state_dict`.
        *args: for `load`.
        **kwargs: for `load`.

    Raises:
        CheckpointError: the weights are pickled or damaged, or the folder holds adapters without their base.
        FileNotFoundError: there is no such folder, and nothing on the hub.
    """
    if kwargs.setdefault("use_safetensors", True) is not True:
        raise CheckpointError(
            "OneDiff reads safetensors only: a pickled checkpoint can run code. Drop use_safetensors=False"
        )
    if source is not None and "state_dict" not in kwargs:
        folder = Path(source, kwargs.get("subfolder", ""))
        refuse_pickles(folder)
        if (folder / ADAPTERS_NAME).is_file():
            raise CheckpointError(
                f"{source} holds what was trained on a base, and not the base: load it with "
                "onediff_core.adapters.load_adapters, which takes both"
            )
    # Weights of another shape are reported with all else that does not fit.
    kwargs.setdefault("ignore_mismatched_sizes", True)
    try:
        with _found(source):
            model, info = load(source, *args, output_loading_info=True, **kwargs)
    except SafetensorError as error:
        raise damaged(f"the checkpoint {source}", error) from error
    return model, info


def refuse_misfits(info: Mapping[str, Any], what: str) -> None:
    """Raise where a report of `load_pretrained` names any weight.

    Args:
        info: the report.
        what: how the message starts.

    Raises:
        CheckpointError: weights are missing, left over or of another shape; they are named.
    """
    wrong = {kind.replace("_", " "): sorted(map(_named, keys)) for kind, keys in info.items() if keys}
    if wrong:
        said = "; ".join(f"{kind}: {some(names)}" for kind, names in wrong.items())
        raise CheckpointError(
            f"{what} ({said}). Is it another model's, or cut short? strict=False loads what fits and leaves the rest "
            "random"
        )


def language_model(source: PreTrainedModel | Source) -> Any:
    """A causal language model.

    Args:
        source: one that is loaded; or the folder or hub id of one, read from safetensors only; or a GGUF file, whose
            weights become what they stand for, in float32.

    Raises:
        CheckpointError: the folder holds pickled weights, or another kind of model.
        FileNotFoundError: there is no such folder or file, and nothing on the hub.
        MissingDependencyError: a GGUF file, and the package gguf is not installed.
    """
    if isinstance(source, PreTrainedModel):
        return source
    if file := _gguf(source):
        # Never left packed, which depends on what else is installed, and can be neither trained nor saved.
        model: Any = AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, quantization_config=GgufConfig(dequantize=True)
        )
        return _nameless(model, file)
    refuse_pickles(Path(source))
    try:
        with _found(source):
            return _nameless(AutoModelForCausalLM.from_pretrained(source, use_safetensors=True), source)
    except ValueError as error:
        if not str(error).startswith(_UNRECOGNISED):
            raise
        kind = AutoConfig.from_pretrained(source).model_type  # the error lists some hundred types
        raise CheckpointError(f"{source} holds a model of type {kind!r}, which is no causal language model") from error


def tokenizer(source: Source) -> PreTrainedTokenizerBase:
    """The tokenizer of a language model, with its chat template.

    Args:
        source: a folder, a hub id, or a GGUF file.

    Raises:
        MissingDependencyError: a GGUF file, and the package gguf is not installed.
    """
    file = _gguf(source)
    options = {} if file is None else {"gguf_file": file.name}
    found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source if file is None else file.parent, **options)
    return found


def vision_config(source: PreTrainedModel | Source) -> PreTrainedConfig:
    """The configuration of a tower, or of the model for images and text that holds it.

    Args:
        source: a model, or the folder or hub id of one.

    Raises:
        FileNotFoundError: there is no such folder, and nothing on the hub.
    """
    config: PreTrainedConfig
    if isinstance(source, PreTrainedModel):
        config = _tower_of(source).config
        return config
    with _found(source):
        config = _nameless(AutoConfig.from_pretrained(source), source)
    return config


def vision_tower(source: PreTrainedModel | Source, config: OneDiffConfig) -> PreTrainedModel:
    """A tower that yields the layers or stages that a OneDiff reads.

    Args:
        source: as for `vision_config`.
        config: of the OneDiff.

    Raises:
        ValueError: a model that yields no feature maps where they are needed, or that was cut before one of them.
        CheckpointError: the folder holds pickled weights.
    """
    tower: PreTrainedModel
    if isinstance(source, PreTrainedModel):
        tower = _tower_from_model(_tower_of(source), config)
        return tower
    refuse_pickles(Path(source))
    # Not with AutoBackbone.from_pretrained, which takes hub ids and no folders.
    with torch.device("meta"):
        blank = build_tower(config.vision_config, config.tower_layers)
    tower = type(blank).from_pretrained(source, config=blank.config, use_safetensors=True)
    return tower


@contextmanager
def _found(source: Source | None) -> Iterator[None]:
    """Says what is missing where transformers, without a network, says only that it could not connect."""
    try:
        yield
    except OSError as error:
        if source is None or Path(source).exists():
            raise
        reason = " ".join(str(error).split())
        raise FileNotFoundError(
            f"there is no folder {source}, and the hub did not give a model of that id, which needs a network the "
            f"first time: {reason}"
        ) from error


def _nameless(loaded: Any, source: Source) -> Any:
    """A model or configuration without the path on this machine, which would be saved with it; a hub id stays."""
    if Path(source).exists():
        getattr(loaded, "config", loaded).name_or_path = ""
    return loaded


def _tower_of(model: Any) -> Any:
    """Of a model for images and text, such as CLIP, its tower."""
    return getattr(model, "vision_model", model)


def _tower_from_model(vision: Any, config: OneDiffConfig) -> Any:
    """The model itself, or one of its weights that yields the stages that are read."""
    if not has_stages(config.vision_config):
        return vision
    if not hasattr(vision, "channels"):
        raise ValueError(
            f"{type(vision).__name__} yields no feature maps: give the folder or hub id of the tower, or load it with "
            "AutoBackbone"
        )
    tower: Any = build_tower(config.vision_config, config.tower_layers)
    tower.to(device=vision.device, dtype=vision.dtype)
    missing, _ = tower.load_state_dict(vision.state_dict(), strict=False)
    # A backbone normalises only the stages that it yields, and may lack the norms of others; nothing else stays random.
    if lost := [name for name in missing if "norm" not in name]:
        raise ValueError(
            f"{type(vision).__name__} has no weights for {some(lost)}: load a whole tower, with AutoBackbone"
        )
    return tower


def _named(key: Any) -> str:
    """A key of a report: a name, or one with its shape in the file and its shape here."""
    if isinstance(key, str):
        return key
    name, found, expected = key
    return f"{name} is {tuple(found)}, expected {tuple(expected)}"


def _gguf(source: Source) -> Path | None:
    """The source as a path where it is a GGUF file, once it is known that it can be read."""
    path = Path(source)
    if path.suffix != ".gguf":
        return None
    if not path.is_file():
        raise FileNotFoundError(f"there is no GGUF file {path}")
    try:
        import gguf  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("gguf", f"the language model {path.name}", "onediff-core[gguf]") from error
    return path
