"""Edits of drawn screens: the steps of `edits.Plan`, carried out on nodes."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.synthetic.ui.drawn.nodes import Node, Screen, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Step = Mapping[str, Any]


def edited(screen: Screen, steps: Sequence[Step]) -> Screen:
    """The screen after all steps."""
    return reduce(lambda now, step: _STEPS[step["do"]](now, step), steps, screen)


def _put(screen: Screen, uid: str, change: Callable[[Node], Iterable[Node]]) -> Screen:
    """The screen with any number of nodes in the place of one."""

    def children(nodes: Iterable[Node]) -> tuple[Node, ...]:
        return tuple(new for node in nodes for new in (change(node) if node.uid == uid else (within(node),)))

    def within(node: Node) -> Node:
        return replace(node, children=children(node.children)) if node.children else node

    return replace(screen, root=within(screen.root))


def _fields(screen: Screen, step: Step, **fields: Any) -> Screen:
    return _put(screen, step["uid"], lambda node: [replace(node, **fields)])


def _style(screen: Screen, step: Step) -> Screen:
    style = step["style"]
    pixels = {name: int(style[name].removesuffix("px")) for name in ("width", "height", "fontSize") if name in style}

    def styled(node: Node) -> Node:
        """Ink and letters reach what is inside, the rest is of the node itself."""
        children = tuple(styled(child) for child in node.children)
        return replace(
            node, ink=style.get("color") or node.ink, font=pixels.get("fontSize", node.font), children=children
        )

    own: dict[str, Any] = {name: pixels[name] for name in ("width", "height") if name in pixels}
    if "background" in style:
        own |= {"fill": style["background"], "line": style["borderColor"]}
    if "padding" in style:
        below, aside = (int(side.removesuffix("px")) for side in style["padding"].split())
        own["pad"] = (aside, below)
    return _put(screen, step["uid"], lambda node: [replace(styled(node), **own)])


def _toggle(screen: Screen, step: Step) -> Screen:
    return _put(screen, step["uid"], lambda node: [replace(node, on=not node.on)])


def _named(node: Node, uid: str) -> Node:
    """A new node, with uids that no other has."""
    return replace(numbered(node, f"{uid}."), uid=uid)


def _copy(screen: Screen, step: Step) -> Screen:
    def copied(node: Node) -> list[Node]:
        texts = iter(step["texts"])

        def rewritten(one: Node) -> Node:
            said = {"text": next(texts)} if one.words else {}
            return replace(one, **said, children=tuple(rewritten(child) for child in one.children))

        return [node, _named(rewritten(node), step["to"])]

    return _put(screen, step["uid"], copied)


def _after(screen: Screen, step: Step) -> Screen:
    """Next to another; an icon takes its ink."""

    def beside(node: Node) -> list[Node]:
        new = _named(step["content"], step["to"])
        return [node, replace(new, ink=node.ink) if new.kind == "icon" else new]

    return _put(screen, step["uid"], beside)


def _at(place: int) -> Callable[[Screen, Step], Screen]:
    """A new child of the root: 0 above everything, 1 under the bar where there is one."""

    def inserted(screen: Screen, step: Step) -> Screen:
        children = list(screen.root.children)
        children.insert(min(place, len(children) - 1), _named(step["content"], step["to"]))
        return replace(screen, root=replace(screen.root, children=tuple(children)))

    return inserted


def _over(screen: Screen, step: Step) -> Screen:
    x, y, node = step["content"]
    return replace(screen, over=(*screen.over, (x, y, _named(node, step["to"]))))


def _swap(screen: Screen, step: Step) -> Screen:
    by_uid = {node.uid: node for node in screen.root.walk() if node.uid in (step["uid"], step["other"])}
    one, other = by_uid[step["uid"]], by_uid[step["other"]]

    def within(node: Node) -> Node:
        swapped = {one.uid: other, other.uid: one}
        return replace(node, children=tuple(swapped.get(child.uid) or within(child) for child in node.children))

    return replace(screen, root=within(screen.root))


def _look(screen: Screen, step: Step) -> Screen:
    """Other colours for each of the old."""
    colours: Mapping[str, str] = step["content"]

    def within(node: Node) -> Node:
        fields = {name: colours.get(getattr(node, name), getattr(node, name)) for name in ("ink", "fill", "line")}
        return replace(node, **fields, children=tuple(within(child) for child in node.children))

    return replace(screen, root=within(screen.root))


_STEPS: Final[Mapping[str, Callable[[Screen, Step], Screen]]] = {
    "after": _after,
    "copy": _copy,
    "fill": lambda screen, step: _fields(screen, step, share=step["share"]),
    "first": _at(0),
    "inside": lambda screen, step: _fields(screen, step, **step["content"]),
    "look": _look,
    "over": _over,
    "remove": lambda screen, step: _put(screen, step["uid"], lambda _: ()),
    "style": _style,
    "swap": _swap,
    "text": lambda screen, step: _fields(screen, step, text=step["text"]),
    "toggle": _toggle,
    "top": _at(1),
}
