"""Places as the heads beside a model find them: what the language model is told of when nobody knows the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from onediff_core.prompts import Place
from onediff_core.surroundings import HeadAnswer, settled
from onediff_core.training.words.places import MOST
from onediff_plugins.regions import classified, components, direction
from onediff_plugins.types import ChangeMap, Frame, ImagePair

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from onediff_core.data import Sample
    from onediff_core.heads.base import Head
    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.processing_onediff import OneDiffProcessor

THRESHOLD: Final = 0.5
MIN_AREA_PX: Final = 16  # as the domains have it


@torch.inference_mode()
def predicted_places(
    model: OneDiffForConditionalGeneration,
    processor: OneDiffProcessor,
    heads: Sequence[Head],
    samples: Iterable[Sample],
) -> list[list[Place]]:
    """The places of each sample, the strongest first, as the describer names them.

    Args:
        model: in `eval` mode.
        processor: its own.
        heads: mask heads on it; they settle what is whose, as in the detector, and the surest counts.
        samples: of the size that the processor gives images, whose pixels are then those of the mask.
    """
    return [_places(model, processor, heads, sample) for sample in samples]


def _places(model: Any, processor: Any, heads: Sequence[Any], sample: Sample) -> list[Place]:
    pixels = processor.image_processor([(sample.before, sample.after)])["pixel_values"]
    features = model.model.dense_features(pixels.to(model.device, model.dtype))
    answers = settled([_answer(head, head(features)) for head in heads], THRESHOLD)
    height, width = answers[0].score.shape
    change = ChangeMap(
        score=np.max([answer.score for answer in answers], axis=0),
        valid=np.ones((height, width), np.bool_),
        class_scores=np.concatenate([answer.classes for answer in answers]),
        class_names=tuple(name for answer in answers for name in answer.config.classes),
        class_kinds=tuple(answer.config.kinds.get(name) for answer in answers for name in answer.config.classes),
    )
    before, after = _frame(sample.before), _frame(sample.after)
    pair = ImagePair(before=before, after=after, before_on_after=before)
    found = [region.replace(kind=direction(region, pair)) for region in components(change, THRESHOLD, MIN_AREA_PX)]
    strongest = sorted(classified(found, change, pair, THRESHOLD), key=lambda region: -region.score)[:MOST]
    places = []
    for region in strongest:
        x0, y0, x1, y1 = region.geometry.bounds
        places.append(Place((x0 / width, y0 / height, x1 / width, y1 / height), region.kind, region.label))
    return places


def _answer(head: Any, logits: Tensor) -> HeadAnswer:
    score, classes = head.score(logits)[0], head.probabilities(logits)[0]
    return HeadAnswer(head.config, *(found.float().cpu().numpy().clip(0, 1) for found in (score, classes)))


def _frame(image: NDArray[np.uint8]) -> Frame:
    return Frame(
        pixels=image.transpose(2, 0, 1).astype(np.float32) / 255,
        valid=np.ones(image.shape[:2], np.bool_),
        bands=("red", "green", "blue"),
    )
