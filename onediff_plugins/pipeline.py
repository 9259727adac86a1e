"""One pair through the stages: load -> align -> warp -> preprocess -> detect -> regions -> caption -> refine."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from onediff_plugins import __version__
from onediff_plugins import regions as region_tools
from onediff_plugins.describing import describe
from onediff_plugins.errors import OneDiffError, StageError
from onediff_plugins.records import (
    ChangeRegion,
    ChangeResult,
    GeoRecord,
    PieceRecord,
    Provenance,
    RegistrationRecord,
    SourceInfo,
)
from onediff_plugins.types import (
    ChangeMap,
    Frame,
    ImagePair,
    Registration,
)
from onediff_plugins.warp import warp_pair
from onediff_plugins.windows import OVERVIEW_SIDE, frame_to_source_matrix, overview
from onediff_plugins.wording import undecided_caption

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from onediff_plugins.host import Host
    from onediff_plugins.records import Fallback
    from onediff_plugins.settings import DomainSettings
    from onediff_plugins.specs import ModelSpec
    from onediff_plugins.types import Array, FloatArray, PairRequest


def compare(
    host: Host,
    request: PairRequest,
    *,
    detector: str | None = None,
    captioner: str | None = None,
    heads: Sequence[str] = (),
) -> ChangeResult:
    """Compare one pair; the same path for `Host.compare`, `compare_many`, the command line and every executor.

    Args:
        host: routes each stage to the pair's domain.
        request: what to compare; its id is kept.
        detector: as in `Host.compare`.
        captioner: as in `Host.compare`.
        heads: as in `Host.compare`.

    Raises:
        OneDiffError: with `stage` and `plugin` set where they are known.
    """
    timings: dict[str, float] = {}
    domain = host.resolve_domain(request)
    settings = host.settings(domain)
    detecting = host.choose_model(domain, "detect", detector)
    describing = host.choose_model(domain, "describe", captioner)
    naming = host.choose_labeller(detecting, domain, heads)
    chosen_heads = host.choose_heads(detecting, domain, heads if naming is None else ())

    with _timed(timings, "load"):
        loaded = host.load_pair(domain, request)
    if detector is None and not heads:  # whoever named either means it
        detecting = host.choose_model(domain, "detect", pair=loaded)
        naming = host.choose_labeller(detecting, domain, ())
        chosen_heads = host.choose_heads(detecting, domain, ())
    pair, registration, prepared, seen = ready = _prepared(host, domain, request, loaded, detecting, timings)
    valid_fraction = float(pair.valid.mean())
    if (reason := ready.incomparable(settings)) is not None:
        finding = _undecided(host, pair, reason, registration.unusable)
    else:
        with _timed(timings, "detect"):
            (change,) = host.detect(detecting, [prepared], [seen], settings, chosen_heads)
        with _timed(timings, "regions"):
            kept, score = _regions(host, change, prepared, settings)
            by, with_heads = naming or (detecting, chosen_heads)
            labelled = host.label(by, prepared, kept, with_heads)
            found = region_tools.finish(labelled, pair, registration)
        with _timed(timings, "caption"):
            finding = _describe(host, describing, prepared, change, found, score)

    # Without a verdict no model was asked, and the specs speak for themselves.
    asked = None if finding.changed is None else domain
    models = {
        "detect": host.model_record(detecting, chosen_heads, domain=asked),
        "describe": host.model_record(finding.words_by or describing, domain=asked),
    }
    if naming is not None:
        models["label"] = host.model_record(naming.model, naming.heads, domain=asked)

    result = ChangeResult(
        id=request.id,
        domain=domain,
        changed=finding.changed,
        score=round(finding.score, 6),
        valid_fraction=round(valid_fraction, 6),
        reason=finding.reason,
        caption=finding.caption,
        caption_source=models["describe"].name,
        detector=detecting.name,
        before=source_info(pair.before, windowed=False),
        after=source_info(pair.after, windowed=request.window is not None),
        registration=registration_record(registration, pair),
        regions=finding.regions,
        georef=geo_record(pair),
        provenance=Provenance(
            onediff_plugins=__version__,
            plugins=host.versions(),
            settings_digest=host.settings_digest(
                domain, detecting.name, describing.name, chosen_heads if naming is None else naming.heads
            ),
            models=models,
            fallbacks=finding.fallbacks,
        ),
        meta=dict(request.meta),
        change=finding.change,
        mask=_mask(finding.change, finding.regions, settings.threshold),
        pair=pair,
    )
    with _timed(timings, "refine"):
        result = host.refine_result(domain, result, prepared)
    return result.replace(timings_ms=timings)


class Prepared(NamedTuple):
    """A pair as detectors get it.

    Attributes:
        pair: warped, in the values that were read.
        registration: how it was aligned.
        prepared: preprocessed.
        overview: its scene, preprocessed alike.
    """

    pair: ImagePair
    registration: Registration
    prepared: ImagePair
    overview: ImagePair

    def incomparable(self, settings: DomainSettings) -> str | None:
        """Why there can be no verdict, or None."""
        if self.registration.unusable is not None:
            return self.registration.unusable
        share = float(self.pair.valid.mean())
        if share < settings.min_valid:
            return f"only {share:.1%} of the pair can be compared; min_valid is {settings.min_valid:.1%}"
        return None


def prepare(host: Host, domain: str, request: PairRequest, detector: ModelSpec | None = None) -> Prepared:
    """The stages before the detector: load, align, warp, preprocess.

    Args:
        host: routes each stage to the domain.
        domain: name of the pair's domain.
        request: what to read.
        detector: what it is made ready for, or None for any.

    Raises:
        OneDiffError: with `stage` and `plugin` set where they are known.
    """
    return _prepared(host, domain, request, host.load_pair(domain, request), detector, {})


def find_regions(host: Host, ready: Prepared, detector: ModelSpec, heads: Sequence[str] = ()) -> Sequence[ChangeRegion]:
    """The regions that a detector keeps of a pair, before anybody names them.

    Args:
        host: routes each stage to the pair's domain.
        ready: the pair, of `prepare`.
        detector: of the pair's domain.
        heads: as `Host.choose_heads` gives them.

    Raises:
        OneDiffError: the detector cannot answer.
    """
    settings = host.settings(ready.prepared.domain)
    (change,) = host.detect(detector, [ready.prepared], [ready.overview], settings, heads)
    return _regions(host, change, ready.prepared, settings)[0]


def _prepared(
    host: Host,
    domain: str,
    request: PairRequest,
    loaded: ImagePair,
    detector: ModelSpec | None,
    timings: dict[str, float],
) -> Prepared:
    with _timed(timings, "align"):
        scene, registration = _align(host, domain, request, loaded)
    with _timed(timings, "warp"):
        pair = warp_pair(loaded, registration)
        # A layout has no statistics of a scene: its detector reads the page itself.
        seen = scene or (pair if "pieces" in host.domain(domain).capabilities else overview(pair))
    with _timed(timings, "preprocess"):
        prepared = host.preprocess_pair(domain, pair, seen, detector=detector)
        seen = prepared if seen is pair else host.preprocess_pair(domain, seen, seen, detector=detector)
    return Prepared(pair, registration, prepared, seen)


class _Finding(NamedTuple):
    """What a result says, as against where it came from."""

    change: ChangeMap
    regions: tuple[ChangeRegion, ...]
    score: float
    caption: str
    changed: bool | None
    reason: str | None
    words_by: ModelSpec | None = None
    fallbacks: tuple[Fallback, ...] = ()


def _describe(
    host: Host, spec: ModelSpec, pair: ImagePair, change: ChangeMap, found: Sequence[ChangeRegion], score: float
) -> _Finding:
    said = describe(host, spec, pair, found)
    regions = tuple(region.replace(caption=words) for region, words in zip(found, said.region_captions, strict=True))
    deciding = _verdict_kinds(host, pair.domain)
    changed = any(region.kind in deciding for region in regions)
    return _Finding(change, regions, score, said.caption, changed, None, said.by, said.fallbacks)


def _undecided(host: Host, pair: ImagePair, reason: str, told: str | None) -> _Finding:
    """No verdict; the caption tells what the registration found, or in the domain's words that too little is left."""
    shape = (pair.after.height, pair.after.width)
    nothing = ChangeMap(score=np.zeros(shape, dtype=np.float32), valid=pair.valid)
    caption = undecided_caption(host.domain(pair.domain).wording, told)
    return _Finding(nothing, (), 0.0, caption, None, reason)


class _Aligned(NamedTuple):
    overview: ImagePair | None
    registration: Registration


def _align(host: Host, domain: str, request: PairRequest, pair: ImagePair) -> _Aligned:
    """The registration of the loaded pair; for a window of a rigid scene, taken once from the scene's overview."""
    if request.window is None or "rigid" not in host.domain(domain).capabilities:
        return _Aligned(None, host.align_pair(domain, pair))
    scene = host.load_pair(domain, replace(request, window=None, max_side=OVERVIEW_SIDE))
    registration = host.align_pair(domain, scene)
    # after window -> scene overview (after) -> scene overview (before) -> before window
    to_overview = np.linalg.inv(_to_common(scene.after)) @ _to_common(pair.after)
    from_overview = np.linalg.inv(_to_common(pair.before)) @ _to_common(scene.before)
    matrix = from_overview @ registration.matrix @ to_overview
    scale = float(np.sqrt(abs(np.linalg.det(to_overview[:2, :2]))))
    residual = None if registration.residual_px is None else registration.residual_px / scale
    return _Aligned(
        warp_pair(scene, registration), replace(registration, matrix=matrix / matrix[2, 2], residual_px=residual)
    )


def _to_common(frame: Frame) -> FloatArray:
    """Matrix from a frame's pixels to coordinates that its window and its overview share: the map, or the source."""
    if frame.georef is None:
        return frame_to_source_matrix(frame)
    return np.array(frame.georef.transform, dtype=np.float64).reshape(3, 3)


def _regions(
    host: Host, change: ChangeMap, pair: ImagePair, settings: DomainSettings
) -> tuple[list[ChangeRegion], float]:
    """Kept regions, and the pair's confidence of change: sub-threshold candidates count, so unchanged pairs rank."""
    if change.candidates is not None:
        candidates: Sequence[ChangeRegion] = change.candidates
    else:
        extracted = host.extract_regions(pair.domain, change, pair)
        candidates = region_tools.classified(extracted, change, pair, settings.threshold)
    kept = [region for region in candidates if region.score >= settings.threshold]
    deciding = _verdict_kinds(host, pair.domain)
    if change.pair_score is not None:
        return kept, change.pair_score
    strongest = max((region.score for region in candidates if region.kind in deciding), default=0.0)
    if strongest >= settings.threshold or change.candidates is not None:
        return kept, strongest
    below = float(np.nextafter(settings.threshold, 0))
    return kept, max(strongest, min(region_tools.peak_score(change.score, change.valid, 9), below))


def _verdict_kinds(host: Host, domain: str) -> set[str]:
    kinds = set(host.domain(domain).verdict_kinds)
    return kinds | {"moved"} if host.settings(domain).count_moved else kinds


def _mask(change: ChangeMap, found: Sequence[ChangeRegion], threshold: float) -> Array:
    """uint8 0/255: at or above the threshold, comparable, and inside a kept region."""
    height, width = change.score.shape
    mask = np.zeros((height, width), dtype=np.uint8)
    for region in found:
        box, inside = region_tools.covered(region.geometry, width, height)
        part = box.slices
        mask[part][inside & (change.score[part] >= threshold) & change.valid[part]] = 255
    return mask


def source_info(frame: Frame, *, windowed: bool) -> SourceInfo:
    """A frame as one side of a record."""
    grid = frame.grid
    window = grid.window if windowed else None
    return SourceInfo(
        source=frame.source, width=grid.width, height=grid.height, captured_at=frame.captured_at, window=window
    )


def registration_record(registration: Registration, pair: ImagePair) -> RegistrationRecord:
    """A registration as JSON, its matrix carrying after pixels to pixels of the before source."""
    matrix = registration.matrix
    grid, georef = pair.before.grid, pair.before.georef
    reprojected = grid.georef is not None and georef is not None and grid.georef.crs != georef.crs
    if pair.before.source_grid is not None and not reprojected:
        matrix = frame_to_source_matrix(pair.before) @ matrix
    rows = tuple(tuple(round(float(value), 12) for value in row) for row in matrix)
    pieces = registration.pieces
    return RegistrationRecord(
        method=registration.method,
        matrix=rows,
        pieces=None if pieces is None else tuple(PieceRecord(after_box=p.after_box, dx=p.dx, dy=p.dy) for p in pieces),
        residual_px=None if registration.residual_px is None else round(registration.residual_px, 4),
        overlap=round(min(max(registration.overlap, 0.0), 1.0), 6),
    )


def geo_record(pair: ImagePair) -> GeoRecord | None:
    """The georeference of the after grid as JSON."""
    georef = pair.after.georef
    return None if georef is None else GeoRecord(crs=georef.crs, transform=georef.transform[:6])


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    except OneDiffError as exc:
        exc.stage = exc.stage or stage
        raise
    except Exception as exc:  # the host's own part of a stage: memory that ran out, say; the next pair may be fine
        error = StageError(f"stage {stage!r} failed with {type(exc).__name__}: {exc}")
        error.stage = stage
        raise error from exc
    finally:
        timings[stage] = round((time.perf_counter() - started) * 1000, 3)
