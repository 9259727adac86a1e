"""What is installed, by name: domains, models, heads, exporters and executors, and who claims each."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from onediff_plugins import __version__
from onediff_plugins.discovery import BUILT_IN, PluginInfo, Registry
from onediff_plugins.errors import (
    OneDiffError,
    PluginApiError,
    PluginConflictError,
    PluginContractError,
    PluginError,
    StageError,
    UnknownNameError,
)
from onediff_plugins.hookspecs import API_VERSION
from onediff_plugins.paths import existing_folder
from onediff_plugins.settings import DomainSettings, ModelSettings
from onediff_plugins.specs import DomainSpec, ExecutorSpec, ExporterSpec, HeadSpec, ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from onediff_plugins.types import ImagePair

T = TypeVar("T")
Spec = TypeVar("Spec", DomainSpec, ModelSpec, HeadSpec, ExporterSpec, ExecutorSpec)

_LOG: Final = logging.getLogger(__name__)

# Heads of a model that are called so are for every domain that has none of its own.
ANY_DOMAIN: Final = "any."


class Labeller(NamedTuple):
    """Who names the regions that another model found.

    Attributes:
        model: that takes heads.
        heads: of the task "region".
    """

    model: ModelSpec
    heads: tuple[str, ...]


class Shelf(dict[str, list[tuple[PluginInfo, Spec]]]):
    """Records of one kind: name -> everybody who claims it. More than one is a conflict, raised when it is taken."""

    def __init__(self, what: str, found: list[tuple[PluginInfo, Spec]], registry: Registry) -> None:
        """Sort records by name.

        Args:
            what: kind of record, for messages.
            found: (plugin, record).
            registry: knows the plugins that did not load.
        """
        super().__init__()
        self._what, self._registry = what, registry
        for info, spec in found:
            self.setdefault(spec.name, []).append((info, spec))

    @property
    def specs(self) -> dict[str, Spec]:
        """Name -> record."""
        return {name: claims[0][1] for name, claims in self.items()}

    def take(self, name: str) -> Spec:
        """A record by name.

        Raises:
            UnknownNameError: not installed.
            PluginLoadError: a plugin of that name is broken.
            PluginConflictError: two plugins claim the name.
        """
        return self._claim(name)[1]

    def owner(self, name: str) -> PluginInfo:
        """The plugin that brings a name; errors as `take`."""
        return self._claim(name)[0]

    def _claim(self, name: str) -> tuple[PluginInfo, Spec]:
        claims = self.get(name)
        if claims is None:
            self.refuse_broken(name)
            raise UnknownNameError(self._what, name, self)
        if len(claims) > 1:
            owners = " and ".join(info.owner for info, _ in claims)
            raise PluginConflictError(
                f"{owners} both claim the {self._what} {name!r}: uninstall or disable one of them"
            )
        return claims[0]

    def drop(self, plugins: Collection[str]) -> None:
        """Take off what these plugins bring: one that broke in a later contribution is out as a whole."""
        for name, claims in list(self.items()):
            self[name] = [claim for claim in claims if claim[0].name not in plugins]
            if not self[name]:
                del self[name]

    def refuse_broken(self, name: str) -> None:
        """A plugin of that name that did not load is a better answer than "unknown"."""
        if any(info.name == name and info.status == "broken" for info in self._registry.infos):
            self._registry.require(name)


class Catalog:
    """The shelves of one host, and which model serves which role."""

    def __init__(self, registry: Registry) -> None:
        """Ask every plugin what it brings.

        Args:
            registry: the loaded plugins; one whose contribution is not valid is marked broken in it.
        """
        ask = registry.contributions
        self.domains = Shelf("domain", _domains(registry), registry)
        self.models: Shelf[ModelSpec] = Shelf("model", ask("onediff_models", ModelSpec), registry)
        self.heads: Shelf[HeadSpec] = Shelf("head", ask("onediff_heads", HeadSpec), registry)
        self.exporters: Shelf[ExporterSpec] = Shelf("exporter", ask("onediff_exporters", ExporterSpec), registry)
        self.executors: Shelf[ExecutorSpec] = Shelf("executor", ask("onediff_executors", ExecutorSpec), registry)
        self.commands = ask("onediff_commands", click.Command)
        for info, error in self._wrong_sections():
            registry.mark_broken(info, error)
        broken = {info.name for info in registry.infos if info.status == "broken"}
        for shelf in (self.domains, self.models, self.heads, self.exporters, self.executors):
            shelf.drop(broken)
        registry.require(BUILT_IN)  # without it nothing works: better said now than as "no plugin answered"

    def exporter(self, name: str) -> ExporterSpec:
        """An exporter by name, or by the suffix of a file such as ".geojson"; errors as `Shelf.take`."""
        if not name.startswith("."):
            return self.exporters.take(name)
        for spec in self.exporters.specs.values():
            if name.lower() in spec.suffixes:
                return self.exporters.take(spec.name)
        endings = {suffix for spec in self.exporters.specs.values() for suffix in spec.suffixes}
        raise UnknownNameError("file ending", name, endings)

    @property
    def sections(self) -> dict[str, type[ModelSettings]]:
        """Section -> class of the settings that models have."""
        classes = [spec.settings for spec in self.models.specs.values() if spec.settings is not None]
        return {cls.section: cls for cls in classes}

    def choose_model(
        self,
        domain: str,
        role: str,
        name: str | None = None,
        weights: str | None = None,
        sections: Mapping[str, ModelSettings] = MappingProxyType({}),
        pair: ImagePair | None = None,
    ) -> ModelSpec:
        """The model for a role; see `Host.choose_model`.

        Args:
            domain: name of the domain.
            role: "detect" or "describe".
            name: model asked for, or None.
            weights: the domain's setting of that name.
            sections: section -> settings of models.
            pair: as loaded, or None.
        """
        word = "detector" if role == "detect" else "captioner"
        if name is not None:
            return self._asked_model(word, role, name, weights, sections)
        spec = self.domains.take(domain)
        reasons: list[str] = []
        passed_over: list[ModelSpec] = []
        for candidate in spec.detectors if role == "detect" else spec.describers:
            if candidate not in self.models:
                reasons.append(f"{candidate}: not installed")
                continue
            model = self.models.take(candidate)
            why = f"it does not {role}" if role not in model.roles else self._why_not(model, role, weights, sections)
            if why is not None:
                reasons.append(f"{candidate}: {why}")
            elif pair is None or (why := self._unsuited(model, domain, pair, weights)) is None:
                return model
            else:
                _LOG.info("%s does not look at pair %r: %s", candidate, pair.id, why)
                passed_over.append(model)
        if passed_over:
            return passed_over[0]  # it says best what is wrong with the pair
        raise PluginError(f"domain {domain!r} has no {word} that can be used here ({'; '.join(reasons)})")

    def other_describers(
        self, domain: str, than: str, weights: str | None, sections: Mapping[str, ModelSettings]
    ) -> Iterator[ModelSpec]:
        """The describers to ask where one has no words; see `Host.other_describers`."""
        names = self.domains.take(domain).describers
        for name in names[names.index(than) + 1 :] if than in names else names:
            if name in self.models:
                model = self.models.take(name)
                if "describe" in model.roles and self._why_not(model, "describe", weights, sections) is None:
                    yield model

    def _asked_model(
        self, word: str, role: str, name: str, weights: str | None, sections: Mapping[str, ModelSettings]
    ) -> ModelSpec:
        if name not in self.models:
            self.models.refuse_broken(name)
            raise UnknownNameError(word, name, [n for n, spec in self.models.specs.items() if role in spec.roles])
        model = self.models.take(name)
        if role not in model.roles:
            raise PluginError(f"{name!r} is no {word}: its roles are {', '.join(sorted(model.roles))}")
        if (why := self._why_not(model, role, weights, sections)) is not None:
            raise PluginError(f"{word} {name!r} cannot be used here: {why}")
        return model

    def _why_not(
        self, model: ModelSpec, role: str, weights: str | None, sections: Mapping[str, ModelSettings]
    ) -> str | None:
        own = None if model.settings is None else sections[model.settings.section]
        stage = f"asking whether {model.name!r} is available"
        return self._asked(model, stage, lambda: model.why_not(weights, role, own))

    def _unsuited(self, model: ModelSpec, domain: str, pair: ImagePair, weights: str | None) -> str | None:
        heads, named = self.choose_heads(model, domain, (), weights), weights if model.takes_weights else None
        return self._asked(model, f"asking {model.name!r} about a pair", lambda: model.unsuited(pair, named, heads))

    def _asked(self, model: ModelSpec, stage: str, question: Callable[[], T]) -> T:
        try:
            return question()
        except OneDiffError:
            raise
        except Exception as exc:
            raise foreign(exc, stage, self.models.owner(model.name)) from exc

    def choose_heads(
        self, model: ModelSpec, domain: str, asked: Sequence[str], weights: str | None = None
    ) -> tuple[str, ...]:
        """The heads that a detector loads; see `Host.choose_heads`. `weights` is the domain's setting of that name."""
        if not model.takes_heads:
            if asked:
                raise PluginError(f"detector {model.name!r} takes no heads: leave out --head, or choose another")
            return ()
        held = self._held_heads(model, weights)
        for name in asked:
            self._check_head(name, held)
        of_spec = (name for name in self.domains.take(domain).heads if name in held or name in self.heads)
        if chosen := tuple(asked) or tuple(of_spec):
            return chosen
        of_domain = tuple(name for name in held if name.startswith(f"{domain}."))
        return of_domain or tuple(name for name in held if name.startswith(ANY_DOMAIN))

    def choose_labeller(
        self,
        detector: ModelSpec,
        domain: str,
        asked: Sequence[str],
        weights: str | None = None,
        sections: Mapping[str, ModelSettings] = MappingProxyType({}),
    ) -> Labeller | None:
        """Who names the regions of a detector; see `Host.choose_labeller`.

        `weights` is as in `choose_heads`, `sections` as in `choose_model`.
        """
        if detector.takes_heads:
            return None
        for name in self.domains.take(domain).labellers:
            model = self.models.specs.get(name)
            if model is None or not model.takes_heads or self._why_not(model, "detect", weights, sections) is not None:
                continue
            held = {spec.name: spec for spec in self._held_specs(model, weights)}
            for head in asked:
                self._check_head(head, held)
                spec = held.get(head) or self._head_elsewhere(model, head)
                if spec is not None and spec.task != "region":
                    raise PluginError(
                        f"detector {detector.name!r} finds regions, and {head!r} is a {spec.task} head, which does "
                        f"not name them: take a region head, or --detector {name}"
                    )
            own = (head for head, spec in held.items() if spec.task == "region" and head.startswith(f"{domain}."))
            if heads := tuple(asked) or tuple(own):
                return Labeller(model, heads)
        return None

    def _wrong_sections(self) -> Iterator[tuple[PluginInfo, OneDiffError]]:
        """Plugins whose models have settings of no such class, or in a section that somebody else has."""
        taken: dict[str, tuple[str, type[ModelSettings] | None]] = {
            name: (claims[0][0].owner, None) for name, claims in self.domains.items()
        }
        for info, spec in [claim for claims in self.models.values() for claim in claims]:
            cls = spec.settings
            if cls is None:
                continue
            if not issubclass(cls, ModelSettings):
                message = f"{info.owner}: ModelSpec.settings of {spec.name!r} must derive from ModelSettings"
                yield info, PluginContractError(message)
                continue
            owner, theirs = taken.setdefault(cls.section, (info.owner, cls))
            if theirs is not cls:
                yield (
                    info,
                    PluginConflictError(
                        f"{owner} and {info.owner} both have settings called {cls.section!r}: "
                        "uninstall or disable one of them"
                    ),
                )

    def _held_heads(self, model: ModelSpec, weights: str | None) -> list[str]:
        return [spec.name for spec in self._held_specs(model, weights)]

    def _held_specs(self, model: ModelSpec, weights: str | None) -> list[HeadSpec]:
        named = weights if model.takes_weights else None
        return self._asked(model, f"asking {model.name!r} for its heads", lambda: list(model.held_heads(named)))

    def _head_elsewhere(self, model: ModelSpec, name: str) -> HeadSpec | None:
        """What is known of a head that does not lie beside the weights: in a folder, or of a plugin."""
        folder = existing_folder(name)
        if folder is None:
            return self.heads.take(name)
        return self._asked(model, f"asking {model.name!r} for the head in {name}", lambda: model.head_in(folder))

    def _check_head(self, name: str, held: Collection[str]) -> None:
        if name in held or existing_folder(name) is not None:
            return
        if name not in self.heads:
            self.heads.refuse_broken(name)
            raise UnknownNameError("head", name, {*self.heads, *held})
        self.heads.take(name)


def foreign(exc: Exception, stage: str, info: PluginInfo | None) -> StageError:
    """An exception that a plugin did not mean to raise, with whose it is and where."""
    owner = info.owner if info else "a plugin"
    error = StageError(f"{owner} raised {type(exc).__name__} in stage {stage!r}: {exc}")
    error.stage, error.plugin = stage, info.name if info else None
    return error


def _domains(registry: Registry) -> list[tuple[PluginInfo, DomainSpec]]:
    found = []
    for info, spec in registry.contributions("onediff_domain", DomainSpec):
        if (error := _domain_error(info, spec)) is None:
            found.append((info, spec))
        else:
            registry.mark_broken(info, error)
    return found


def _domain_error(info: PluginInfo, spec: Any) -> OneDiffError | None:  # noqa: ANN401  # a DomainSpec of any API version
    if spec.api != API_VERSION:
        which = "a newer" if spec.api > API_VERSION else "an older"
        return PluginApiError(
            f"{info.owner} was written for hook API {spec.api}, this is {API_VERSION} "
            f"(onediff-plugins {__version__}): install {which} onediff-plugins or another {info.dist}"
        )
    if not issubclass(spec.settings, DomainSettings):
        return PluginContractError(f"{info.owner}: DomainSpec.settings must derive from DomainSettings")
    return None
