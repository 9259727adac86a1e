"""How OneDiff says what differs: the images are looked at once, whatever the search."""

from __future__ import annotations

from typing import Any

import torch
from transformers import GenerationMixin

from onediff_core.configuration_onediff import OneDiffConfig  # noqa: TC001 - transformers reads the annotation

_IMAGES = ("pixel_values", "image_mask", "before", "after")


class OneDiffGenerationMixin(GenerationMixin):
    """`generate` for OneDiffForConditionalGeneration."""

    config: OneDiffConfig
    model: Any  # a OneDiffModel

    def prepare_inputs_for_generation(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Inputs of one step: what was seen only in the first, unless there is no cache to hold it."""
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(*args, **kwargs)
        if not kwargs.get("is_first_iteration", False) and kwargs.get("use_cache", True):
            inputs.pop("seen", None)
        return inputs

    def _expand_inputs_for_generation(self, expand_size: int = 1, *args: Any, **kwargs: Any) -> Any:
        """Repeats what was seen along with the prompts."""
        whole: Any = super()  # transformers types `self` as what has all of its parts
        input_ids, inputs = whole._expand_inputs_for_generation(expand_size, *args, **kwargs)
        if inputs.get("seen") is not None:
            inputs["seen"] = inputs["seen"].repeated(expand_size)
        return input_ids, inputs

    def require_trained(self) -> None:
        """Refuse to speak if the delta module was never trained.

        Raises:
            ValueError: it was not, as `config.trained_stages` says; the message says how to train.
        """
        if not self.config.trained_stages:
            raise ValueError(
                "this model's delta module was never trained (config.trained_stages is empty), so what it says has "
                "nothing to do with the images. Train it (core_model/README.md shows a step), name the stage in "
                "config.trained_stages, such as ('cst',), and save it; or load a trained one. "
                "allow_untrained=True lets it speak as it is"
            )

    @torch.no_grad()
    def generate(self, *args: Any, allow_untrained: bool = False, **kwargs: Any) -> Any:
        """Say what differs: `GenerationMixin.generate`, for what OneDiffProcessor makes.

        Args:
            *args: as for any transformers model.
            allow_untrained: whether a model whose delta module was never trained may speak nevertheless.
            **kwargs: as for any transformers model.

        Returns:
            Token ids, the prompt's included, or what `return_dict_in_generate` asks for.

        Raises:
            ValueError: the model was never trained, a repetition penalty cannot be applied to its placeholders, or both
                images and what was seen of them are given.
        """
        if not allow_untrained:
            self.require_trained()
        settings = kwargs.get("generation_config") or self.generation_config
        if kwargs.get("repetition_penalty", settings.repetition_penalty) not in (None, 1.0):
            last = max(self.config.pair_token_id, self.config.delta_token_id)
            if last >= self.config.text_config.vocab_size:  # the penalty looks up a score for every id of the prompt
                raise ValueError(
                    "repetition_penalty needs placeholders that lie within the vocabulary: call "
                    f"model.resize_token_embeddings({last + 1}), or use no_repeat_ngram_size"
                )
        # A placeholder stands for what was seen: it is no word that could be said.
        suppressed = kwargs.get("suppress_tokens", settings.suppress_tokens) or ()
        kwargs["suppress_tokens"] = [*suppressed, self.config.pair_token_id, self.config.delta_token_id]
        images = {name: kwargs.pop(name, None) for name in _IMAGES}
        if any(given is not None for given in images.values()):
            if kwargs.get("seen") is not None:
                raise ValueError("give either images or what was seen of them")
            # Once, and not once for each beam or sample, nor, without a cache, for each word.
            kwargs["seen"] = self.model(**images)
        return super().generate(*args, **kwargs)
