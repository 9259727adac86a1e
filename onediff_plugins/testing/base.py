"""What all classes of the kit share: the plugin, its host, and the pictures."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pytest

from onediff_plugins.errors import OneDiffError
from onediff_plugins.hookspecs import hookimpl
from onediff_plugins.host import Host
from onediff_plugins.settings import ENV_PREFIX, DomainSettings
from onediff_plugins.specs import DomainSpec
from onediff_plugins.testing import scenes
from onediff_plugins.testing.messages import failure
from onediff_plugins.types import Frame, GeoRef, ImagePair, PairRequest
from onediff_plugins.warp import warp_pair
from onediff_plugins.windows import overview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from onediff_plugins.discovery import PluginInfo
    from onediff_plugins.records import ChangeResult
    from onediff_plugins.types import Array, BoolArray, Box, Registration

PLAIN: Final = "conformance-plain"


class PlainDomain:
    """A domain that is the built-in behaviour throughout, for models and exporters of plugins that bring no domain."""

    @hookimpl
    def onediff_domain(self) -> DomainSpec:
        """Nothing of its own."""
        return DomainSpec(name=PLAIN, summary="the built-in behaviour", settings=DomainSettings)


class ConformanceTests:
    """Base of the kit's classes; has no checks of its own.

    Attributes:
        plugin: the module or object whose functions carry `@hookimpl`; None for the built-in behaviour.
        also_load: further plugins that it needs, such as one that brings its detector.
        domain_name: the domain to compare in; None for the only one that the plugins bring.
        settings: for the host, keys "setting" or "domain.setting".
        size: width and height of the pictures, in pixels.
        folder: an empty folder of the running check's own, for pictures that must be files.
    """

    plugin: ClassVar[object | None] = None
    also_load: ClassVar[tuple[object, ...]] = ()
    domain_name: ClassVar[str | None] = None
    settings: ClassVar[Mapping[str, Any]] = {}
    size: ClassVar[tuple[int, int]] = (256, 256)

    folder: Path
    _host: ClassVar[Host]

    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    # --- the host ---------------------------------------------------------------------------------------------

    @classmethod
    def make_host(cls) -> Host:
        """A host of the plugins alone, whatever is installed, configured or set in the environment."""
        own = [] if cls.plugin is None else [cls.plugin]
        with pytest.MonkeyPatch.context() as patch:
            for variable in [name for name in os.environ if name.startswith(ENV_PREFIX)]:
                patch.delenv(variable)
            return Host(
                [*own, *cls.also_load, *cls.stand_ins()],
                entry_points=False,
                settings=cls.settings,
                config_file=Path(os.devnull),  # an empty file: no onediff.toml of the current folder
            )

    @classmethod
    def stand_ins(cls) -> tuple[object, ...]:
        """What the kit itself adds to the host."""
        return (PlainDomain(),)

    @property
    def host(self) -> Host:
        """The class's host, made once: it builds each model once, and a model may take a minute to load."""
        return self._shared_host()

    @classmethod
    def _shared_host(cls) -> Host:
        if "_host" not in vars(cls):  # a base class has its own
            cls._host = cls.make_host()
        return cls._host

    @property
    def plugin_info(self) -> PluginInfo:
        """What the host says of the plugin: loaded, or broken and why."""
        assert self.plugin is not None, f"{type(self).__name__}: set `plugin` to your plugin module"
        name = str(getattr(self.plugin, "__name__", type(self.plugin).__name__))
        return next(info for info in self.host.plugins if info.name == name)

    def require_loaded(self) -> None:
        """Fail a check that cannot run because the plugin does not load."""
        if self.plugin is not None and self.plugin_info.status != "loaded":
            pytest.fail(f"the plugin does not load: {self.plugin_info.error}")

    @property
    def domain(self) -> DomainSpec:
        """The domain that the pictures are compared in."""
        self.require_loaded()
        domains = self.host.domains()
        if self.domain_name is not None:
            return self.host.domain(self.domain_name)
        own = sorted(domains.keys() - {PLAIN})
        if len(own) > 1:
            pytest.fail(f"{type(self).__name__}: the plugins bring {', '.join(own)}; set `domain_name` to one of them")
        if not domains:
            pytest.skip("the plugin brings no domain")
        return domains[own[0] if own else PLAIN]

    def can(self, capability: str) -> bool:
        """Whether the domain claims a capability; `onediff_plugins.specs` lists the words."""
        return capability in self.domain.capabilities

    # --- pictures: override what does not suit your domain -----------------------------------------------------

    def draw(self, dx: float = 0, dy: float = 0, *, place: int = 0) -> Array:
        """A picture of a place, seen by a camera that is displaced by (dx, dy) pixels.

        Args:
            dx: how far right the camera stands, so that content lies so much further left. Multiples of 0.25 for a
                rigid domain, whole pixels for one of layouts.
            dy: how far down, likewise.
            place: another number is another place.

        Returns:
            (H, W) or (H, W, 3), as `size` says: a textured terrain, or for the capability "pieces" a page.
        """
        if self.can("pieces"):
            return scenes.page(*self.size, int(dx), int(dy), place=place)
        return scenes.terrain(*self.size, dx, dy, place=place)

    def insert(self, picture: Array, box: Box | None = None) -> tuple[Array, Box]:
        """A copy of the picture with one thing that your domain must find, a plain rectangle, and where it is.

        Args:
            picture: (H, W) or (H, W, 3).
            box: the place that it fills; None for the usual one.
        """
        box = box or scenes.free_box(*self.size)
        return scenes.insert_rectangle(picture, box), box

    def source(self, picture: Array, *, valid: BoolArray | None = None, georef: GeoRef | None = None) -> Any:  # noqa: ANN401
        """What is handed to the host for a picture: a `Frame`.

        Override it when your domain reads only files of its own: write one into `self.folder` and return its path.

        Args:
            picture: (H, W) or (H, W, 3).
            valid: (H, W) bool, or None for all of it.
            georef: for a domain with the capability "georeferenced".
        """
        pixels = np.moveaxis(picture, 2, 0) if picture.ndim == 3 else picture[None]
        return Frame(
            pixels=pixels,
            valid=np.ones(picture.shape[:2], dtype=np.bool_) if valid is None else valid,
            bands=("red", "green", "blue") if len(pixels) == 3 else ("gray",),
            georef=georef,
            gsd_m=None if georef is None else abs(georef.transform.a),
        )

    def georef(self, dx: float = 0, dy: float = 0) -> GeoRef:
        """Where the picture of a camera displaced by (dx, dy) pixels lies on the map: 1 m a pixel, EPSG:32631."""
        from affine import Affine

        return GeoRef(crs="EPSG:32631", transform=Affine(1, 0, 448_000 + dx, 0, -1, 5_411_000 - dy))

    # --- asking the host --------------------------------------------------------------------------------------

    def place(self, picture: Array, *, valid: BoolArray | None = None) -> Any:  # noqa: ANN401
        """`source`, on the map where the domain is georeferenced."""
        return self.source(picture, valid=valid, georef=self.georef() if self.can("georeferenced") else None)

    def changed_pair(self) -> tuple[Any, Any]:
        """A picture, and the same with a rectangle inserted."""
        here = self.draw()
        return self.place(here), self.place(self.insert(here)[0])

    def compare(self, before: Any, after: Any, *, name: str = "check") -> ChangeResult:  # noqa: ANN401
        """`Host.compare` in the domain; an error is a failed check that says in which stage and whose it is."""
        with self._explained():
            return self.host.compare(before, after, domain=self.domain.name, id=name)

    def align(self, before: Any, after: Any) -> tuple[ImagePair, Registration]:  # noqa: ANN401
        """The pair as loaded, and its registration; errors as `compare`."""
        request = PairRequest(before=before, after=after, domain=self.domain.name, id="check")
        with self._explained():
            pair = self.host.load_pair(self.domain.name, request)
            return pair, self.host.align_pair(self.domain.name, pair)

    def warp(self, before: Any, after: Any) -> tuple[ImagePair, ImagePair]:  # noqa: ANN401
        """The aligned pair and its overview, as the preprocess stage gets them."""
        pair = warp_pair(*self.align(before, after))
        return pair, pair if self.can("pieces") else overview(pair)

    def prepare(self, before: Any, after: Any) -> tuple[ImagePair, ImagePair]:  # noqa: ANN401
        """The preprocessed pair and its overview, as a detector gets them."""
        pair, seen = self.warp(before, after)
        prepared = self.host.preprocess_pair(self.domain.name, pair, seen)
        return prepared, prepared if seen is pair else self.host.preprocess_pair(self.domain.name, seen, seen)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OneDiffError as exc:
            message = failure(
                f"stage {exc.stage or '?'} of domain {self.domain.name!r}",
                f"{type(exc).__name__}: {exc}",
                expected="an answer: these two pictures are a pair",
                do="mend the stage, or override `draw`, `insert` or `source` to give pictures that your domain reads",
                section="pictures",
            )
            raise AssertionError(message) from exc
