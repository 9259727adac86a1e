"""OneDiff as a transformers model, and the hook API through which plugins bring heads, models and domains to it."""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Final

from wrapt import when_imported

if TYPE_CHECKING:
    from types import ModuleType

    from onediff_core.configuration_onediff import OneDiffConfig, OneDiffDeltaConfig
    from onediff_core.delta import VisualDeltaModule
    from onediff_core.features import DeltaFeatures
    from onediff_core.image_processing_onediff import OneDiffImageProcessor
    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration, OneDiffModel
    from onediff_core.pretrained_onediff import OneDiffPreTrainedModel
    from onediff_core.processing_onediff import OneDiffProcessor
    from onediff_core.prompts import Place
    from onediff_plugins import (
        BuildContext,
        DomainSpec,
        ExecutorSpec,
        ExporterSpec,
        HeadSpec,
        Host,
        ModelSpec,
        hookimpl,
    )

__version__ = "0.1.0"

_MODULE_OF: Final = {
    "DeltaFeatures": "features",
    "OneDiffConfig": "configuration_onediff",
    "OneDiffDeltaConfig": "configuration_onediff",
    "OneDiffForConditionalGeneration": "modeling_onediff",
    "OneDiffImageProcessor": "image_processing_onediff",
    "OneDiffModel": "modeling_onediff",
    "OneDiffPreTrainedModel": "pretrained_onediff",
    "OneDiffProcessor": "processing_onediff",
    "Place": "prompts",
    "VisualDeltaModule": "delta",
}

# The hook API is the contract's; it is here, too, for those who build on the model.
_OF_CONTRACT: Final = frozenset(
    {"BuildContext", "DomainSpec", "ExecutorSpec", "ExporterSpec", "HeadSpec", "Host", "ModelSpec", "hookimpl"}
)

__all__ = [
    "BuildContext",
    "DeltaFeatures",
    "DomainSpec",
    "ExecutorSpec",
    "ExporterSpec",
    "HeadSpec",
    "Host",
    "ModelSpec",
    "OneDiffConfig",
    "OneDiffDeltaConfig",
    "OneDiffForConditionalGeneration",
    "OneDiffImageProcessor",
    "OneDiffModel",
    "OneDiffPreTrainedModel",
    "OneDiffProcessor",
    "Place",
    "VisualDeltaModule",
    "hookimpl",
]

# Modules that register their classes with the Auto classes in their last lines.
_AUTO: Final = (
    "configuration_onediff",
    "image_processing_onediff",
    "processing_onediff",
    "modeling_onediff",
    "efficientnet_lite",
)


def _register(imported: ModuleType) -> None:
    ours = [module for name, module in sys.modules.items() if name.startswith(f"{__name__}.")]
    if "transformers" not in sys.modules or any(_is_half_imported(module) for module in ours if module is not imported):
        return  # one of ours is loading transformers just now; this is called again when it is done
    for module in _AUTO:
        import_module(f"{__name__}.{module}")


def _is_half_imported(module: ModuleType) -> bool:
    return getattr(module.__spec__, "_initializing", False)  # what the import system itself looks at


# At once if transformers is there already, else as soon as somebody imports it. This package alone loads neither it nor
# torch.
for _module in ("transformers", *(f"{__name__}.{found.name}" for found in iter_modules(__path__))):
    when_imported(_module)(_register)


def __getattr__(name: str) -> object:
    if name in _OF_CONTRACT:
        return getattr(import_module("onediff_plugins"), name)
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
