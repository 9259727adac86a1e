"""What two states of a made-up page have in common, and what is true of how they differ.

Both generators describe a page as elements with boxes, before and after some edits, and get regions from here. Every
region is checked against the pixels: its box is no larger than what can be seen.

- Added and removed: what the element itself paints, found by drawing the page again without its edited elements.
- Changed: where the element looks different, compared in place, or where its surroundings went.
- Moved: elements that are elsewhere, or that had to make room. Those that an edit elsewhere pushed say so in the
  attribute `pushed`. What went out of the image is marked where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from onediff_core.data.sample import SampleRegion
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]  # (H, W, 3) RGB
    Shift = tuple[int, int]


@dataclass(frozen=True)
class Element:
    """One thing on a page.

    Attributes:
        uid: the same in both states.
        parent: uid of the element that holds it, or "".
        label: such as "button".
        name: what it is called, such as the text on it; may be empty.
        box: what it covers, in pixels; may reach over the edge of the image.
    """

    uid: str
    parent: str
    label: str
    name: str
    box: Box


@dataclass(frozen=True)
class State:
    """A page before or after the edits.

    Attributes:
        image: (H, W, 3) uint8 RGB, without any nuisance.
        elements: by uid, in the order of the page.
        without: the image as it is when elements that were added or removed are not painted and leave their place
            empty; None where there are none.
    """

    image: Picture
    elements: Mapping[str, Element]
    without: Picture | None = None

    @property
    def bounds(self) -> Box:
        """The whole image."""
        height, width = self.image.shape[:2]
        return Box(0, 0, width, height)


@dataclass(frozen=True)
class Edit:
    """One thing that was done to a page.

    Attributes:
        kind: added, removed, changed or moved.
        uid: the element that it was done to; of something added, the new one.
        attributes: facts for captions, as `onediff_core.data.synthetic.captions` reads them.
    """

    kind: str
    uid: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


_OVERHANG: Final = 2  # pixels
_FAR_FEWER: Final = 0.6  # times the pixels that differ
SHOWN: Final = frozenset({"icon", "chart"})  # labels of what has no text, whose name says what it shows: a "mail" icon
PAGE: Final = ""  # the uid of the whole page, in an edit of all of it


def regions_of(edits: Sequence[Edit], before: State, after: State) -> tuple[SampleRegion, ...]:
    """What can be seen of the edits, and of what they pushed elsewhere.

    Args:
        edits: none inside an element that another one added, removed or moved.
        before: the page before them.
        after: the same page after them, at the same size.

    Returns:
        Regions on the grid of `after`, those of the edits first.

    Raises:
        ValueError: something was added or removed and that state has no picture without it.
    """
    seen = [region for edit in edits if (region := _region(edit, before, after)) is not None]
    if any(edit.uid == PAGE for edit in edits):
        return tuple(seen)
    return *seen, *_pushed({edit.uid for edit in edits}, before, after)


def _region(edit: Edit, before: State, after: State) -> SampleRegion | None:
    if edit.uid == PAGE:
        return _seen("changed", "page", _different(before.image, after.image, after.bounds), edit.attributes)
    there = after if edit.kind == "added" else before
    element = there.elements[edit.uid]
    if edit.kind in ("added", "removed"):
        if there.without is None:
            raise ValueError(f"element {edit.uid!r} was {edit.kind}: State.without must show the page without it")
        box = _different(there.image, there.without, _with_overhang(element.box).intersection(there.bounds))
        if box is not None and edit.kind == "removed":
            box = box.shifted(*_shift_around(element, before, after)).intersection(after.bounds)
    elif edit.kind == "moved":
        return _moved([element], before, after, edit.attributes)
    else:
        box = _looks_different(element, before, after)
    names = {} if edit.attributes.get("what") in ("text", "shape") else _called(element)
    return _seen(edit.kind, element.label, box, {**names, **edit.attributes})


def _called(element: Element) -> dict[str, str]:
    """What captions call it: by what is written on it, or by what it shows."""
    if not element.name:
        return {}
    return {"motif" if element.label in SHOWN else "name": element.name}


def _seen(kind: str, label: str, box: Box | None, attributes: Mapping[str, Any]) -> SampleRegion | None:
    if box is None or not box.area:
        return None
    return SampleRegion(kind=kind, label=label, box=(box.x0, box.y0, box.x1, box.y1), attributes=dict(attributes))


def _different(one: Picture, other: Picture, window: Box) -> Box | None:
    """Bounds of the pixels that differ inside a window of two images of one size."""
    if not window.area:
        return None
    return _bounds((one[window.slices] != other[window.slices]).any(axis=2), window)


def _bounds(mask: NDArray[np.bool_], window: Box) -> Box | None:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return Box(window.x0 + x, window.y0 + y, window.x0 + x + width, window.y0 + y + height) if width else None


# --- changed in place -------------------------------------------------------------------------------------------


def _looks_different(element: Element, before: State, after: State) -> Box | None:
    """Where a changed element looks different when its old picture is carried along with its surroundings.

    Where it went on its own, as a text that stays at the right or in the middle, another shift explains far more.
    """
    old, new = element.box, after.elements[element.uid].box
    around = _shift_around(element, before, after)
    others = {(0, 0), (new.x0 - old.x0, new.y0 - old.y0), (new.x1 - old.x1, new.y0 - old.y0)} - {around}
    count, box = _compared(old, new, around, before, after)
    for shift in sorted(others):
        fewer, smaller = _compared(old, new, shift, before, after)
        if fewer < _FAR_FEWER * count:
            count, box = fewer, smaller
    return box


def _compared(old: Box, new: Box, shift: Shift, before: State, after: State) -> tuple[int, Box | None]:
    """How many pixels differ when `before` is carried by a shift, and their bounds; beyond its edges, all do."""
    window = _with_overhang(_around((old.shifted(*shift), new))).intersection(after.bounds)
    if not window.area:
        return 0, None
    known = window.intersection(before.bounds.shifted(*shift))
    unlike = np.ones((window.height, window.width), np.bool_)
    if known.area:
        one, other = before.image[known.shifted(-shift[0], -shift[1]).slices], after.image[known.slices]
        unlike[known.shifted(-window.x0, -window.y0).slices] = (one != other).any(axis=2)
    return int(unlike.sum()), _bounds(unlike, window)


def _shift_around(element: Element, before: State, after: State) -> Shift:
    """How far the place of an element went: as far as the neighbour before it, or else what holds it.

    The first on a page has neither. The neighbour after it tells, but for the direction in which it may have closed up.
    """
    siblings = [other for other in before.elements.values() if other.parent == element.parent]
    place = siblings.index(element)
    anchors = (*reversed(siblings[:place]), before.elements.get(element.parent))
    stayed = next((anchor for anchor in anchors if anchor and anchor.uid in after.elements), None)
    if stayed:
        return _shift(stayed.uid, before, after)[:2]
    following = next((other for other in siblings[place + 1 :] if other.uid in after.elements), None)
    if following is None:
        return 0, 0
    dx, dy, _, _ = _shift(following.uid, before, after)
    beside = following.box.y0 < element.box.y1 and element.box.y0 < following.box.y1
    return (0, dy) if beside else (dx, 0)


def _shift(uid: str, before: State, after: State) -> tuple[int, int, int, int]:
    """How far the left, upper, right and lower edge went."""
    old, new = before.elements[uid].box, after.elements[uid].box
    return new.x0 - old.x0, new.y0 - old.y0, new.x1 - old.x1, new.y1 - old.y1


# --- moved ------------------------------------------------------------------------------------------------------


def _pushed(edited: set[str], before: State, after: State) -> Iterator[SampleRegion]:
    """Regions of what an edit elsewhere moved or squeezed: the outermost elements, neighbours of one shift together."""
    shifts = {uid: _shift(uid, before, after) for uid in before.elements if uid in after.elements}
    touched = edited | _above(edited, before) | _above(edited, after)
    moved = [uid for uid, shift in shifts.items() if any(shift) and uid not in touched]
    pushed = {uid for uid in moved if edited.isdisjoint(_ancestors(uid, before))}
    outermost = {uid for uid in pushed if pushed.isdisjoint(_ancestors(uid, before))}
    for run in _neighbours(outermost, shifts, before):
        region = _moved(run, before, after, {"pushed": True})
        if region is not None:
            yield region


def _neighbours(chosen: set[str], shifts: Mapping[str, tuple[int, ...]], state: State) -> Iterator[list[Element]]:
    """Elements of one parent and one shift, with nothing between them that went elsewhere."""
    by_parent = sorted(state.elements.values(), key=lambda one: one.parent)  # stable: the order of the page
    for key, run in groupby(by_parent, key=lambda one: (one.parent, shifts[one.uid] if one.uid in chosen else None)):
        if key[1] is not None:
            yield list(run)


def _above(uids: Iterable[str], state: State) -> set[str]:
    return {above for uid in uids if uid in state.elements for above in _ancestors(uid, state)}


def _ancestors(uid: str, state: State) -> Iterator[str]:
    while (uid := state.elements[uid].parent) in state.elements:
        yield uid


def _moved(
    elements: Sequence[Element], before: State, after: State, attributes: Mapping[str, Any]
) -> SampleRegion | None:
    """One region of elements that went together; nothing where no pixel tells that they did."""
    old = _around(element.box for element in elements)
    new = _around(after.elements[element.uid].box for element in elements)
    places = (new, old)  # what was pushed out of the image is marked where it was
    seen = (_different(before.image, after.image, place.intersection(after.bounds)) for place in places)
    box = next((box for box in seen if box is not None), None)
    facts = {**attributes, **place_before(old, before.bounds)}
    labels = {element.label for element in elements}
    if len(elements) == 1:
        facts |= _called(elements[0])
    return _seen("moved", labels.pop() if len(labels) == 1 else "content", box, facts)


def place_before(box: Box, bounds: Box) -> dict[str, tuple[int, int, int, int]]:
    """The fact of where something was, as far as that is in the image: empty where it was outside."""
    seen = box.intersection(bounds)
    return {"box_before": (seen.x0, seen.y0, seen.x1, seen.y1)} if seen.area else {}


def _with_overhang(box: Box) -> Box:
    """Letters reach a little over the box that they are set in."""
    return Box(box.x0 - _OVERHANG, box.y0 - _OVERHANG, box.x1 + _OVERHANG, box.y1 + _OVERHANG)


def _around(boxes: Iterable[Box]) -> Box:
    x0, y0, x1, y1 = zip(*((box.x0, box.y0, box.x1, box.y1) for box in boxes), strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


# --- masks ------------------------------------------------------------------------------------------------------


def masks_of(regions: Sequence[SampleRegion], shape: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Masks of regions: `element`, what was added, removed or changed, and `moved`, which is not in it.

    Args:
        regions: on a grid of `shape`.
        shape: height and width.

    Returns:
        (H, W) bool each. What moved is marked where it is and where it was. Where something new lies there, it is
        `element`.
    """
    masks = {"element": np.zeros(shape, np.bool_), "moved": np.zeros(shape, np.bool_)}
    for region in regions:
        mask = masks["moved" if region.kind == "moved" else "element"]
        places = [region.box]
        if region.kind == "moved" and "box_before" in region.attributes:
            places.append(region.attributes["box_before"])
        for x0, y0, x1, y1 in places:
            mask[y0:y1, x0:x1] = True
    return {"element": masks["element"], "moved": masks["moved"] & ~masks["element"]}
