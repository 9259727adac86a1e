"""A chat model behind HTTP, in the form that OpenAI gave it and vLLM, Ollama and many others speak."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from typing import TYPE_CHECKING, Any, Final

from onediff_plugins.errors import DescriptionError
from onediff_plugins.records import ModelRecord
from onediff_vlm.answers import UnusableAnswerError, quote
from onediff_vlm.connection import Connection, RefusedError, message_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL import Image

    from onediff_vlm.chat import Turn
    from onediff_vlm.settings import VlmSettings

JPEG_QUALITY: Final = 92
# What a server lists stands in records.
_MODEL_NAME: Final = re.compile(r"[!-~]{1,200}")
# What some servers refuse in a request, and what is sent in its place, if anything.
_OPTIONAL: Final = {"response_format": None, "temperature": None, "max_tokens": "max_completion_tokens"}
# One form for all questions, since strict servers want every key to be required; a "caption" that was not asked for is
# not read.
_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "regions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"id": {"type": "integer"}, "caption": {"type": "string"}},
                "required": ["id", "caption"],
                "additionalProperties": False,
            },
        },
        "caption": {"type": "string"},
    },
    "required": ["regions", "caption"],
    "additionalProperties": False,
}


class Endpoint:
    """A model of an OpenAI-compatible server. May be asked by several threads at once."""

    def __init__(self, settings: VlmSettings, environ: Mapping[str, str] = os.environ) -> None:
        """Contact nobody yet.

        Args:
            settings: with an endpoint.
            environ: holds the key.
        """
        if settings.endpoint is None:
            raise ValueError("settings.endpoint is None")
        self._settings, self._connection = settings, Connection(settings.endpoint, settings, environ)
        self._model = settings.model
        self._changed: dict[str, str | None] = {}  # optional parts of a request that this server refused

    @property
    def record(self) -> ModelRecord:
        """The model's name, once it is known."""
        return ModelRecord(name="hf-vlm" if self._model is None else f"hf-vlm:{self._model}")

    def identity(self) -> str:
        """The address and the model's name there."""
        return json.dumps([self._connection.address, self._named_model(), self._settings.max_tokens, JPEG_QUALITY])

    def ask(self, turns: Sequence[Turn]) -> str:
        """See `Chat.ask`."""
        question: dict[str, Any] = {
            "model": self._named_model(),
            "messages": [{"role": turn.role, "content": _content(turn)} for turn in turns],
            "temperature": 0,
            "max_tokens": self._settings.max_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "differences", "strict": True, "schema": _SCHEMA},
            },
        }
        while True:
            called = {name: self._changed.get(name, name) for name in question}
            sent = {new: question[name] for name, new in called.items() if new is not None}
            try:
                return self._text_of(self._connection.exchange("POST", "chat/completions", sent))
            except RefusedError as refused:
                if not self._give_way(refused.text):
                    raise

    def _text_of(self, found: Mapping[str, Any]) -> str:
        """The model's text in a chat completion."""
        try:
            choice = found["choices"][0]
            message = choice["message"]
            content = message["content"]
        except (KeyError, IndexError, TypeError):
            error = quote(self._connection.said(message_of(json.dumps(found))))
            about = f"the error {error}" if found.get("error") else "other JSON"
            raise DescriptionError(
                f"{self._connection.address} answers with {about} in place of a chat completion: check vlm.endpoint "
                "and vlm.model"
            ) from None
        if isinstance(content, list):  # some servers answer in parts
            texts = [part.get("text") for part in content if isinstance(part, dict)]
            content = "".join(text for text in texts if isinstance(text, str))
        if choice.get("finish_reason") == "length":
            raise UnusableAnswerError("it was cut off at vlm.max_tokens: raise it, most of all for a model that thinks")
        if not isinstance(content, str) or not content.strip():
            refusal = message.get("refusal")
            said = f"it refuses: {quote(self._connection.said(refusal))}" if isinstance(refusal, str) else "it is empty"
            raise UnusableAnswerError(said)
        return content

    def _give_way(self, text: str) -> bool:
        """Leave out, or call otherwise, the first optional part of a request that the server speaks of."""
        for name, substitute in _OPTIONAL.items():
            if name in text and name not in self._changed:
                self._changed[name] = substitute
                return True
        return False

    def _named_model(self) -> str:
        """The model that was named, or the only one that the server has."""
        if self._model is None:
            found = self._connection.exchange("GET", "models")
            listed = found.get("data")
            ids = [item.get("id") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
            models = [name for name in ids if isinstance(name, str) and _MODEL_NAME.fullmatch(name)]
            if len(models) != 1:
                names = ", ".join(quote(name, 40) for name in models[:10])
                has = f"has {len(models)} models ({names})" if models else "lists no model"
                raise DescriptionError(f"{self._connection.address} {has}: name one with --set vlm.model=NAME")
            self._model = models[0]
        return self._model


def _content(turn: Turn) -> str | list[dict[str, Any]]:
    if turn.role == "assistant":
        return "".join(part for part in turn.parts if isinstance(part, str))
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{_jpeg(part)}"}}
        for part in turn.parts
    ]


def _jpeg(picture: Image.Image) -> str:
    stream = io.BytesIO()
    # Colours at full resolution: red letters on grey would blur otherwise.
    picture.save(stream, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return base64.b64encode(stream.getvalue()).decode("ascii")
