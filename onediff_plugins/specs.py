"""The records that plugins contribute. Each checks itself, so a wrong one fails at load and not in a batch at night.

Standard library only: the command line lists plugins without loading numpy or pydantic.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, runtime_checkable

from onediff_plugins.errors import PluginContractError
from onediff_plugins.hookspecs import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from onediff_plugins.records import ChangeRegion, ChangeResult, Description
    from onediff_plugins.settings import DomainSettings, ModelSettings
    from onediff_plugins.types import ChangeMap, ImagePair, PairRequest

NAME_PATTERN: Final = re.compile(r"^[a-z][a-z0-9_.-]*$")
KINDS: Final = ("added", "removed", "changed", "moved")
ROLES: Final = frozenset({"detect", "describe"})


def _check_name(owner: str, name: object) -> None:
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
        raise PluginContractError(f"{owner}: the name {name!r} must match {NAME_PATTERN.pattern}")


def _check_callable(owner: str, what: str, value: object) -> None:
    if not callable(value):
        raise PluginContractError(f"{owner}: {what} must be callable, got {type(value).__name__}")


def _check_classes(owner: str, task: str, classes: Sequence[str]) -> None:
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        raise PluginContractError(f"{owner}: classes must be a tuple of names, got {classes!r}")
    if not classes or len(set(classes)) < len(classes):
        raise PluginContractError(f"{owner}: name at least one class, each once, got {list(classes)}")
    if task == "pair" and len(classes) > 1:
        raise PluginContractError(f"{owner}: a pair is changed or not, one class, got {list(classes)}")


def _check_kinds(owner: str, kinds: object) -> None:
    if unknown := [kind for kind in kinds if kind not in KINDS]:  # type: ignore[attr-defined]
        raise PluginContractError(f"{owner}: unknown kinds {unknown}; the kinds are {', '.join(KINDS)}")


@dataclass(frozen=True, kw_only=True)
class Wording:
    """How a domain speaks; the one template captioner reads it.

    Attributes:
        scene: what one image shows, such as "page".
        region: noun for a region without a label, singular and plural.
        nouns: label -> (singular, plural), for labels whose plural or name differs from the label itself. The same
            word twice says that it is not counted: ("vegetation", "vegetation").
        verbs: kind -> (singular, plural) verb phrase.
        place: "grid" speaks of top left and bottom right, "compass" of north-west and south-east.
        unit: "px" gives sizes in pixels, "m2" in square metres where the pair is georeferenced.
        unchanged: sentence for a pair without a change.
        undecided: sentence for a pair of which too little can be compared.
        max_clauses: how many clauses a caption has; one more is still said, from two on they are counted.
    """

    scene: str = "image"
    region: tuple[str, str] = ("area", "areas")
    nouns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    verbs: Mapping[str, tuple[str, str]] = field(
        default_factory=lambda: {
            "added": ("was added", "were added"),
            "removed": ("was removed", "were removed"),
            "changed": ("changed", "changed"),
            "moved": ("moved", "moved"),
        }
    )
    place: Literal["grid", "compass"] = "grid"
    unit: Literal["px", "m2"] = "px"
    unchanged: str = "Nothing changed."
    undecided: str = "Too little of the two images can be compared."
    max_clauses: int = 4

    def __post_init__(self) -> None:
        """Check the choices and the kinds named in `verbs`."""
        if self.place not in ("grid", "compass") or self.unit not in ("px", "m2"):
            raise PluginContractError(f"Wording: place {self.place!r} or unit {self.unit!r} is not one of the choices")
        _check_kinds("Wording.verbs", self.verbs)
        if missing := [kind for kind in KINDS if kind not in self.verbs]:
            raise PluginContractError(f"Wording.verbs has no words for {missing}")
        if self.max_clauses < 1:
            raise PluginContractError(f"Wording: max_clauses must be at least 1, got {self.max_clauses}")


@dataclass(frozen=True, kw_only=True)
class DomainSpec:
    """A domain: satellite, ui, surveillance, or yours.

    Attributes:
        name: unique name, the word after `--domain`.
        summary: one line for `onediff plugins`.
        settings: subclass of `onediff_plugins.settings.DomainSettings`.
        wording: how the template captioner speaks.
        kinds: the kinds of change that this domain's regions can have.
        labels: the labels its detectors and heads give; empty when they give none.
        capabilities: what this domain can do, in words that the host and the conformance kit go by; further words of
            its own are passed over. "georeferenced": images know where they lie on the map, and are compared there.
            "rigid": one transform carries the whole scene, and is measured from the content to a fraction of a pixel.
            "pieces": a layout, whose parts move by whole pixels, each for itself. "sizes-differ": images of different
            size are a pair.
        sniff: from file headers alone, how sure this domain is that a request is its own, in [0, 1].
        detectors: model names in order of preference; the first available one detects.
        describers: model names in order of preference; the first available one writes the words.
        labellers: model names in order of preference; where the detector takes no heads, the first that has region
            heads for this domain names the regions that it found.
        heads: heads that its detector loads by default, those of them that there are; else all called `<domain>.*`.
        verdict_kinds: kinds that make a pair "changed".
        api: the hook API version that the plugin was written for.
    """

    name: str
    summary: str
    settings: type[DomainSettings]
    wording: Wording = field(default_factory=Wording)
    kinds: tuple[str, ...] = ("added", "removed", "changed")
    labels: tuple[str, ...] = ()
    capabilities: frozenset[str] = frozenset()
    sniff: Callable[[PairRequest], float] | None = None
    detectors: tuple[str, ...] = ("difference",)
    describers: tuple[str, ...] = ("template",)
    labellers: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    verdict_kinds: tuple[str, ...] = KINDS
    api: int = API_VERSION

    def __post_init__(self) -> None:
        """Check names, kinds and types."""
        _check_name("DomainSpec", self.name)
        owner = f"DomainSpec {self.name!r}"
        if not isinstance(self.settings, type):
            raise PluginContractError(f"{owner}: settings must be a DomainSettings class, got {self.settings!r}")
        if not isinstance(self.wording, Wording):
            raise PluginContractError(f"{owner}: wording must be a Wording, got {type(self.wording).__name__}")
        _check_kinds(owner, self.kinds)
        _check_kinds(owner, self.verdict_kinds)
        if self.sniff is not None:
            _check_callable(owner, "sniff", self.sniff)
        for name in (*self.detectors, *self.describers, *self.labellers, *self.heads):
            _check_name(owner, name)
        if not self.detectors or not self.describers:
            raise PluginContractError(f"{owner}: name at least one detector and one describer")


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """What a model is built from.

    Attributes:
        device: any torch device string; detectors without torch ignore it.
        weights: a folder or hub id in place of the model's own, from the setting `weights`; None for its own, and for
            a model that does not take any.
        heads: names or folders of the heads to load; none for a describer.
        settings: the settings of the domain that it is built for.
        domain: that domain.
        head_specs: name -> what it means, for each head that a plugin contributes.
        model_settings: the model's own settings, of the class that its spec names; None where it names none.
    """

    device: str
    weights: str | None
    heads: tuple[str, ...]
    settings: DomainSettings
    domain: DomainSpec
    head_specs: Mapping[str, HeadSpec] = field(default_factory=dict)
    model_settings: ModelSettings | None = None


@runtime_checkable
class Detector(Protocol):
    """Finds where a pair differs. Plural, so that an accelerator can take several pairs at once.

    It may also have `label(pair, regions) -> regions`, which names regions that the domain extracted; `record`, a
    `ModelRecord` that says in place of its spec what was loaded; and `notice`, a line or None that whoever runs it has
    to read, such as the terms of its weights, which is logged once in a process. The last two go for a describer, too.
    """

    def detect(
        self, pairs: Sequence[ImagePair], overviews: Sequence[ImagePair], settings: DomainSettings
    ) -> list[ChangeMap]:
        """One change map per pair, its operating point at 0.5."""
        ...


@runtime_checkable
class Describer(Protocol):
    """Says in words what differs."""

    def describe(
        self,
        pairs: Sequence[ImagePair],
        regions: Sequence[Sequence[ChangeRegion]],
        prompts: Sequence[str | None],
    ) -> list[Description]:
        """One description per pair.

        Raises:
            DescriptionError: it has no words for a pair, and why; the host asks the domain's next describer.
        """
        ...


def _always_available() -> str | None:
    return None


def _no_heads(weights: str | None) -> Sequence[HeadSpec]:
    return ()


def _unread(folder: Path) -> HeadSpec | None:
    return None


def _lacks_nothing(role: str, weights: str | None) -> str | None:
    return None


def _sees_all(pair: ImagePair, weights: str | None, heads: Sequence[str]) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A detector, a describer, or both.

    Attributes:
        name: unique name, the word after `--detector` or `--captioner`.
        roles: non-empty subset of {"detect", "describe"}.
        build: makes the model; called once per host and context. What it makes may have a `record`, a `ModelRecord` of
            what was loaded, which results then show instead of the name, revision and licence here.
        available: None when it can be built now from its own weights, else why not (a missing package, weights that
            are not there).
        revision: version of the weights or of the method, for provenance.
        licence: SPDX name of the weights' licence where it has weights.
        takes_heads: whether it loads fine-tuning heads.
        takes_weights: whether it can be built from other weights, which the setting `weights` names. Then the lack of
            its own does not matter, and `available` is not asked.
        held_heads: the heads that lie beside its weights, called with those that the setting `weights` names, or None
            for its own; only for one that takes heads. They are asked for by name like those of plugins.
        head_in: the head in a folder that somebody names, told without loading it, or None where that cannot be told;
            only for one that takes heads. It raises a OneDiffError where there is none.
        settings: class of the model's own settings, a `ModelSettings`; None where it has none. They reach `build` as
            `model_settings`, and their `why_not` is asked as `available` is.
        lacks: why weights cannot take a role that this model otherwise has, or None; called with the role, and with
            what the setting `weights` names, or None for its own.
        unsuited: why it cannot look at a pair, or None; called with the pair as loaded, what the setting `weights`
            names, and the heads. Where nobody asked for a detector by name, the domain's next one then has the pair.
        wants_normalised: whether it wants images whose radiometry was fitted to each other. For one that has learned to
            look past light, a domain's setting `normalise` is off unless somebody sets it.
    """

    name: str
    roles: frozenset[str]
    build: Callable[[BuildContext], Any]
    available: Callable[[], str | None] = _always_available
    revision: str | None = None
    licence: str | None = None
    takes_heads: bool = False
    takes_weights: bool = False
    held_heads: Callable[[str | None], Sequence[HeadSpec]] = _no_heads
    head_in: Callable[[Path], HeadSpec | None] = _unread
    settings: type[ModelSettings] | None = None
    lacks: Callable[[str, str | None], str | None] = _lacks_nothing
    unsuited: Callable[[ImagePair, str | None, Sequence[str]], str | None] = _sees_all
    wants_normalised: bool = True

    def __post_init__(self) -> None:
        """Check the name, the roles and the callables."""
        _check_name("ModelSpec", self.name)
        owner = f"ModelSpec {self.name!r}"
        object.__setattr__(self, "roles", frozenset(self.roles))
        if not self.roles or not self.roles <= ROLES:
            raise PluginContractError(
                f"{owner}: roles {sorted(self.roles)} must be a non-empty part of {sorted(ROLES)}"
            )
        _check_callable(owner, "build", self.build)
        for what in ("available", "held_heads", "head_in", "lacks", "unsuited"):
            _check_callable(owner, what, getattr(self, what))
        if self.settings is not None:
            if not isinstance(self.settings, type):
                raise PluginContractError(f"{owner}: settings must be a ModelSettings class, got {self.settings!r}")
            _check_name(f"{owner}: section of settings", getattr(self.settings, "section", None))

    def why_not(
        self, weights: str | None, role: str | None = None, settings: ModelSettings | None = None
    ) -> str | None:
        """Why it cannot be built now, or None.

        Args:
            weights: what the setting `weights` names, or None.
            role: that it is to take, or None for any.
            settings: the model's own, for one that has some.
        """
        weights = weights if self.takes_weights else None
        if weights is None and (why := self.available()) is not None:
            return why
        if role is not None and (why := self.lacks(role, weights)) is not None:
            return why
        return None if settings is None else settings.why_not()


@dataclass(frozen=True, kw_only=True)
class HeadSpec:
    """A fine-tuning head on the core model.

    Attributes:
        name: "<domain>.<what>", such as "satellite.building".
        task: "mask" (dense), "region" (kind and label of a box) or "pair" (changed or not).
        classes: class names, background excluded.
        kinds: class -> kind of change, for classes that have a direction.
        gsd_range_m: least and greatest ground sample distance in metres that it was trained for, or None.
        weights: folder of config and safetensors, or None when it has yet to be trained.
        build: makes an untrained head, or None for the task's standard one.
    """

    name: str
    task: Literal["mask", "region", "pair"]
    classes: tuple[str, ...]
    kinds: Mapping[str, str] = field(default_factory=dict)
    gsd_range_m: tuple[float, float] | None = None
    weights: Path | None = None
    build: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        """Check the name, the task, the classes and the range."""
        _check_name("HeadSpec", self.name)
        owner = f"HeadSpec {self.name!r}"
        if self.task not in ("mask", "region", "pair"):
            raise PluginContractError(f"{owner}: task {self.task!r} must be 'mask', 'region' or 'pair'")
        _check_classes(owner, self.task, self.classes)
        object.__setattr__(self, "classes", tuple(self.classes))
        if unknown := sorted(set(self.kinds) - set(self.classes)):
            raise PluginContractError(f"{owner}: kinds names classes that it does not have: {unknown}")
        _check_kinds(owner, self.kinds.values())
        object.__setattr__(self, "kinds", MappingProxyType(dict(self.kinds)))
        if self.gsd_range_m is not None:
            low, high = (float(distance) for distance in self.gsd_range_m)
            if not 0 < low <= high < math.inf:  # NaN is none of it
                raise PluginContractError(f"{owner}: gsd_range_m goes from a length to a greater, got {(low, high)}")
            object.__setattr__(self, "gsd_range_m", (low, high))


@dataclass(frozen=True, kw_only=True)
class ExporterSpec:
    """Writes results.

    Attributes:
        name: unique name.
        suffixes: file endings it writes, with the dot; empty when it only fills a folder.
        write: called with (results, out). `out` is a file with one of the suffixes, or a folder to fill; returned is
            what was written, as entries of the record's `files`: key -> path relative to the folder.
        summary: one line for `onediff plugins`.
    """

    name: str
    suffixes: tuple[str, ...]
    write: Callable[[Sequence[ChangeResult], Path], Mapping[str, str]]
    summary: str = ""

    def __post_init__(self) -> None:
        """Check the name, the suffixes and the callable."""
        _check_name("ExporterSpec", self.name)
        owner = f"ExporterSpec {self.name!r}"
        if bad := [suffix for suffix in self.suffixes if not suffix.startswith(".")]:
            raise PluginContractError(f"{owner}: suffixes start with a dot, got {bad}")
        _check_callable(owner, "write", self.write)


@dataclass(frozen=True, kw_only=True)
class ExecutorSpec:
    """Runs the work of a batch.

    Attributes:
        name: unique name, the word after `--executor`.
        run: called with (fn, items, workers); yields (index, outcome) as items finish, in any order. `fn` and the
            items can be pickled, and `fn` does not raise for a pair that fails.
        summary: one line for `onediff plugins`.
    """

    name: str
    run: Callable[[Callable[[Any], Any], Sequence[Any], int], Iterator[tuple[int, Any]]]
    summary: str = ""

    def __post_init__(self) -> None:
        """Check the name and the callable."""
        _check_name("ExecutorSpec", self.name)
        _check_callable(f"ExecutorSpec {self.name!r}", "run", self.run)
