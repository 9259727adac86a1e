"""Settings of a run, one value that is kept with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from onediff_core.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS_NAME: Final = "settings.json"


class LearningSettings(BaseModel):
    """What all training has: an optimiser, a moving average, and how often something is written.

    Shares of a run are of its minutes or steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    rate: float = Field(2e-3, gt=0, description="highest learning rate, of the head where there is one")
    weight_decay: float = Field(0.05, ge=0, description="of matrices and kernels")
    betas: tuple[float, float] = (0.9, 0.99)
    warm_up: int = Field(150, ge=0, description="steps until the highest learning rate")
    clip: float = Field(1.0, gt=0, description="largest norm of a gradient")
    average: float = Field(0.999, ge=0, lt=1, description="decay of the moving average of the weights")
    precision: Literal["bf16", "fp32"] = Field("bf16", description="of the network; bf16 needs a CPU that has it")
    workers: int = Field(1, ge=0, description="processes that make examples")
    log_every: int = Field(20, ge=1, description="steps between lines of the log")
    save_every_s: float = Field(90.0, ge=0, description="seconds between states on disk")


class MaskSettings(LearningSettings):
    """What all training of masks has, too."""

    border_px: int = Field(3, ge=1, description="width of the band along outlines, on each side")
    border_weight: float = Field(3.0, ge=1, description="weight of pixels in that band")


class StageSettings(LearningSettings):
    """What the stages of the shipped weights have, too."""

    score_every_s: float = Field(300.0, ge=0, description="seconds between scores")


class DenseSettings(MaskSettings, StageSettings):
    """How the dense stage is trained.

    Every number of pixels is of the crop.
    """

    scenes: dict[str, float] = Field({}, description="drawn scenes -> shares, beside the sets, which sum to one")
    scene_pool: int = Field(0, ge=0, description="drawn pairs of each scene that are drawn once and kept; 0 for no end")
    unchanged: bool = Field(True, description="pairs without a change, too; without them for ablation alone")
    lovasz: float = Field(0.0, ge=0, description="weight of the Lovasz hinge in the last part of a run")
    crop: int = Field(192, multiple_of=32, description="side of a crop")
    batch: int = Field(16, ge=1, description="pairs in a step")
    late_crop: int = Field(256, multiple_of=32, description="side of a crop in the last part of a run")
    late_batch: int = Field(10, ge=1, description="pairs in a step of the last part")
    late_from: float = Field(0.7, ge=0, le=1, description="share of the run from which on crops are large")
    tower_share: float = Field(0.3, ge=0, description="learning rate of the tower, as a share of the head's")
    frozen: str | None = Field("stage3", description="last stage of the tower that is frozen at first")
    frozen_until: float = Field(0.5, ge=0, le=1, description="share of the run until which it is")


def keep_settings(folder: Path, record: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Write what a run is made with beside it, or hold it against what it was begun with.

    Args:
        folder: of the run.
        record: values that JSON knows.
        defaults: values of what an older run did not write.

    Raises:
        TrainingError: the run was begun with other values; their names are listed.
    """
    path = folder / SETTINGS_NAME
    if not path.is_file():
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        return
    now = json.loads(json.dumps(record))
    begun = {**defaults, **json.loads(path.read_text(encoding="utf-8"))}
    differing = sorted(name for name in {*begun, *now} if begun.get(name) != now.get(name))
    if differing:
        raise TrainingError(
            f"{path} is of a run with other {', '.join(differing)}: name a new folder, or go on as it was"
        )
