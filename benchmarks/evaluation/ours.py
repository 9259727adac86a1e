"""Our side: records and masks of `Host.compare_many`, and a before image that a shaken camera would have taken."""

from __future__ import annotations

import time
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from evaluation.images import read_image, write_image
from evaluation.scores import Answer, Box
from onediff_plugins import Host, PairFailure, PairRequest
from onediff_plugins.output import write_pair

if TYPE_CHECKING:
    from pathlib import Path

    from jsonschema.protocols import Validator

    from evaluation.sets import Pair
    from onediff_plugins import ChangeRegion, ChangeResult

# A camera that is knocked or swings in the wind.
JITTER_PX, JITTER_DEGREES = 6.0, 0.5

# Of screenshots the same answer is scored a second time, as the setting `count_moved` would have it.
MOVES_COUNTED = ", moves counted"


class Ours:
    """One detector of one domain."""

    def __init__(self, host: Host, domain: str, detector: str | None, validator: Validator, out: Path | None) -> None:
        self._host, self._domain, self._validator, self._out = host, domain, validator, out
        self._detector = host.choose_model(domain, "detect", detector).name

    def answers(self, pair: Pair) -> dict[str, Answer]:
        """The record's answer; for screenshots also the verdict if moves counted."""
        request = PairRequest(before=str(pair.before), after=str(pair.after), domain=self._domain, id=pair.id)
        started = time.perf_counter()
        outcome = next(iter(self._host.compare_many([request], detector=self._detector)))
        seconds = time.perf_counter() - started
        answer = self._answer(pair, outcome, seconds)
        found = {self._detector: answer}
        if self._domain == "ui" and not answer.failed:
            found[self._detector + MOVES_COUNTED] = replace(answer, changed=bool(outcome.regions))
        return found

    def _answer(self, pair: Pair, outcome: ChangeResult | PairFailure, seconds: float) -> Answer:
        if isinstance(outcome, PairFailure):
            return Answer(failed=outcome.error.message)
        if bad := next(self._validator.iter_errors(outcome.model_dump(mode="json")), None):
            return Answer(failed=f"the record is not valid: {bad.message}")
        if self._out is not None:
            write_pair(self._host, outcome, self._out / pair.set / pair.id)
        return Answer(
            changed=outcome.changed,
            mask=outcome.mask > 0,
            regions=tuple(_boxes(region) for region in outcome.regions if region.kind != "moved"),
            seconds=seconds,
        )


def _boxes(region: ChangeRegion) -> tuple[Box, ...]:
    sides = {"after": region.bbox_after, "before": region.bbox_before}
    return tuple(Box(*box, side) for side, box in sides.items() if box is not None)


def jittered(pair: Pair, folder: Path) -> Pair:
    """The pair with its before image shifted by up to 6 px and rotated by up to half a degree, seeded by its id.

    What moves in over the border is a reflection; once aligned, none of it lies on the after grid.
    """
    random = np.random.default_rng(zlib.crc32(pair.id.encode()))
    angle = random.uniform(-JITTER_DEGREES, JITTER_DEGREES)
    reach, direction = random.uniform(0, JITTER_PX), random.uniform(0, 2 * np.pi)
    pixels = read_image(pair.before)
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    matrix[:, 2] += reach * np.cos(direction), reach * np.sin(direction)
    moved = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    path = write_image(folder / f"{pair.set}_{pair.id}_moved.png", moved)
    return replace(pair, before=path, part="camera moved")
