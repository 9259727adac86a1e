"""The template captioner: what differs, in plain English, in the words of each domain.

Everything here is a pure function of regions, pair and `Wording`. A clause is made of what (count and noun), what
happened (the domain's verb), where (nine-part grid or compass) and how much (size, shift, old and new value).
Regions that are alike become one clause; clauses come in order of weight, content before movement.

Facts are read from `ChangeRegion.attributes`; all are optional:
    area_m2               area in square metres
    dx, dy                whole pixels that a moved region went, after = before + (dx, dy)
    what                  singular noun for what changed of it: "colour", "text", "size", ...
    <what>_before, <what>_after
                          its old and new value as text, such as colour_before "#d33" or text_after "$15"; a hex
                          colour is also named
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from onediff_plugins import english
from onediff_plugins.records import Description

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.specs import DomainSpec, Wording
    from onediff_plugins.types import BBox, GeoRef, ImagePair

_GRID: Final = (
    ("at the top left", "at the top", "at the top right"),
    ("on the left", "in the centre", "on the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)
_COMPASS: Final = (
    ("in the north-west", "in the north", "in the north-east"),
    ("in the west", "in the centre", "in the east"),
    ("in the south-west", "in the south", "in the south-east"),
)
_ROWS: Final = ("across the top", "across the middle", "across the bottom")
_COLUMNS: Final = ("down the left side", "down the middle", "down the right side")
# From this share of a side on, a region is said to span it.
_SPANS: Final = 0.6
# "The largest" is said only of a region that is clearly so.
_CLEARLY_LARGER: Final = 1.1


class TemplateCaptioner:
    """Describer that fills sentences with the regions' own facts; it needs no weights and reads no prompt."""

    def __init__(self, domain: DomainSpec) -> None:
        """Speak as `domain.wording` says."""
        self._wording = domain.wording

    def describe(
        self,
        pairs: Sequence[ImagePair],
        regions: Sequence[Sequence[ChangeRegion]],
        prompts: Sequence[str | None],
    ) -> list[Description]:
        """One description per pair.

        Args:
            pairs: aligned or as read.
            regions: the kept regions of each pair.
            prompts: one per pair, not read: a template has only one thing to say.

        Returns:
            Captions that are never empty and end with a full stop.
        """
        return [
            Description(
                caption=caption(found, pair, self._wording),
                region_captions=tuple(region_caption(region, pair, self._wording) for region in found),
            )
            for pair, found, _ in zip(pairs, regions, prompts, strict=True)
        ]


def caption(regions: Sequence[ChangeRegion], pair: ImagePair, wording: Wording) -> str:
    """What differs between two images, in one or two sentences.

    Args:
        regions: the kept regions, in any order.
        pair: the images they lie on.
        wording: the domain's words.

    Returns:
        Content changes first, then movements, the strongest and largest first; at most `wording.max_clauses` clauses
        and one, the rest counted ("and 7 more changes were found"). Without regions, `wording.unchanged`.
    """
    if not regions:
        return english.sentence(wording.unchanged)
    groups = _groups(regions)
    content = [group for group in groups if group.kind != "moved"]
    moves = [group for group in groups if group.kind == "moved"]
    # One clause is kept for movement: "12 items moved down by 41 px" explains more than a fourth detail would.
    # One clause too many is said: counting it would be no shorter.
    most = wording.max_clauses + (len(groups) == wording.max_clauses + 1)
    content = content[: max(most - bool(moves), 1)]
    moves = moves[: most - len(content)]
    sentences = [[_clause(group, pair, wording) for group in said] for said in (content, moves) if said]
    if more := len(regions) - sum(len(group.regions) for group in (*content, *moves)):
        sentences[-1].append(f"{more:,} more changes were found")
    return " ".join(english.sentence(english.listed(clauses)) for clauses in sentences)


def region_caption(region: ChangeRegion, pair: ImagePair, wording: Wording) -> str:
    """What happened to one region, in one sentence with its place and size."""
    return english.sentence(_single(region, pair, wording, with_size=True))


def undecided_caption(wording: Wording, reason: str | None = None) -> str:
    """The sentence for a pair without a verdict.

    Args:
        wording: the domain's words.
        reason: what the registration found, such as "the camera moved"; None where too little can be compared.
    """
    return english.sentence(reason or wording.undecided)


def place(region: ChangeRegion, pair: ImagePair, wording: Wording) -> str:
    """Where a region lies, as words that follow a noun or verb.

    Args:
        region: its geometry, or for a removed region its place in the before image.
        pair: the images.
        wording: "compass" uses map directions where the after image has a georeference (east and north are those of
            its CRS, so a rotated or flipped raster is spoken of as the map shows it), else grid words.

    Returns:
        "at the top left", "in the centre", "across the bottom", "in the north-west", "across most of the page", ...
    """
    (u0, v0, u1, v1), georef = _extent(region, pair, wording)
    wide, tall = u1 - u0 >= _SPANS, v1 - v0 >= _SPANS
    if wide and tall:
        whole = min(u1 - u0, v1 - v0) > 0.95
        return f"across {'the whole' if whole else 'most of the'} {wording.scene}"
    u, v = (u0 + u1) / 2, (v0 + v1) / 2
    if georef is not None:
        column, row = _map_cell(u, v, pair, georef)
        return _COMPASS[row][column]
    if wide:
        return _ROWS[_third(v)]
    if tall:
        return _COLUMNS[_third(u)]
    return _GRID[_third(v)][_third(u)]


def size(region: ChangeRegion, wording: Wording) -> str:
    """How large a region is: "about 420 m²" where its area is known and wanted, else "120 x 40 px"."""
    if wording.unit == "m2" and (area := _area_m2(region)) is not None:
        return english.area_words(area)
    x0, y0, x1, y1 = _own_box(region)
    return f"{max(round(x1 - x0), 1):,} x {max(round(y1 - y0), 1):,} px"


def shift_words(dx: int, dy: int) -> str:
    """A movement in words: "down by 41 px", "left by 3 px and up by 10 px"; "" for none."""
    across = f"{'right' if dx > 0 else 'left'} by {abs(dx):,} px" if dx else ""
    along = f"{'down' if dy > 0 else 'up'} by {abs(dy):,} px" if dy else ""
    return english.listed([part for part in (across, along) if part])


# --- groups: regions that one clause speaks of -------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    kind: str
    label: str
    what: str
    shift: tuple[int, int] | None
    regions: tuple[ChangeRegion, ...]  # largest first


def _groups(regions: Sequence[ChangeRegion]) -> list[_Group]:
    """Alike regions together; content before movement, then by score in steps of 0.1, then by area."""
    alike: dict[tuple[object, ...], list[ChangeRegion]] = {}
    for region in regions:
        shift = _shift(region)
        # What moved together is one event, whatever it consists of.
        label = "" if shift else region.label
        alike.setdefault((region.kind, label, _what(region), shift), []).append(region)
    groups = [_group(found) for found in alike.values()]
    return sorted(groups, key=_weight)


def _group(regions: list[ChangeRegion]) -> _Group:
    first = regions[0]
    labels = {region.label for region in regions}
    return _Group(
        kind=first.kind,
        label=first.label if len(labels) == 1 else "",
        what=_what(first),
        shift=_shift(first),
        regions=tuple(sorted(regions, key=_extent_rank, reverse=True)),
    )


def _weight(group: _Group) -> tuple[bool, float, float]:
    strongest = max(region.score for region in group.regions)
    return group.kind == "moved", -round(strongest, 1), -sum(region.area_px for region in group.regions)


def _extent_rank(region: ChangeRegion) -> float:
    area = _area_m2(region)
    return region.area_px if area is None else area


# --- clauses ----------------------------------------------------------------------------------------------------


def _clause(group: _Group, pair: ImagePair, wording: Wording) -> str:
    if len(group.regions) == 1:
        region = group.regions[0]
        measured = wording.unit == "m2" and _area_m2(region) is not None
        return _single(region, pair, wording, with_size=measured or not region.label)
    return _many(group, pair, wording)


def _single(region: ChangeRegion, pair: ImagePair, wording: Wording, *, with_size: bool) -> str:
    noun, nouns = _nouns(region.label, wording)
    what = _what(region)
    subject = noun if noun == nouns else english.article(noun)
    verb = wording.verbs[region.kind][0]
    tail = f" {shift_words(*shift)}" if (shift := _shift(region)) else _values([region], what)
    if with_size and not what and region.kind != "moved":
        tail += f" ({size(region, wording)})"
    aspect = subject if what == noun else _aspect(what, subject)
    return _ordered(region.kind, aspect, verb, place(region, pair, wording)) + tail


def _many(group: _Group, pair: ImagePair, wording: Wording) -> str:
    noun, nouns = _nouns(group.label, wording)
    mass = noun == nouns
    count = len(group.regions)
    what = "" if group.what == noun else group.what
    subject = _aspect(what, noun if mass else f"{count:,} {nouns}")
    verb = wording.verbs[group.kind][0 if mass or what else 1]
    if group.shift:
        return f"{subject} {verb} {shift_words(*group.shift)}"
    values = _values(group.regions, group.what)
    places = list(dict.fromkeys(place(region, pair, wording) for region in group.regions))
    if len(places) == 1:
        return _ordered(group.kind, subject, verb, places[0]) + values
    spread = f"{subject} {verb}{values}" + (f" in {count:,} places" if mass else "")
    largest, second = group.regions[:2]
    if _extent_rank(largest) > _CLEARLY_LARGER * _extent_rank(second):
        superlative = "larger" if count == 2 else "largest"
        return f"{spread}, the {superlative} {places[0]} ({size(largest, wording)})"
    return f"{spread} {english.listed(places)}" if len(places) == 2 and not mass else spread


def _ordered(kind: str, subject: str, verb: str, where: str) -> str:
    """Such as "a tree was added on the left", but "a tree on the left changed"."""
    return f"{subject} {verb} {where}" if kind in ("added", "removed") else f"{subject} {where} {verb}"


def _aspect(what: str, subject: str) -> str:
    return f"the {what} of {subject}" if what else subject


def _values(regions: Iterable[ChangeRegion], what: str) -> str:
    """Such as " from red to blue", where all regions say the same."""
    told = {
        tuple(str(region.attributes.get(f"{what}_{side}") or "") for side in ("before", "after")) for region in regions
    }
    if not what or len(told) != 1:
        return ""
    speak = english.quoted if what == "text" else english.colour_words
    before, after = (speak(value) if value else "" for value in told.pop())
    return (f" from {before}" if before and after else "") + (f" to {after}" if after else "")


def _nouns(label: str, wording: Wording) -> tuple[str, str]:
    """Singular and plural; the same word twice for what is not counted (vegetation, water)."""
    if label in wording.nouns:
        return wording.nouns[label]
    words = " ".join(label.replace("_", " ").replace("-", " ").split())
    return (words, english.plural(words)) if words else wording.region


# --- facts ------------------------------------------------------------------------------------------------------


def _what(region: ChangeRegion) -> str:
    what = region.attributes.get("what")
    return " ".join(what.split()) if isinstance(what, str) and region.kind == "changed" else ""


def _shift(region: ChangeRegion) -> tuple[int, int] | None:
    """Whole pixels that a moved region went, or None where that is not known or nothing."""
    if region.kind != "moved":
        return None
    try:
        shift = round(region.attributes["dx"]), round(region.attributes["dy"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return shift if any(shift) else None


def _area_m2(region: ChangeRegion) -> float | None:
    area = region.attributes.get("area_m2")
    known = isinstance(area, int | float) and math.isfinite(area) and area >= 0
    return float(area) if known else None  # type: ignore[arg-type]  # `known` says it is a number


def _own_box(region: ChangeRegion) -> BBox:
    if region.bbox_after is not None:
        return region.bbox_after
    return region.bbox_before or shapely.bounds(region.geometry).tolist()


def _extent(region: ChangeRegion, pair: ImagePair, wording: Wording) -> tuple[BBox, GeoRef | None]:
    """Bounds as shares of the image it is seen in, and that image's georeference if the compass is to be used."""
    georef = pair.after.georef if wording.place == "compass" else None
    if region.kind == "removed" and region.bbox_before is not None and georef is None:
        grid = pair.before.grid
        x0, y0, width, height = 0, 0, grid.width, grid.height
        if grid.window is not None:
            x0, y0, width, height = grid.window.x0, grid.window.y0, grid.window.width, grid.window.height
        box = np.subtract(region.bbox_before, (x0, y0, x0, y0))
    else:
        width, height = pair.after.width, pair.after.height
        bounds = shapely.bounds(region.geometry)
        box = bounds if np.isfinite(bounds).all() else np.asarray(_own_box(region))
    shares = np.clip(box / (width, height, width, height), 0.0, 1.0)
    return (float(shares[0]), float(shares[1]), float(shares[2]), float(shares[3])), georef


def _map_cell(u: float, v: float, pair: ImagePair, georef: GeoRef) -> tuple[int, int]:
    """Column from west and row from north among the nine parts of the map's bounding box of the after image."""
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [u, v]], dtype=np.float64)
    points = georef.pixel_to_map(corners * (pair.after.width, pair.after.height))
    low, high = points[:4].min(axis=0), points[:4].max(axis=0)
    east, north = (points[4] - low) / (high - low)
    return _third(float(east)), _third(1.0 - float(north))


def _third(share: float) -> int:
    return min(max(int(share * 3), 0), 2)
