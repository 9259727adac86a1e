"""A chat model of transformers on this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from onediff_plugins.errors import DescriptionError, MissingDependencyError
from onediff_plugins.records import ModelRecord
from onediff_vlm.answers import UnusableAnswerError, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from onediff_vlm.chat import Turn
    from onediff_vlm.settings import VlmSettings

T = TypeVar("T")


class LocalChat:
    """An image-text-to-text model, loaded when it is first asked; of several threads one is answered at a time."""

    def __init__(self, settings: VlmSettings, device: str) -> None:
        """Load nothing yet.

        Args:
            settings: with a model.
            device: any torch device.
        """
        if settings.model is None:
            raise ValueError("settings.model is None")
        self._name, self._settings, self._device = settings.model, settings, device
        self._found: Any = None  # its configuration
        self._loaded: tuple[Any, Any] | None = None
        self._why: DescriptionError | None = None
        self._lock = threading.RLock()

    @property
    def record(self) -> ModelRecord:
        """The model's name, a folder's without its path; for one of the hub the revision that was loaded."""
        folder = Path(self._name)
        name = folder.resolve().name if folder.is_dir() else self._name
        return ModelRecord(name=f"hf-vlm:{name}", revision=getattr(self._found, "_commit_hash", None))

    def identity(self) -> str:
        """Name, configuration and weight files; an answer that is kept is found without loading the model."""
        with self._lock:
            if self._found is None:
                self._found = self._once(_configuration)
        folder = Path(self._name)
        files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
        states = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
        config = hashlib.sha256(self._found.to_json_string().encode()).hexdigest()
        return json.dumps([self._name, self.record.revision, config, states, self._settings.max_tokens])

    def ask(self, turns: Sequence[Turn]) -> str:
        """See `Chat.ask`."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._once(lambda name: _loaded(name, self._device))
            processor, model = self._loaded
            self._found = self._found or model.config  # where no answers are kept, nobody asked for it
            try:
                said, ended = self._generate(processor, model, turns)
            except Exception as error:  # memory that ran out, a template that takes one image: whatever a model raises
                raise DescriptionError(
                    f"{self._name} failed with {type(error).__name__}: {quote(str(error))}. Choose a chat model that "
                    "takes several images, or show less with vlm.batch and vlm.max_side"
                ) from error
        if not ended:
            raise UnusableAnswerError("it was cut off at vlm.max_tokens or vlm.timeout_s: raise them")
        return said

    def _generate(self, processor: Any, model: Any, turns: Sequence[Turn]) -> tuple[str, bool]:  # noqa: ANN401
        """The new text, and whether the model came to its end."""
        import torch

        messages = [{"role": turn.role, "content": [_part(part) for part in turn.parts]} for turn in turns]
        inputs = processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        ).to(model.device, dtype=model.dtype)
        with torch.inference_mode():
            said = model.generate(
                **inputs,
                max_new_tokens=self._settings.max_tokens,
                max_time=self._settings.timeout_s,
                do_sample=False,
                num_beams=1,
            )
        new = said[0, inputs["input_ids"].shape[1] :].tolist()
        ends = model.generation_config.eos_token_id
        ended = bool(new) and new[-1] in (ends if isinstance(ends, list) else [ends])
        return processor.decode(new, skip_special_tokens=True), ended

    def _once(self, load: Callable[[str], T]) -> T:
        """What could not be loaded once is not tried again for every pair."""
        if self._why is not None:
            raise self._why
        try:
            with _explained(self._name):
                return load(self._name)
        except DescriptionError as why:
            self._why = why
            raise


def _configuration(name: str) -> Any:  # noqa: ANN401  # of any model of transformers
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(name)


def _loaded(name: str, device: str) -> tuple[Any, Any]:
    """Processor and model."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor
    from transformers.utils import logging

    try:
        torch.zeros(1, device=device)
    except (AssertionError, NotImplementedError, RuntimeError) as error:  # as its backend says so
        raise DescriptionError(
            f"the device {device!r} is not there: {quote(str(error), 80)}. Name another with --device, such as cpu"
        ) from error
    processor = AutoProcessor.from_pretrained(name)
    if not getattr(processor, "chat_template", None):
        raise DescriptionError(f"{name} has no chat template: set vlm.model to an instruct or chat model for images")
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        # Safetensors alone, and no code of the model's own: a name must not be able to run anything here.
        model: Any = AutoModelForImageTextToText.from_pretrained(name, dtype="auto", use_safetensors=True)
    finally:
        if shown:
            logging.enable_progress_bar()
    return processor, model.to(device).eval()


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """What transformers raises while it loads, as what it means."""
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
        missing = MissingDependencyError("transformers", "hf-vlm without vlm.endpoint", "onediff-vlm[local]")
        raise DescriptionError(str(missing)) from missing
    if (Path(name).is_absolute() or name.startswith(".")) and not Path(name).is_dir():
        raise DescriptionError(f"there is no folder {name}: set vlm.model to the folder or hub id of a chat model")
    try:
        yield
    except DescriptionError:
        raise
    except ImportError as error:
        raise DescriptionError(
            f"{name} needs a package that is not here: {quote(str(error))}. Processors of models that also look at "
            "video (Qwen-VL, SmolVLM, InternVL, LLaVA-OneVision) need torchvision; or ask a server: vlm.endpoint"
        ) from error
    except Exception as error:  # files that are missing, damaged or of something else, a hub that is not reached
        raise DescriptionError(
            f"{name} cannot be loaded as a chat model for images: {type(error).__name__}: {quote(str(error))}. Set "
            "vlm.model to the folder or hub id of an image-text-to-text model with safetensors"
        ) from error


def _part(part: Any) -> dict[str, Any]:  # noqa: ANN401  # text or picture
    return {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part}
