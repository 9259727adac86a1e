"""What a drawn screen is made of, where each part of it lies, and how it is edited."""

from __future__ import annotations

from collections.abc import Iterator  # Node is a dataclass whose fields are looked at
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.synthetic.ui.drawn import letters
from onediff_core.data.synthetic.ui.elements import Element
from onediff_core.data.synthetic.ui.plan import Measured
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Node:
    """A part of a screen. Colours are "#rrggbb", or "" for none.

    Attributes:
        kind: how it is drawn: box, text, icon, picture, chart, switch, checkbox, progress, avatar.
        label: of the element that it is; "" where it only arranges others.
        uid: of the element, once numbered.
        children: in order, from the top, or from the left where it is `across`.
        across: whether children stand side by side.
        words: kind of the text.
        text: what it says.
        ink: of letters and strokes.
        fill: of the ground.
        line: of the border.
        font: height of letters in pixels.
        bold: of letters.
        width: in pixels; 0 for as wide as its content.
        height: in pixels; 0 for as high as its content.
        grow: whether it takes the width that its neighbours leave.
        pad: left and right, and above and below, in pixels.
        gap: between children.
        radius: of corners.
        on: of a switch or a checkbox.
        share: of a progress bar, in percent.
        seed: of the content of a picture or a chart.
        motif: of an icon or a chart.
    """

    kind: str = "box"
    label: str = ""
    uid: str = ""
    children: tuple[Node, ...] = ()
    across: bool = False
    words: str = ""
    text: str = ""
    ink: str = ""
    fill: str = ""
    line: str = ""
    font: int = 13
    bold: bool = False
    width: int = 0
    height: int = 0
    grow: bool = False
    pad: tuple[int, int] = (0, 0)
    gap: int = 0
    radius: int = 0
    on: bool = False
    share: int = 0
    seed: int = 0
    motif: str = ""

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Screen:
    """A screen.

    Attributes:
        root: as wide and as high as the screen, and more where its content is.
        over: what lies over it: x, y and what.
        family: of its letters.
    """

    root: Node
    over: tuple[tuple[int, int, Node], ...] = ()
    family: str = ""


@dataclass(frozen=True)
class Placed:
    """A node in its place."""

    node: Node
    box: Box
    children: tuple[Placed, ...] = ()

    def walk(self) -> Iterator[Placed]:
        """This and all below it, in the order in which they are painted."""
        yield self
        for child in self.children:
            yield from child.walk()


# --- layout -----------------------------------------------------------------------------------------------------


def place(screen: Screen, width: int) -> tuple[Placed, ...]:
    """Where everything lies: the root first, then what lies over it."""
    roots = [(0, 0, width, screen.root), *((x, y, 0, node) for x, y, node in screen.over)]
    return tuple(_placed(node, x, y, own or _width(node, screen.family), screen.family) for x, y, own, node in roots)


def _placed(node: Node, x: int, y: int, width: int, family: str) -> Placed:
    """A node whose width is settled; its height follows."""
    if node.kind != "box":
        return Placed(node, Box(x, y, x + width, y + _leaf_height(node)))
    arrange = _side_by_side if node.across else _stacked
    children = arrange(node, x + node.pad[0], y + node.pad[1], width - 2 * node.pad[0], family)
    bottom = max((child.box.y1 for child in children), default=y + node.pad[1]) + node.pad[1]
    return Placed(node, Box(x, y, x + width, max(bottom, y + node.height)), children)


def _stacked(node: Node, x: int, y: int, width: int, family: str) -> tuple[Placed, ...]:
    children: list[Placed] = []
    for child in node.children:
        own = width if child.kind in _FILLING or child.grow else min(_width(child, family), width)
        children.append(_placed(child, x, y, child.width or own, family))
        y = children[-1].box.y1 + node.gap
    return tuple(children)


def _side_by_side(node: Node, x: int, y: int, width: int, family: str) -> tuple[Placed, ...]:
    """Children that do not grow are as wide as their content; all stand on one middle line, unless they are columns."""
    own = [0 if child.grow else _width(child, family) for child in node.children]
    growing = sum(child.grow for child in node.children)
    spare = max(width - sum(own) - node.gap * (len(own) - 1), 0)
    children: list[Placed] = []
    for child, natural in zip(node.children, own, strict=True):
        taken = spare // growing if child.grow else natural
        children.append(_placed(child, x, y, taken, family))
        x += taken + node.gap
    height = max((child.box.height for child in children), default=0)
    return tuple(
        child
        if child.node.kind == "box" and not child.node.across
        else _lowered(child, (height - child.box.height) // 2)
        for child in children
    )


def _lowered(placed: Placed, dy: int) -> Placed:
    if not dy:
        return placed
    return Placed(placed.node, placed.box.shifted(0, dy), tuple(_lowered(child, dy) for child in placed.children))


_FILLING: Final = frozenset({"box", "picture", "chart", "progress"})  # in a column these are as wide as it is


def _width(node: Node, family: str) -> int:
    """The width of the content."""
    if node.width:
        return node.width
    if node.kind == "text":
        return letters.width(node.text, letters.Font(family, node.font, node.bold))
    if node.kind in ("icon", "avatar", "checkbox"):
        return node.height
    if node.kind == "switch":
        return 2 * node.height
    widths = [_width(child, family) for child in node.children]
    inside = sum(widths) + node.gap * max(len(widths) - 1, 0) if node.across else max(widths, default=0)
    return inside + 2 * node.pad[0]


def _leaf_height(node: Node) -> int:
    return node.height or round(1.4 * node.font)


# --- elements ---------------------------------------------------------------------------------------------------


def numbered(node: Node, prefix: str = "e") -> Node:
    """The same with a uid for each element, by its place in the order."""
    count = iter(range(1 << 30))

    def number(one: Node) -> Node:
        uid = f"{prefix}{next(count)}" if one.label else ""
        return replace(one, uid=uid, children=tuple(number(child) for child in one.children))

    return number(node)


def measured(placed: Sequence[Placed]) -> dict[str, Measured]:
    """The elements of a screen by uid, in order, as edits and regions want them."""
    found: dict[str, Measured] = {}
    for root in placed:
        _collect(root, "", "", found)
    return found


def _collect(placed: Placed, parent: str, following: str, found: dict[str, Measured]) -> None:
    node = placed.node
    if node.uid:
        found[node.uid] = Measured(
            Element(node.uid, parent, node.label, _name(node), placed.box), _said(node, following)
        )
    for number, child in enumerate(placed.children):
        after = placed.children[number + 1].node if number + 1 < len(placed.children) else Node()
        alike = after.uid if after.label == child.node.label else ""
        _collect(child, node.uid or parent, alike, found)


def _leaves(node: Node) -> list[Node]:
    return [one for one in node.walk() if one.words]


def _name(node: Node) -> str:
    leaves = _leaves(node)
    return node.motif or (leaves[0].text if leaves and len(leaves) <= 4 and len(leaves[0].text) <= 40 else "")


def _said(node: Node, following: str) -> Mapping[str, Any]:
    leaves = _leaves(node)
    return {
        "name": node.motif or (leaves[0].text if leaves else ""),
        "words": node.words,
        "texts": [leaf.words for leaf in leaves],
        "leaves": len(leaves),
        "background": node.fill,
        "ink": node.ink,
        "font": node.font,
        "on": node.on,
        "share": node.share,
        "next": following,
    }
