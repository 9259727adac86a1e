"""Pairs of images and what is asked of them, as the model takes them.

How a prompt is built the paper does not say; this is ours. The text holds `<pair>` once and `<delta>` once, in this
order before the question. `<pair>` is repeated for each visual token of the pair (576 for CLIP ViT-L at 336 px) and
`<delta>` for each delta token; the model puts the tokens in their places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from transformers import AddedToken, AutoProcessor, BatchFeature, ProcessorMixin

from onediff_core.configuration_onediff import OneDiffConfig
from onediff_core.image_processing_onediff import OneDiffImageProcessor
from onediff_core.prompts import instruction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import BaseImageProcessor, PreTrainedTokenizerBase

    from onediff_core.image_processing_onediff import Pair
    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.prompts import Place

IGNORED = -100  # a label that the loss leaves out


class OneDiffProcessor(ProcessorMixin):
    """An image processor for pairs and a tokenizer that knows the two placeholders."""

    def __init__(
        self,
        image_processor: OneDiffImageProcessor,
        tokenizer: PreTrainedTokenizerBase,
        visual_stride: int = 14,  # by position too: transformers hands on only such arguments when it loads a processor
        num_delta_tokens: int = 32,
        pair_token: str = "<pair>",
        delta_token: str = "<delta>",
        chat_template: str | None = None,
    ) -> None:
        """Join the two; `for_model` finds the numbers.

        Args:
            image_processor: for pairs.
            tokenizer: the language model's. The placeholders are added to it; it pads at the left, as generation needs;
                if it has no token for padding, that of the end of a text is used, which attention mask and labels leave
                out.
            visual_stride: pixels of the image, each way, for each visual token.
            num_delta_tokens: delta tokens of each pair.
            pair_token: placeholder of the visual tokens.
            delta_token: placeholder of the delta tokens.
            chat_template: in place of the tokenizer's own.
        """
        if tokenizer.pad_token is None:
            if tokenizer.eos_token is None:
                raise ValueError(
                    "the tokenizer has neither a token for padding nor one for the end: set tokenizer.pad_token"
                )
            tokenizer.pad_token = tokenizer.eos_token
        tokenizer.padding_side = "left"
        tokenizer.add_tokens(
            [AddedToken(token, special=True, normalized=False) for token in (pair_token, delta_token)],
            special_tokens=True,
        )
        self.visual_stride, self.num_delta_tokens = visual_stride, num_delta_tokens
        self.pair_token, self.delta_token = pair_token, delta_token
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    @classmethod
    def for_model(
        cls,
        model: OneDiffForConditionalGeneration,
        tokenizer: PreTrainedTokenizerBase,
        *,
        like: BaseImageProcessor | None = None,
        **image_changes: Any,
    ) -> Self:
        """The processor of a model of `from_backbones`, which learns the ids of the placeholders and where answers end.

        Args:
            model: whose tower, delta tokens and language model it is for.
            tokenizer: the language model's.
            like: the image processor that came with the tower.
            **image_changes: arguments of OneDiffImageProcessor that shall differ from the tower's own.
        """
        image_processor = OneDiffImageProcessor.for_tower(model.config.vision_config, like, **image_changes)
        processor = cls(
            image_processor,
            tokenizer,
            visual_stride=model.model.visual_stride(image_processor.size_multiple),
            num_delta_tokens=model.config.delta_config.num_delta_tokens,
        )
        model.config.pair_token_id, model.config.delta_token_id = processor.placeholder_ids
        processor.end_answers(model)
        return processor

    def end_answers(self, model: OneDiffForConditionalGeneration) -> None:
        """Let a model stop at the token that answers end with in training, the tokenizer's.

        A language model may name other ends for generation, and then would speak on: as SmolLM2 read from GGUF by
        transformers 5.17, whose tokenizer ends a text with the start of a turn.

        Args:
            model: whose answers are of this tokenizer.
        """
        named: Any = model.generation_config.eos_token_id
        ends = [] if named is None else [named] if isinstance(named, int) else list(named)
        own = self.tokenizer.eos_token_id
        if own is not None and own not in ends:
            # The first one fills up the answers of a batch that end early, where the model names no padding.
            model.generation_config.eos_token_id = [own, *ends] if ends else own

    @property
    def placeholder_ids(self) -> tuple[int, int]:
        """Ids of the placeholders of visual and of delta tokens."""
        pair, delta = self.tokenizer.convert_tokens_to_ids([self.pair_token, self.delta_token])
        return pair, delta

    @property
    def model_input_names(self) -> list[str]:
        """Names of what `__call__` makes."""
        return ["input_ids", "attention_mask", "labels", "pixel_values", "image_mask"]

    def prompt(self, task: str = "caption", places: Sequence[Place] = (), *, question: str | None = None) -> str:
        """The text for a task, placeholders and the tokenizer's chat template included.

        Args:
            task: a name of `onediff_core.prompts.INSTRUCTIONS`.
            places: boxes, for the tasks "regions" and "refer".
            question: one of your own, in place of a task.

        Returns:
            Text for `__call__`. Without a chat template it is in Vicuna's form, `USER: ... ASSISTANT:`.
        """
        asked = instruction(task, places) if question is None else question
        content = f"{self.pair_token}{self.delta_token}\n{asked}"
        template = self.chat_template or self.tokenizer.chat_template
        if template is None:
            return f"USER: {content} ASSISTANT:"
        text: str = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], chat_template=template, tokenize=False, add_generation_prompt=True
        )
        return text

    def __call__(
        self,
        images: Pair | Sequence[Pair],
        text: str | Sequence[str] | None = None,
        *,
        answers: str | Sequence[str] | None = None,
        return_tensors: str | None = "pt",
        **_: Any,
    ) -> BatchFeature:
        """Make pairs and their prompts ready.

        Args:
            images: (before, after), or a list of such pairs, as for OneDiffImageProcessor.
            text: the prompt of each pair, as `prompt` makes it, or one for all; None is the task "caption".
            answers: what the model shall learn to say, one for each pair; then there are labels.
            return_tensors: "pt" for torch, "np" for numpy.

        Returns:
            input_ids and attention_mask (B, T), padded at the left; pixel_values and, where pairs are padded,
            image_mask; with answers labels (B, T), -100 everywhere but in the answers and the end that follows them.

        Raises:
            ValueError: bad images, not as many prompts or answers as pairs, or a prompt that does not hold each
                placeholder once.
        """
        made = self.image_processor(images, return_tensors="np")
        pairs = len(made["pixel_values"])
        text = self.prompt() if text is None else text
        texts = [text] * pairs if isinstance(text, str) else list(text)
        said = [answers] if isinstance(answers, str) else answers
        for name, given in (("prompts", texts), ("answers", said)):
            if given is not None and len(given) != pairs:
                raise ValueError(f"{len(given)} {name} for {pairs} pairs of images: give one for each")
        mask = made.get("image_mask", np.ones((pairs, *made["pixel_values"].shape[-2:]), bool))
        made.update(self.tokenised(texts, [self._visual_tokens(row) for row in mask], said))
        return BatchFeature(dict(made), tensor_type=return_tensors)

    def tokenised(
        self, texts: Sequence[str], visual_tokens: Sequence[int] | None, answers: Sequence[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Prompts, and what is to be learned to say, as ids.

        Args:
            texts: prompts, as `prompt` makes them.
            visual_tokens: how many each pair has; None for text alone, from which both placeholders are left out.
            answers: one for each prompt.

        Returns:
            input_ids and attention_mask (B, T), padded at the left, and with answers labels (B, T), as `__call__`.

        Raises:
            ValueError: a prompt that does not hold each placeholder once, or an answer that holds one.
        """
        counts = [None] * len(texts) if visual_tokens is None else list(visual_tokens)
        prompts = [self._prompt_ids(row, *both) for row, both in enumerate(zip(texts, counts, strict=True))]
        learnt = [[]] * len(texts) if answers is None else list(map(self._answer_ids, texts, answers))
        rows = [prompt + answer for prompt, answer in zip(prompts, learnt, strict=True)]
        made = {
            "input_ids": _left_padded(rows, self.tokenizer.pad_token_id),
            "attention_mask": _left_padded([[1] * len(row) for row in rows], 0),
        }
        if answers is not None:
            labels = [[IGNORED] * len(prompt) + answer for prompt, answer in zip(prompts, learnt, strict=True)]
            made["labels"] = _left_padded(labels, IGNORED)
        return made

    def answers(self, output_ids: Any, input_ids: Any) -> list[str]:
        """What `generate` said: the texts (B,) of its ids (B, T + n) after those of the prompts (B, T)."""
        texts = self.tokenizer.batch_decode(output_ids[:, input_ids.shape[1] :], skip_special_tokens=True)
        return [text.strip() for text in texts]

    def _visual_tokens(self, mask: np.ndarray) -> int:
        """Of a pair whose pixels are those of a mask (H, W)."""
        return int(mask[:, 0].sum()) // self.visual_stride * (int(mask[0].sum()) // self.visual_stride)

    def _prompt_ids(self, row: int, text: str, visual: int | None) -> list[int]:
        delta = 0 if visual is None else self.num_delta_tokens
        for token, times in ((self.pair_token, visual or 0), (self.delta_token, delta)):
            if text.count(token) != 1:
                raise ValueError(
                    f"prompt {row} holds {token} {text.count(token)} times: once is what it needs; `prompt()` writes it"
                )
            text = text.replace(token, token * times)
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        # A template may have written the start already; some tokenizers would also end the prompt, which goes on.
        start, empty = self.tokenizer.bos_token_id, self.tokenizer("")["input_ids"]
        needs_start = start is not None and empty[:1] == [start] and ids[:1] != [start]
        return [start, *ids] if needs_start else ids

    def _answer_ids(self, prompt: str, answer: str) -> list[int]:
        if token := next((token for token in (self.pair_token, self.delta_token) if token in answer), None):
            raise ValueError(f"the answer {answer!r} holds the placeholder {token}")
        joint = "" if prompt[-1:].isspace() or (self.chat_template or self.tokenizer.chat_template) else " "
        ids: list[int] = self.tokenizer(joint + answer, add_special_tokens=False)["input_ids"]
        end = self.tokenizer.eos_token_id
        return ids if end is None else [*ids, end]


def _left_padded(rows: Sequence[Sequence[int]], fill: int) -> np.ndarray:
    padded = np.full((len(rows), max(map(len, rows))), fill, np.int64)
    for row, ids in enumerate(rows):
        padded[row, padded.shape[1] - len(ids) :] = ids
    return padded


AutoProcessor.register(OneDiffConfig, OneDiffProcessor)
