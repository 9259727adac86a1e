"""What each word stage starts from, learns from and is scored on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from onediff_core.errors import CheckpointError
from onediff_core.processing_onediff import OneDiffProcessor
from onediff_core.training.words.captioned import read_captioned
from onediff_core.training.words.drawn import drawn_answers, score_drawn
from onediff_core.training.words.predicted import predicted_places
from onediff_core.training.words.scoring import (
    Speaker,
    real_answers,
    score_coupled,
    score_real,
    score_texts,
    told_pairs,
)
from onediff_core.training.words.sources import (
    CoupledFacts,
    CoupledPictures,
    DrawnFacts,
    DrawnPairs,
    Mixture,
    RealPairs,
    WrittenFacts,
)
from onediff_core.training.words.texts import read_texts
from onediff_core.training.words.vocabulary import keep_tokenizer, kept_tokenizer, learn_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PreTrainedTokenizerFast

    from onediff_core.checkpoint import Checkpoint
    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.training.words.settings import Stage, WordSettings
    from onediff_core.training.words.sources import LessonSource

    Scores = Callable[[OneDiffForConditionalGeneration], dict[str, float]]
    Report = Callable[[OneDiffForConditionalGeneration], dict[str, Any]]

TOKENIZER: Final = "tokenizer"
# Whose places the language model is told of on real pairs: the first head's, and as often those of all that are there.
REAL_HEADS: Final = ("satellite.building", "satellite.change")
_TAUGHT: Final = 1500  # drawn lessons that the tokenizer learns from
_COUPLED_SHARE: Final = 0.15  # of the lessons in text alone


class Prepared(NamedTuple):
    """A stage that can begin.

    Attributes:
        model: in float32.
        processor: its own.
        source: of its lessons.
        score: of averaged weights on the way, as `set/score`.
        report: likewise, at the end alone, with every answer: of pairs on which nothing may be chosen, too.
    """

    model: OneDiffForConditionalGeneration
    processor: OneDiffProcessor
    source: LessonSource
    score: Scores
    report: Report


def prepare(stage: Stage, checkpoint: Checkpoint, data: Path, run: Path, settings: WordSettings) -> Prepared:
    """Read what a stage needs.

    Args:
        stage: which one.
        checkpoint: what it starts from: of the dense stage for "facts", else of a word stage.
        data: the folder of all sets.
        run: the run's folder; the stage "facts" keeps its tokenizer there.
        settings: of the run.

    Raises:
        CheckpointError: a checkpoint that this stage cannot start from.
        DataError: a set is missing or holds what cannot be trained on.
        PairError: a file of a set cannot be read.
    """
    if not settings.delta_tokens:
        checkpoint = without_delta_tokens(checkpoint)
    elif not checkpoint.model.config.delta_config.num_delta_tokens:
        raise CheckpointError(
            f"{checkpoint.name} has no delta tokens to learn with: go on without them, with --set delta_tokens=false"
        )
    if stage == "facts":
        return _facts(checkpoint, data, run, settings)
    if checkpoint.processor is None or "facts" not in checkpoint.model.config.trained_stages:
        raise CheckpointError(
            f"{checkpoint.name} knows no words yet (its stages: {', '.join(checkpoint.model.config.trained_stages)}): "
            f"the stage {stage!r} starts from a run of the stage 'facts'"
        )
    model, processor = checkpoint.model.float(), checkpoint.processor
    if stage == "cst":
        return Prepared(
            model,
            processor,
            CoupledPictures(settings.side),
            lambda trained: score_coupled(Speaker(trained, processor), settings.side, settings.held_out),
            _nothing,
        )
    return _joint(model, processor, checkpoint, data, settings)


def _facts(checkpoint: Checkpoint, data: Path, run: Path, settings: WordSettings) -> Prepared:
    texts = read_texts(data)
    drawn, coupled = DrawnFacts(settings.scenes, settings.tasks), CoupledFacts()
    rest = 1 - settings.real - _COUPLED_SHARE
    source = Mixture([(WrittenFacts(texts), settings.real), (drawn, max(rest, 0.0)), (coupled, _COUPLED_SHARE)])
    tokenizer = kept_tokenizer(run / TOKENIZER)
    if tokenizer is None:
        lessons = [source.draw(np.random.default_rng((settings.seed, number))) for number in range(_TAUGHT)]
        tokenizer = learn_tokenizer(texts, lessons)
        keep_tokenizer(tokenizer, run / TOKENIZER)
    model, processor = with_words(checkpoint, tokenizer, settings.seed)
    return Prepared(
        model,
        processor,
        source,
        lambda trained: score_texts(Speaker(trained, processor), texts.held_out),
        _nothing,
    )


def _joint(
    model: OneDiffForConditionalGeneration,
    processor: OneDiffProcessor,
    checkpoint: Checkpoint,
    data: Path,
    settings: WordSettings,
) -> Prepared:
    heads = [checkpoint.heads[name].float() for name in REAL_HEADS if name in checkpoint.heads]
    building = heads[:1]
    if REAL_HEADS[0] not in checkpoint.heads:
        raise CheckpointError(
            f"{checkpoint.name} has no head {REAL_HEADS[0]!r}, which finds the places in real pairs: start from "
            "weights that the dense stage was exported to"
        )
    pairs = read_captioned(data, settings.fold)
    scored = predicted_places(model, processor, building, pairs.scored)
    ways = [building] if len(heads) == 1 else [building, heads]
    learned = [
        told
        for way in ways
        for told in zip(pairs.learned, predicted_places(model, processor, way, pairs.learned), strict=True)
    ]
    source = Mixture(
        [
            (DrawnPairs(settings.scenes, settings.tasks, settings.turns, settings.side), 1 - settings.real),
            (RealPairs(learned, settings.tasks, settings.turns, settings.predicted), settings.real),
        ]
    )

    def score(trained: OneDiffForConditionalGeneration) -> dict[str, float]:
        speaker = Speaker(trained, processor)
        drawn = drawn_answers(speaker, settings.scenes, settings.side, settings.held_out)
        return score_drawn(drawn) | score_real("fold", real_answers(speaker, pairs.scored, scored))

    def report(trained: OneDiffForConditionalGeneration) -> dict[str, Any]:
        speaker = Speaker(trained, processor)
        made: dict[str, Any] = {}
        found = predicted_places(trained, processor, building, pairs.reported)
        for name, samples, places in (("fold", pairs.scored, scored), ("reported", pairs.reported, found)):
            answers = real_answers(speaker, samples, places)
            made |= {**score_real(name, answers), f"{name}/pairs": told_pairs(answers)}
        return made

    return Prepared(model, processor, source, score, report)


def with_words(
    checkpoint: Checkpoint, tokenizer: PreTrainedTokenizerFast, seed: int
) -> tuple[OneDiffForConditionalGeneration, OneDiffProcessor]:
    """The part of a OneDiff that sees, with a new language model of another vocabulary.

    Args:
        checkpoint: its language model is replaced by a new one of the same shape.
        tokenizer: of the new one.
        seed: of its weights.

    Raises:
        CheckpointError: no processor, which says how large images are.
    """
    text_config = checkpoint.model.config.text_config
    text_config.vocab_size = len(tokenizer)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        words = AutoModelForCausalLM.from_config(text_config, dtype=torch.float32)
    return _joined(checkpoint, words, tokenizer)


def with_words_of(seeing: Checkpoint, speaking: Checkpoint) -> Checkpoint:
    """A OneDiff of two: text alone is learned from while the tower still learns.

    Args:
        seeing: all but its words are taken, heads too.
        speaking: what the stage "facts" wrote; its language model and tokenizer are taken.

    Raises:
        CheckpointError: words that were tuned to what another tower sees, or none at all.
    """
    stages = speaking.model.config.trained_stages
    if stages != ("facts",) or speaking.processor is None:
        raise CheckpointError(
            f"the words of {speaking.name} cannot be taken over (its stages: {', '.join(stages) or 'none'}): name the "
            "weights of a run of the stage 'facts' and no other"
        )
    model, processor = _joined(seeing, speaking.model.language_model, speaking.processor.tokenizer)
    model.config.text_config = speaking.model.config.text_config
    model.config.trained_stages = stages
    return replace(seeing, base=model.model, whole=model, processor=processor)


def without_delta_tokens(checkpoint: Checkpoint) -> Checkpoint:
    """A OneDiff whose language model reads projected image tokens and words alone: what its delta module is worth.

    Heads see what they saw: dense delta features are not learned.

    Args:
        checkpoint: with delta tokens, or already without.

    Raises:
        CheckpointError: no processor.
    """
    delta = checkpoint.model.model.delta
    delta.config.num_delta_tokens = 0  # of `model.config` too: it is the same object
    delta.delta_tokens = nn.Parameter(delta.delta_tokens.detach()[:0])
    model, processor = _joined(checkpoint, checkpoint.model.language_model, _processor_of(checkpoint).tokenizer)
    return replace(checkpoint, base=model.model, whole=model, processor=processor)


def _processor_of(checkpoint: Checkpoint) -> OneDiffProcessor:
    if checkpoint.processor is None:
        raise CheckpointError(f"{checkpoint.name} holds no processor for prompts: export the dense stage with one")
    return checkpoint.processor


def _joined(
    checkpoint: Checkpoint, words: Any, tokenizer: Any
) -> tuple[OneDiffForConditionalGeneration, OneDiffProcessor]:
    model: Any = checkpoint.model.float()
    model.language_model = words.float()
    processor = OneDiffProcessor(
        checkpoint.image_processor,
        tokenizer,
        visual_stride=_processor_of(checkpoint).visual_stride,
        num_delta_tokens=model.config.delta_config.num_delta_tokens,
    )
    model.config.pair_token_id, model.config.delta_token_id = processor.placeholder_ids
    return model, processor


def _nothing(_: OneDiffForConditionalGeneration) -> dict[str, float]:
    return {}
