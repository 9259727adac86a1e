"""Our side: records and masks of `Host.compare_many`, and a before image that a shaken camera would have taken."""

from __future__ import annotations

import sys
import time
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from evaluation.images import read_image, write_image
from evaluation.scores import Answer, Box
from onediff_plugins import Host, PairFailure, PairRequest
from onediff_plugins.errors import PluginError
from onediff_plugins.output import write_pair

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jsonschema.protocols import Validator

    from evaluation.sets import Group, Pair
    from onediff_plugins import ChangeRegion, ChangeResult

# A camera that is knocked or swings in the wind.
JITTER_PX, JITTER_DEGREES = 6.0, 0.5

# Of screenshots the same answer is scored a second time, as the setting `count_moved` would have it.
MOVES_COUNTED = ", moves counted"

# Our detectors; the name of a row begins with one of them.
DETECTORS = ("onediff", "ir-mad", "illumination", "ui-blocks")


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to ask our own library.

    Attributes:
        detector: its name, or None for what the domain chooses.
        captioner: likewise.
        heads: for the detector, or none for the domain's own.
        settings: beside those of the command.
        reduced: the files are this many times smaller than the pair's own; its mask is enlarged again.
        words: what tells its row from that of the detector alone.
    """

    detector: str | None = None
    captioner: str | None = None
    heads: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    reduced: int = 1
    words: str = ""


ALONE = tuple(
    Way(detector="onediff", heads=(name,), words=f", {name} alone")
    for name in ("satellite.building", "satellite.change")
)
OTHERS = {
    "satellite": (
        Way(detector="onediff"),
        Way(detector="onediff", settings={"accurate": True}, words=", accurate"),
        Way(detector="ir-mad"),
    ),
    "surveillance": (Way(detector="illumination"), Way(detector="onediff")),
}
# Of single tables: each head alone, and a size that suits coarse things.
FURTHER = {
    "levir_val": ALONE,
    "dsifn_val": ALONE,
    "vcod": tuple(replace(way, reduced=2, words=", at half size") for way in OTHERS["surveillance"]),
}


def ways(group: Group, detector: str | None, captioner: str | None, settings: Mapping[str, Any]) -> list[Way]:
    """How our library answers in a table: first as a user gets it, then in the other ways that are worth a row.

    Args:
        group: of the table.
        detector: the only one, where the command names one.
        captioner: of all of them, where the command names one.
        settings: of the command.
    """
    own = Way(detector=detector, captioner=captioner)
    if detector or group.domain not in OTHERS or group.table == "none":
        return [own]
    host = Host(settings=dict(settings))
    first = host.choose_model(group.domain, "detect").name
    others = (replace(way, captioner=captioner) for way in (*OTHERS[group.domain], *FURTHER.get(group.name, ())))
    return [own, *(way for way in others if (way.detector != first or way.words) and _can(host, group.domain, way))]


def _can(host: Host, domain: str, way: Way) -> bool:
    try:
        host.choose_model(domain, "detect", way.detector)
    except PluginError as error:
        print(f"left out: {error}", file=sys.stderr)
        return False
    return True


class Ours:
    """One way to ask our library about a domain."""

    def __init__(
        self, way: Way, domain: str, settings: Mapping[str, Any], validator: Validator, out: Path | None, scratch: Path
    ) -> None:
        self._way, self._domain, self._validator, self._out, self._scratch = way, domain, validator, out, scratch
        self._host = Host(settings={**settings, **way.settings})
        self._host.domain(domain)

    def answers(self, pair: Pair) -> dict[str, Answer]:
        """The record's answer; for screenshots also the verdict if moves counted."""
        before, after = (self._file(pair, side) for side in ("before", "after"))
        request = PairRequest(before=str(before), after=str(after), domain=self._domain, id=pair.id)
        started = time.perf_counter()
        way = self._way
        outcomes = self._host.compare_many([request], detector=way.detector, captioner=way.captioner, heads=way.heads)
        outcome = next(iter(outcomes))
        seconds = time.perf_counter() - started
        answer = self._answer(pair, outcome, seconds)
        name = self._way.detector or getattr(outcome, "detector", None) or self._first()
        found = {name + self._way.words: answer}
        if self._domain == "ui" and not answer.failed:
            found[name + MOVES_COUNTED] = replace(answer, changed=bool(outcome.regions))
        return found

    def _first(self) -> str:
        return self._host.choose_model(self._domain, "detect").name

    def _file(self, pair: Pair, side: str) -> Path:
        path = getattr(pair, side)
        if self._way.reduced == 1:
            return path
        pixels = read_image(path)
        size = tuple(length // self._way.reduced for length in pixels.shape[1::-1])
        reduced = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        return write_image(self._scratch / f"{pair.set}_{pair.id}_{side}_{self._way.reduced}.png", reduced)

    def _answer(self, pair: Pair, outcome: ChangeResult | PairFailure, seconds: float) -> Answer:
        if isinstance(outcome, PairFailure):
            return Answer(failed=outcome.error.message)
        if bad := next(self._validator.iter_errors(outcome.model_dump(mode="json")), None):
            return Answer(failed=f"the record is not valid: {bad.message}")
        if self._out is not None:
            write_pair(self._host, outcome, self._out / pair.set / pair.id)
        mask = outcome.mask > 0
        if self._way.reduced > 1:
            size = pair.truth.mask.shape[::-1]
            mask = cv2.resize(outcome.mask, size, interpolation=cv2.INTER_LINEAR) >= 128
        return Answer(
            changed=outcome.changed,
            mask=mask,
            regions=tuple(_boxes(region, self._way.reduced) for region in outcome.regions if region.kind != "moved"),
            seconds=seconds,
            detecting=outcome.timings_ms.get("detect", 0.0) / 1000,
        )


def _boxes(region: ChangeRegion, reduced: int) -> tuple[Box, ...]:
    sides = {"after": region.bbox_after, "before": region.bbox_before}
    return tuple(Box(*(reduced * edge for edge in box), side) for side, box in sides.items() if box is not None)


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
