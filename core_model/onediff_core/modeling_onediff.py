"""OneDiff: two images, one tower, delta tokens, a language model that says what differs.

    before, after -> siamese tower -> states of both at the taps -> Visual Delta Module -> delta tokens  \
                         |                                                                               LM -> words
                         +-> states of both at one layer, joined on channels -> projector -> visual tokens /

After "OneDiff: A Generalist Model for Image Difference Captioning" (arXiv 2407.05645). Which choices are the paper's
and which are ours is said where they are made, and gathered in docs/model.md.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import nn
from torch.nn import functional
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedModel,
)

from onediff_core.configuration_onediff import (
    OneDiffConfig,
    OneDiffDeltaConfig,
    refuse_unknown_fields,
    size_multiple,
)
from onediff_core.delta import VisualDeltaModule
from onediff_core.features import DeltaFeatures, DenseShape
from onediff_core.generation_onediff import OneDiffGenerationMixin
from onediff_core.loading import language_model, vision_config, vision_tower
from onediff_core.outputs_onediff import OneDiffCausalLMOutput, OneDiffModelOutput
from onediff_core.pretrained_onediff import OneDiffPreTrainedModel
from onediff_core.tower import Tap, build_tower, encode_pairs, pair_of, tower_channels

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from torch import Tensor


class OneDiffProjector(nn.Module):
    """The paper's two-layer perceptron, 2048 -> 4096: both images' states, joined on channels, as the LM reads them.

    That 2048 is two images of CLIP-L's 1024 channels is our reading of it.
    """

    def __init__(self, channels: int, width: int) -> None:
        """From the tower's channels to the language model's width."""
        super().__init__()
        self.up, self.out = nn.Linear(2 * channels, width), nn.Linear(width, width)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, 2, h*w, C) -> (B, h*w, D): one token for what both images show in one place."""
        joined = torch.cat(cells.unbind(1), dim=-1)  # (B, h*w, 2C)
        tokens: Tensor = self.out(functional.gelu(self.up(joined)))  # (B, h*w, D)
        return tokens


class OneDiffModel(OneDiffPreTrainedModel):
    """The part of OneDiff that sees: from two images to the tokens that the LM reads and the maps that heads read."""

    # A checkpoint of the whole model holds this one; the language model in it is then not loaded.
    _keys_to_ignore_on_load_unexpected = [r"^language_model\."]  # noqa: RUF012

    def __init__(self, config: OneDiffConfig) -> None:
        """With random weights."""
        super().__init__(config)
        width = config.text_config.hidden_size
        self.vision_tower = build_tower(config.vision_config, config.tower_layers)
        channels = tower_channels(self.vision_tower, config.tower_layers)
        self.delta = VisualDeltaModule(config.delta_config, channels)
        self.projector = OneDiffProjector(channels[config.visual_layer], width)
        # How delta tokens reach the language model's width the paper does not say; one linear layer is ours.
        self.delta_projector = nn.Linear(config.delta_config.hidden_size, width)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The tower's embedding of patches."""
        return self.vision_tower.get_input_embeddings()

    def encode(
        self,
        pixel_values: Tensor | None = None,
        image_mask: Tensor | None = None,
        *,
        before: Tensor | None = None,
        after: Tensor | None = None,
    ) -> tuple[dict[int, Tap], tuple[int, int]]:
        """The tower's states of both images at each layer that is used, and (H, W) of the padded images."""
        pixel_values = pair_of(pixel_values, before, after, channels=self.config.vision_config.num_channels)
        size = (pixel_values.shape[-2], pixel_values.shape[-1])
        wanted = (len(pixel_values), *size)
        if image_mask is not None and (image_mask.shape != wanted or image_mask.dtype != torch.bool):
            raise ValueError(
                f"image_mask is {image_mask.dtype} {tuple(image_mask.shape)}, but the images need bool {wanted}"
            )
        taps = encode_pairs(self.vision_tower, pixel_values, image_mask, self.config.tower_layers)
        dtype = self.delta.delta_tokens.dtype
        if self.vision_tower.dtype != dtype:  # a pretrained tower may come in a precision of its own
            taps = {layer: tap.to(dtype) for layer, tap in taps.items()}
        return taps, size

    def forward(
        self,
        pixel_values: Tensor | None = None,
        image_mask: Tensor | None = None,
        *,
        before: Tensor | None = None,
        after: Tensor | None = None,
        **_: Any,
    ) -> OneDiffModelOutput:
        """See both images of each pair.

        Args:
            pixel_values: (B, 2, C, H, W), before and after, normalised as OneDiffImageProcessor does; or give both
                apart:
            image_mask: (B, H, W) bool, False where a pair was padded at the right or bottom to share a batch.
            before: (B, C, H, W).
            after: (B, C, H, W).

        Raises:
            ValueError: a wrong shape or number of channels, an empty batch, images of two sizes, or (on the CPU)
                pixels that are not finite.
        """
        taps, size = self.encode(pixel_values, image_mask, before=before, after=after)
        delta = self.delta(taps, size, image_mask)
        seen = taps[self.config.visual_layer]
        return OneDiffModelOutput(
            visual_tokens=self.projector(seen.cells),  # (B, h*w, D)
            visual_mask=None if seen.mask is None else seen.mask.flatten(1),
            delta_tokens=self.delta_projector(delta.tokens),  # (B, Q, D)
            delta=delta,
        )

    def dense_features(self, pixel_values: Tensor, image_mask: Tensor | None = None) -> DeltaFeatures:
        """The delta features of `forward` with no tokens, (B, 0, D): dense detection needs none, and saves their time.

        Args:
            pixel_values: (B, 2, C, H, W), as for `forward`.
            image_mask: (B, H, W) bool, as for `forward`.
        """
        taps, size = self.encode(pixel_values, image_mask)
        dense = self.delta.dense(taps, self.delta.read(taps))
        tokens = dense[0].new_zeros(len(dense[0]), 0, self.config.delta_config.hidden_size)
        return DeltaFeatures(tokens=tokens, dense=dense, image_size=size, image_mask=image_mask)

    @torch.no_grad()
    def dense_shape(self) -> DenseShape:
        """What heads on this model are built for, measured on a blank image."""
        side = 2 * size_multiple(self.config.vision_config)
        with _evaluating(self):
            features = self.dense_features(self._blank(side))
        return DenseShape(
            channels=tuple(level.shape[1] for level in features.dense),
            strides=tuple(side // level.shape[3] for level in features.dense),
            token_size=features.tokens.shape[2],
        )

    @torch.no_grad()
    def visual_stride(self, multiple: int) -> int:
        """Pixels, each way, for each visual token, measured on a blank image of twice a multiple of the stride."""
        with _evaluating(self):
            taps, _ = self.encode(self._blank(2 * multiple))
        return 2 * multiple // taps[self.config.visual_layer].grid[1]

    def _blank(self, side: int) -> Tensor:
        return torch.zeros(1, 2, self.config.vision_config.num_channels, side, side, device=self.device)


class OneDiffForConditionalGeneration(OneDiffPreTrainedModel, OneDiffGenerationMixin):
    """OneDiff as a whole: any causal language model, told by OneDiffModel what two images show and how they differ.

    In the prompt a placeholder stands for each visual token and for each delta token (`config.pair_token_id`,
    `config.delta_token_id`; OneDiffProcessor writes them); the tokens themselves take their places.
    """

    main_input_name = "input_ids"

    def __init__(self, config: OneDiffConfig) -> None:
        """With random weights."""
        super().__init__(config)
        self.model = OneDiffModel(config)
        self.language_model = AutoModelForCausalLM.from_config(config.text_config)
        self.post_init()

    @classmethod
    def from_backbones(
        cls,
        *,
        vision: PreTrainedModel | str | os.PathLike[str],
        text: PreTrainedModel | str | os.PathLike[str],
        delta_config: OneDiffDeltaConfig | dict[str, Any] | None = None,
        **config: Any,
    ) -> Self:
        """A model of pretrained parts, with a new delta module and projector, to be trained.

        Folders and hub ids are read from safetensors only. A public repository that has none is converted by the hub
        when transformers asks for it; or load a part yourself as you trust it, and give the model.

        Args:
            vision: a tower, or the folder or hub id of one; of a model for images and text, such as CLIP, its tower is
                taken.
            text: a causal language model, the folder or hub id of one, or a GGUF file.
            delta_config: the delta module.
            **config: further fields of OneDiffConfig.

        Raises:
            ValueError: the tower is none that OneDiff can read, or a field that no configuration has.
            FileNotFoundError: a part is neither a folder nor on the hub.
            CheckpointError: a folder holds pickled weights.
        """
        refuse_unknown_fields(config, OneDiffConfig, "OneDiffConfig")
        words = language_model(text)
        whole = OneDiffConfig(
            vision_config=vision_config(vision), delta_config=delta_config, text_config=words.config, **config
        )
        with torch.device("meta"):  # nothing is made that the pretrained parts replace
            model = cls(whole)
        model.model.vision_tower, model.language_model = vision_tower(vision, whole), words
        for module in model.new_parts().values():
            module.to_empty(device=words.device)
            module.apply(model._init_weights)
        model.generation_config = words.generation_config
        model.eval()
        return model

    def new_parts(self) -> dict[str, nn.Module]:
        """What no pretrained model brings, by name: the delta module and the projectors."""
        parts = ("delta", "projector", "delta_projector")
        return {name: self.model.get_submodule(name) for name in parts}

    def get_input_embeddings(self) -> nn.Module:
        """The language model's."""
        embeddings: nn.Module = self.language_model.get_input_embeddings()
        return embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """The language model's."""
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module | None:
        """The language model's."""
        embeddings: nn.Module | None = self.language_model.get_output_embeddings()
        return embeddings

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """The language model's."""
        self.language_model.set_output_embeddings(new_embeddings)

    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Embedding:
        """As for any transformers model; the language model's own method does it."""
        embeddings: nn.Embedding = self.language_model.resize_token_embeddings(new_num_tokens, *args, **kwargs)
        self.config.text_config.vocab_size = self.language_model.config.vocab_size
        return embeddings

    def enable_input_require_grads(self) -> None:
        """As for any transformers model, in the language model alone.

        Adapters go nowhere else, and what a tower embeds need not be a tensor: Swin gives its grid along.
        """
        self.language_model.enable_input_require_grads()

    def disable_input_require_grads(self) -> None:
        """The inverse of `enable_input_require_grads`."""
        self.language_model.disable_input_require_grads()

    def embed_prompt(self, input_ids: Tensor, seen: OneDiffModelOutput | None) -> Tensor:
        """Embeddings of a prompt, visual and delta tokens in their places.

        Args:
            input_ids: (B, T).
            seen: what the placeholders stand for.

        Returns:
            (B, T, D).

        Raises:
            ValueError: a prompt has not as many placeholders as its pair has tokens.
        """
        ids = {"pair": self.config.pair_token_id, "delta": self.config.delta_token_id}
        places = {kind: input_ids == token_id for kind, token_id in ids.items()}  # each (B, T) bool
        # Placeholders may lie past the vocabulary. What is looked up for them is replaced.
        words = input_ids.masked_fill(places["pair"] | places["delta"], 0)
        embeddings: Tensor = self.get_input_embeddings()(words)  # (B, T, D)
        if seen is None:
            if any(bool(found.any()) for found in places.values()):
                raise ValueError("the prompt has placeholders for two images, but no pixel_values were given")
            return embeddings
        visual, delta, mask = seen.visual_tokens, seen.delta_tokens, seen.visual_mask
        if len(visual) != len(input_ids):
            raise ValueError(f"{len(visual)} pairs of images for {len(input_ids)} prompts: each prompt needs its pair")
        have = torch.full((len(visual),), visual.shape[1], device=visual.device) if mask is None else mask.sum(1)
        _check_counts("pair", places["pair"], have.tolist())
        _check_counts("delta", places["delta"], [delta.shape[1]] * len(delta))
        visual = visual.flatten(0, 1) if mask is None else visual[mask]  # (all V, D)
        for where, tokens in ((places["pair"], visual), (places["delta"], delta)):
            embeddings = embeddings.masked_scatter(where[..., None], tokens.to(embeddings))
        return embeddings

    def forward(
        self,
        pixel_values: Tensor | None = None,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        *,
        image_mask: Tensor | None = None,
        before: Tensor | None = None,
        after: Tensor | None = None,
        seen: OneDiffModelOutput | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> OneDiffCausalLMOutput:
        """Read two images and a prompt, and predict the next word at each place.

        Args:
            pixel_values: (B, 2, C, H, W), before and after; None for text alone.
            input_ids: (B, T), with a placeholder for each visual and delta token.
            attention_mask: (B, T), 0 for padding, at the left or right.
            labels: (B, T), the ids to predict, shifted by the model; -100 where nothing is to be learned.
            image_mask: (B, H, W) bool, False where a pair was padded to share a batch.
            before: (B, C, H, W), with `after` in place of pixel_values.
            after: (B, C, H, W).
            seen: what `self.model` made of the images, in place of them: to ask of one pair more than once.
            position_ids: (B, T); taken from the attention mask where it is padded.
            inputs_embeds: (B, T, D) in place of input_ids, as `embed_prompt` makes them.
            logits_to_keep: how many of the last places get logits; 0 for all.
            **kwargs: for the language model: cache, use_cache, output_hidden_states and so on.

        Returns:
            The language model's output (loss if there are labels, logits (B, T, vocabulary), cache), and `delta`.

        Raises:
            ValueError: images that OneDiffModel refuses, or not as many placeholders in a prompt as its pair has
                tokens.
        """
        if pixel_values is not None or before is not None or after is not None:
            if seen is not None:
                raise ValueError("give either images or what was seen of them")
            seen = self.model(pixel_values, image_mask, before=before, after=after)
        if seen is not None and inputs_embeds is not None:
            raise ValueError("inputs_embeds have their images in them already: give input_ids with pixel_values")
        if inputs_embeds is None:
            if input_ids is None:
                raise ValueError("give input_ids, or inputs_embeds")
            inputs_embeds = self.embed_prompt(input_ids, seen)
        # With a cache the mask is longer than what is new, and `generate` gives the positions itself.
        if position_ids is None and attention_mask is not None and attention_mask.shape == inputs_embeds.shape[:2]:
            position_ids = (attention_mask.long().cumsum(1) - 1).clamp(min=0)  # padding at the left moves no word
        kwargs["return_dict"] = True
        answer = self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            labels=labels,
            logits_to_keep=logits_to_keep,
            **kwargs,
        )
        known = {field.name for field in fields(OneDiffCausalLMOutput)}
        return OneDiffCausalLMOutput(
            **{name: value for name, value in answer.items() if name in known},
            delta=None if seen is None else seen.delta,
        )


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while: a blank image must not enter running statistics. Each module gets its own back."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _check_counts(kind: str, places: Tensor, needed: list[int]) -> None:
    for row, (found, need) in enumerate(zip(places.sum(1).tolist(), needed, strict=True)):
        if found != need:
            raise ValueError(
                f"prompt {row} has {found} placeholders for {kind} tokens, but its images make {need}: "
                "let OneDiffProcessor write the prompt, with the sizes of this model"
            )


AutoModel.register(OneDiffConfig, OneDiffModel)
AutoModelForImageTextToText.register(OneDiffConfig, OneDiffForConditionalGeneration)
