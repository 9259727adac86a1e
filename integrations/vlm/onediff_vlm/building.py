"""From what the host asks for to a describer: the server or the model, shared by all domains, and the cache."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from onediff_plugins.errors import PluginContractError

if TYPE_CHECKING:
    from onediff_plugins.specs import BuildContext
    from onediff_vlm.chat import Chat
    from onediff_vlm.describer import VlmDescriber
    from onediff_vlm.settings import VlmSettings


class Builder:
    """Makes the describers of one host, which share a connection, or a model in memory."""

    def __init__(self) -> None:
        """Nothing is contacted or loaded yet."""
        self._chats: dict[tuple[VlmSettings, str], Chat] = {}
        self._making = threading.Lock()

    def __call__(self, context: BuildContext) -> VlmDescriber:
        """A describer for a domain; it contacts or loads nothing before it is asked."""
        from onediff_vlm.cache import AnswerCache, default_folder
        from onediff_vlm.describer import VlmDescriber
        from onediff_vlm.settings import VlmSettings

        settings = context.model_settings
        if not isinstance(settings, VlmSettings):
            raise PluginContractError(f"hf-vlm is built from VlmSettings, got {type(settings).__name__}")
        cache = None
        if settings.cache:
            folder = default_folder() if settings.cache_dir is None else Path(settings.cache_dir).expanduser()
            cache = AnswerCache(folder, int(settings.cache_mb * 1_000_000))
        chat = self._chat(settings, context.device)
        return VlmDescriber(chat, settings, context.domain.wording.unchanged, cache)

    def _chat(self, settings: VlmSettings, device: str) -> Chat:
        with self._making:
            key = (settings, device)
            if key not in self._chats:
                if settings.endpoint is not None:
                    from onediff_vlm.endpoint import Endpoint

                    self._chats[key] = Endpoint(settings)
                else:
                    from onediff_vlm.local import LocalChat

                    self._chats[key] = LocalChat(settings, device)
            return self._chats[key]
