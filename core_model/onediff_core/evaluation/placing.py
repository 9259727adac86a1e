"""How the places that a method found lie on the true ones of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onediff_core.data.record import grey
from onediff_core.errors import EvaluationError
from onediff_core.evaluation.counting import pixel_counts
from onediff_core.evaluation.regions import matched, mostly_scored
from onediff_plugins.errors import PairError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_core.evaluation.answers import Answer
    from onediff_core.evaluation.references import Truth


@dataclass(frozen=True, kw_only=True)
class Places:
    """How the places that a method found lie on the true ones of one pair; None for what is not known.

    Attributes:
        pixels: right, false and missed pixels.
        true: boxes to find.
        found: regions found, without those where nobody can say.
        kinds: true kind and told kind of the regions that are right; of components, ("", told kind).
    """

    pixels: tuple[int, int, int] | None = None
    true: int | None = None
    found: int | None = None
    kinds: tuple[tuple[str, str], ...] = ()


def compared(method: str, answer: Answer, truth: Truth) -> Places:
    """How the places of an answer lie on the true ones.

    Args:
        method: whose, for messages.
        answer: to a pair.
        truth: of that pair.

    Raises:
        EvaluationError: as `mask_of`.
    """
    pixels = None
    if truth.mask is not None:
        found = mask_of(answer, truth.mask.shape, method)
        pixels = None if found is None else pixel_counts(found, truth.mask, truth.scored)
    if truth.boxes is None or answer.regions is None:
        return Places(pixels=pixels)
    told = [region for region in answer.regions if mostly_scored(region.boxes, truth.scored)]
    pairs = matched(truth.boxes, [region.boxes for region in told])
    kinds = tuple((truth.kinds[one] if truth.kinds else "", told[other].kind) for one, other in pairs)
    return Places(pixels=pixels, true=len(truth.boxes), found=len(told), kinds=kinds)


def mask_of(answer: Answer, shape: tuple[int, int], method: str) -> NDArray[np.bool_] | None:
    """What a method marked, on the after grid; None where it marks nothing at all, ever.

    Args:
        answer: to a pair.
        shape: height and width of the after image.
        method: whose, for messages.

    Raises:
        EvaluationError: the file is missing, no picture, or of another size.
    """
    if answer.mask is None:
        return None
    if isinstance(answer.mask, str):
        return np.zeros(shape, np.bool_)
    try:
        pixels = grey(answer.mask)
    except (PairError, OSError) as error:
        raise EvaluationError(f"{method}, pair {answer.id!r}: the mask cannot be read: {error}") from error
    if pixels.shape != shape:
        raise EvaluationError(
            f"{method}, pair {answer.id!r}: the mask {answer.mask} has {pixels.shape[1]}x{pixels.shape[0]} pixels, the "
            f"after image of the references {shape[1]}x{shape[0]}: it is not the mask of this pair"
        )
    found: NDArray[np.bool_] = pixels > 0
    return found
