"""Sentences from facts: what generators know of a change, in several wordings that say the same.

Everything that draws pairs writes its captions here, and so does `onediff_core.data.swap`, which tells the same facts
in the other direction. What a region's `attributes` may say:

- `colour`, `material`, `size`: adjectives of the thing, such as "red".
- `clothes`: their colour, of a person.
- `motif`: what an icon or a chart shows, such as "mail".
- `name`: what is written on the thing, such as "Save" on a button; it is quoted.
- `what`, with `<what>_before` and `<what>_after`: of something changed, the property and its two values. `text` is
  quoted; "from grass to bare soil" for `cover`; `colour` and `material` make "the red cube turned blue".
- `box_before`: of something moved, where it was, as x0, y0, x1, y1; `box` says where it is now.
- `pushed`: true where another change made it move; captions of the pair then speak of that one alone.

A region with the label `PLACE` says that the images show two different places.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from onediff_core.data.synthetic import phrases
from onediff_plugins import english

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onediff_core.data.sample import Sample, SampleRegion

    Size = tuple[int, int]  # height, width of the after image
    Box = tuple[int, int, int, int]

_T = TypeVar("_T")

PLACE: Final = "place"
NOTHING_CHANGED: Final = "Nothing changed."
NAMED: Final = 8  # changes that one caption speaks of before "and N more"
_COUNTED: Final = 3  # so many are named where alike ones are counted in one clause, however many they are


def write_captions(
    regions: Sequence[SampleRegion] | None, changed: bool, size: Size, rng: np.random.Generator, n: int
) -> tuple[str, ...]:
    """Sentences about the whole pair.

    Args:
        regions: all changes; they are told largest first, alike ones together.
        changed: False where nothing changed that a person would report; the regions are not looked at then.
        size: height and width of the after image.
        rng: draws the wording; what is told does not depend on it.
        n: how many; up to five are told in different ways.

    Returns:
        `n` sentences with a capital and a full stop. Where nothing changed, the first is `NOTHING_CHANGED`.

    Raises:
        ValueError: changed, but no region says what.
    """
    if not changed:
        return (NOTHING_CHANGED, *_drawn(phrases.UNCHANGED, rng, n - 1))[:n]
    if not regions:
        raise ValueError("changed, but no region says what: captions cannot be written; give regions or changed=False")
    if any(region.label == PLACE for region in regions):
        return _drawn(phrases.OTHER_PLACE, rng, n)
    groups = _groups(regions)
    ways = rng.permutation(len(_WAYS))
    return tuple(_told(groups, size, _WAYS[ways[number % len(ways)]], rng) for number in range(n))


def region_caption(region: SampleRegion, size: Size, rng: np.random.Generator, *, places: bool = True) -> str:
    """One sentence about one change, as `write_captions` has them; where it lies is told unless `places` is False."""
    if region.label == PLACE:
        return _any(phrases.OTHER_PLACE, rng)
    return english.sentence(_clause(_Group((region,)), size, replace(_WAYS[0], places=places), rng))


def described(sample: Sample) -> Sample:
    """The sample with captions, and a caption of each region, written from its facts.

    Three to five captions; the wording hangs on source and id alone. Same facts, same words.
    """
    if sample.changed is None:
        raise ValueError(f"sample {sample.id!r} of {sample.source!r}: nobody said whether anything changed")
    rng = np.random.default_rng(zlib.crc32(f"{sample.source}/{sample.id}".encode()))
    size = sample.after.shape[0], sample.after.shape[1]
    regions = sample.regions and tuple(
        replace(region, caption=region_caption(region, size, rng)) for region in sample.regions
    )
    causes = regions and tuple(region for region in regions if not region.attributes.get("pushed"))
    captions = write_captions(causes or regions, sample.changed, size, rng, int(rng.integers(3, 6)))
    return replace(sample, regions=regions, captions=captions)


def side(box: Box, size: Size) -> str:
    """Where a box lies, by thirds: "top left", "top", "left", "centre" and so on."""
    height, width = size
    row = min(int(3 * (box[1] + box[3]) / 2 / height), 2)
    column = min(int(3 * (box[0] + box[2]) / 2 / width), 2)
    words = f"{('top', '', 'bottom')[row]} {('left', '', 'right')[column]}".strip()
    return words or "centre"


# --- ways to tell -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Way:
    """How one caption is told."""

    places: bool = True
    adjectives: bool = True
    existential: bool = False  # "there is a new car" instead of "a car appeared"
    counted: bool = False  # "two changes: ..."
    openings: tuple[str, ...] = ("",)


_WAYS: Final = (
    _Way(),
    _Way(existential=True, openings=("", "now ", "in the second image ")),
    _Way(openings=("in the second image, ", "in the later image, ", "compared with before, ")),
    _Way(places=False, openings=("", "", "the change: ")),
    _Way(adjectives=False, counted=True),
)


@dataclass(frozen=True)
class _Group:
    """Changes that one clause speaks of: same kind, label, property and values."""

    regions: tuple[SampleRegion, ...]

    @property
    def first(self) -> SampleRegion:
        return self.regions[0]

    def common(self, key: str) -> str:
        """The value of an attribute where all have the same, else ""."""
        values = {str(region.attributes.get(key, "")) for region in self.regions}
        return values.pop() if len(values) == 1 else ""


def _groups(regions: Iterable[SampleRegion]) -> list[_Group]:
    """Alike regions together, the largest together first."""
    alike: dict[tuple[str, ...], list[SampleRegion]] = {}
    for region in regions:
        alike.setdefault(_likeness(region), []).append(region)
    groups = [_Group(tuple(found)) for found in alike.values()]
    return sorted(groups, key=lambda group: -sum(_area(region.box) for region in group.regions))


def _likeness(region: SampleRegion) -> tuple[str, ...]:
    what = str(region.attributes.get("what", ""))
    values = [str(region.attributes.get(f"{what}_{when}", "")) for when in ("before", "after")] if what else []
    return region.kind, region.label, what, *values


def _told(groups: Sequence[_Group], size: Size, way: _Way, rng: np.random.Generator) -> str:
    clauses, named = [], 0
    for group in groups:
        if named + min(len(group.regions), _COUNTED) > NAMED:
            break
        clauses.append(_clause(group, size, way, rng))
        named += min(len(group.regions), _COUNTED)
    total = sum(len(group.regions) for group in groups)
    if more := sum(len(group.regions) for group in groups[len(clauses) :]):
        clauses.append(f"{_number(more)} more {'change' if more == 1 else 'changes'}")
    opening = _any(way.openings, rng)
    if way.counted:
        opening = f"{_number(total)} {'change' if total == 1 else 'changes'}: "
    return english.sentence(opening + _joined([clause.strip() for clause in clauses]))


def _joined(clauses: Sequence[str]) -> str:
    """Clauses that hold "and" themselves are set apart by commas."""
    if len(clauses) > 1 and any(" and " in clause for clause in clauses):
        return ", ".join(clauses[:-1]) + f", and {clauses[-1]}"
    return english.listed(clauses)


def _clause(group: _Group, size: Size, way: _Way, rng: np.random.Generator) -> str:
    where = _where(group, size, rng) if way.places else ""
    if group.first.kind == "changed":
        return _changed(group, where, way, rng)
    if group.first.kind == "moved":
        return _moved(group, where, size, way, rng)
    if way.existential and group.first.kind == "added":
        new = "more" if _label(group) in phrases.UNCOUNTED else "new"
        return f"there {'is' if _single(group) else 'are'} {_indefinite(group, way, new)} {where}"
    subject = _definite(group, way) if group.first.kind == "removed" and rng.random() < 0.5 else _indefinite(group, way)
    verb = _verb(group, rng)
    return f"{subject} {where} {verb}" if group.first.kind == "removed" else f"{subject} {verb} {where}"


def _changed(group: _Group, where: str, way: _Way, rng: np.random.Generator) -> str:
    what = group.common("what")
    before, after = group.common(f"{what}_before"), group.common(f"{what}_after")
    if what in phrases.ADJECTIVES and before and after and what != "size" and rng.random() < 0.6:
        turned = _any(phrases.TURNED, rng)[0 if _single(group) else 1]
        return f"{_definite(group, way, before)} {where} {turned} {after}"
    values = _values(what, before, after)
    if what == "cover" and values:
        return f"{_definite(group, way)} {where} turned{values}"
    if what == "size" and after in ("larger", "smaller"):
        return f"{_definite(group, way)} {where} became {after}"
    of_itself = what in ("", _label(group))
    subject = _definite(group, way) if of_itself else f"the {what} of {_definite(group, way)}"
    singular, several = _any(phrases.VERBS["changed"], rng)
    return f"{subject} {where} {several if of_itself and not _single(group) else singular}{values}"


def _values(what: str, before: str, after: str) -> str:
    speak = english.quoted if what == "text" else english.colour_words
    return (f" from {speak(before)}" if before and after else "") + (f" to {speak(after)}" if after else "")


def _moved(group: _Group, where: str, size: Size, way: _Way, rng: np.random.Generator) -> str:
    subject, verb = _definite(group, way), _verb(group, rng)
    box = group.first.attributes.get("box_before")
    if box is None or len(group.regions) > 1:
        return f"{subject} {where} {verb}"
    old, new = side(box, size), side(group.first.box, size)
    if old != new and way.places:
        return f"{subject} {verb} from the {old} to the {new}"
    return f"{subject} {where} {verb} {_direction(box, group.first.box)}"


def _direction(before: Box, after: Box) -> str:
    across, down = ((after[i] + after[i + 2] - before[i] - before[i + 2]) / 2 for i in (0, 1))
    if abs(across) >= abs(down):
        return "to the right" if across > 0 else "to the left"
    return "down" if down > 0 else "up"


# --- words ------------------------------------------------------------------------------------------------------


def _verb(group: _Group, rng: np.random.Generator) -> str:
    kind, label = group.first.kind, group.first.label
    own = phrases.OWN_VERBS.get((kind, label))
    choices = (*phrases.VERBS[kind], own, own) if own else phrases.VERBS[kind]
    return _any(choices, rng)[0 if _single(group) else 1]


def _label(group: _Group) -> str:
    return " ".join(group.first.label.replace("_", " ").replace("-", " ").split()) or "area"


def _single(group: _Group) -> bool:
    return len(group.regions) == 1 or _label(group) in phrases.UNCOUNTED


def _noun(group: _Group, way: _Way, adjective: str = "", value: str = "") -> str:
    """Such as "small red metal cube", or "cubes" for many; adjectives that not all share are left out.

    `value` is of the property that changed, and stands in its place.
    """
    what = group.common("what")
    own = {fact: group.common(fact) if way.adjectives else "" for fact in phrases.ADJECTIVES} | (
        {what: value} if what else {}
    )
    noun = _label(group)
    noun = noun if _single(group) else english.plural(noun)
    clothes = group.common("clothes") if way.adjectives else ""
    noun += f" in {clothes}" if clothes else ""
    name = english.quoted(group.common("name")) if group.common("name") else ""
    return " ".join(word for word in (adjective, *(own[fact] for fact in phrases.ADJECTIVES), noun, name) if word)


def _indefinite(group: _Group, way: _Way, adjective: str = "") -> str:
    noun = _noun(group, way, adjective)
    if _label(group) in phrases.UNCOUNTED:
        return noun
    return english.article(noun) if len(group.regions) == 1 else f"{_number(len(group.regions))} {noun}"


def _definite(group: _Group, way: _Way, value: str = "") -> str:
    noun = _noun(group, way, value=value)
    return f"the {noun}" if _single(group) else f"{_number(len(group.regions))} {noun}"


def _where(group: _Group, size: Size, rng: np.random.Generator) -> str:
    sides = list(dict.fromkeys(_side_or_all(region.box, size) for region in group.regions))
    if len(sides) > 3:
        return ""
    if len(sides) == 1 and len(group.regions) > 1 and sides[0] == "all":
        return ""
    return english.listed([_side_words(name, rng) for name in sides])


def _side_or_all(box: Box, size: Size) -> str:
    height, width = size
    return "all" if box[2] - box[0] > 0.75 * width and box[3] - box[1] > 0.75 * height else side(box, size)


def _side_words(name: str, rng: np.random.Generator) -> str:
    if name == "all":
        return "across the image"
    if name == "centre":
        return _any(("in the centre", "in the middle"), rng)
    if name in ("left", "right"):
        return _any((f"on the {name}", f"on the {name} side"), rng)
    if name in ("top", "bottom"):
        return f"at the {name}"
    return _any((f"at the {name}", f"in the {name} corner"), rng)


def _number(count: int) -> str:
    return phrases.NUMBERS[count] if count < len(phrases.NUMBERS) else str(count)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _any(choices: Sequence[_T], rng: np.random.Generator) -> _T:
    return choices[int(rng.integers(len(choices)))]


def _drawn(choices: Sequence[_T], rng: np.random.Generator, n: int) -> tuple[_T, ...]:
    """`n` of the choices, none twice until all were used."""
    order = rng.permutation(len(choices))
    return tuple(choices[order[number % len(order)]] for number in range(n))
