"""Loading and saving a OneDiff with its processor and heads; `layout` says what lies where."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from transformers.utils import logging

from onediff_core import layout
from onediff_core.adapters import has_adapters
from onediff_core.errors import CheckpointError
from onediff_core.heads import fingerprint, load_head
from onediff_core.heads.files import read_config
from onediff_core.image_processing_onediff import OneDiffImageProcessor
from onediff_core.modeling_onediff import OneDiffForConditionalGeneration, OneDiffModel
from onediff_core.processing_onediff import OneDiffProcessor
from onediff_plugins.atomic import replaced_folder
from onediff_plugins.paths import existing_folder

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from onediff_core.heads.base import Head
    from onediff_plugins.specs import HeadSpec

_REVISION_DIGITS = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """A OneDiff as it is stored.

    Attributes:
        base: the part that sees, in `eval` mode, in the dtype that it is stored in.
        whole: that part with its language model, or None where there is none.
        image_processor: makes pairs ready.
        processor: makes pairs and prompts ready, with that image processor; None where there is no tokenizer.
        heads: name -> head, those that were asked for.
        fingerprint: of `base` as stored; heads belong to one.
        name: last part of the folder or hub id.
        revision: the hub's commit, else the first digits of the fingerprint.
        terms: as the model card names them.
        folder: where it lies.
    """

    base: OneDiffModel
    whole: OneDiffForConditionalGeneration | None
    image_processor: OneDiffImageProcessor
    processor: OneDiffProcessor | None
    heads: Mapping[str, Head]
    fingerprint: str
    name: str
    revision: str
    terms: layout.Terms
    folder: Path

    @property
    def model(self) -> OneDiffForConditionalGeneration:
        """The whole OneDiff.

        Raises:
            CheckpointError: there is no language model; what sees is `base`.
        """
        if self.whole is None:
            raise CheckpointError(
                f"{self.name} holds no language model, so it detects and does not describe: choose --captioner "
                "template, or weights that have one"
            )
        return self.whole

    def load_heads(self, asked: Sequence[str], specs: Mapping[str, HeadSpec] | None = None) -> dict[str, Head]:
        """Heads for this base, in `eval` mode.

        Args:
            asked: folders, or names: of a head beside the base, which was made for it, else of one that a plugin ships
                with weights.
            specs: name -> what a plugin says that a head of that name is.

        Returns:
            The heads by the names in their configurations, in the order asked for.

        Raises:
            CheckpointError: no weights for a name, two heads of one name, a head of another base (both fingerprints are
                named), or files that are damaged or pickled.
        """
        loaded = {name: self._load_head(name, specs or {}) for name in dict.fromkeys(asked)}
        heads = {head.config.name: head for head in loaded.values()}
        if len(heads) < len(loaded):
            said = ", ".join(f"{asked} is {head.config.name}" for asked, head in loaded.items())
            raise CheckpointError(f"two of the heads that were asked for have one name ({said}): name one of them")
        return heads

    def with_heads(self, asked: Sequence[str], specs: Mapping[str, HeadSpec] | None = None) -> Checkpoint:
        """The same base with other heads; arguments and errors as `load_heads`."""
        return replace(self, heads=self.load_heads(asked, specs))

    def _load_head(self, asked: str, specs: Mapping[str, HeadSpec]) -> Head:
        spec = specs.get(asked)
        held = {head.name: head.weights for head in layout.held_heads(self.folder)}
        folder = held.get(asked)
        if folder is None and spec is not None:
            folder = spec.weights
        if folder is None and (folder := existing_folder(asked)) is not None:
            spec = specs.get(read_config(folder, self.fingerprint).name)
        if folder is None:
            whose = "a plugin contributes it without weights, and " if spec else ""
            raise CheckpointError(
                f"there are no weights of the head {asked!r}: {whose}beside {self.name} there are "
                f"{', '.join(held) or 'no heads'}. Train it on this base, or name another head, or a folder of one, "
                "with --head"
            )
        return load_head(folder, base_fingerprint=self.fingerprint, spec=spec)


def load_checkpoint(
    source: str | os.PathLike[str] | layout.Location | None = None,
    *,
    heads: Sequence[str] | None = None,
    head_specs: Mapping[str, HeadSpec] | None = None,
) -> Checkpoint:
    """Load a OneDiff; only ever from safetensors.

    Args:
        source: a folder, a hub id, what `layout.locate` found, or None for the weights that ship.
        heads: which heads to load, as `Checkpoint.load_heads` takes them; None for all that lie beside the base.
        head_specs: as `Checkpoint.load_heads` takes them.

    Raises:
        CheckpointError: no such folder or hub id, another kind of model, files that are missing, damaged or pickled, or
            a head of another base; the message says where and what to do.
    """
    location = source if isinstance(source, layout.Location) else layout.locate(source)
    folder = location.folder
    base, whole = _load_model(folder)
    image_processor, processor = _load_processors(folder)
    digest = fingerprint(base)
    checkpoint = Checkpoint(
        base=base,
        whole=whole,
        image_processor=image_processor,
        processor=processor,
        heads={},
        fingerprint=digest,
        name=location.name,
        revision=location.commit or digest[: digest.index(":") + 1 + _REVISION_DIGITS],
        terms=layout.terms_of(folder),
        folder=folder,
    )
    wanted = [spec.name for spec in layout.held_heads(folder)] if heads is None else heads
    return checkpoint.with_heads(wanted, head_specs) if wanted else checkpoint


def _load_model(folder: Path) -> tuple[OneDiffModel, OneDiffForConditionalGeneration | None]:
    """The part that sees, and the whole OneDiff that it is a part of, where there is more of it."""
    sees_only = layout.read_json(folder / layout.CONFIG).get("architectures") == [layout.SEEING]
    architecture: Any = OneDiffModel if sees_only else OneDiffForConditionalGeneration
    try:
        with no_bars():
            model = architecture.from_pretrained(folder)
    except (OSError, RuntimeError, TypeError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"the OneDiff in {folder} cannot be loaded: {error}") from error
    model.eval()
    return (model, None) if sees_only else (model.model, model)


def _load_processors(folder: Path) -> tuple[OneDiffImageProcessor, OneDiffProcessor | None]:
    has_tokenizer = any((folder / name).is_file() for name in layout.TOKENIZERS)
    try:
        if not has_tokenizer:
            return OneDiffImageProcessor.from_pretrained(folder), None
        processor = OneDiffProcessor.from_pretrained(folder)
    except (OSError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the processor in {folder} cannot be loaded: {error}. Save the one that the model was trained with there"
        ) from error
    return processor.image_processor, processor


@contextmanager
def no_bars() -> Iterator[None]:
    """No bars of progress for files that are read or written in a second."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def save_checkpoint(
    folder: str | os.PathLike[str],
    model: OneDiffForConditionalGeneration | OneDiffModel,
    processor: OneDiffProcessor | OneDiffImageProcessor,
    heads: Iterable[Head] = (),
    *,
    card: str | None = None,
    papers: Mapping[str, str] | None = None,
) -> Path:
    """Write a OneDiff with its processor and heads; the folder appears, or is replaced, by one rename.

    Args:
        folder: new, empty, or a OneDiff that is replaced.
        model: in the dtype that it is to be stored in; the part that sees alone, `model.model`, where the language
            model has not been trained.
        processor: an image processor alone where there is no tokenizer; such a OneDiff detects and does not describe.
        heads: trained on the part that sees as it is.
        card: text of MODEL_CARD.md, with `license:` in its front matter.
        papers: further texts to store beside the model, such as its LICENSE: file name -> text.

    Returns:
        The folder.

    Raises:
        CheckpointError: the folder holds something else, or the language model adapters.
    """
    whole = model if isinstance(model, OneDiffForConditionalGeneration) else None
    if whole is not None and has_adapters(whole.language_model):
        raise CheckpointError(
            "the language model holds adapters: work them in with onediff_core.adapters.merge_adapters(model), or save "
            "them without their base with save_adapters"
        )
    folder = Path(folder).resolve()
    check_replaceable(folder)
    with replaced_folder(folder) as new, no_bars():
        model.save_pretrained(new)
        processor.save_pretrained(new)
        digest = fingerprint(model if whole is None else whole.model)
        for head in heads:
            head.save_pretrained(new / layout.HEADS / head.config.name, base_fingerprint=digest)
        texts = {**({} if card is None else {layout.CARDS[0]: card}), **(papers or {})}
        for name, text in texts.items():
            (new / name).write_text(text, encoding="utf-8")
        for path in new.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)  # safetensors are written for their owner alone
    return folder


def check_replaceable(folder: Path) -> None:
    """Refuse to write a OneDiff over something else.

    Args:
        folder: where it is to lie; not there yet, empty, or a OneDiff.

    Raises:
        CheckpointError: a file, or a folder with anything else in it.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is a file: a OneDiff is saved as a folder")
    if any(folder.iterdir()):
        try:
            layout.locate(folder)
        except CheckpointError as error:
            raise CheckpointError(
                f"{folder} holds files that are not a OneDiff, so it is not replaced: choose another folder"
            ) from error
