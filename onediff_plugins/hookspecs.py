"""The whole hook API on one screen.

Contributions are plural nouns that yield self-validating records. Stages are verb_noun; the first answer that is not
None wins. A plugin is a module (or object) whose functions carry `@hookimpl`, named by an entry point of the group
`onediff_plugins`. `docs/hooks.md` explains every hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import click

    from onediff_plugins.records import ChangeRegion, ChangeResult, PairFailure
    from onediff_plugins.settings import DomainSettings
    from onediff_plugins.specs import DomainSpec, ExecutorSpec, ExporterSpec, HeadSpec, ModelSpec
    from onediff_plugins.types import ChangeMap, ImagePair, Overlay, PairRequest, Registration

PROJECT: Final = "onediff_plugins"
API_VERSION: Final = 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

# --- contributions: what a plugin brings -----------------------------------------------------------------------


@hookspec
def onediff_domain() -> DomainSpec:  # type: ignore[empty-body]
    """The domain that this plugin is; at most one per plugin."""


@hookspec
def onediff_models() -> Iterable[ModelSpec]:  # type: ignore[empty-body]
    """Detectors and describers."""


@hookspec
def onediff_heads() -> Iterable[HeadSpec]:  # type: ignore[empty-body]
    """Fine-tuning heads for the core model."""


@hookspec
def onediff_exporters() -> Iterable[ExporterSpec]:  # type: ignore[empty-body]
    """Writers of results."""


@hookspec
def onediff_executors() -> Iterable[ExecutorSpec]:  # type: ignore[empty-body]
    """Ways to run a batch."""


@hookspec
def onediff_commands() -> Iterable[click.Command]:  # type: ignore[empty-body]
    """Subcommands of `onediff`."""


# --- stages: one pair through the pipeline; only the pair's own domain and the built-in behaviour are asked -----


@hookspec(firstresult=True)
def onediff_load_pair(request: PairRequest, settings: DomainSettings) -> ImagePair | None:
    """Stage 1: read both sources, native dtype, valid masks, georeferences."""


@hookspec(firstresult=True)
def onediff_align_pair(pair: ImagePair, settings: DomainSettings) -> Registration | None:
    """Stage 2: estimate where each after pixel lies in the before image; the host warps."""


@hookspec(firstresult=True)
def onediff_preprocess_pair(pair: ImagePair, overview: ImagePair, settings: DomainSettings) -> ImagePair | None:
    """Stage 4: float32, comparable radiometry; statistics come from the overview, never from the pair."""


@hookspec(firstresult=True)
def onediff_extract_regions(
    change: ChangeMap, pair: ImagePair, settings: DomainSettings
) -> Sequence[ChangeRegion] | None:
    """Stage 6: the score map into candidate regions; the host keeps those at or above the threshold."""


@hookspec(firstresult=True)
def onediff_caption_prompt(pair: ImagePair, regions: Sequence[ChangeRegion], settings: DomainSettings) -> str | None:
    """Stage 7: what a describer is asked."""


@hookspec(firstresult=True)
def onediff_refine_result(result: ChangeResult, pair: ImagePair, settings: DomainSettings) -> ChangeResult | None:
    """Stage 8: the domain's last word on its own result."""


@hookspec
def onediff_overlays(result: ChangeResult, pair: ImagePair) -> Iterable[Overlay]:  # type: ignore[empty-body]
    """Stage 9: further pictures and numbers to look at; merged, and saved under `files.overlays`."""


# --- observers and integrations ---------------------------------------------------------------------------------


@hookspec
def onediff_pair_finished(result: ChangeResult) -> None:
    """A pair was compared. What an observer raises is logged, never passed on."""


@hookspec
def onediff_pair_failed(failure: PairFailure) -> None:
    """A pair could not be compared. What an observer raises is logged, never passed on."""


@hookspec
def onediff_fiftyone_setup(dataset: Any) -> None:  # noqa: ANN401  # fiftyone stays optional, even for the types
    """Add fields, saved views and colours to a FiftyOne dataset that was just built."""
