"""The host: installed plugins behind one typed method per hook, and `compare`.

Nothing else calls hooks. A host holds no global state; make as many as you like:
`Host(plugins=[my_module], entry_points=False)` embeds the library with exactly the plugins that you name.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from onediff_plugins import __version__, pipeline
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
from onediff_plugins.images import source_name
from onediff_plugins.settings import DomainSettings, resolve_settings, settings_digest
from onediff_plugins.specs import BuildContext, DomainSpec, ExecutorSpec, ExporterSpec, HeadSpec, ModelSpec
from onediff_plugins.types import (
    ChangeMap,
    ChangeRegion,
    ChangeResult,
    ErrorRecord,
    ImagePair,
    ModelRecord,
    Overlay,
    PairFailure,
    PairRequest,
    Registration,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from onediff_plugins.specs import Describer, Detector
    from onediff_plugins.types import Box

T = TypeVar("T")
Spec = TypeVar("Spec", DomainSpec, ModelSpec, HeadSpec, ExporterSpec, ExecutorSpec)
# Everybody who claims a name; more than one is a conflict, raised when the name is asked for.
Claims = dict[str, list[tuple[PluginInfo, Spec]]]

# `--domain auto`: the surest domain wins when it is at least this sure, and this much surer than the next.
SNIFF_FLOOR = 0.5
SNIFF_LEAD = 0.2


class Host:
    """Discovers plugins, routes stages to a pair's domain, and compares."""

    def __init__(
        self,
        plugins: Sequence[object] = (),
        *,
        entry_points: bool = True,
        load: Iterable[str] | None = None,
        disable: Iterable[str] | None = None,
        trace: bool | None = None,
        settings: Mapping[str, Any] | None = None,
        config_file: Path | None = None,
        device: str = "cpu",
    ) -> None:
        """Load plugins and settle the settings.

        Args:
            plugins: modules or objects with hookimpls.
            entry_points: also discover installed distributions.
            load: only these entry points (ONEDIFF_LOAD_PLUGINS).
            disable: not these entry points (ONEDIFF_DISABLE_PLUGINS).
            trace: log every hook call to stderr (ONEDIFF_TRACE_PLUGINS).
            settings: the strongest layer of settings, keys "setting" or "domain.setting".
            config_file: defaults to onediff.toml in the current folder.
            device: any torch device; models that do not use torch ignore it.

        Raises:
            SettingsError: an unknown setting or a value that is not allowed.
        """
        self._registry = Registry(plugins, entry_points=entry_points, load=load, disable=disable, trace=trace)
        self._device = device
        self._domains = self._collect_domains()
        self._models: Claims[ModelSpec] = _by_name(self._registry.contributions("onediff_models", ModelSpec))
        self._heads: Claims[HeadSpec] = _by_name(self._registry.contributions("onediff_heads", HeadSpec))
        self._exporters: Claims[ExporterSpec] = _by_name(
            self._registry.contributions("onediff_exporters", ExporterSpec)
        )
        self._executors: Claims[ExecutorSpec] = _by_name(
            self._registry.contributions("onediff_executors", ExecutorSpec)
        )
        self._settings = resolve_settings(
            {name: claims[0][1].settings for name, claims in self._domains.items()}, settings, config_file=config_file
        )
        self._built: dict[tuple[str, str, tuple[str, ...]], Any] = {}

    # --- what is installed ------------------------------------------------------------------------------------

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """All plugins, loaded, broken and disabled."""
        return self._registry.infos

    def plugin(self, name: str) -> PluginInfo:
        """A loaded plugin by name.

        Raises:
            PluginLoadError: it is broken; chained to the original error.
            UnknownNameError: there is none of that name.
        """
        return self._registry.require(name)

    def domains(self) -> dict[str, DomainSpec]:
        """`onediff_domain`: name -> spec."""
        return {name: claims[0][1] for name, claims in self._domains.items()}

    def models(self) -> dict[str, ModelSpec]:
        """`onediff_models`: name -> spec."""
        return {name: claims[0][1] for name, claims in self._models.items()}

    def heads(self) -> dict[str, HeadSpec]:
        """`onediff_heads`: name -> spec."""
        return {name: claims[0][1] for name, claims in self._heads.items()}

    def exporters(self) -> dict[str, ExporterSpec]:
        """`onediff_exporters`: name -> spec."""
        return {name: claims[0][1] for name, claims in self._exporters.items()}

    def executors(self) -> dict[str, ExecutorSpec]:
        """`onediff_executors`: name -> spec."""
        return {name: claims[0][1] for name, claims in self._executors.items()}

    def commands(self) -> list[click.Command]:
        """`onediff_commands`: all of them."""
        return [command for _, command in self._registry.contributions("onediff_commands", click.Command)]

    def domain(self, name: str) -> DomainSpec:
        """A domain by name.

        Raises:
            UnknownNameError: not installed.
            PluginLoadError: its plugin is broken.
            PluginConflictError: two plugins claim the name.
        """
        return self._one("domain", name, self._domains)[1]

    def model(self, name: str) -> ModelSpec:
        """A model by name; errors as `domain`."""
        return self._one("model", name, self._models)[1]

    def head(self, name: str) -> HeadSpec:
        """A head by name; errors as `domain`."""
        return self._one("head", name, self._heads)[1]

    def executor(self, name: str) -> ExecutorSpec:
        """An executor by name; errors as `domain`."""
        return self._one("executor", name, self._executors)[1]

    def exporter(self, name: str) -> ExporterSpec:
        """An exporter by name, or by the suffix of a file such as ".geojson"; errors as `domain`."""
        if name.startswith("."):
            matches = [key for key, claims in self._exporters.items() if name.lower() in claims[0][1].suffixes]
            if not matches:
                endings = {s for claims in self._exporters.values() for s in claims[0][1].suffixes}
                raise UnknownNameError("file ending", name, endings)
            name = matches[0]
        return self._one("exporter", name, self._exporters)[1]

    def settings(self, domain: str) -> DomainSettings:
        """A domain's settings after all layers."""
        self.domain(domain)
        return self._settings[domain]

    def settings_digest(self, domain: str, detector: str, captioner: str, heads: Sequence[str]) -> str:
        """Digest of everything that steers a pair of this domain."""
        return settings_digest(
            {
                "domain": domain,
                "settings": self.settings(domain).model_dump(mode="json"),
                "detector": detector,
                "captioner": captioner,
                "heads": list(heads),
            }
        )

    def versions(self) -> dict[str, str]:
        """Distribution -> version of every loaded plugin."""
        return {info.dist: info.version for info in self.plugins if info.status == "loaded" and info.name != BUILT_IN}

    def choose_heads(self, model: ModelSpec, domain: str, asked: Sequence[str]) -> tuple[str, ...]:
        """The heads that a detector loads: those asked for, else the domain's own; none for one without heads.

        Args:
            model: the detector.
            domain: name of the domain.
            asked: names or folders.

        Raises:
            PluginError: heads were asked for and the detector takes none.
            UnknownNameError: no head and no folder of that name.
        """
        if not model.takes_heads:
            if asked:
                raise PluginError(
                    f"detector {model.name!r} takes no heads: leave out --head, or choose another detector"
                )
            return ()
        for name in asked:
            if not Path(name).is_dir():
                self.head(name)
        return tuple(asked) or self.domain(domain).heads

    # --- models -----------------------------------------------------------------------------------------------

    def choose_model(self, domain: str, role: str, name: str | None = None) -> ModelSpec:
        """The model for a role: the one asked for, or the domain's first that is installed and available.

        Args:
            domain: name of the domain.
            role: "detect" or "describe".
            name: model asked for, or None.

        Raises:
            UnknownNameError: no model of that name.
            PluginError: the model asked for cannot be used, or none of the domain's own can; the message says why.
        """
        spec = self.domain(domain)
        word = "detector" if role == "detect" else "captioner"
        if name is not None:
            if name not in self._models:
                self._refuse_broken(name)
                raise UnknownNameError(word, name, [n for n, s in self.models().items() if role in s.roles])
            model = self.model(name)
            if role not in model.roles:
                raise PluginError(f"{name!r} is no {word}: its roles are {', '.join(sorted(model.roles))}")
            if (why := model.available()) is not None:
                raise PluginError(f"{word} {name!r} cannot be used here: {why}")
            return model
        reasons = []
        for candidate in spec.detectors if role == "detect" else spec.describers:
            if candidate not in self._models:
                reasons.append(f"{candidate}: not installed")
                continue
            model = self.model(candidate)
            why = f"it does not {role}" if role not in model.roles else model.available()
            if why is None:
                return model
            reasons.append(f"{candidate}: {why}")
        raise PluginError(f"domain {domain!r} has no {word} that can be used here ({'; '.join(reasons)})")

    def build_model(self, spec: ModelSpec, domain: str, heads: Sequence[str] = ()) -> Any:  # noqa: ANN401  # protocols
        """The model behind a spec, built once per host, domain and heads.

        Raises:
            StageError: the plugin raised while it built the model.
        """
        key = (spec.name, domain, tuple(heads))
        if key not in self._built:
            info = self._models[spec.name][0][0]
            context = BuildContext(
                device=self._device,
                weights=None,
                heads=tuple(heads),
                settings=self.settings(domain),
                domain=self.domain(domain),
            )
            try:
                self._built[key] = spec.build(context)
            except OneDiffError as exc:
                exc.plugin = exc.plugin or info.name
                raise
            except Exception as exc:
                raise _foreign(exc, f"building model {spec.name!r}", info) from exc
        return self._built[key]

    def detect(
        self,
        spec: ModelSpec,
        pairs: Sequence[ImagePair],
        overviews: Sequence[ImagePair],
        settings: DomainSettings,
        heads: Sequence[str] = (),
    ) -> list[ChangeMap]:
        """Stage 5: change maps of pairs of one domain.

        Raises:
            PluginContractError: not one map per pair, or not on the after grid.
            StageError: the model raised.
        """
        detector: Detector = self.build_model(spec, pairs[0].domain, heads)
        maps: list[ChangeMap] = self._run_model(spec, "detect", lambda: detector.detect(pairs, overviews, settings))
        shapes = [change.score.shape for change in maps if isinstance(change, ChangeMap)]
        wanted = [(pair.after.height, pair.after.width) for pair in pairs]
        if shapes != wanted:
            raise self._contract(spec, "detect", f"must give one ChangeMap per pair of shape {wanted}, got {shapes}")
        return maps

    def label(
        self, spec: ModelSpec, pair: ImagePair, regions: Sequence[ChangeRegion], heads: Sequence[str] = ()
    ) -> Sequence[ChangeRegion]:
        """The detector's own names for regions, where it gives any."""
        detector = self.build_model(spec, pair.domain, heads)
        if not regions or not hasattr(detector, "label"):
            return regions
        named: list[ChangeRegion] = self._run_model(spec, "detect", lambda: list(detector.label(pair, regions)))
        return named

    def describe(
        self, spec: ModelSpec, pair: ImagePair, regions: Sequence[ChangeRegion], prompt: str | None
    ) -> tuple[str, Sequence[str]]:
        """Stage 7: caption and one caption per region.

        Raises:
            PluginContractError: an empty caption, or region captions that do not match the regions.
            StageError: the model raised.
        """
        describer: Describer = self.build_model(spec, pair.domain)
        said = self._run_model(spec, "caption", lambda: describer.describe([pair], [regions], [prompt]))
        if len(said) != 1 or not said[0].caption or len(said[0].region_captions) not in (0, len(regions)):
            raise self._contract(spec, "caption", f"must give a caption and {len(regions)} region captions")
        return said[0].caption, said[0].region_captions or [""] * len(regions)

    def model_record(self, spec: ModelSpec, heads: Sequence[str] = ()) -> ModelRecord:
        """Provenance of a model."""
        return ModelRecord(name=spec.name, revision=spec.revision, licence=spec.licence, heads=tuple(heads))

    def _run_model(self, spec: ModelSpec, stage: str, run: Any) -> Any:  # noqa: ANN401  # any protocol's answer
        info = self._models[spec.name][0][0]
        try:
            return run()
        except OneDiffError as exc:
            exc.stage, exc.plugin = exc.stage or stage, exc.plugin or info.name
            raise
        except Exception as exc:
            raise _foreign(exc, stage, info) from exc

    def _contract(self, spec: ModelSpec, stage: str, message: str) -> PluginContractError:
        info = self._models[spec.name][0][0]
        error = PluginContractError(f"model {spec.name!r} of {info.owner}: {stage} {message}")
        error.stage, error.plugin = stage, info.name
        return error

    # --- stages -----------------------------------------------------------------------------------------------

    def load_pair(self, domain: str, request: PairRequest) -> ImagePair:
        """`onediff_load_pair`: both images, each on its own grid."""
        pair = self._answer("load", domain, ImagePair, request=request, settings=self.settings(domain))
        return replace(pair, domain=domain, id=request.id)

    def align_pair(self, domain: str, pair: ImagePair) -> Registration:
        """`onediff_align_pair`: where after pixels lie in the before image."""
        return self._answer("align", domain, Registration, pair=pair, settings=self.settings(domain))

    def preprocess_pair(self, domain: str, pair: ImagePair, overview: ImagePair) -> ImagePair:
        """`onediff_preprocess_pair`: float32 and comparable."""
        return self._answer(
            "preprocess", domain, ImagePair, pair=pair, overview=overview, settings=self.settings(domain)
        )

    def extract_regions(self, domain: str, change: ChangeMap, pair: ImagePair) -> Sequence[ChangeRegion]:
        """`onediff_extract_regions`: candidate regions."""
        regions: list[ChangeRegion] | tuple[ChangeRegion, ...] = self._answer(
            "extract_regions", domain, (list, tuple), change=change, pair=pair, settings=self.settings(domain)
        )
        if bad := [type(region).__name__ for region in regions if not isinstance(region, ChangeRegion)]:
            raise PluginContractError(f"onediff_extract_regions must give ChangeRegion records, got {', '.join(bad)}")
        return regions

    def caption_prompt(self, domain: str, pair: ImagePair, regions: Sequence[ChangeRegion]) -> str | None:
        """`onediff_caption_prompt`: what a describer is asked; None for its own default."""
        return self._stage("caption_prompt", domain, str, pair=pair, regions=regions, settings=self.settings(domain))

    def refine_result(self, domain: str, result: ChangeResult, pair: ImagePair) -> ChangeResult:
        """`onediff_refine_result`: the domain's last word; the result itself when it has none."""
        refined = self._stage(
            "refine_result", domain, ChangeResult, result=result, pair=pair, settings=self.settings(domain)
        )
        return refined or result

    def overlays(self, result: ChangeResult, pair: ImagePair) -> list[Overlay]:
        """`onediff_overlays`: everybody's, in order of plugins."""
        merged = self._stage("overlays", result.domain, list, result=result, pair=pair) or []
        overlays = [overlay for answer in reversed(merged) for overlay in answer]
        if bad := [type(overlay).__name__ for overlay in overlays if not isinstance(overlay, Overlay)]:
            raise PluginContractError(f"onediff_overlays must give Overlay records, got {', '.join(bad)}")
        return overlays

    # --- observers --------------------------------------------------------------------------------------------

    def pair_finished(self, result: ChangeResult) -> None:
        """`onediff_pair_finished`: tell the observers; what they raise is logged."""
        self._registry.call_each("onediff_pair_finished", {"result": result})

    def pair_failed(self, failure: PairFailure) -> None:
        """`onediff_pair_failed`: tell the observers; what they raise is logged."""
        self._registry.call_each("onediff_pair_failed", {"failure": failure})

    def fiftyone_setup(self, dataset: Any) -> None:  # noqa: ANN401  # fiftyone stays optional
        """`onediff_fiftyone_setup`: let every plugin add to a dataset; what they raise is logged."""
        self._registry.call_each("onediff_fiftyone_setup", {"dataset": dataset})

    # --- comparing --------------------------------------------------------------------------------------------

    def resolve_domain(self, request: PairRequest) -> str:
        """The domain of a request: as asked, the only one installed, or the one whose sniff is clearly surest.

        Raises:
            UnknownNameError: the domain asked for is not installed.
            PluginError: no domain is installed, or none is clearly the right one.
        """
        if request.domain != "auto":
            self.domain(request.domain)
            return request.domain
        if not self._domains:
            raise PluginError("no domain is installed: pip install onediff-ui, onediff-satellite, or one of your own")
        if len(self._domains) == 1:
            return next(iter(self._domains))
        sureness = {name: self._sniff(name, request) for name in self._domains}
        ranked = sorted(sureness, key=lambda name: -sureness[name])
        first, second = sureness[ranked[0]], sureness[ranked[1]]
        if first < SNIFF_FLOOR or first - second < SNIFF_LEAD:
            guesses = ", ".join(f"{name} {sureness[name]:.2f}" for name in ranked)
            sources = " and ".join(source_name(source) for source in (request.before, request.after))
            raise PluginError(
                f"cannot tell the domain of {sources} ({guesses}): "
                f"name it with --domain {'|'.join(sorted(self._domains))}"
            )
        return ranked[0]

    def compare(
        self,
        before: Any,  # noqa: ANN401  # path, URL, array, PIL image, Frame, dataset
        after: Any,  # noqa: ANN401  # the same
        *,
        domain: str = "auto",
        window: Box | None = None,
        id: str = "000001",
        meta: Mapping[str, Any] | None = None,
        detector: str | None = None,
        captioner: str | None = None,
        heads: Sequence[str] = (),
    ) -> ChangeResult:
        """What differs between two images.

        Args:
            before: path, URL that rasterio reads, numpy array (H, W) or (H, W, 3|4), PIL image, open rasterio dataset
                or `Frame`.
            after: the same.
            domain: a domain's name, or "auto".
            window: compare only this box of the after image.
            id: the record's id.
            meta: carried into the record.
            detector: a detector's name instead of the domain's first available one.
            captioner: a describer's name likewise.
            heads: heads for the detector, instead of the domain's own.

        Raises:
            PairError: these two images cannot be compared; the message says why and what to do.
            OneDiffError: everything else that the library raises on purpose.
        """
        request = PairRequest(before=before, after=after, domain=domain, window=window, id=id, meta=dict(meta or {}))
        try:
            result = pipeline.compare(self, request, detector=detector, captioner=captioner, heads=heads)
        except OneDiffError as exc:
            self.pair_failed(failure_of(request, exc))
            raise
        self.pair_finished(result)
        return result

    def compare_many(
        self,
        requests: Iterable[PairRequest],
        *,
        detector: str | None = None,
        captioner: str | None = None,
        heads: Sequence[str] = (),
    ) -> Iterator[ChangeResult | PairFailure]:
        """What differs, pair by pair, in the order given; a pair that fails becomes a record and the rest go on.

        Args:
            requests: consumed lazily; those without an id are numbered from 000001.
            detector: as in `compare`.
            captioner: as in `compare`.
            heads: as in `compare`.

        Yields:
            One outcome per request. Nothing is kept: memory does not grow with the number of pairs.
        """
        for number, request in enumerate(requests, start=1):
            named = request if request.id else replace(request, id=f"{number:06d}")
            try:
                result = pipeline.compare(self, named, detector=detector, captioner=captioner, heads=heads)
            except OneDiffError as exc:
                failure = failure_of(named, exc)
                self.pair_failed(failure)
                yield failure
            else:
                self.pair_finished(result)
                yield result

    # --- inside -----------------------------------------------------------------------------------------------

    def _collect_domains(self) -> Claims[DomainSpec]:
        found = []
        for info, spec in self._registry.contributions("onediff_domain", DomainSpec):
            if spec.api != API_VERSION:
                which = "a newer" if spec.api > API_VERSION else "an older"
                error = PluginApiError(
                    f"{info.owner} was written for hook API {spec.api}, this is {API_VERSION} "
                    f"(onediff-plugins {__version__}): install {which} onediff-plugins or another {info.dist}"
                )
                self._registry.mark_broken(info, error)
            elif not issubclass(spec.settings, DomainSettings):
                wrong = PluginContractError(f"{info.owner}: DomainSpec.settings must derive from DomainSettings")
                self._registry.mark_broken(info, wrong)
            else:
                found.append((info, spec))
        return _by_name(found)

    def _one(self, what: str, name: str, table: Claims[Spec]) -> tuple[PluginInfo, Spec]:
        claims = table.get(name)
        if claims is None:
            self._refuse_broken(name)
            raise UnknownNameError(what, name, table)
        if len(claims) > 1:
            owners = " and ".join(info.owner for info, _ in claims)
            raise PluginConflictError(f"{owners} both claim the {what} {name!r}: uninstall or disable one of them")
        return claims[0]

    def _refuse_broken(self, name: str) -> None:
        """A plugin of that name that did not load is the better answer than "unknown"."""
        if any(info.name == name and info.status == "broken" for info in self.plugins):
            self._registry.require(name)

    def _sniff(self, domain: str, request: PairRequest) -> float:
        info, spec = self._one("domain", domain, self._domains)
        if spec.sniff is None:
            return 0.0
        try:
            return float(spec.sniff(request))
        except OneDiffError:
            raise
        except Exception as exc:
            raise _foreign(exc, "sniff", info) from exc

    def _stage(self, stage: str, domain: str, kind: type[T] | tuple[type[Any], ...], **arguments: Any) -> T | None:  # noqa: ANN401
        hook = _HOOKS[stage]
        others = [info.name for name, claims in self._domains.items() if name != domain for info, _ in claims]
        try:
            result = self._registry.caller(hook, without=others)(**arguments)
            if stage == "overlays":
                result = [list(item) for item in result]  # generators run while we still know whose they are
        except OneDiffError as exc:
            info = self._registry.blame(exc, hook)
            exc.stage, exc.plugin = exc.stage or stage, exc.plugin or (info.name if info else None)
            raise
        except Exception as exc:
            raise _foreign(exc, stage, self._registry.blame(exc, hook)) from exc
        if result is None or isinstance(result, kind):
            return result
        wanted = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        error = PluginContractError(f"{hook} for domain {domain!r} must give {wanted}, got {type(result).__name__}")
        error.stage, error.plugin = stage, self._domains[domain][0][0].name
        raise error

    def _answer(self, stage: str, domain: str, kind: type[T] | tuple[type[Any], ...], **arguments: Any) -> T:  # noqa: ANN401
        result = self._stage(stage, domain, kind, **arguments)
        if result is None:
            raise PluginContractError(f"no plugin answered {_HOOKS[stage]} for domain {domain!r}")
        return result


_HOOKS = {
    "load": "onediff_load_pair",
    "align": "onediff_align_pair",
    "preprocess": "onediff_preprocess_pair",
    "extract_regions": "onediff_extract_regions",
    "caption_prompt": "onediff_caption_prompt",
    "refine_result": "onediff_refine_result",
    "overlays": "onediff_overlays",
}


def failure_of(request: PairRequest, exc: OneDiffError) -> PairFailure:
    """The record of a pair that could not be compared."""
    error = ErrorRecord(type=type(exc).__name__, message=str(exc), stage=exc.stage, plugin=exc.plugin)
    return PairFailure(id=request.id, domain=request.domain, error=error, meta=dict(request.meta), exception=exc)


def _by_name(found: list[tuple[PluginInfo, Spec]]) -> Claims[Spec]:
    table: Claims[Spec] = {}
    for info, spec in found:
        table.setdefault(spec.name, []).append((info, spec))
    return table


def _foreign(exc: Exception, stage: str, info: PluginInfo | None) -> StageError:
    owner = info.owner if info else "a plugin"
    error = StageError(f"{owner} raised {type(exc).__name__} in stage {stage!r}: {exc}")
    error.stage, error.plugin = stage, info.name if info else None
    return error
