"""EfficientNet-Lite: inverted bottlenecks with ReLU6 and without squeeze-and-excitation, for CPUs and small devices.

Source: Liu, "Higher accuracy on vision models with EfficientNet-Lite" (2020); Tan and Le, "EfficientNet" (ICML 2019);
the block is that of Sandler et al., "MobileNetV2" (CVPR 2018).

Images are (B, 3, H, W) floats, RGB, `(x - 127) / 128` of 0..255 for the published weights; any H and W, and a map at
1/s of the size has ceil(H / s) x ceil(W / s) cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval
from transformers import AutoBackbone, AutoConfig, AutoModel, AutoModelForImageClassification, PreTrainedModel
from transformers import initialization as init
from transformers.backbone_utils import BackboneMixin
from transformers.modeling_outputs import (
    BackboneOutput,
    BaseModelOutputWithPoolingAndNoAttention,
    ImageClassifierOutputWithNoAttention,
)
from transformers.utils.generic import can_return_tuple

from onediff_core.efficientnet_lite.configuration_efficientnet_lite import EfficientNetLiteConfig

if TYPE_CHECKING:
    from collections.abc import Callable


def pad_same(x: Tensor, kernel_size: int, stride: int) -> Tensor:
    """Pads (B, C, H, W) with zeros as TensorFlow's "same" does: an odd cell more goes to the right and the bottom."""
    height, width = (max((-(-n // stride) - 1) * stride + kernel_size - n, 0) for n in x.shape[-2:])
    return F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))


class EfficientNetLiteBatchNorm(nn.BatchNorm2d):
    """Batch normalisation that trains on a single value and can be replayed by gradient checkpointing."""

    def forward(self, x: Tensor, replay: bool = False) -> Tensor:
        """Normalises (B, C, H, W); a `replay` normalises alike and leaves the running statistics."""
        if self.training and x.shape[0] * x.shape[2] * x.shape[3] == 1:
            # One value has no variance: a batch of one image, 32 px or less, is normalised as in evaluation.
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        if self.training and replay:
            # The running statistics have seen this batch. Others stand in: a replay must save as many tensors.
            mean, var = torch.zeros_like(self.weight), torch.ones_like(self.weight)
            return F.batch_norm(x, mean, var, self.weight, self.bias, training=True, eps=self.eps)
        return super().forward(x)


class EfficientNetLiteConv(nn.Module):
    """Convolution, batch normalisation and, unless it is linear, ReLU6."""

    def __init__(
        self,
        config: EfficientNetLiteConfig,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        stride: int = 1,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        """Takes what `nn.Conv2d` takes; `linear` leaves the ReLU6 away."""
        super().__init__()
        self.kernel_size, self.stride, self.linear = kernel_size, stride, linear
        # At stride 1 the padding is symmetric, and the convolution's own needs no copy.
        padding = kernel_size // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)
        self.norm: EfficientNetLiteBatchNorm | None = EfficientNetLiteBatchNorm(
            out_channels, config.batch_norm_eps, config.batch_norm_momentum
        )

    def fold(self) -> None:
        """Works the normalisation into the convolution: faster, and for evaluation alone from then on."""
        if self.norm is not None:
            self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), None

    def forward(self, x: Tensor, replay: bool = False) -> Tensor:
        """Maps (B, in_channels, H, W) to (B, out_channels, ceil(H / stride), ceil(W / stride))."""
        if self.stride > 1:
            x = pad_same(x, self.kernel_size, self.stride)
        x = self._convolved(x)  # (B, out_channels, ceil(H / stride), ceil(W / stride))
        if self.norm is not None:
            x = self.norm(x, replay)
        return x if self.linear else F.relu6(x, inplace=not torch.is_grad_enabled())

    def _convolved(self, x: Tensor) -> Tensor:
        # On CPUs the backward pass of these in bfloat16 takes three to ten times as long as in float32 (torch 2.13):
        # together nearly half of a step of training.
        slow = self.conv.groups > 1 and (self.kernel_size > 3 or self.stride > 1)
        if not (slow and self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu")):
            return cast("Tensor", self.conv(x))
        with torch.autocast("cpu", enabled=False):
            return cast("Tensor", self.conv(x.float()))


class EfficientNetLiteBlock(nn.Module):
    """Inverted bottleneck: widen, filter each channel, narrow; added to its input where the shapes allow."""

    # transformers' GradientCheckpointingLayer replays a block as if it were new, and running statistics would see each
    # batch twice. It sets these two on any module that has the first.
    gradient_checkpointing = False
    _gradient_checkpointing_func: Callable[..., Tensor]

    def __init__(
        self,
        config: EfficientNetLiteConfig,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        expand_ratio: int,
    ) -> None:
        """Filters `expand_ratio` times `in_channels` channels with `kernel_size`."""
        super().__init__()
        inner = in_channels * expand_ratio
        self.residual = stride == 1 and in_channels == out_channels
        self.expand = EfficientNetLiteConv(config, in_channels, inner) if expand_ratio > 1 else None
        self.depthwise = EfficientNetLiteConv(config, inner, inner, kernel_size, stride, groups=inner)
        self.project = EfficientNetLiteConv(config, inner, out_channels, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, in_channels, H, W) to (B, out_channels, ceil(H / stride), ceil(W / stride))."""
        if not (self.gradient_checkpointing and self.training and torch.is_grad_enabled()):
            return self._bottleneck(x)
        replay = False

        def bottleneck(x: Tensor) -> Tensor:
            nonlocal replay
            replaying, replay = replay, True  # the second run is the backward pass's
            return self._bottleneck(x, replaying)

        return self._gradient_checkpointing_func(bottleneck, x)

    def _bottleneck(self, x: Tensor, replay: bool = False) -> Tensor:
        y: Tensor = x if self.expand is None else self.expand(x, replay)  # (B, inner, H, W)
        y = self.depthwise(y, replay)  # (B, inner, ceil(H / stride), ceil(W / stride))
        y = self.project(y, replay)  # (B, out_channels, ceil(H / stride), ceil(W / stride))
        return x + y if self.residual else y


class EfficientNetLiteEncoder(nn.Module):
    """The stem and the first `num_stages` stages."""

    def __init__(self, config: EfficientNetLiteConfig, num_stages: int) -> None:
        """Builds no more than what `num_stages` needs, 0 being the stem alone."""
        super().__init__()
        self.num_channels = config.num_channels
        self.num_frozen = 0
        self.stem = EfficientNetLiteConv(config, config.num_channels, config.stem_size, kernel_size=3, stride=2)
        self.stages = nn.ModuleList()
        channels = config.stem_size
        for i in range(num_stages):
            stage = nn.Sequential()
            for stride in [config.strides[i]] + [1] * (config.depths[i] - 1):
                kernel_size, expand_ratio = config.kernel_sizes[i], config.expand_ratios[i]
                stage.append(
                    EfficientNetLiteBlock(config, channels, config.hidden_sizes[i], kernel_size, stride, expand_ratio)
                )
                channels = config.hidden_sizes[i]
            self.stages.append(stage)

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        """Yields the output of the stem and of each stage, for (B, num_channels, H, W)."""
        self._check(pixel_values)
        x = self.stem(pixel_values.to(self.stem.conv.weight.dtype))  # (B, stem_size, ceil(H / 2), ceil(W / 2))
        hidden_states = [x]
        for stage in self.stages:
            x = stage(x)  # (B, hidden_sizes[i], ceil(H / s), ceil(W / s)), s the product of the strides so far
            hidden_states.append(x)
        return tuple(hidden_states)

    def freeze(self, num_frozen: int) -> None:
        """Keeps the stem and stages before number `num_frozen`, running statistics included, as they are."""
        self.num_frozen = num_frozen
        for i, part in enumerate([self.stem, *self.stages]):
            part.requires_grad_(i >= num_frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> EfficientNetLiteEncoder:
        """Sets the mode of all but what is frozen, which stays in evaluation mode."""
        super().train(mode)
        for part in [self.stem, *self.stages][: self.num_frozen]:
            part.eval()
        return self

    def _check(self, pixel_values: Tensor) -> None:
        if pixel_values.ndim != 4 or pixel_values.shape[1] != self.num_channels or 0 in pixel_values.shape:
            raise ValueError(
                f"EfficientNetLite: pixel_values must be (B, {self.num_channels}, H, W), none of them 0, "
                f"got {tuple(pixel_values.shape)}"
            )
        if not pixel_values.is_floating_point():
            raise ValueError(
                f"EfficientNetLite: pixel_values must be floats, (x - 127) / 128 of 0..255, got {pixel_values.dtype}"
            )
        # Looking at values makes an accelerator wait and breaks a compiled graph.
        if pixel_values.device.type == "cpu" and not torch.compiler.is_compiling():
            bad = pixel_values.numel() - int(pixel_values.isfinite().sum())
            if bad:
                raise ValueError(
                    f"EfficientNetLite: {bad} of {pixel_values.numel()} pixel_values are NaN or infinite; "
                    "fill them (nodata, for example) before the model"
                )


class EfficientNetLitePreTrainedModel(PreTrainedModel):
    """What the models of this file share: fresh weights, checkpointing, freezing."""

    config: EfficientNetLiteConfig
    config_class = EfficientNetLiteConfig
    base_model_prefix = "efficientnet_lite"
    main_input_name = "pixel_values"
    input_modalities = "image"
    supports_gradient_checkpointing = True
    _no_split_modules = ["EfficientNetLiteBlock"]  # noqa: RUF012  # a list, as transformers declares it

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Conv2d):  # He et al. 2015, by the outputs that each input reaches
            fan_out = module.out_channels // module.groups * module.kernel_size[0] * module.kernel_size[1]
            init.normal_(module.weight, std=(2 / fan_out) ** 0.5)

    def freeze_stages(self, up_to: str | None) -> None:
        """Stops training of the first stages: their weights and running statistics stay as they are.

        Args:
            up_to: the last stage to freeze, a name of `config.stage_names`; None trains all of them again.

        Raises:
            ValueError: this model has no such stage.
        """
        encoder = cast("EfficientNetLiteEncoder", self.base_model.encoder)
        names = self.config.stage_names[: len(encoder.stages) + 1]
        if up_to is not None and up_to not in names:
            raise ValueError(f"EfficientNetLite: no stage {up_to!r} to freeze; this model has {', '.join(names)}")
        encoder.freeze(0 if up_to is None else names.index(up_to) + 1)


class EfficientNetLiteModel(EfficientNetLitePreTrainedModel):
    """All stages; the pooled output is the mean over the last one's cells."""

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        """Builds every stage, with fresh weights."""
        super().__init__(config)
        self.encoder = EfficientNetLiteEncoder(config, num_stages=len(config.depths))
        self.post_init()

    @can_return_tuple
    def forward(
        self, pixel_values: Tensor, output_hidden_states: bool | None = None, **kwargs: object
    ) -> BaseModelOutputWithPoolingAndNoAttention:
        """Runs the network.

        Args:
            pixel_values: (B, C, H, W) floats, normalised.
            output_hidden_states: whether to return the stem's and every stage's output; None asks the config.
            **kwargs: `return_dict`, and what callers of any model pass along.

        Returns:
            `last_hidden_state` (B, hidden_sizes[-1], H', W'), `pooler_output` (B, hidden_sizes[-1]), `hidden_states`.

        Raises:
            ValueError: another shape, integers, or (on the CPU) values that are not finite.
        """
        hidden_states = self.encoder(pixel_values)
        return BaseModelOutputWithPoolingAndNoAttention(
            last_hidden_state=hidden_states[-1],
            pooler_output=hidden_states[-1].mean(dim=(-2, -1)),
            hidden_states=hidden_states if _wanted(output_hidden_states, self.config) else None,
        )


class EfficientNetLiteForImageClassification(EfficientNetLitePreTrainedModel):
    """The whole network, as it is trained on ImageNet: `num_labels` logits."""

    accepts_loss_kwargs = False

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        """Builds every stage and the classifier, with fresh weights."""
        super().__init__(config)
        self.efficientnet_lite = EfficientNetLiteModel(config)
        self.head = EfficientNetLiteConv(config, config.hidden_sizes[-1], config.head_size)
        self.dropout = nn.Dropout(config.dropout_rate)
        self.classifier = nn.Linear(config.head_size, cast("int", config.num_labels))
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        pixel_values: Tensor,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: object,
    ) -> ImageClassifierOutputWithNoAttention:
        """Classifies images.

        Args:
            pixel_values: (B, C, H, W) floats, normalised.
            labels: (B,) class numbers, for the loss.
            output_hidden_states: whether to return the stem's and every stage's output; None asks the config.
            **kwargs: `return_dict`, and what callers of any model pass along.

        Returns:
            `logits` (B, num_labels), `loss` where there are labels, `hidden_states`.

        Raises:
            ValueError: another shape, integers, or (on the CPU) values that are not finite.
        """
        outputs = self.efficientnet_lite(pixel_values, output_hidden_states=output_hidden_states)
        pooled = self.head(outputs.last_hidden_state).mean(dim=(-2, -1))  # (B, head_size)
        logits = self.classifier(self.dropout(pooled))  # (B, num_labels)
        loss = None
        if labels is not None:
            loss = self.loss_function(labels=labels, pooled_logits=logits, config=self.config)
        return ImageClassifierOutputWithNoAttention(loss=loss, logits=logits, hidden_states=outputs.hidden_states)


class EfficientNetLiteBackbone(BackboneMixin, EfficientNetLitePreTrainedModel):
    """The stages of `config.out_features` as feature maps; nothing is built or computed behind the last of them."""

    has_attentions = False
    # A checkpoint of the whole network goes on behind the last tap. (A list, as transformers declares it.)
    _keys_to_ignore_on_load_unexpected = [r"(^|\.)encoder\.stages\.", r"^head\.", r"^classifier\."]  # noqa: RUF012

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        """Builds the stages up to the last of `config.out_features`, with fresh weights."""
        super().__init__(config)
        self.num_features = [config.stem_size, *config.hidden_sizes]
        self.encoder = EfficientNetLiteEncoder(config, num_stages=self.stage_names.index(self.out_features[-1]))
        self.post_init()

    @can_return_tuple
    def forward(
        self, pixel_values: Tensor, output_hidden_states: bool | None = None, **kwargs: object
    ) -> BackboneOutput:
        """Computes the feature maps.

        Args:
            pixel_values: (B, C, H, W) floats, normalised.
            output_hidden_states: whether to return the stem's and every built stage's output; None asks the config.
            **kwargs: `return_dict`, and what callers of any backbone pass along.

        Returns:
            `feature_maps`, one of `out_features` each, (B, `channels[i]`, H_i, W_i), finest first; `hidden_states`.

        Raises:
            ValueError: another shape, integers, or (on the CPU) values that are not finite; `out_features` was set to
                a stage that was not built.
        """
        hidden_states = self.encoder(pixel_values)
        built = dict(zip(self.stage_names, hidden_states, strict=False))  # the tower ends with its last tap
        missing = [name for name in self.out_features if name not in built]
        if missing:
            raise ValueError(
                f"EfficientNetLiteBackbone: built up to {list(built)[-1]}, so it cannot yield {', '.join(missing)}; "
                "give out_features in the config before the model is made"
            )
        return BackboneOutput(
            feature_maps=tuple(built[name] for name in self.out_features),
            hidden_states=hidden_states if _wanted(output_hidden_states, self.config) else None,
        )


def _wanted(output_hidden_states: bool | None, config: EfficientNetLiteConfig) -> bool:
    return bool(config.output_hidden_states if output_hidden_states is None else output_hidden_states)


def register() -> None:
    """Makes the Auto classes of transformers know `efficientnet_lite`; again is harmless."""
    AutoConfig.register("efficientnet_lite", EfficientNetLiteConfig, exist_ok=True)
    AutoModel.register(EfficientNetLiteConfig, EfficientNetLiteModel, exist_ok=True)
    AutoBackbone.register(EfficientNetLiteConfig, EfficientNetLiteBackbone, exist_ok=True)
    AutoModelForImageClassification.register(
        EfficientNetLiteConfig, EfficientNetLiteForImageClassification, exist_ok=True
    )
