"""What a OneDiff model is made of.

"The paper" is "OneDiff: A Generalist Model for Image Difference Captioning" (arXiv 2407.05645). Where it leaves a
choice open, the docstring says that the choice is ours.
"""

from __future__ import annotations

import copy
from dataclasses import fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from transformers import AutoConfig, PreTrainedConfig

if TYPE_CHECKING:
    from collections.abc import Iterable


class OneDiffDeltaConfig(PreTrainedConfig):
    """The Visual Delta Module: a BERT-like transformer whose queries are learned delta tokens.

    Attributes:
        hidden_size: width D of the delta tokens; 768, BERT-base's, as in the paper.
        num_hidden_layers: layers; 6, as in the paper.
        num_attention_heads: heads of each attention; 12, BERT-base's.
        intermediate_size: width of the feed-forward part; 3072, BERT-base's.
        num_delta_tokens: learned queries Q. The paper does not say how many; 32, the number of BLIP-2's Q-Former, is
            ours. With 0 the language model reads projected image tokens alone: OneDiff without its delta module, for
            comparison.
        memory: what the queries read. "states", the paper: the tower's hidden states of both images, nothing
            subtracted. "gated", an alternative: one gated difference a tap (Hu et al., M3Diff, ICCV 2025).
        taps: which hidden states of the tower are read, ascending. For a tower of tokens k means after layer k; for one
            of feature maps, the k-th of its `stage_names`, of which the first is the stem. None takes a third, two
            thirds and all of the tower's depth: the paper's 8, 16 and 24 for CLIP ViT-L.
        dense_taps: which hidden states yield dense delta features, counted and ordered likewise; None takes `taps`. A
            tower of feature maps has fine stages that heads want and delta tokens cannot afford to read. Ours.
        dropout: probability, in [0, 1); 0.1, BERT's.
        layer_norm_eps: as in BERT.
        initializer_range: standard deviation of new weights, as in BERT.
    """

    model_type = "onediff_delta"
    base_config_key = "delta_config"

    hidden_size: int = 768
    num_hidden_layers: int = 6
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    num_delta_tokens: int = 32
    memory: Literal["states", "gated"] = "states"
    taps: tuple[int, ...] | None = None
    dense_taps: tuple[int, ...] | None = None
    dropout: float = 0.1
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.02

    def __post_init__(self, **kwargs: Any) -> None:  # noqa: D105
        super().__post_init__(**kwargs)
        least = dict.fromkeys(("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"), 1)
        for name, number in {**least, "num_delta_tokens": 0}.items():
            if getattr(self, name) < number:
                raise ValueError(f"delta_config.{name} is {getattr(self, name)}: it has to be at least {number}")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"delta_config.hidden_size {self.hidden_size} does not divide into "
                f"{self.num_attention_heads} attention heads"
            )
        if self.hidden_size % 4:
            raise ValueError(f"delta_config.hidden_size {self.hidden_size} is no multiple of 4, which positions need")
        if self.memory not in ("states", "gated"):
            raise ValueError(f"delta_config.memory is {self.memory!r}: choose 'states' or 'gated'")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"delta_config.dropout is {self.dropout}: it has to be in [0, 1)")
        for name in ("taps", "dense_taps"):
            if getattr(self, name) is None:
                continue
            taps = tuple(getattr(self, name))
            if not taps or list(taps) != sorted(set(taps)):
                raise ValueError(f"delta_config.{name} is {taps}: name at least one, ascending, none twice")
            setattr(self, name, taps)

    @property
    def levels(self) -> tuple[int, ...]:
        """Every layer or stage that is read, as memory or as a map, ascending; known once both kinds of taps are."""
        return tuple(sorted({*(self.taps or ()), *(self.dense_taps or ())}))


class OneDiffConfig(PreTrainedConfig):
    """A vision tower, a Visual Delta Module and a language model.

    Attributes:
        vision_config: the siamese tower: a configuration, its dict, or a model type such as "dinov2". Any vision model
            of transformers with hidden states a layer, or any AutoBackbone with feature maps a stage. None is the
            paper's CLIP ViT-L/14 at 336 px.
        delta_config: the Visual Delta Module, a OneDiffDeltaConfig or its dict.
        text_config: the language model, any causal one. None is the paper's Vicuna-7B, which is a Llama.
        visual_layer: which hidden state the projector reads, counted as `delta_config.taps` are. None is our choice:
            the last but one of a tower of tokens, as in LLaVA-1.5, on whose code the paper builds; the last stage of
            others.
        pair_token_id: id of the placeholder that stands for one visual token of a pair. None takes the first id past
            the language model's vocabulary: no word is lost and the model cannot utter it. Ours.
        delta_token_id: id of the placeholder that stands for one delta token; None takes the second id past it. Ours.
        trained_stages: names of the training stages that the weights have been through, in order, as ("cst", "sft");
            empty for weights that were never trained together, which refuse to generate. Ours.
        initializer_range: standard deviation of the new weights of the projector.
    """

    model_type = "onediff"
    sub_configs: ClassVar[dict[str, Any]] = {
        "vision_config": AutoConfig,
        "delta_config": OneDiffDeltaConfig,
        "text_config": AutoConfig,
    }

    # What is given in several forms is held in one, once `__post_init__` has run.
    vision_config: Any = None
    delta_config: Any = None
    text_config: Any = None
    visual_layer: Any = None
    pair_token_id: Any = None
    delta_token_id: Any = None
    trained_stages: tuple[str, ...] = ()
    initializer_range: float = 0.02

    def __post_init__(self, **kwargs: Any) -> None:  # noqa: D105
        vision = _configuration(self.vision_config, "vision_config", CLIP_L_336)
        text = _configuration(self.text_config, "text_config", VICUNA_7B)
        # A model for images and text, such as CLIP, brings its tower along.
        vision = getattr(vision, "vision_config", vision)
        text = text.get_text_config(decoder=True)
        delta = OneDiffDeltaConfig() if self.delta_config is None else self.delta_config
        if isinstance(delta, dict):
            refuse_unknown_fields(delta, OneDiffDeltaConfig, "delta_config")
            delta = OneDiffDeltaConfig(**delta)
        if not isinstance(delta, OneDiffDeltaConfig):
            raise TypeError(f"delta_config is a {type(delta).__name__}: give a OneDiffDeltaConfig or its dict")
        delta = copy.deepcopy(delta)  # its taps are filled in for this tower
        self.vision_config, self.delta_config, self.text_config = vision, delta, text

        depth = tower_depth(vision)
        if delta.taps is None:
            delta.taps = tuple(sorted({max(1, round(depth * part / 3)) for part in (1, 2, 3)}))
        if delta.dense_taps is None:
            delta.dense_taps = delta.taps
        if self.visual_layer is None:
            self.visual_layer = depth if has_stages(vision) else max(1, depth - 1)
        named = {
            "delta_config.taps": delta.taps,
            "delta_config.dense_taps": delta.dense_taps,
            "visual_layer": (self.visual_layer,),
        }
        for name, layers in named.items():
            if wrong := [layer for layer in layers if not 0 <= layer <= depth]:
                raise ValueError(f"{name} names {wrong}, but {vision.model_type} has 0 to {depth}")

        if self.pair_token_id is None:
            self.pair_token_id = text.vocab_size
        if self.delta_token_id is None:
            self.delta_token_id = text.vocab_size + 1
        if self.pair_token_id == self.delta_token_id:
            raise ValueError(f"pair_token_id and delta_token_id are both {self.pair_token_id}: they have to differ")
        if isinstance(self.trained_stages, str) or not all(self.trained_stages):
            raise ValueError(
                f"trained_stages is {self.trained_stages!r}: give a tuple of names, such as ('cst', 'sft')"
            )
        self.trained_stages = tuple(self.trained_stages)
        # Tied or not is the language model's own affair.
        kwargs.pop("tie_word_embeddings", None)
        super().__post_init__(**kwargs)
        self.tie_word_embeddings = False

    @classmethod
    def get_config_dict(cls, pretrained_model_name_or_path: Any, **kwargs: Any) -> tuple[dict[str, Any], Any]:
        """As for any configuration, but of a OneDiff only: whatever a file leaves out would be the paper's 7B parts.

        Raises:
            ValueError: there is no `config.json`, or it is of another model.
        """
        found, rest = super().get_config_dict(pretrained_model_name_or_path, **kwargs)
        if found.get("model_type") != cls.model_type:
            holds = f"a configuration of {found['model_type']!r}" if "model_type" in found else "no config.json"
            raise ValueError(
                f"{pretrained_model_name_or_path} holds {holds}, not that of a OneDiff: give the folder "
                "or hub id of one; OneDiffForConditionalGeneration.from_backbones makes one of other models"
            )
        return found, rest

    @property
    def tower_layers(self) -> tuple[int, ...]:
        """Layers or stages of the tower whose states are used at all, ascending."""
        return tuple(sorted({*self.delta_config.levels, self.visual_layer}))


# The paper's parts, openai/clip-vit-large-patch14-336 and lmsys/vicuna-7b-v1.5, as far as they differ from the
# defaults.
CLIP_L_336: dict[str, Any] = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
}
VICUNA_7B: dict[str, Any] = {"model_type": "llama", "max_position_embeddings": 4096}


def has_stages(vision_config: PreTrainedConfig) -> bool:
    """Whether a tower yields feature maps, which shrink from stage to stage, and not one row of tokens a layer."""
    tokens = isinstance(getattr(vision_config, "patch_size", None), int) and hasattr(vision_config, "num_hidden_layers")
    return hasattr(vision_config, "stage_names") and (not tokens or hasattr(vision_config, "depths"))


# Backbones halve an image five times.
_LARGEST_STRIDE = 32


def size_multiple(vision_config: PreTrainedConfig) -> int:
    """Pixels that the sides of images should be multiples of: a tower's patch, or the largest stride of its maps."""
    return _LARGEST_STRIDE if has_stages(vision_config) else int(vision_config.patch_size)


def tower_depth(vision_config: PreTrainedConfig) -> int:
    """Layers of a tower of tokens, or stages, without the stem, of one of feature maps.

    Raises:
        ValueError: the configuration has neither layers nor stages.
    """
    if has_stages(vision_config):
        return len(vision_config.stage_names) - 1
    depth = getattr(vision_config, "num_hidden_layers", None)
    if not isinstance(depth, int) or not hasattr(vision_config, "patch_size"):
        raise ValueError(
            f"{vision_config.model_type} is no vision tower that OneDiff can read: it has neither patches and "
            "`num_hidden_layers`, as CLIP, SigLIP and DINOv2 have, nor the `stage_names` of an AutoBackbone"
        )
    return depth


def refuse_unknown_fields(names: Iterable[str], of: type[PreTrainedConfig], owner: str) -> None:
    """Raise where a name is no field of a configuration: transformers would keep it, and nothing would read it.

    Args:
        names: given for fields.
        of: the configuration.
        owner: what it is called in the message.

    Raises:
        ValueError: a name that is none; the nearest one is named.
    """
    known = {field.name for field in fields(of)}
    for name in sorted(set(names) - known - PreTrainedConfig().to_dict().keys()):
        near = get_close_matches(name, known, n=1)
        raise ValueError(f"{owner} has no field {name!r}{f': did you mean {near[0]!r}?' if near else ''}")


def _configuration(
    given: PreTrainedConfig | dict[str, Any] | str | None, name: str, default: dict[str, Any]
) -> PreTrainedConfig:
    given = default if given is None else given
    if isinstance(given, PreTrainedConfig):
        return given
    fields = {"model_type": given} if isinstance(given, str) else dict(given)
    model_type = fields.pop("model_type", default["model_type"])
    try:
        return AutoConfig.for_model(model_type, **fields)
    except ValueError as error:
        raise ValueError(f"{name}: transformers knows no model type {model_type!r}") from error


AutoConfig.register(OneDiffConfig.model_type, OneDiffConfig)
