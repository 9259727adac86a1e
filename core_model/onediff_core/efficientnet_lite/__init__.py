"""EfficientNet-Lite as a transformers backbone: the small vision tower for CPUs."""

from onediff_core.efficientnet_lite.configuration_efficientnet_lite import (
    IMAGE_MEAN,
    IMAGE_STD,
    EfficientNetLiteConfig,
)
from onediff_core.efficientnet_lite.modeling_efficientnet_lite import (
    EfficientNetLiteBackbone,
    EfficientNetLiteForImageClassification,
    EfficientNetLiteModel,
    EfficientNetLitePreTrainedModel,
    register,
)

register()

__all__ = [
    "IMAGE_MEAN",
    "IMAGE_STD",
    "EfficientNetLiteBackbone",
    "EfficientNetLiteConfig",
    "EfficientNetLiteForImageClassification",
    "EfficientNetLiteModel",
    "EfficientNetLitePreTrainedModel",
    "register",
]
