"""OneDiff as a transformers model, and the hook API through which plugins bring heads, models and domains to it."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

from wrapt import when_imported

if TYPE_CHECKING:
    from types import ModuleType

    from onediff_core.configuration_onediff import OneDiffConfig, OneDiffDeltaConfig
    from onediff_core.delta import VisualDeltaModule
    from onediff_core.features import DeltaFeatures
    from onediff_core.image_processing_onediff import OneDiffImageProcessor
    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration, OneDiffModel, OneDiffPreTrainedModel
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
    "OneDiffPreTrainedModel": "modeling_onediff",
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

# Modules that register their classes with the Auto classes in their last lines, each with a name that it then has.
_AUTO: Final = {
    "configuration_onediff": "OneDiffConfig",
    "image_processing_onediff": "OneDiffImageProcessor",
    "processing_onediff": "OneDiffProcessor",
    "modeling_onediff": "OneDiffModel",
    "efficientnet_lite": "EfficientNetLiteModel",
}


def _register(_: ModuleType) -> None:
    known = {f"{__name__}.{module}": name for module, name in _AUTO.items()}
    if any(module in sys.modules and not hasattr(sys.modules[module], name) for module, name in known.items()):
        return  # it is being imported, which is what loads transformers just now; this is called again when it is done
    for module in known:
        import_module(module)


# At once if transformers is there already, else as soon as somebody imports it. This package alone loads neither it nor
# torch.
for _module in ("transformers", *(f"{__name__}.{module}" for module in _AUTO)):
    when_imported(_module)(_register)


def __getattr__(name: str) -> object:
    if name in _OF_CONTRACT:
        return getattr(import_module("onediff_plugins"), name)
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
