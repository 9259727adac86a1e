"""The captioner `onediff-words`: a OneDiff that speaks beside whatever detector found the places.

The detector and captioner `onediff` share one set of weights. What `onediff train tune` makes has words and no heads;
this captioner takes it as it is written, adapters and base apart, or a whole OneDiff.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from onediff_core import layout
from onediff_core.errors import CheckpointError
from onediff_plugins.paths import existing_folder
from onediff_plugins.settings import ModelSettings

if TYPE_CHECKING:
    from pathlib import Path

    from onediff_core.building import OneDiff
    from onediff_core.checkpoint import Checkpoint
    from onediff_plugins.specs import BuildContext

_DIGITS = 12


class WordsSettings(ModelSettings):
    """Where the words come from."""

    section: ClassVar[str] = "words"

    weights: str | None = Field(
        default=None,
        min_length=1,
        description="folder that `onediff train tune` wrote, or folder or hub id of a OneDiff",
    )
    vision: str | None = Field(
        default=None, min_length=1, description="of adapters, the tower that they were trained on, as in their recipe"
    )
    text: str | None = Field(
        default=None, min_length=1, description="of adapters, the language model that they were trained on, likewise"
    )
    regions: int = Field(
        default=24,
        ge=0,
        description="most regions of a pair that get words of their own, strongest first; the others "
        "get those of the next captioner",
    )

    def why_not(self) -> str | None:
        """Without weights there are no words."""
        return None if self.weights else "nothing names its weights: --set words.weights=FOLDER"


def build(context: BuildContext) -> OneDiff:
    """A OneDiff that describes.

    Raises:
        CheckpointError: no such folder, adapters without their base or on another one, or weights without words.
    """
    from onediff_core.building import OneDiff
    from onediff_core.checkpoint import load_checkpoint
    from onediff_core.devices import place, torch_device
    from onediff_core.loading import ADAPTERS_NAME

    settings = context.model_settings
    if not isinstance(settings, WordsSettings) or settings.weights is None:
        raise CheckpointError("onediff-words has no weights: name them with --set words.weights=FOLDER")
    device = torch_device(context.device)
    folder = existing_folder(settings.weights)
    if folder is not None and (folder / ADAPTERS_NAME).is_file():
        checkpoint = _on_base(folder, settings)
    else:
        checkpoint = load_checkpoint(settings.weights, heads=())
    place(checkpoint.model, device)
    return OneDiff(checkpoint, {}, context.domain, device, settings.regions)


def _on_base(folder: Path, settings: WordsSettings) -> Checkpoint:
    """Adapters put back, and worked into the language model, which is faster."""
    from onediff_core.adapters import load_adapters, merge_adapters
    from onediff_core.checkpoint import Checkpoint, no_bars
    from onediff_core.heads import fingerprint
    from onediff_core.towers import tower

    if settings.vision is None or settings.text is None:
        raise CheckpointError(
            f"{folder} holds adapters: name the base that they were trained on with --set words.vision=... and "
            "--set words.text=..., as model.vision and model.text in the recipe"
        )
    try:
        with no_bars(), tower(settings.vision) as vision:
            model, processor = load_adapters(folder, vision=vision, text=settings.text)
    except FileNotFoundError as error:
        raise CheckpointError(f"words.vision={settings.vision}: {error}") from error
    merge_adapters(model)
    digest = fingerprint(model.model)
    return Checkpoint(
        base=model.model,
        whole=model,
        image_processor=processor.image_processor,
        processor=processor,
        heads={},
        fingerprint=digest,
        name=folder.resolve().name,
        revision=digest[: digest.index(":") + 1 + _DIGITS],
        terms=layout.terms_of(folder),
        folder=folder,
    )
