"""The host: installed plugins behind one typed method per hook, and `compare`.

Nothing else calls hooks. A host holds no global state; make as many as you like:
`Host(plugins=[my_module], entry_points=False)` embeds the library with exactly the plugins that you name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from onediff_plugins import pipeline
from onediff_plugins.catalog import Catalog, foreign
from onediff_plugins.discovery import BUILT_IN, PluginInfo, Registry
from onediff_plugins.errors import ExportError, OneDiffError, PluginContractError, PluginError
from onediff_plugins.images import refuse_missing, source_name
from onediff_plugins.models import Models
from onediff_plugins.records import ChangeRegion, ChangeResult, Description, ErrorRecord, ModelRecord, PairFailure
from onediff_plugins.settings import DomainSettings, ModelSettings, Settings, resolve_settings, settings_digest
from onediff_plugins.types import ChangeMap, ImagePair, Overlay, PairRequest, Registration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import click

    from onediff_plugins.catalog import Labeller
    from onediff_plugins.specs import BuildContext, DomainSpec, ExecutorSpec, ExporterSpec, HeadSpec, ModelSpec
    from onediff_plugins.types import Box

T = TypeVar("T")

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
        self._catalog = Catalog(self._registry)
        classes: dict[str, type[Settings]] = {name: spec.settings for name, spec in self.domains().items()}
        resolved = resolve_settings({**classes, **self._catalog.sections}, settings, config_file=config_file)
        self._settings = {name: own for name, own in resolved.items() if isinstance(own, DomainSettings)}
        self._sections = {name: own for name, own in resolved.items() if isinstance(own, ModelSettings)}
        self._models = Models(self._catalog, self._settings, self._sections, device)

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
        return self._catalog.domains.specs

    def models(self) -> dict[str, ModelSpec]:
        """`onediff_models`: name -> spec."""
        return self._catalog.models.specs

    def heads(self) -> dict[str, HeadSpec]:
        """`onediff_heads`: name -> spec."""
        return self._catalog.heads.specs

    def exporters(self) -> dict[str, ExporterSpec]:
        """`onediff_exporters`: name -> spec."""
        return self._catalog.exporters.specs

    def executors(self) -> dict[str, ExecutorSpec]:
        """`onediff_executors`: name -> spec."""
        return self._catalog.executors.specs

    def commands(self) -> list[click.Command]:
        """`onediff_commands`: all of them."""
        return [command for _, command in self._catalog.commands]

    def domain(self, name: str) -> DomainSpec:
        """A domain by name.

        Raises:
            UnknownNameError: not installed.
            PluginLoadError: its plugin is broken.
            PluginConflictError: two plugins claim the name.
        """
        return self._catalog.domains.take(name)

    def model(self, name: str) -> ModelSpec:
        """A model by name; errors as `domain`."""
        return self._catalog.models.take(name)

    def head(self, name: str) -> HeadSpec:
        """A head by name; errors as `domain`."""
        return self._catalog.heads.take(name)

    def executor(self, name: str) -> ExecutorSpec:
        """An executor by name; errors as `domain`."""
        return self._catalog.executors.take(name)

    def exporter(self, name: str) -> ExporterSpec:
        """An exporter by name, or by the suffix of a file such as ".geojson"; errors as `domain`."""
        return self._catalog.exporter(name)

    def settings(self, domain: str) -> DomainSettings:
        """A domain's settings after all layers."""
        self.domain(domain)
        return self._settings[domain]

    def model_settings(self, name: str) -> ModelSettings | None:
        """A model's own settings after all layers, or None where it has none; errors as `model`."""
        cls = self.model(name).settings
        return None if cls is None else self._sections[cls.section]

    def sections(self) -> dict[str, ModelSettings]:
        """The settings that models have beside those of the domains: section -> settings after all layers."""
        return dict(self._sections)

    def settings_digest(self, domain: str, detector: str, captioner: str, heads: Sequence[str]) -> str:
        """Digest of everything that steers a pair of this domain."""
        values: dict[str, Any] = {
            "domain": domain,
            "settings": self.settings(domain).model_dump(mode="json"),
            "detector": detector,
            "captioner": captioner,
            "heads": list(heads),
        }
        own = {name: self.model_settings(name) for name in (detector, captioner)}
        if of_models := {name: told.model_dump(mode="json") for name, told in own.items() if told is not None}:
            values["models"] = of_models
        return settings_digest(values)

    def versions(self) -> dict[str, str]:
        """Distribution -> version of every loaded plugin."""
        return {info.dist: info.version for info in self.plugins if info.status == "loaded" and info.name != BUILT_IN}

    # --- models -----------------------------------------------------------------------------------------------

    def choose_model(
        self, domain: str, role: str, name: str | None = None, *, pair: ImagePair | None = None
    ) -> ModelSpec:
        """The model for a role: the one asked for, or the domain's first that is installed and available.

        A model that takes weights is available where the domain's setting `weights` names some, and they can take the
        role.

        Args:
            domain: name of the domain.
            role: "detect" or "describe".
            name: model asked for, or None.
            pair: as loaded, to pass over models that cannot look at it, such as one for finer images; not the one
                asked for. Where none can, the first that is available. None before there is a pair.

        Raises:
            UnknownNameError: no model of that name.
            PluginError: the model asked for cannot be used, or none of the domain's own can; the message says why.
        """
        weights = self.settings(domain).weights
        return self._catalog.choose_model(domain, role, name, weights, self._sections, pair)

    def other_describers(self, domain: str, than: ModelSpec) -> Iterator[ModelSpec]:
        """The describers to ask where one has no words for a pair.

        Args:
            domain: name of the domain.
            than: the describer that has none.

        Yields:
            Those that the domain names after it, or all that it names where it is not among them; only what is
            installed and available.
        """
        weights = self.settings(domain).weights
        yield from self._catalog.other_describers(domain, than.name, weights, self._sections)

    def choose_heads(self, model: ModelSpec, domain: str, asked: Sequence[str]) -> tuple[str, ...]:
        """The heads that a detector loads; none for one without heads.

        Those asked for; else those of `DomainSpec.heads` that there are; else the heads beside the detector's weights
        that are called `<domain>.*`; else those called `any.*`.

        Args:
            model: the detector.
            domain: name of the domain.
            asked: names of heads that plugins contribute or that lie beside the detector's weights, or folders.

        Raises:
            PluginError: heads were asked for and the detector takes none, or its weights cannot be read.
            UnknownNameError: no head and no folder of that name.
        """
        return self._catalog.choose_heads(model, domain, asked, self.settings(domain).weights)

    def choose_labeller(self, detector: ModelSpec, domain: str, asked: Sequence[str]) -> Labeller | None:
        """Who names the regions of a detector that takes no heads: the first of `DomainSpec.labellers` that can.

        Args:
            detector: that found them.
            domain: name of the domain.
            asked: region heads by name or folder; where there are none, those beside the model's weights that are
                called `<domain>.*`.

        Returns:
            The model and its heads; None where nobody names them but the detector.

        Raises:
            PluginError: a head that was asked for is none for regions.
            UnknownNameError: no head and no folder of that name.
        """
        weights = self.settings(domain).weights
        return self._catalog.choose_labeller(detector, domain, asked, weights, self._sections)

    def build_context(self, model: ModelSpec, domain: str, heads: Sequence[str] = ()) -> BuildContext:
        """What a model is built from in this host.

        Args:
            model: any model.
            domain: name of the domain.
            heads: as `choose_heads` gives them; none for a describer.
        """
        self.domain(domain)
        return self._models.context(model, domain, heads)

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
            StageError: the model raised, or could not be built.
        """
        return self._models.detect(spec, pairs, overviews, settings, heads)

    def label(
        self, spec: ModelSpec, pair: ImagePair, regions: Sequence[ChangeRegion], heads: Sequence[str] = ()
    ) -> Sequence[ChangeRegion]:
        """The detector's own names for regions, where it gives any; else the regions."""
        return self._models.label(spec, pair, regions, heads)

    def describe(
        self, spec: ModelSpec, pair: ImagePair, regions: Sequence[ChangeRegion], prompt: str | None
    ) -> Description:
        """Stage 7: a caption, and one caption per region or none.

        Raises:
            DescriptionError: the model has no words for this pair; `describing.describe` goes on to the next one.
            PluginContractError: an empty caption, or region captions that do not match the regions.
            StageError: the model raised, or could not be built.
        """
        return self._models.describe(spec, pair, regions, prompt)

    def model_record(self, spec: ModelSpec, heads: Sequence[str] = (), *, domain: str | None = None) -> ModelRecord:
        """Provenance of a model.

        Args:
            spec: any model.
            heads: those that it was built with.
            domain: the domain that it was built for, to let the model itself say what it loaded; None for what its
                spec says, where it was not asked.
        """
        return self._models.record(spec, domain, heads)

    # --- stages -----------------------------------------------------------------------------------------------

    def load_pair(self, domain: str, request: PairRequest) -> ImagePair:
        """`onediff_load_pair`: both images, each on its own grid."""
        pair = self._answer("load", domain, ImagePair, request=request, settings=self.settings(domain))
        return replace(pair, domain=domain, id=request.id)

    def align_pair(self, domain: str, pair: ImagePair) -> Registration:
        """`onediff_align_pair`: where after pixels lie in the before image."""
        return self._answer("align", domain, Registration, pair=pair, settings=self.settings(domain))

    def preprocess_pair(
        self, domain: str, pair: ImagePair, overview: ImagePair, *, detector: ModelSpec | None = None
    ) -> ImagePair:
        """`onediff_preprocess_pair`: float32 and comparable, as the detector wants it."""
        settings = self.settings(domain)
        if detector is not None and not detector.wants_normalised and "normalise" in type(settings).model_fields:
            settings = settings.model_copy(update=_unless_set(settings, normalise=False))
        return self._answer("preprocess", domain, ImagePair, pair=pair, overview=overview, settings=settings)

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

    # --- writing and running ----------------------------------------------------------------------------------

    def export(self, results: Sequence[ChangeResult], out: Path, exporter: str | None = None) -> Mapping[str, str]:
        """Write results.

        Args:
            results: as `compare` returned them; pictures need their pixels.
            out: a file, or a folder to fill.
            exporter: a name; None goes by the suffix of `out`.

        Returns:
            What was written: key -> path relative to the folder.

        Raises:
            UnknownNameError: no such exporter, or none for that suffix.
            ExportError: it cannot be written there.
            StageError: the exporter raised something else.
            PluginContractError: the exporter did not answer with what it wrote.
        """
        spec = self.exporter(exporter or out.suffix)
        owner = self._catalog.exporters.owner(spec.name)
        try:
            files = spec.write(results, out)
        except OSError as exc:
            raise ExportError(f"{out} cannot be written: {exc.strerror or exc}. Choose another place.") from exc
        except OneDiffError as exc:
            exc.stage, exc.plugin = exc.stage or "export", exc.plugin or owner.name
            raise
        except Exception as exc:
            raise foreign(exc, "export", owner) from exc
        if isinstance(files, Mapping):
            return files
        error = PluginContractError(
            f"exporter {spec.name!r} of {owner.owner} must give a mapping of files, got {type(files).__name__}"
        )
        error.stage, error.plugin = "export", owner.name
        raise error

    def execute(
        self, executor: str, fn: Callable[[Any], Any], items: Sequence[Any], workers: int
    ) -> Iterator[tuple[int, Any]]:
        """Run work on an executor; (index, outcome) as items finish.

        Args:
            executor: its name.
            fn: can be pickled; does not raise for an item that fails.
            items: can be pickled.
            workers: at least 1.

        Raises:
            UnknownNameError: no such executor.
            StageError: the executor itself raised.
        """
        spec = self.executor(executor)
        try:
            yield from spec.run(fn, items, workers)
        except OneDiffError:
            raise
        except Exception as exc:
            raise foreign(exc, f"executor {executor}", self._catalog.executors.owner(executor)) from exc

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
        if not self.domains():
            raise PluginError("no domain is installed: pip install onediff-ui, onediff-satellite, or one of your own")
        if len(self.domains()) == 1:
            return next(iter(self.domains()))
        sureness = {name: self._sniff(name, request) for name in self.domains()}
        ranked = sorted(sureness, key=lambda name: -sureness[name])
        first, second = sureness[ranked[0]], sureness[ranked[1]]
        if first < SNIFF_FLOOR or first - second < SNIFF_LEAD:
            for source in (request.before, request.after):
                refuse_missing(source)  # a file that is not there is the better thing to say
            guesses = ", ".join(f"{name} {sureness[name]:.2f}" for name in ranked)
            sources = " and ".join(source_name(source) for source in (request.before, request.after))
            raise PluginError(
                f"cannot tell the domain of {sources} ({guesses}): "
                f"name it with --domain {'|'.join(sorted(self.domains()))}"
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

    def _sniff(self, domain: str, request: PairRequest) -> float:
        spec = self.domain(domain)
        if spec.sniff is None:
            return 0.0
        try:
            return float(spec.sniff(request))
        except OneDiffError:
            raise
        except Exception as exc:
            raise foreign(exc, "sniff", self._catalog.domains.owner(domain)) from exc

    def _stage(self, stage: str, domain: str, kind: type[T] | tuple[type[Any], ...], **arguments: Any) -> T | None:  # noqa: ANN401
        hook = _HOOKS[stage]
        others = [info.name for name, claims in self._catalog.domains.items() if name != domain for info, _ in claims]
        try:
            result = self._registry.caller(hook, without=others)(**arguments)
            if stage == "overlays":
                result = [list(item) for item in result]  # generators run while we still know whose they are
        except OneDiffError as exc:
            info = self._registry.blame(exc, hook)
            exc.stage, exc.plugin = exc.stage or stage, exc.plugin or (info.name if info else None)
            raise
        except Exception as exc:
            raise foreign(exc, stage, self._registry.blame(exc, hook)) from exc
        if result is None or isinstance(result, kind):
            return result
        wanted = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        error = PluginContractError(f"{hook} for domain {domain!r} must give {wanted}, got {type(result).__name__}")
        error.stage, error.plugin = stage, self._catalog.domains.owner(domain).name
        raise error

    def _answer(self, stage: str, domain: str, kind: type[T] | tuple[type[Any], ...], **arguments: Any) -> T:  # noqa: ANN401
        result = self._stage(stage, domain, kind, **arguments)
        if result is None:
            raise PluginContractError(f"no plugin answered {_HOOKS[stage]} for domain {domain!r}")
        return result


def _unless_set(settings: DomainSettings, **values: bool) -> dict[str, bool]:
    """Those of the values whose settings were left at their defaults."""
    return {name: value for name, value in values.items() if name not in settings.model_fields_set}


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
