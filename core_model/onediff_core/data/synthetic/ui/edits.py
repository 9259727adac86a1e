"""What is done to a page: one to five edits, as steps that whoever draws the page carries out, and as facts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from onediff_core.data.synthetic.ui import icons, words
from onediff_core.data.synthetic.ui.elements import PAGE, Edit, Element
from onediff_core.data.synthetic.ui.facts import colour_change, hexadecimal, text_change
from onediff_core.data.synthetic.ui.themes import Theme, other_colour, random_theme, readable_on
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

    Step = dict[str, Any]

# What stands in rows of its like, and may come, go or change places.
REPEATED: Final = frozenset(
    {"attachment", "card", "cell", "event", "field", "line", "link", "menu item", "message", "option", "row", "tab"}
)
_COLOURED: Final = frozenset({"attachment", "avatar", "badge", "button", "card", "event", "message"})
_INKED: Final = frozenset({"heading", "icon", "link", "text"})
_REMOVABLE: Final = REPEATED | {"badge", "button", "chart", "column", "heading", "icon", "image", "input", "quote"}
_SIZED: Final = frozenset({"avatar", "button", "chart", "heading", "icon", "image"})
# A text in one of these is told as theirs: "the text of the button".
_CARRIERS: Final = frozenset({"attachment", "button", "event", "input", "menu item", "message", "quote", "tab"})
_SMALLEST = 24  # pixels of an element that are seen, under which nobody would notice it


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
        name = " ".join(str(said["name"]).split()) if len(said["name"]) <= 40 and said["leaves"] <= 4 else ""
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
        names: of the sorts of edits, as in SORTS.
    """

    page: Mapping[str, Measured]
    theme: Theme
    size: tuple[int, int]
    rng: np.random.Generator
    make: Maker
    steps: list[Step] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def find(self, count: int, sort: str = "") -> None:
        """Find edits until there are so many, or nothing more fits.

        Args:
            count: how many.
            sort: a key of SORTS, or "" for any.
        """
        sorts = sorted(_SHARES)
        shares = [_SHARES[name] / sum(_SHARES.values()) for name in sorts]
        for _ in range(30 * count):
            if len(self.edits) >= count:
                return
            name = sort or str(self.rng.choice(sorts, p=shares))
            before = len(self.edits)
            SORTS[name](self)
            self.names += [name] * (len(self.edits) > before)
            if name == "theme" and self.edits:
                return

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
        return inside >= _SMALLEST and inside >= 0.6 * box.area

    def is_free(self, uid: str) -> bool:
        """Whether no edit touches an element, what holds it, or what it holds."""
        mine = {uid, *self.above(uid)}
        return not mine & self._taken and not any(uid in self.above(taken) for taken in self._taken)

    def above(self, uid: str) -> Iterator[str]:
        """The uids of what holds an element, innermost first."""
        while uid in self.page and (uid := self.page[uid].element.parent):
            yield uid


# --- sorts of edits: each adds one to the plan, or finds nothing to do it to --------------------------------------


def _text(plan: Plan) -> None:
    found = plan.choose(words_in=True)
    if found is None:
        return
    uid, old = found.element.uid, str(found.said["name"])
    new = words.rewrite(found.said["words"], old, plan.rng)
    parent = plan.page.get(found.element.parent)
    label = found.element.label
    if label == "text" and parent and parent.element.label in _CARRIERS and parent.said["leaves"] == 1:
        label = parent.element.label
    plan.add({"do": "text", "uid": uid, "text": new}, Edit("changed", uid, label, text_change(old, new)), uid)


def _colour(plan: Plan) -> None:
    found = plan.choose(_COLOURED | _INKED)
    if found is None:
        return
    uid, ground, ink = found.element.uid, hexadecimal(found.said["background"]), hexadecimal(found.said["ink"])
    whole = found.element.label in _COLOURED and ground
    old = ground if whole else ink
    if not old:
        return
    new = other_colour(old, plan.rng)
    style = {"background": new, "borderColor": new, "color": readable_on(new)} if whole else {"color": new}
    if facts := colour_change(old, new):
        plan.add({"do": "style", "uid": uid, "style": style}, Edit("changed", uid, "", facts), uid)


def _size(plan: Plan) -> None:
    found = plan.choose(_SIZED)
    if found is None:
        return
    uid, larger = found.element.uid, bool(plan.rng.random() < 0.6)
    factor = plan.rng.uniform(1.25, 1.6) if larger else plan.rng.uniform(0.6, 0.8)
    width, height = (f"{round(side * factor)}px" for side in (found.element.box.width, found.element.box.height))
    styles: dict[str, dict[str, str]] = {
        "avatar": {"width": width, "height": width},
        "icon": {"width": width, "height": width},
        "heading": {"fontSize": f"{round(found.said['font'] * factor)}px"},
        "button": {"fontSize": f"{round(found.said['font'] * factor)}px", "padding": "9px 18px" if larger else "1px 5px"},
    }
    style = styles.get(found.element.label, {"height": height})
    sizes = ("smaller", "larger") if larger else ("larger", "smaller")
    facts = {"what": "size", "size_before": sizes[0], "size_after": sizes[1]}
    plan.add({"do": "style", "uid": uid, "style": style}, Edit("changed", uid, "", facts), uid)


def _icon(plan: Plan) -> None:
    found = plan.choose(frozenset({"icon"}))
    if found is None:
        return
    uid, old = found.element.uid, found.element.name
    others = sorted(set(icons.ICONS) - {old})
    new = others[int(plan.rng.integers(len(others)))]
    step = {"do": "inside", "uid": uid, "content": plan.make.icon(new), "name": new}
    facts = {"what": "shape", "shape_before": old, "shape_after": new}
    plan.add(step, Edit("changed", uid, "", facts), uid)


def _picture(plan: Plan) -> None:
    found = plan.choose(frozenset({"image", "chart"}))
    if found is None:
        return
    uid = found.element.uid
    if found.element.label == "image":
        step = {"do": "inside", "uid": uid, "content": plan.make.picture()}
        plan.add(step, Edit("changed", uid, "", {"what": "content"}), uid)
        return
    content = plan.make.chart(found.element.name)
    facts = {"what": "values"}
    plan.add({"do": "inside", "uid": uid, "content": content}, Edit("changed", uid, "", facts), uid)


def _state(plan: Plan) -> None:
    found = plan.choose(frozenset({"checkbox", "switch"}))
    if found is None:
        return
    uid, was = found.element.uid, "on" if found.said["on"] else "off"
    facts = {"what": "state", "state_before": was, "state_after": "off" if was == "on" else "on"}
    plan.add({"do": "toggle", "uid": uid}, Edit("changed", uid, "", facts), uid)


def _value(plan: Plan) -> None:
    found = plan.choose(frozenset({"progress"}))
    if found is None:
        return
    uid, old = found.element.uid, round(found.said["share"])
    new = int(plan.rng.choice([share for share in range(3, 100) if abs(share - old) >= 10]))
    facts = {"what": "value", "value_before": f"{old} %", "value_after": f"{new} %"}
    plan.add({"do": "fill", "uid": uid, "share": new}, Edit("changed", uid, "progress bar", facts), uid)


def _remove(plan: Plan) -> None:
    found = plan.choose(_REMOVABLE)
    if found is not None:
        uid = found.element.uid
        plan.add({"do": "remove", "uid": uid}, Edit("removed", uid), uid)


def _copy(plan: Plan) -> None:
    found = plan.choose(REPEATED | {"button"})
    if found is None:
        return
    uid, to = found.element.uid, plan.new_uid()
    kinds = found.said["texts"] or ([found.said["words"]] if found.said["words"] else [])
    texts = [words.write(kind, plan.rng) for kind in kinds]
    plan.add({"do": "copy", "uid": uid, "to": to, "texts": texts}, Edit("added", to), uid)


def _appear(plan: Plan) -> None:
    places = {"banner": "first", "toast": "over", "menu": "over", "dialog": "over"}
    beside = {"new_badge": frozenset({"heading"}), "new_icon": frozenset({"heading", "badge"}), "new_button": frozenset({"button"})}
    names = sorted({**places, **beside})
    name = str(plan.rng.choice(names, p=[{"banner": 0.3}.get(one, 0.7 / (len(names) - 1)) for one in names]))
    to, content = plan.new_uid(), plan.make.appearing(name)
    if name in places:
        where = "top" if name == "banner" and plan.rng.random() < 0.4 else places[name]
        plan.add({"do": where, "to": to, "content": content}, Edit("added", to))
        return
    found = plan.choose(beside[name])
    if found is not None:
        uid = found.element.uid
        plan.add({"do": "after", "uid": uid, "to": to, "content": content}, Edit("added", to), uid)


def _reorder(plan: Plan) -> None:
    found = plan.choose(REPEATED | {"column"})
    other = plan.page.get(found.said["next"]) if found else None
    if found is None or other is None or not plan.is_free(other.element.uid):
        return
    one, two = found.element.uid, other.element.uid
    plan.add({"do": "swap", "uid": one, "other": two}, Edit("moved", one), one, two)
    plan.edits.append(Edit("moved", two))


def _theme(plan: Plan) -> None:
    if plan.edits:
        return
    now = plan.theme
    drawn = random_theme(plan.rng, dark=not now.dark)
    new = replace(
        drawn, **{name: getattr(now, name) for name in ("radius", "gap", "size", "font", "shadow", "bordered", "accent")}
    )
    new = replace(new, on_accent=now.on_accent)
    names = ("dark", "light") if now.dark else ("light", "dark")
    facts = {"what": "theme", "theme_before": names[0], "theme_after": names[1]}
    plan.add({"do": "look", "content": plan.make.look(new)}, Edit("changed", PAGE, "page", facts))


SORTS: Final[Mapping[str, Callable[[Plan], None]]] = {
    "appear": _appear,
    "colour": _colour,
    "copy": _copy,
    "icon": _icon,
    "picture": _picture,
    "remove": _remove,
    "reorder": _reorder,
    "size": _size,
    "state": _state,
    "text": _text,
    "theme": _theme,
    "value": _value,
}
_SHARES: Final[Mapping[str, float]] = {
    "appear": 3,
    "colour": 3,
    "copy": 3,
    "icon": 1.5,
    "picture": 1.5,
    "remove": 3,
    "reorder": 1.2,
    "size": 1.2,
    "state": 1,
    "text": 4,
    "theme": 0.3,
    "value": 0.7,
}
