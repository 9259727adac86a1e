"""What is asked of values: records, regions and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onediff_plugins.records import ChangeRegion, ChangeResult
    from onediff_plugins.specs import DomainSpec
    from onediff_plugins.types import Array, BBox, ChangeMap, FloatArray, ImagePair


def region_problems(result: ChangeResult, domain: DomainSpec, threshold: float) -> list[str]:
    """What is wrong with the regions of a result.

    Args:
        result: as the host gave it.
        domain: its domain.
        threshold: of its settings.

    Returns:
        One sentence per problem.
    """
    problems = []
    for number, region in enumerate(result.regions, start=1):
        name = f"region {number} ({region.kind}{f', {region.label}' if region.label else ''})"
        found = [*_geometry_problems(region, result), *_word_problems(region, domain)]
        if region.id != number:
            found.append(f"has the id {region.id}: regions are numbered from 1 in their order")
        if region.score < threshold:
            found.append(f"has the score {region.score}, under the threshold {threshold}")
        problems += [f"{name} {problem}" for problem in found]
    order = [(-region.score, *region.geometry.bounds[1::-1]) for region in result.regions]
    if order != sorted(order):
        problems.append("the regions are not sorted by (-score, y0, x0)")
    return problems


def _geometry_problems(region: ChangeRegion, result: ChangeResult) -> Iterator[str]:
    geometry = region.geometry
    if geometry.geom_type not in ("Polygon", "MultiPolygon") or geometry.is_empty or not geometry.is_valid:
        yield f"has a geometry that is no valid (Multi)Polygon: {shapely.is_valid_reason(geometry)}"
        return
    sizes = {side: (getattr(result, side).width, getattr(result, side).height) for side in ("before", "after")}
    if not _inside(geometry.bounds, sizes["after"]):
        yield f"lies outside the after image of {sizes['after']} px: {geometry.bounds}"
    for side, absent in (("before", "added"), ("after", "removed")):
        box = region.bbox_before if side == "before" else region.bbox_after
        if box is None:
            if region.kind not in (absent, "changed"):
                yield f"has no bbox_{side}: only {absent} regions have none"
        elif region.kind == absent:
            yield f"has a bbox_{side}: {absent} regions have none"
        elif not _inside(box, sizes[side]) or box[2] <= box[0] or box[3] <= box[1]:
            yield f"has a bbox_{side} that is empty or lies outside its image of {sizes[side]} px: {box}"
    if not 0 < region.area_px <= sizes["after"][0] * sizes["after"][1]:
        yield f"has an area of {region.area_px} px"


def _word_problems(region: ChangeRegion, domain: DomainSpec) -> Iterator[str]:
    if region.kind not in domain.kinds:
        yield f"is of a kind that DomainSpec.kinds {domain.kinds} does not name"
    if region.label and region.label not in domain.labels:
        yield f"has a label that DomainSpec.labels {domain.labels} does not name"


def _inside(bounds: BBox, size: tuple[int, int]) -> bool:
    x0, y0, x1, y1 = bounds
    return x0 >= 0 and y0 >= 0 and x1 <= size[0] and y1 <= size[1]


def comparable(result: ChangeResult) -> dict[str, object]:
    """A record as JSON values without its timings: what "the same result" means; the repr of what is not JSON."""
    values = result.model_dump(mode="json", fallback=repr)
    del values["timings_ms"]
    return values


def arrays_of(*pairs: ImagePair) -> dict[str, Array]:
    """Every array of pairs, by where it is; copies."""
    found = {}
    for number, pair in enumerate(pairs):
        for side in ("before", "after", "before_on_after"):
            frame = getattr(pair, side)
            if frame is not None:
                found[f"pair {number}: {side}.pixels"] = frame.pixels.copy()
                found[f"pair {number}: {side}.valid"] = frame.valid.copy()
        for mask in ("unmatched_before", "unmatched_after"):
            if getattr(pair, mask) is not None:
                found[f"pair {number}: {mask}"] = getattr(pair, mask).copy()
    return found


def differing(one: dict[str, Array], other: dict[str, Array]) -> list[str]:
    """Names whose arrays are not equal, bit for bit, with the largest difference."""
    names = []
    for name in sorted(one.keys() | other.keys()):
        a, b = one.get(name), other.get(name)
        if a is None or b is None:
            names.append(f"{name} (only once)")
        elif a.shape != b.shape or a.dtype != b.dtype:
            names.append(f"{name} ({a.dtype} {a.shape} and {b.dtype} {b.shape})")
        elif not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            apart = np.nanmax(np.abs(a.astype(np.float64) - b.astype(np.float64)))
            names.append(f"{name} (by up to {apart:g})")
    return names


def map_difference(one: ChangeMap, other: ChangeMap, tolerance: float) -> str | None:
    """How two change maps differ, or None.

    Args:
        one: a change map.
        other: another.
        tolerance: largest difference of scores that is still equal.
    """
    if one.score.shape != other.score.shape:
        return f"scores of shape {one.score.shape} and {other.score.shape}"
    apart = float(np.abs(one.score - other.score).max())
    if apart > tolerance:
        return f"scores differ by up to {apart:g}"
    if not np.array_equal(one.valid, other.valid):
        return f"{int((one.valid != other.valid).sum())} pixels are valid in one of them only"
    known = [None if c.candidates is None else [r.model_dump(mode="json") for r in c.candidates] for c in (one, other)]
    return None if known[0] == known[1] else "the candidates differ"


def grid_points(width: int, height: int) -> FloatArray:
    """(25, 2) points all over a grid."""
    across, down = np.meshgrid(np.linspace(0, width, 5), np.linspace(0, height, 5))
    return np.stack([across.ravel(), down.ravel()], axis=1)
