"""What is done to a page: one to five edits, as steps that whoever draws the page carries out, and as facts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from onediff_core.data.synthetic.ui import icons, words
from onediff_core.data.synthetic.ui.elements import PAGE, Edit
from onediff_core.data.synthetic.ui.facts import colour_change, hexadecimal, text_change
from onediff_core.data.synthetic.ui.themes import other_colour, random_theme, readable_on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from onediff_core.data.synthetic.ui.plan import Plan

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
_TRIES: Final = 30  # for each edit that is wanted


def find_edits(plan: Plan, count: int, sort: str = "") -> None:
    """Add edits to a plan until there are so many, or nothing more fits.

    Args:
        plan: of a page.
        count: how many; a change of the theme stays alone.
        sort: a key of SORTS, or "" for any.
    """
    sorts = sorted(_SHARES)
    shares = [_SHARES[name] / sum(_SHARES.values()) for name in sorts]
    for _ in range(_TRIES * count):
        if len(plan.edits) >= count or any(edit.uid == PAGE for edit in plan.edits):
            return
        SORTS[sort or str(plan.rng.choice(sorts, p=shares))](plan)


# --- sorts of edits: each adds one to the plan, or finds nothing to do it to --------------------------------------


def _text(plan: Plan) -> None:
    found = plan.choose(words_in=True)
    if found is None:
        return
    uid, old = found.element.uid, str(found.said["name"])
    new = words.rewrite(found.said["words"], old, plan.rng)
    parent = plan.page.get(found.element.parent)
    whose = found.element
    if whose.label == "text" and parent and parent.element.label in _CARRIERS and parent.said["leaves"] == 1:
        whose = parent.element
    edit = Edit("changed", whose.uid, attributes=text_change(old, new))
    plan.add({"do": "text", "uid": uid, "text": new}, edit, whose.uid)


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
        plan.add({"do": "style", "uid": uid, "style": style}, Edit("changed", uid, attributes=facts), uid)


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
        "button": {
            "fontSize": f"{round(found.said['font'] * factor)}px",
            "padding": "9px 18px" if larger else "1px 5px",
        },
    }
    style = styles.get(found.element.label, {"height": height})
    sizes = ("smaller", "larger") if larger else ("larger", "smaller")
    facts = {"what": "size", "size_before": sizes[0], "size_after": sizes[1]}
    plan.add({"do": "style", "uid": uid, "style": style}, Edit("changed", uid, attributes=facts), uid)


def _icon(plan: Plan) -> None:
    found = plan.choose(frozenset({"icon"}))
    if found is None:
        return
    uid, old = found.element.uid, found.element.name
    others = sorted(set(icons.ICONS) - {old})
    new = others[int(plan.rng.integers(len(others)))]
    step = {"do": "inside", "uid": uid, "content": plan.make.icon(new), "name": new}
    facts = {"what": "shape", "shape_before": old, "shape_after": new}
    plan.add(step, Edit("changed", uid, attributes=facts), uid)


def _picture(plan: Plan) -> None:
    found = plan.choose(frozenset({"image", "chart"}))
    if found is None:
        return
    uid = found.element.uid
    if found.element.label == "image":
        step = {"do": "inside", "uid": uid, "content": plan.make.picture()}
        plan.add(step, Edit("changed", uid, attributes={"what": "content"}), uid)
        return
    content = plan.make.chart(found.element.name)
    facts = {"what": "values"}
    plan.add({"do": "inside", "uid": uid, "content": content}, Edit("changed", uid, attributes=facts), uid)


def _state(plan: Plan) -> None:
    found = plan.choose(frozenset({"checkbox", "switch"}))
    if found is None:
        return
    uid, was = found.element.uid, "on" if found.said["on"] else "off"
    facts = {"what": "state", "state_before": was, "state_after": "off" if was == "on" else "on"}
    plan.add({"do": "toggle", "uid": uid}, Edit("changed", uid, attributes=facts), uid)


def _value(plan: Plan) -> None:
    found = plan.choose(frozenset({"progress bar"}))
    if found is None:
        return
    uid, old = found.element.uid, round(found.said["share"])
    new = int(plan.rng.choice([share for share in range(3, 100) if abs(share - old) >= 10]))
    facts = {"what": "value", "value_before": f"{old} %", "value_after": f"{new} %"}
    plan.add({"do": "fill", "uid": uid, "share": new}, Edit("changed", uid, attributes=facts), uid)


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
    beside = {
        "new_badge": frozenset({"heading"}),
        "new_icon": frozenset({"heading", "badge"}),
        "new_button": frozenset({"button"}),
    }
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
        drawn,
        **{name: getattr(now, name) for name in ("radius", "gap", "size", "font", "shadow", "bordered", "accent")},
    )
    new = replace(new, on_accent=now.on_accent)
    names = ("dark", "light") if now.dark else ("light", "dark")
    facts = {"what": "theme", "theme_before": names[0], "theme_after": names[1]}
    plan.add({"do": "look", "content": plan.make.look(new)}, Edit("changed", PAGE, attributes=facts))


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
