"""Plugins made on the spot."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from onediff_plugins import DomainSettings, DomainSpec, Host, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def make_plugin() -> Callable[..., ModuleType]:
    """A plugin module of a name, from functions named like hooks; each is marked with @hookimpl."""

    def make(name: str, *, wrapper: bool = False, **hooks: Callable[..., Any]) -> ModuleType:
        module = ModuleType(name)
        for hook, function in hooks.items():
            setattr(module, hook, hookimpl(wrapper=wrapper)(function))
        return module

    return make


@pytest.fixture
def make_domain(make_plugin: Callable[..., ModuleType]) -> Callable[..., ModuleType]:
    """A domain plugin; `spec` goes into its DomainSpec, everything else are its hooks."""

    def make(name: str = "toy", spec: dict[str, Any] | None = None, **hooks: Callable[..., Any]) -> ModuleType:
        record = DomainSpec(
            **{"name": name, "summary": f"the {name} domain", "settings": DomainSettings, **(spec or {})}
        )
        return make_plugin(name, onediff_domain=lambda: record, **hooks)

    return make


@pytest.fixture
def make_host() -> Callable[..., Host]:
    """A host of exactly the given plugins."""

    def make(*plugins: object, **options: Any) -> Host:
        return Host(plugins, entry_points=False, **options)

    return make


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """(before, after), 60 x 80 RGB: a dark rectangle at x 30-50, y 20-32 is new."""
    before = np.full((60, 80, 3), 200, np.uint8)
    after = before.copy()
    after[20:32, 30:50] = 20
    return before, after
