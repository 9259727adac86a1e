"""hf-vlm keeps what every model must keep, against a server that answers well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import onediff_vlm.plugin
from onediff_plugins.testing import ModelTests

if TYPE_CHECKING:
    from collections.abc import Iterator


class TestHfVlm(ModelTests):
    plugin = onediff_vlm.plugin
    model = "hf-vlm"

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _served(cls, chat: Any) -> Iterator[None]:
        with chat.ChatServer() as server:
            cls.settings = {"vlm.endpoint": server.url, "vlm.cache": False}
            yield
