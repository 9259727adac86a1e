"""Settings of the word stages, one value that is kept with its run."""

from __future__ import annotations

from typing import Final, Literal, get_args

from pydantic import Field

from onediff_core.training.settings import StageSettings

Stage = Literal["facts", "cst", "joint"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)

# ui-html needs a browser, and ui-drawn shows the same edits.
SCENES: Final = ("camera", "edited", "objects", "satellite", "ui-drawn")
TASKS: Final = {"regions": 0.4, "caption": 0.2, "yes_no": 0.15, "refer": 0.15, "list": 0.1}
_OF_STAGES: Final[dict[Stage, dict[str, object]]] = {
    "facts": {"rate": 2e-3, "batch": 48, "turns": 1, "real": 0.5},
    "cst": {"rate": 1e-3, "batch": 16, "turns": 1},
    "joint": {"rate": 5e-4, "batch": 8, "turns": 3, "real": 0.35},
}


class WordSettings(StageSettings):
    """How a word stage is trained. The tower never is, so that the heads beside the model stay as good as they are."""

    rate: float = Field(1e-3, gt=0, description="highest learning rate of the delta module, and of all in text alone")
    words_share: float = Field(0.6, ge=0, description="learning rate of the language model in joint tuning, as a share")
    batch: int = Field(24, ge=1, description="pairs in a step, or sentences in text alone")
    turns: int = Field(3, ge=1, description="questions about each pair of images")
    side: int = Field(256, multiple_of=32, description="of drawn scenes, in pixels")
    real: float = Field(0.35, ge=0, le=1, description="share of real pairs, or of sentences that people wrote")
    scenes: dict[str, float] = Field(dict.fromkeys(SCENES, 1.0), description="drawn scenes -> share among them")
    tasks: dict[str, float] = Field(dict(TASKS), description="task -> share of the questions")
    delta_tokens: bool = Field(True, description="false: the language model reads projected image tokens alone")
    predicted: float = Field(0.5, ge=0, le=1, description="share of questions on real pairs whose places heads found")
    fold: int = Field(0, ge=0, lt=5, description="fifth of the tuning groups that is scored and not learned from")
    held_out: int = Field(16, ge=1, description="drawn pairs of each scene that are scored")


def stage_settings(stage: Stage, **changes: object) -> WordSettings:
    """The settings of a stage, where nothing else is said.

    Args:
        stage: which one; each has a learning rate and sizes of its own.
        **changes: fields that shall differ.
    """
    return WordSettings.model_validate({**_OF_STAGES[stage], **changes})
