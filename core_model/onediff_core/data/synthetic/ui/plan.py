"""A page as edits see it, and edits as they are found for it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from onediff_core.data.synthetic.ui.elements import Edit, Element
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from onediff_core.data.synthetic.ui.themes import Theme

    Step = dict[str, Any]

_SMALLEST: Final = 24  # pixels of an element that are seen, under which nobody would notice it
_SEEN: Final = 0.6  # of an element, under which it hangs over the edge too far
_LONGEST: Final = 40  # letters of a name
_MANY: Final = 4  # texts in an element, over which the first is not its name


@dataclass(frozen=True)
class Measured:
    """An element with what edits need to know of it.

    Attributes:
        element: what regions are made of.
        said: words (kind of the words in it), texts (kinds of all words in it), leaves (how many), name, background and
            ink (CSS colours), font (pixels), on, share (percent), next (uid of a neighbour of its like, or "").
    """

    element: Element
    said: Mapping[str, Any]

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Measured:
        """From what `page.js` says, with uid, parent, label and box beside the rest; boxes grow to whole pixels."""
        x0, y0, x1, y1 = said["box"]
        box = Box(math.floor(x0 + 0.01), math.floor(y0 + 0.01), math.ceil(x1 - 0.01), math.ceil(y1 - 0.01))
        name = " ".join(str(said["name"]).split()) if len(said["name"]) <= _LONGEST and said["leaves"] <= _MANY else ""
        return cls(Element(said["uid"], said["parent"], said["label"], name, box), said)


class Maker(Protocol):
    """Makes what steps put on a page, in whatever form the page is in."""

    def icon(self, name: str) -> Any:
        """The inside of an icon."""

    def picture(self) -> Any:
        """The inside of another picture."""

    def chart(self, motif: str) -> Any:
        """The inside of a chart of this sort, with other values."""

    def appearing(self, name: str) -> Any:
        """A new element: banner, toast, menu, dialog, new_badge, new_icon or new_button."""

    def look(self, theme: Theme) -> Any:
        """The page's colours from another theme."""


@dataclass
class Plan:
    """Edits of one page that do not get in each other's way, as they are found.

    Attributes:
        page: its elements by uid.
        theme: its look.
        size: width and height of the window.
        rng: decides.
        make: makes what is new.
        steps: what to do, in this order; `do` names it, `uid` is of the element that it is done to.
        edits: the same as facts.
    """

    page: Mapping[str, Measured]
    theme: Theme
    size: tuple[int, int]
    rng: np.random.Generator
    make: Maker
    steps: list[Step] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def choose(self, labels: frozenset[str] | None = None, *, words_in: bool = False) -> Measured | None:
        """An element that is seen and free; None where there is none."""
        free = [
            one
            for one in self.page.values()
            if (labels is None or one.element.label in labels)
            and (not words_in or one.said["words"])
            and self._is_seen(one.element.box)
            and self.is_free(one.element.uid)
        ]
        if not free:
            return None
        kinds = sorted({one.element.label for one in free})
        label = kinds[int(self.rng.integers(len(kinds)))]  # by kind first: there are more texts than charts
        alike = [one for one in free if one.element.label == label]
        return alike[int(self.rng.integers(len(alike)))]

    def add(self, step: Step, edit: Edit, *touched: str) -> None:
        """Take an edit into the plan, and its elements out of the choice."""
        self.steps.append(step)
        self.edits.append(edit)
        self._taken.update(touched)

    def new_uid(self) -> str:
        """For an element that an edit adds."""
        return f"new{len(self.steps)}"

    def _is_seen(self, box: Box) -> bool:
        inside = box.intersection(Box(0, 0, *self.size)).area
        return inside >= _SMALLEST and inside >= _SEEN * box.area

    def is_free(self, uid: str) -> bool:
        """Whether no edit touches an element, what holds it, or what it holds."""
        mine = {uid, *self.above(uid)}
        return not mine & self._taken and not any(uid in self.above(taken) for taken in self._taken)

    def above(self, uid: str) -> Iterator[str]:
        """The uids of what holds an element, innermost first."""
        while uid in self.page and (uid := self.page[uid].element.parent):
            yield uid
