"""A server that a test commands, a host that asks it, and two pictures with three things in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import onediff_vlm.plugin
from onediff_plugins import DomainSettings, DomainSpec, Host, Wording, hookimpl
from onediff_vlm import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from onediff_plugins.types import Array

UNCHANGED = "Nothing is new."
# In the order of their strength, which is that of their contrast.
BOXES = ((20, 20, 60, 50), (110, 30, 150, 70), (60, 110, 100, 140))


class Toy:
    """A domain of plain pictures."""

    @hookimpl
    def onediff_domain(self) -> DomainSpec:
        return DomainSpec(name="toy", summary="boxes", settings=DomainSettings, wording=Wording(unchanged=UNCHANGED))


@pytest.fixture
def server(chat: Any) -> Iterator[Any]:
    with chat.ChatServer() as running:
        yield running


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between tries, so that a test takes no seconds."""
    monkeypatch.setattr(connection, "_PAUSE_S", 0.01)


@pytest.fixture
def pictures() -> tuple[Array, Array]:
    """(before, after), grey, 200 x 160, and the same with boxes at BOXES."""
    before = np.random.default_rng(0).normal(100, 2, (160, 200, 3)).round().clip(0, 255).astype(np.uint8)
    after = before.copy()
    for (x0, y0, x1, y1), value in zip(BOXES, (255, 225, 195), strict=True):
        after[y0:y1, x0:x1] = value
    return before, after


@pytest.fixture
def make_host(server: Any, tmp_path: Path) -> Callable[..., Host]:
    """A host of the toy domain and hf-vlm; settings of the section vlm are named without it."""

    def make(*plugins: object, **settings: Any) -> Host:
        told = {"endpoint": server.url, "cache_dir": str(tmp_path / "kept"), **settings}
        own = {f"vlm.{name}": value for name, value in told.items() if value is not None}
        return Host(
            [onediff_vlm.plugin, Toy(), *plugins], entry_points=False, settings=own, config_file=tmp_path / "no"
        )

    return make
