"""What all OneDiff models share: how they are loaded, saved and started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import PreTrainedModel
from transformers import initialization as init

from onediff_core.configuration_onediff import OneDiffConfig
from onediff_core.delta import VisualDeltaModule
from onediff_core.loading import load_pretrained, refuse_misfits

if TYPE_CHECKING:
    import os


class OneDiffPreTrainedModel(PreTrainedModel):
    """Loading, saving and new weights, for all OneDiff models."""

    config: OneDiffConfig
    config_class = OneDiffConfig
    base_model_prefix = "model"
    main_input_name = "pixel_values"
    input_modalities = ["image", "text"]  # noqa: RUF012 - transformers declares it so
    supports_gradient_checkpointing = True
    _no_split_modules = ["DeltaLayer"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True

    def _init_weights(self, module: nn.Module) -> None:
        std = self.config.initializer_range
        if isinstance(module, VisualDeltaModule):
            for parameter in module.parameters(recurse=False):
                init.normal_(parameter, std=module.config.initializer_range)
        elif isinstance(module, nn.Linear):
            init.normal_(module.weight, std=std)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *args: Any,
        strict: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Load a model from a folder or from the hub; only ever from safetensors.

        Args:
            pretrained_model_name_or_path: a folder that `save_pretrained` wrote, or a hub id.
            *args: as for any transformers model.
            strict: whether weights that are missing or left over are an error. If not, missing ones are new and random.
            **kwargs: as for any transformers model.

        Raises:
            CheckpointError: the weights are pickled, which can run code when they are read; damaged; or not those of
                this model: missing, left over, or of another shape.
            ValueError: there is no configuration of a OneDiff.
        """
        with_info = kwargs.pop("output_loading_info", False)
        model, info = load_pretrained(super().from_pretrained, pretrained_model_name_or_path, *args, **kwargs)
        if strict:
            refuse_misfits(info, f"{pretrained_model_name_or_path} does not hold the weights of this {cls.__name__}")
        return (model, info) if with_info else model
