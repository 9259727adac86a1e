"""A recipe: which parts, which stages, what each learns from. One YAML file, checked whole before anything runs."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from onediff_core.training.settings import StageSettings
from onediff_core.training.words.settings import SCENES, TASKS

DRAWN: Final = "drawn"
WHOLE: Final = ("words", "all")  # after such a stage the language model is no longer the published one


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


# --- what the model is made of ---


class Parts(_Part):
    """A tower, a language model, and what is between them; or a OneDiff that goes on learning."""

    start: str | None = Field(
        None, description="OneDiff that goes on: research, open, folder or hub id; in place of vision and text"
    )
    vision: str | None = Field(
        None, description="hub id or folder of the tower; efficientnet-lite0 is the installed package's"
    )
    text: str | None = Field(None, description="hub id, folder or GGUF file of the language model")
    bert: str | None = Field(None, description="BERT that the delta module starts from; new unless given")
    side: int | None = Field(None, ge=32, description="sides of images in pixels; the tower's own unless given")
    visual_layer: int | None = Field(None, ge=1, description="layer that visual tokens are made of")
    delta: dict[str, Any] = Field(
        {}, description="fields of OneDiffDeltaConfig that are not the paper's; with start, of a new delta module"
    )

    @model_validator(mode="after")
    def _one_of(self) -> Parts:
        own = [name for name in ("vision", "text", "bert", "side", "visual_layer") if getattr(self, name) is not None]
        if self.start is not None and own:
            raise ValueError(f"a OneDiff that goes on has its own {', '.join(own)}: give start, or these")
        if self.start is None and not {"vision", "text"} <= {*own}:
            raise ValueError("give vision and text, or start")
        return self


class Lora(_Part):
    """Adapters in the language model, as peft has them."""

    r: int = Field(16, ge=1, description="rank")
    alpha: int = Field(32, ge=1, description="what adapters are multiplied by, times the rank")
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: tuple[str, ...] = Field(("q_proj", "v_proj"), min_length=1, description="layers that get adapters")


# --- what is learned from ---


class _Source(_Part):
    share: float = Field(1.0, gt=0, description="how often it is drawn from, among all of a stage")


class Coupled(_Source):
    """Coupled Sample Training: two pictures that have nothing to do with each other, and a caption of each."""

    kind: Literal["coupled"]
    pictures: dict[str, float] = Field(min_length=1, description="list of pictures with captions, or drawn -> share")


class Pictures(_Source):
    """One picture, shown as both: conversations, or captions."""

    kind: Literal["pictures"]
    path: str = Field(description="list of pictures, as for a coupled source")


class _Asked(_Source):
    tasks: dict[str, float] = Field(dict(TASKS), description="task -> share of the questions")
    prompts: dict[str, str] = Field({}, description="task -> its prompt, in place of ours")
    turns: int = Field(1, ge=1, description="questions about a pair when it is drawn")


class Pairs(_Asked):
    """Pairs with captions, boxes or verdicts: a folder or list as docs/own-data.md has it, or packed."""

    kind: Literal["pairs"]
    path: str
    tasks: dict[str, float] = Field(
        {**TASKS, "edit": 1.0, "compare": 1.0}, description="task -> share of the questions that a pair answers"
    )
    held_out: float = Field(0.1, ge=0, lt=1, description="share of the groups that is scored, where there is no split")
    mirrored: bool = Field(False, description="also mirrored, sides in the captions exchanged")
    light: bool = Field(False, description="each picture in other light")


class Drawn(_Asked):
    """Drawn pairs without end."""

    kind: Literal["drawn"]
    scenes: dict[str, float] = Field(dict.fromkeys(SCENES, 1.0), min_length=1, description="scene -> share")
    side: int = Field(256, ge=64, multiple_of=32, description="in pixels")


class Captioned(_Asked):
    """The real pairs that the words of `onediff-tiny` learned from; what heads found in them is told as places."""

    kind: Literal["captioned"]
    places: str = Field("research", description="weights whose heads find the places")
    predicted: float = Field(0.5, ge=0, le=1, description="share of questions whose places are told as found")
    fold: int = Field(0, ge=0, lt=5, description="fifth of the tuning groups that is scored and not learned from")


class Written(_Source):
    """Sentences that people wrote, without images, asked for by the facts in them."""

    kind: Literal["written"]


Source = Annotated[Coupled | Pictures | Pairs | Drawn | Captioned | Written, Field(discriminator="kind")]
KINDS: Final[dict[str, type[BaseModel]]] = {
    "coupled": Coupled, "pictures": Pictures, "pairs": Pairs, "drawn": Drawn, "captioned": Captioned, "written": Written
}  # fmt: skip


# --- stages ---


class TuneStage(StageSettings):
    """How one stage learns. Its length is given in steps, minutes or epochs, one of the three."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="goes into trained_stages")
    trains: Literal["new", "lora", "words", "all"] = Field(
        description="new: delta module and projectors, the rest frozen; lora: adapters in the language model, too; "
        "words: these and the language model; all: everything"
    )
    sources: tuple[Source, ...] = Field(min_length=1)
    lora: Lora | None = Field(None, description="of a stage that trains lora")
    steps: int | None = Field(None, ge=1)
    minutes: float | None = Field(None, gt=0, description="of the clock, interruptions not counted")
    epochs: float | None = Field(None, gt=0, description="of its lists of pairs and pictures, each picture counted")
    batch: int = Field(16, ge=1, description="examples in a step, over all processes")
    micro: int | None = Field(None, ge=1, description="of them at a time in one process; the rest is accumulated")
    rate: float = Field(1e-3, gt=0, description="highest learning rate of the delta module and the projectors")
    words_share: float = Field(1.0, ge=0, description="learning rate of the language model or adapters, as a share")
    tower_share: float = Field(1.0, ge=0, description="likewise of the tower")
    checkpointing: bool = Field(False, description="recompute the language model's layers, for less memory")
    sharded: bool = Field(False, description="share the optimiser's moments out among processes, for less memory")
    held_out: int = Field(16, ge=0, description="examples of each source that are scored at most")
    warm_up: int = Field(30, ge=0, description="steps until the highest learning rate")
    average: float = Field(0.99, ge=0, lt=1, description="decay of the moving average of what is trained; 0 for none")
    score_every_s: float = Field(1e9, ge=0, description="seconds between scores; they are made at the end anyway")

    @model_validator(mode="after")
    def _fits(self) -> TuneStage:
        given = [name for name in ("steps", "minutes", "epochs") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of steps, minutes and epochs, not {' and '.join(given) or 'none'}")
        if self.batch % self.together:
            raise ValueError(f"a batch of {self.batch} is no whole number of micro batches of {self.together}")
        if self.lora is not None and self.trains != "lora":
            raise ValueError(f"lora is of a stage that trains lora, this one trains {self.trains}")
        if self.trains == "new" and not any(isinstance(source, (Coupled, Pictures, Pairs, Drawn, Captioned))
                                            for source in self.sources):  # fmt: skip
            raise ValueError("what is between the images and the words learns from images: name a source with images")
        return self

    @property
    def together(self) -> int:
        """Examples that one process sees at a time."""
        return self.micro or self.batch


# --- the whole ---


class Aim(_Part):
    """A score of the paper on one benchmark, and the place for yours."""

    benchmark: str
    bleu4: float | None = None
    meteor: float | None = None
    cider: float | None = None
    ours: dict[str, float] = Field({}, description="to be filled by whoever runs the recipe")


class Cost(_Part):
    """What a stage costs, estimated."""

    stage: str
    gpu_hours: float = Field(gt=0)
    gpus: str
    how: str = Field(description="how it was estimated")


class Recipe(_Part):
    """All of a model's training."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    model: Parts
    stages: tuple[TuneStage, ...] = Field(min_length=1)
    costs: tuple[Cost, ...] = ()
    aims: tuple[Aim, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Recipe:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError("two stages have one name")
        if lost := [cost.stage for cost in self.costs if cost.stage not in names]:
            raise ValueError(f"costs of {', '.join(lost)}, which is no stage")
        adapted = [stage.lora or Lora() for stage in self.stages if stage.trains == "lora"]
        if any(other != adapted[0] for other in adapted):
            raise ValueError("stages that train lora share their adapters: give all of them the same lora")
        if adapted and (whole := next((one.trains for one in self.stages if one.trains in WHOLE), None)):
            raise ValueError(f"a stage that trains lora and one that trains {whole} do not go together")
        return self
