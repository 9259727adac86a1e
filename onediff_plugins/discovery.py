"""Finding and loading plugins, each in its own guard: a broken one stays listed with its error, the others work.

Imports pluggy and the standard library only, so that `onediff --help` can list the commands of plugins at once.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import re
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, Literal

import pluggy

from onediff_plugins import __version__, hookspecs
from onediff_plugins.errors import (
    OneDiffError,
    PluginConflictError,
    PluginContractError,
    PluginLoadError,
    StageError,
    UnknownNameError,
    near_miss,
)
from onediff_plugins.hookspecs import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

BUILT_IN: Final = "built-in"
STAGES: Final = (
    "onediff_load_pair",
    "onediff_align_pair",
    "onediff_preprocess_pair",
    "onediff_extract_regions",
    "onediff_caption_prompt",
    "onediff_refine_result",
)

log = logging.getLogger("onediff_plugins.plugins")
trace_log = logging.getLogger("onediff_plugins.trace")


@dataclass(frozen=True, kw_only=True)
class PluginInfo:
    """One plugin, loaded or not.

    Attributes:
        name: entry point name, or the name given by who embedded it.
        dist: distribution that brings it.
        version: that distribution's version.
        status: "loaded", "broken" or "disabled".
        error: why it is broken.
        plugin: the plugin object, once loaded.
    """

    name: str
    dist: str
    version: str
    status: Literal["loaded", "broken", "disabled"]
    error: OneDiffError | None = None
    plugin: object | None = field(default=None, repr=False)

    @property
    def owner(self) -> str:
        """Whose it is, for messages: "satellite (onediff-satellite 0.1.0)"."""
        return f"{self.name} ({self.dist} {self.version})"


class Registry:
    """The plugins of one host and the only holder of pluggy's manager."""

    def __init__(
        self,
        plugins: Sequence[object] = (),
        *,
        entry_points: bool = True,
        load: Iterable[str] | None = None,
        disable: Iterable[str] | None = None,
        trace: bool | None = None,
    ) -> None:
        """Load the built-in behaviour, the given plugins and those of installed distributions.

        Args:
            plugins: modules or objects with hookimpls, for embedding and tests.
            entry_points: also load what installed distributions bring.
            load: only these entry points; None reads ONEDIFF_LOAD_PLUGINS (comma-separated), unset means all.
            disable: not these; None reads ONEDIFF_DISABLE_PLUGINS.
            trace: log every hook call to stderr; None reads ONEDIFF_TRACE_PLUGINS.
        """
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._infos: dict[str, PluginInfo] = {}
        if _flag("ONEDIFF_TRACE_PLUGINS") if trace is None else trace:
            self._trace()
        from onediff_plugins import defaults

        self._add(BUILT_IN, "onediff-plugins", __version__, lambda: defaults)
        for plugin in plugins:
            name = str(getattr(plugin, "__name__", type(plugin).__name__))
            dist, version = _distribution_of(plugin)
            if name in self._infos:
                raise PluginConflictError(f"two of the plugins given are called {name!r}: rename one of them")
            self._add(name, dist, version, functools.partial(_itself, plugin))
        if entry_points:
            self._add_entry_points(
                _names("ONEDIFF_LOAD_PLUGINS") if load is None else set(load),
                _names("ONEDIFF_DISABLE_PLUGINS") if disable is None else set(disable),
            )

    @property
    def infos(self) -> tuple[PluginInfo, ...]:
        """All plugins, the built-in one first."""
        return tuple(self._infos.values())

    def caller(self, hook: str, *, without: Iterable[str] = ()) -> pluggy.HookCaller:
        """A hook that does not ask the plugins named in `without`.

        Args:
            hook: name of the hook.
            without: plugin names.
        """
        removed = [plugin for name in without if (plugin := self._infos[name].plugin) is not None]
        return self._manager.subset_hook_caller(hook, removed)

    def implementers(self, hook: str) -> list[PluginInfo]:
        """Loaded plugins that implement a hook, in order of loading."""
        names = {impl.plugin_name for impl in getattr(self._manager.hook, hook).get_hookimpls()}
        return [info for info in self._infos.values() if info.name in names and info.status == "loaded"]

    def contributions(self, hook: str, record: type | None = None) -> list[tuple[PluginInfo, Any]]:
        """What each plugin contributes through a hook; one that fails is marked broken and left out.

        Args:
            hook: name of a contribution hook.
            record: type that every contribution must have.

        Returns:
            (plugin, record) for every record.
        """
        found = []
        for info in self.implementers(hook):
            try:
                found += [(info, item) for item in self._ask(info, hook, record)]
            except OneDiffError as exc:
                self.mark_broken(info, exc)
        return found

    def call_each(self, hook: str, arguments: dict[str, Any]) -> list[tuple[PluginInfo, Any]]:
        """Call a hook plugin by plugin, so that one that raises does not keep the others from being asked.

        Args:
            hook: name of an observer or integration hook.
            arguments: its arguments.

        Returns:
            (plugin, answer); for a plugin that raised, the answer is the exception, already logged.
        """
        answers: list[tuple[PluginInfo, Any]] = []
        for info in self.implementers(hook):
            try:
                answers += [(info, answer) for answer in self._only(info, hook)(**arguments)]
            except Exception as exc:  # noqa: BLE001  # an observer must never stop the work
                log.warning("%s: %s raised %s: %s", info.owner, hook, type(exc).__name__, exc)
                answers.append((info, exc))
        return answers

    def mark_broken(self, info: PluginInfo, error: OneDiffError) -> None:
        """Take a plugin out and keep it listed with its error."""
        error.plugin = error.plugin or info.name
        if info.plugin is not None and self._manager.is_registered(info.plugin):
            self._manager.unregister(info.plugin)
        self._infos[info.name] = replace(info, status="broken", error=error, plugin=None)

    def require(self, name: str) -> PluginInfo:
        """A plugin by name.

        Raises:
            PluginLoadError: it is broken; chained to the original error.
            UnknownNameError: there is none of that name.
        """
        info = self._infos.get(name)
        if info is None:
            raise UnknownNameError("plugin", name, self._infos)
        if info.error is not None:
            if isinstance(info.error, PluginConflictError):
                raise info.error
            raise PluginLoadError(f"plugin {info.owner} is broken: {info.error}") from info.error
        return info

    def blame(self, exc: BaseException, hook: str) -> PluginInfo | None:
        """The plugin whose implementation of a hook an exception came through."""
        by_code = {
            code: impl.plugin_name
            for impl in getattr(self._manager.hook, hook).get_hookimpls()
            if (code := getattr(impl.function, "__code__", None)) is not None
        }
        traceback = exc.__traceback__
        while traceback is not None:
            if (name := by_code.get(traceback.tb_frame.f_code)) is not None:
                return self._infos.get(name)
            traceback = traceback.tb_next
        return None

    def _only(self, info: PluginInfo, hook: str) -> pluggy.HookCaller:
        return self.caller(hook, without=[other for other in self._infos if other != info.name])

    def _ask(self, info: PluginInfo, hook: str, record: type | None) -> list[Any]:
        try:
            answers = self._only(info, hook)()
            # Generators run here, while we still know whose they are.
            items = [
                item for answer in answers for item in (list(answer) if isinstance(answer, Iterable) else [answer])
            ]
        except OneDiffError:
            raise
        except Exception as exc:
            raise StageError(f"{info.owner}: {hook} raised {type(exc).__name__}: {exc}") from exc
        for item in items:
            if record is not None and not isinstance(item, record):
                raise PluginContractError(
                    f"{info.owner}: {hook} must give {record.__name__} records, got {type(item).__name__}"
                )
        return items

    def _add_entry_points(self, load: set[str] | None, disable: set[str] | None) -> None:
        found = sorted(_unique(metadata.entry_points(group=PROJECT)), key=lambda ep: (ep.name, *_distribution(ep)))
        by_name: dict[str, list[metadata.EntryPoint]] = {}
        for entry_point in found:
            by_name.setdefault(entry_point.name, []).append(entry_point)
        for name, claims in by_name.items():
            dist, version = _distribution(claims[0])
            if (load is not None and name not in load) or (disable is not None and name in disable):
                self._infos[name] = PluginInfo(name=name, dist=dist, version=version, status="disabled")
            elif len(claims) > 1 or name in self._infos:
                owners = " and ".join(" ".join(_distribution(claim)) for claim in claims)
                if name in self._infos:
                    owners = f"{self._infos[name].owner} and {owners}"
                error = PluginConflictError(f"two plugins claim the name {name!r}: {owners}. Uninstall one of them.")
                self.mark_broken(
                    self._infos.get(name) or PluginInfo(name=name, dist=dist, version=version, status="broken"), error
                )
            else:
                self._add(name, dist, version, claims[0].load)

    def _add(self, name: str, dist: str, version: str, load: Callable[[], object]) -> None:
        info = PluginInfo(name=name, dist=dist, version=version, status="loaded")
        self._infos[name] = info
        try:
            plugin = load()
        except Exception as exc:  # noqa: BLE001  # whatever a plugin raises at import must not harm the others
            error = PluginLoadError(f"{info.owner} cannot be imported: {type(exc).__name__}: {exc}")
            error.__cause__ = exc
            self.mark_broken(info, error)
            return
        info = self._infos[name] = replace(info, plugin=plugin)
        try:
            _check_marks(info)
            self._manager.register(plugin, name=name)
            self._manager.check_pending()
            self._check_stages(info)
        except (PluginContractError, pluggy.PluginValidationError, ValueError) as exc:
            broken = PluginContractError(_contract_message(info, exc))
            broken.__cause__ = exc
            self.mark_broken(info, broken)

    def _check_stages(self, info: PluginInfo) -> None:
        """Only a domain, and the built-in behaviour, may answer a stage; others may wrap one."""
        own = {
            hook: [i for i in getattr(self._manager.hook, hook).get_hookimpls() if i.plugin_name == info.name]
            for hook in ("onediff_domain", *STAGES)
        }
        if info.name == BUILT_IN or own["onediff_domain"]:
            return
        for hook in STAGES:
            if any(not (impl.wrapper or impl.hookwrapper) for impl in own[hook]):
                raise PluginContractError(
                    f"{hook} is answered by a plugin that is no domain: implement onediff_domain, "
                    "or wrap the stage with @hookimpl(wrapper=True)"
                )

    def _trace(self) -> None:
        if not trace_log.handlers:
            trace_log.addHandler(logging.StreamHandler(sys.stderr))
            trace_log.setLevel(logging.DEBUG)
            trace_log.propagate = False  # a handler of the application's would say everything twice
        started: list[float] = []

        def before(hook_name: str, methods: Sequence[pluggy.HookImpl], kwargs: Mapping[str, Any]) -> None:
            started.append(time.perf_counter())

        def after(
            outcome: pluggy.Result[Any], hook_name: str, methods: Sequence[pluggy.HookImpl], kwargs: Mapping[str, Any]
        ) -> None:
            elapsed = (time.perf_counter() - started.pop()) * 1000
            asked = ", ".join(reversed([impl.plugin_name for impl in methods])) or "nobody"
            ending = f"raised {type(outcome.exception).__name__}" if outcome.exception else "returned"
            trace_log.debug("trace: %s asked %s: %s after %.2f ms", hook_name, asked, ending, elapsed)

        self._manager.add_hookcall_monitoring(before, after)


def _itself(plugin: object) -> object:
    return plugin


def _check_marks(info: PluginInfo) -> None:
    """A function named like a hook without `@hookimpl` would silently never be called."""
    for name in dir(info.plugin):
        if not name.startswith("onediff_"):
            continue
        value = getattr(info.plugin, name)
        if (inspect.isfunction(value) or inspect.ismethod(value)) and not hasattr(value, f"{PROJECT}_impl"):
            raise PluginContractError(f"{name} looks like a hook but lacks @hookimpl")


def _contract_message(info: PluginInfo, exc: Exception) -> str:
    message = " ".join(str(exc).split())
    named = re.findall(r"onediff_\w+", message) if isinstance(exc, pluggy.PluginValidationError) else []
    for word in named:
        if not hasattr(hookspecs, word) and word != info.name:
            hooks = [name for name in vars(hookspecs) if name.startswith("onediff_")]
            if guess := near_miss(word, hooks):
                return f"{info.owner}: there is no hook {word!r}. Did you mean {guess!r}?"
    return f"{info.owner}: {message}"


def _unique(entry_points: Iterable[metadata.EntryPoint]) -> list[metadata.EntryPoint]:
    """One entry per distribution, name and value: a path that is listed twice is not a conflict."""
    return list({(_distribution(ep), ep.name, ep.value): ep for ep in entry_points}.values())


def _distribution(entry_point: metadata.EntryPoint) -> tuple[str, str]:
    return (entry_point.dist.name, entry_point.dist.version) if entry_point.dist else ("unknown", "0")


def _distribution_of(plugin: object) -> tuple[str, str]:
    """Distribution of a plugin that was handed over as an object, by its top-level module's `__version__`."""
    module = getattr(plugin, "__module__", None) or getattr(plugin, "__name__", "")
    top = str(module).partition(".")[0]
    return top or "unknown", str(getattr(sys.modules.get(top), "__version__", "0"))


def _names(variable: str) -> set[str] | None:
    value = os.environ.get(variable)
    return None if value is None else {name.strip() for name in value.split(",") if name.strip()}


def _flag(variable: str) -> bool:
    return os.environ.get(variable, "").lower() not in ("", "0", "false", "no")
