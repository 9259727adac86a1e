"""What two states of a made-up page have in common, and what is true of how they differ.

Both generators describe a page as elements with boxes, before and after some edits, and get regions from here. Every
region is checked against the pixels: its box is no larger than what can be seen.

- Added and removed: what the element itself paints, found by drawing the page again without its edited elements.
- Changed: where the element looks different, compared in place, or where its surroundings went.
- Moved: elements that look the same elsewhere. Those that an edit elsewhere pushed carry the attribute `pushed`.
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
        label: what it is called where that is not the element's own label, as for the text on a button.
        attributes: facts for captions, as `onediff_core.data.synthetic.captions` reads them.
    """

    kind: str
    uid: str
    label: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


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
        assert there.without is not None, "an added or removed element needs the page without it"
        box = _different(there.image, there.without, element.box.intersection(there.bounds))
        if box is not None and edit.kind == "removed":
            box = box.shifted(*_shift_around(element, before, after)).intersection(after.bounds)
    elif edit.kind == "moved":
        return _moved([element], before, after, edit.attributes)
    else:
        box = _looks_different(element, before, after)
    names = {} if edit.attributes.get("what") in ("text", "shape") else _called(element)
    return _seen(edit.kind, edit.label or element.label, box, {**names, **edit.attributes})


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
    """Where a changed element looks different, under whichever shift of its surroundings explains most."""
    old, new = element.box, after.elements[element.uid].box
    shifts = {(new.x0 - old.x0, new.y0 - old.y0), (new.x1 - old.x1, new.y0 - old.y0)}
    shifts |= {(0, 0), _shift_around(element, before, after)}
    found = [_compared(old, new, shift, before.image, after.image) for shift in sorted(shifts)]
    _, box = min(found, key=lambda one: one[0])
    return box


def _compared(old: Box, new: Box, shift: Shift, before: Picture, after: Picture) -> tuple[int, Box | None]:
    """How many pixels differ when `before` is carried by a shift, and their bounds."""
    height, width = after.shape[:2]
    moved = old.shifted(*shift)
    window = Box(min(moved.x0, new.x0), min(moved.y0, new.y0), max(moved.x1, new.x1), max(moved.y1, new.y1))
    window = window.intersection(Box(0, 0, width, height)).intersection(Box(0, 0, width, height).shifted(*shift))
    if not window.area:
        return width * height, None
    unlike = (before[window.shifted(-shift[0], -shift[1]).slices] != after[window.slices]).any(axis=2)
    return int(unlike.sum()), _bounds(unlike, window)


def _shift_around(element: Element, before: State, after: State) -> Shift:
    """How far the place of an element went: as far as the neighbour before it, or else what holds it."""
    siblings = [other for other in before.elements.values() if other.parent == element.parent]
    earlier = siblings[: siblings.index(element)]
    anchors = (*reversed(earlier), before.elements.get(element.parent))
    stayed = next((anchor for anchor in anchors if anchor and anchor.uid in after.elements), None)
    return _shift(stayed.uid, before, after) if stayed else (0, 0)


def _shift(uid: str, before: State, after: State) -> Shift:
    old, new = before.elements[uid].box, after.elements[uid].box
    return new.x0 - old.x0, new.y0 - old.y0


# --- moved ------------------------------------------------------------------------------------------------------


def _pushed(edited: set[str], before: State, after: State) -> Iterator[SampleRegion]:
    """Regions of what moved and was not itself edited: the outermost elements, neighbours of one shift together."""
    moved = {
        uid: shift
        for uid in before.elements
        if uid in after.elements and (shift := _shift(uid, before, after)) != (0, 0) and _same_size(uid, before, after)
    }
    kept = _kept_together(moved, edited, before)
    outermost = [before.elements[uid] for uid in moved if uid in kept and not _inside(uid, kept, moved, before)]
    for run in _neighbours(outermost, moved, before):
        region = _moved(run, before, after, {"pushed": True})
        if region is not None:
            yield region


def _neighbours(elements: Sequence[Element], moved: Mapping[str, Shift], before: State) -> Iterator[list[Element]]:
    """Elements of one parent and one shift, with nothing between them that went elsewhere."""
    chosen = {element.uid for element in elements}
    by_parent = sorted(before.elements.values(), key=lambda one: one.parent)  # stable: the order of the page
    for key, run in groupby(by_parent, key=lambda one: (one.parent, moved[one.uid] if one.uid in chosen else None)):
        if key[1] is not None:
            yield list(run)


def _kept_together(moved: Mapping[str, Shift], edited: set[str], before: State) -> set[str]:
    """Of the moved elements, those that hold nothing edited and are not inside anything edited."""
    holds_edited = {ancestor for uid in edited if uid in before.elements for ancestor in _ancestors(uid, before)}
    return {
        uid
        for uid in moved
        if uid not in edited and uid not in holds_edited and not edited.intersection(_ancestors(uid, before))
    }


def _inside(uid: str, kept: set[str], moved: Mapping[str, Shift], before: State) -> bool:
    return any(above in kept and moved[above] == moved[uid] for above in _ancestors(uid, before))


def _ancestors(uid: str, state: State) -> Iterator[str]:
    while (uid := state.elements[uid].parent) in state.elements:
        yield uid


def _same_size(uid: str, before: State, after: State) -> bool:
    old, new = before.elements[uid].box, after.elements[uid].box
    return abs(old.width - new.width) <= 1 and abs(old.height - new.height) <= 1


def _moved(
    elements: Sequence[Element], before: State, after: State, attributes: Mapping[str, Any]
) -> SampleRegion | None:
    """One region of elements that went together; nothing where no pixel tells that they did."""
    old = _around(element.box for element in elements)
    new = _around(after.elements[element.uid].box for element in elements)
    box = _different(before.image, after.image, new.intersection(after.bounds))
    facts = {**attributes, "box_before": (old.x0, old.y0, old.x1, old.y1)}
    labels = {element.label for element in elements}
    if len(elements) == 1:
        facts |= _called(elements[0])
    return _seen("moved", labels.pop() if len(labels) == 1 else "content", box, facts)


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
        (H, W) bool each. Where something new lies in what was pushed, it is `element`.
    """
    element, moved = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for region in regions:
        x0, y0, x1, y1 = region.box
        (moved if region.kind == "moved" else element)[y0:y1, x0:x1] = True
    return {"element": element, "moved": moved & ~element}
