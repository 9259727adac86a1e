"""Building models and asking them: what they raise or answer wrongly is blamed on whose they are."""

from __future__ import annotations

import functools
import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from onediff_plugins.catalog import foreign
from onediff_plugins.errors import OneDiffError, PluginContractError
from onediff_plugins.records import Description, ModelRecord
from onediff_plugins.specs import BuildContext
from onediff_plugins.types import ChangeMap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onediff_plugins.catalog import Catalog
    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.settings import DomainSettings, ModelSettings
    from onediff_plugins.specs import Describer, Detector, ModelSpec
    from onediff_plugins.types import ImagePair

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)


@functools.cache
def _tell(notice: str) -> None:
    """Log a line, once in a process."""
    _LOG.warning("%s", notice)


class Models:
    """The models of one host, each built once per domain and heads."""

    def __init__(
        self,
        catalog: Catalog,
        settings: Mapping[str, DomainSettings],
        sections: Mapping[str, ModelSettings],
        device: str,
    ) -> None:
        """Build nothing yet.

        Args:
            catalog: who brings which model.
            settings: domain -> settings.
            sections: section -> settings of models.
            device: any torch device.
        """
        self._catalog, self._settings, self._sections, self._device = catalog, settings, sections, device
        self._built: dict[tuple[str, str, tuple[str, ...]], Any] = {}

    def detect(
        self,
        spec: ModelSpec,
        pairs: Sequence[ImagePair],
        overviews: Sequence[ImagePair],
        settings: DomainSettings,
        heads: Sequence[str],
    ) -> list[ChangeMap]:
        """Change maps of pairs of one domain; see `Host.detect`."""
        detector: Detector = self._build(spec, pairs[0].domain, heads)
        maps = self._ask(spec, "detect", lambda: detector.detect(pairs, overviews, settings))
        shapes = [change.score.shape if isinstance(change, ChangeMap) else type(change).__name__ for change in maps]
        wanted = [(pair.after.height, pair.after.width) for pair in pairs]
        if shapes != wanted:
            raise self._contract(spec, "detect", f"must give one ChangeMap per pair of shape {wanted}, got {shapes}")
        return maps

    def label(
        self, spec: ModelSpec, pair: ImagePair, regions: Sequence[ChangeRegion], heads: Sequence[str]
    ) -> Sequence[ChangeRegion]:
        """The detector's own names for regions; see `Host.label`."""
        detector = self._build(spec, pair.domain, heads)
        if not regions or not hasattr(detector, "label"):
            return regions
        return self._ask(spec, "label", lambda: list(detector.label(pair, regions)))

    def describe(
        self, spec: ModelSpec, pair: ImagePair, regions: Sequence[ChangeRegion], prompt: str | None
    ) -> Description:
        """Caption and one caption per region; see `Host.describe`."""
        describer: Describer = self._build(spec, pair.domain)
        said = self._ask(spec, "caption", lambda: describer.describe([pair], [regions], [prompt]))
        if len(said) != 1 or not isinstance(said[0], Description) or not said[0].caption:
            raise self._contract(spec, "caption", "must give one Description with a caption per pair")
        if len(said[0].region_captions) not in (0, len(regions)):
            count = len(said[0].region_captions)
            raise self._contract(spec, "caption", f"must give {len(regions)} region captions or none, got {count}")
        return said[0]

    def record(self, spec: ModelSpec, domain: str | None, heads: Sequence[str]) -> ModelRecord:
        """Provenance of a model; see `Host.model_record`."""
        built = None if domain is None else self._build(spec, domain, heads)
        record = getattr(built, "record", None)
        if record is None:
            return ModelRecord(name=spec.name, revision=spec.revision, licence=spec.licence, heads=tuple(heads))
        if not isinstance(record, ModelRecord):
            raise self._contract(spec, "record", f"must be a ModelRecord, got {type(record).__name__}")
        return record

    def context(self, spec: ModelSpec, domain: str, heads: Sequence[str] = ()) -> BuildContext:
        """What a model is built from; see `Host.build_context`."""
        settings = self._settings[domain]
        return BuildContext(
            device=self._device,
            weights=settings.weights if spec.takes_weights else None,
            heads=tuple(heads),
            settings=settings,
            domain=self._catalog.domains.take(domain),
            head_specs=MappingProxyType(self._catalog.heads.specs),
            model_settings=None if spec.settings is None else self._sections[spec.settings.section],
        )

    def _build(self, spec: ModelSpec, domain: str, heads: Sequence[str] = ()) -> Any:  # noqa: ANN401  # either protocol
        key = (spec.name, domain, tuple(heads))
        if key not in self._built:
            context = self.context(spec, domain, heads)
            built = self._ask(spec, f"building model {spec.name!r}", lambda: spec.build(context))
            if (notice := getattr(built, "notice", None)) is not None:
                _tell(notice)
            self._built[key] = built
        return self._built[key]

    def _ask(self, spec: ModelSpec, stage: str, question: Callable[[], T]) -> T:
        info = self._catalog.models.owner(spec.name)
        try:
            return question()
        except OneDiffError as exc:
            exc.stage, exc.plugin = exc.stage or stage, exc.plugin or info.name
            raise
        except Exception as exc:
            raise foreign(exc, stage, info) from exc

    def _contract(self, spec: ModelSpec, stage: str, message: str) -> PluginContractError:
        info = self._catalog.models.owner(spec.name)
        error = PluginContractError(f"model {spec.name!r} of {info.owner}: {stage} {message}")
        error.stage, error.plugin = stage, info.name
        return error
