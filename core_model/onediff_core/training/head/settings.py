"""Settings of a head's training, from the words of the command line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError

from onediff_core.training.settings import MaskSettings
from onediff_plugins.errors import SettingsError, near_miss
from onediff_plugins.settings import parse_assignments

if TYPE_CHECKING:
    from collections.abc import Iterable


class HeadSettings(MaskSettings):
    """How a head is trained on a frozen base. Every number of pixels is of the image as it is given."""

    warm_up: int = Field(30, ge=0, description="steps until the highest learning rate")
    average: float = Field(0.99, ge=0, lt=1, description="decay of the moving average of the weights")
    precision: Literal["bf16", "fp32"] = Field("fp32", description="of base and head; bf16 needs a device that has it")
    log_every: int = Field(10, ge=1, description="steps between lines of the log")
    save_every_s: float = Field(30.0, ge=0, description="seconds between states on disk")
    batch: int = Field(8, ge=2, description="pairs, or regions, in a step")
    crop: int | None = Field(None, ge=32, description="side of a mask head's crops; the base's own size unless given")
    zoom: tuple[float, float] = Field((0.7, 1.5), description="smallest and largest magnification of crops")
    held_out: float = Field(0.2, gt=0, lt=1, description="share of the groups of pairs that nothing is learned from")
    score_every: int = Field(50, ge=1, description="steps between scores of what is held out")
    score_at_most: int = Field(60, ge=1, description="crops, pairs or regions that are scored")
    replay: int = Field(0, ge=0, description="regions of earlier steps that a step of a region head learns from again")
    least_px: float | None = Field(
        None,
        ge=0,
        description="pixels of a mask head's smallest thing, 0 for any; chosen on held-out crops unless given",
    )
    patience: int = Field(10, ge=1, description="scores without a better one after which the run ends")
    swap: bool | None = Field(None, description="pairs also backwards; unless given where classes have both directions")
    upright: bool | None = Field(None, description="never turned; unless given for pages alone")
    evidence: str | None = Field(None, description="mask head beside the base that a pair head looks at")
    width: int = Field(48, ge=1, description="channels inside the head")
    half_width: int = Field(24, ge=1, description="channels of a mask head at half of the resolution")


def head_settings(assignments: Iterable[str]) -> HeadSettings:
    """Settings from `KEY=VALUE` words.

    Raises:
        SettingsError: a word without "=", an unknown key (with the nearest one), or a value that is not allowed.
    """
    try:
        return HeadSettings.model_validate(parse_assignments(assignments))
    except ValidationError as error:
        raise SettingsError("; ".join(_said(str(part["loc"][0]), part["msg"]) for part in error.errors())) from error


def scene_shares(words: Iterable[str]) -> dict[str, float]:
    """Scenes and their shares from `NAME=SHARE` or `NAME` words; a share is 1 unless given.

    Raises:
        SettingsError: a share that is not a positive number.
    """
    shares = {}
    for word in words:
        name, equals, share = word.partition("=")
        try:
            shares[name] = float(share) if equals else 1.0
        except ValueError:
            shares[name] = math.nan
        if not 0 < shares[name] < math.inf:
            raise SettingsError(f"--scene {word}: a share is a positive number, as in {name}=0.5")
    return shares


def _said(key: str, message: str) -> str:
    known = HeadSettings.model_fields
    if key in known:
        return f"--set {key}: {message} ({known[key].description or 'a whole number'})"
    near = near_miss(key, known)
    meant = f"; did you mean {near!r}?" if near else f"; there are {', '.join(known)}"
    return f"--set {key}: no such setting of a head's training{meant}"
