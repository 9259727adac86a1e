"""Places as the heads beside a model find them: what the language model is told of when nobody knows the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from onediff_core.prompts import Place
from onediff_core.training.words.places import MOST
from onediff_plugins.regions import classified, components
from onediff_plugins.types import ChangeMap, Frame, ImagePair

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onediff_core.data import Sample
    from onediff_core.heads.base import Head
    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.processing_onediff import OneDiffProcessor

THRESHOLD: Final = 0.5
MIN_AREA_PX: Final = 16  # as the domains have it


@torch.inference_mode()
def predicted_places(
    model: OneDiffForConditionalGeneration, processor: OneDiffProcessor, head: Head, samples: Iterable[Sample]
) -> list[list[Place]]:
    """The places of each sample, the strongest first, as the describer names them.

    Args:
        model: in `eval` mode.
        processor: its own.
        head: a mask head on it.
        samples: of the size that the processor gives images, whose pixels are then those of the mask.
    """
    return [_places(model, processor, head, sample) for sample in samples]


def _places(model: Any, processor: Any, head: Any, sample: Sample) -> list[Place]:
    pixels = processor.image_processor([(sample.before, sample.after)])["pixel_values"]
    logits = head(model.model.dense_features(pixels.to(model.device, model.dtype)))
    height, width = logits.shape[-2:]
    names = head.config.classes
    valid = np.ones((height, width), np.bool_)
    change = ChangeMap(
        score=head.score(logits)[0].float().cpu().numpy().clip(0, 1),
        valid=valid,
        class_scores=head.probabilities(logits)[0].float().cpu().numpy().clip(0, 1),
        class_names=names,
        class_kinds=tuple(head.config.kinds.get(name) for name in names),
    )
    frames = [
        Frame(pixels=image.transpose(2, 0, 1), valid=np.ones(image.shape[:2], np.bool_), bands=("red", "green", "blue"))
        for image in (sample.before, sample.after)
    ]
    pair = ImagePair(before=frames[0], after=frames[1])
    found = classified(components(change, THRESHOLD, MIN_AREA_PX), change, pair, THRESHOLD)
    strongest = sorted(found, key=lambda region: -region.score)[:MOST]
    places = []
    for region in strongest:
        x0, y0, x1, y1 = region.geometry.bounds
        places.append(Place((x0 / width, y0 / height, x1 / width, y1 / height), region.kind, region.label))
    return places
