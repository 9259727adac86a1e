"""Names of what an evaluation writes beside FiftyOne's own fields."""

from __future__ import annotations

from typing import Any, Final

# Of a pair, behind the key of the evaluation.
MASK_IOU, MASK_F1, VERDICT, METEOR, CAPTION_AGREES = "mask_iou", "mask_f1", "verdict", "meteor", "caption_agrees"
COLUMNS: Final = (MASK_IOU, MASK_F1, VERDICT, METEOR, CAPTION_AGREES)
# What a found region is that is neither right nor wrong: the truth says nothing there, or a person drew it.
IGNORED, DRAWN = "ignored", "drawn"
# What has to agree, besides the place, for a region to be right.
PLACE: Final = "place"
WAYS: Final = (PLACE, "kind", "label")


def columns_of(samples: Any, eval_key: str) -> list[str]:  # noqa: ANN401  # fiftyone has no types
    """Fields that hold scores of pairs, as far as they are there."""
    return [name for column in COLUMNS if samples.get_field(name := f"{eval_key}_{column}") is not None]
