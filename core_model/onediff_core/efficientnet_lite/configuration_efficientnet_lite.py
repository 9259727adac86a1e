"""What an EfficientNet-Lite looks like."""

from __future__ import annotations

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig
from transformers.backbone_utils import BackboneConfigMixin

IMAGE_MEAN = (127 / 255,) * 3
"""Mean of the published weights' input, red, green, blue, on [0, 1]: after a rescale by 1/255 it is 127 of 0..255."""

IMAGE_STD = (128 / 255,) * 3
"""Standard deviation to IMAGE_MEAN: `(x / 255 - IMAGE_MEAN) / IMAGE_STD` is the `(x - 127) / 128` of the reference."""


@strict
class EfficientNetLiteConfig(BackboneConfigMixin, PreTrainedConfig):
    """Configuration of an EfficientNet-Lite; the defaults are Lite0.

    A stage is a run of inverted bottlenecks of one width; the five lists have one entry a stage. `stage_names` are
    `stem`, `stage1`, `stage2`, ... A backbone yields the stages of `out_features` (or `out_indices`, where 0 is the
    stem; the last stage if neither is given) and is built no deeper than the last of them. The last stage of each
    scale of Lite0, 1/2 to 1/32, cut before its 320 channels, is `out_indices=(1, 2, 3, 5, 6)`.

    Args:
        num_channels: of the input.
        stem_size: channels of the stem, a 3x3 convolution of stride 2.
        hidden_sizes: channels that each stage yields.
        depths: blocks in each stage.
        strides: 1 or 2, of each stage's first block.
        kernel_sizes: of each stage's depthwise convolutions, odd.
        expand_ratios: how many times wider a block is inside than at its input; at 1 it has no expanding convolution.
        head_size: channels between the last stage and the classifier.
        dropout_rate: before the classifier, in training.
        batch_norm_eps: added to variances.
        batch_norm_momentum: share of a batch in the running statistics, as PyTorch has it (TensorFlow: 1 minus that).
        initializer_range: standard deviation of a fresh classifier's weights.
        **kwargs: `out_features`, `out_indices`, `num_labels` and what else every configuration takes.

    Raises:
        ValueError: lists of different lengths or values that make no network; the message names them.

    Source: Liu, "Higher accuracy on vision models with EfficientNet-Lite" (2020); Tan and Le, "EfficientNet" (2019).
    """

    model_type = "efficientnet_lite"

    num_channels: int = 3
    stem_size: int = 32
    hidden_sizes: list[int] | tuple[int, ...] = (16, 24, 40, 80, 112, 192, 320)
    depths: list[int] | tuple[int, ...] = (1, 2, 2, 3, 3, 4, 1)
    strides: list[int] | tuple[int, ...] = (1, 2, 2, 2, 1, 2, 1)
    kernel_sizes: list[int] | tuple[int, ...] = (3, 3, 5, 3, 5, 5, 3)
    expand_ratios: list[int] | tuple[int, ...] = (1, 6, 6, 6, 6, 6, 6)
    head_size: int = 1280
    dropout_rate: float = 0.2
    batch_norm_eps: float = 1e-3
    batch_norm_momentum: float = 0.01
    initializer_range: float = 0.02
    _out_features: list[str] | None = None
    _out_indices: list[int] | None = None

    def __post_init__(
        self, out_features: list[str] | None = None, out_indices: list[int] | None = None, **kwargs: object
    ) -> None:
        """Checks the stages and settles which of them a backbone yields."""
        per_stage = ("hidden_sizes", "depths", "strides", "kernel_sizes", "expand_ratios")
        for name in per_stage:
            setattr(self, name, list(getattr(self, name)))  # as JSON gives them back
        self._check_stages(per_stage)
        self.stage_names = ["stem", *(f"stage{number}" for number in range(1, len(self.depths) + 1))]
        self.set_output_features_output_indices(out_features=out_features, out_indices=out_indices)
        super().__post_init__(**kwargs)

    def _check_stages(self, per_stage: tuple[str, ...]) -> None:
        lengths = {name: len(getattr(self, name)) for name in per_stage}
        if len(set(lengths.values())) > 1 or not self.depths:
            raise ValueError(
                f"EfficientNetLiteConfig: each list needs one entry a stage, but their lengths are {lengths}"
            )
        for name in per_stage:
            if min(getattr(self, name)) < 1:
                raise ValueError(f"EfficientNetLiteConfig: {name} must be positive, got {getattr(self, name)}")
        if max(self.strides) > 2:
            raise ValueError(f"EfficientNetLiteConfig: strides must be 1 or 2, got {self.strides}")
        if any(size % 2 == 0 for size in self.kernel_sizes):
            raise ValueError(f"EfficientNetLiteConfig: kernel_sizes must be odd, got {self.kernel_sizes}")
