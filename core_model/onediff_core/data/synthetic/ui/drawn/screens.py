"""Drawn screens of made-up software."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.synthetic.ui import icons, pictures, words
from onediff_core.data.synthetic.ui.drawn.nodes import Node, Screen, numbered
from onediff_core.data.synthetic.ui.themes import readable_on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from onediff_core.data.synthetic.ui.themes import Theme

_TONES: Final = ("#1d7a46", "#b3261e", "#b36b00", "#2458b8")


class Kit:
    """The parts of screens of one look; what they say follows from the generator of random numbers."""

    def __init__(self, theme: Theme, size: tuple[int, int], rng: np.random.Generator) -> None:
        """Draw for one screen.

        Args:
            theme: its look.
            size: its width and height.
            rng: decides the content.
        """
        self.theme = theme
        self.width, self.height = size
        self._rng = rng

    def chance(self, share: float) -> bool:
        """True in this share of the cases."""
        return bool(self._rng.random() < share)

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self._rng.integers(low, high + 1))

    def pick(self, *choices: str) -> str:
        """One of the choices."""
        return choices[int(self._rng.integers(len(choices)))]

    def text(self, kind: str, label: str = "text", **how: Any) -> Node:
        """A line of text."""
        said = words.write(kind, self._rng)
        node = Node("text", label, words=kind, text=said, ink=self.theme.ink, font=self.theme.size)
        return replace(node, **how)

    def heading(self, kind: str = "section", **how: Any) -> Node:
        """A larger line of text."""
        return self.text(kind, "heading", font=round(self.theme.size * 1.4), bold=True, **how)

    def muted(self, kind: str, **how: Any) -> Node:
        """A line of text that matters less."""
        return self.text(kind, ink=self.theme.muted, font=max(self.theme.size - 2, 9), **how)

    def icon(self, name: str = "", **how: Any) -> Node:
        """An icon."""
        side = self.theme.size + 3
        node = Node("icon", "icon", motif=name or self.pick(*icons.ICONS), ink=self.theme.ink, height=side, width=side)
        return replace(node, **how)

    def picture(self, height: int) -> Node:
        """A picture as wide as its column."""
        return Node("picture", "image", seed=self.seed(), height=height)

    def chart(self, height: int) -> Node:
        """A chart as wide as its column."""
        motif = self.pick(*pictures.CHARTS)
        return Node("chart", "chart", seed=self.seed(), motif=motif, height=height, ink=self.theme.accent, line=self.theme.line)

    def seed(self) -> int:
        """Of the content of a picture or a chart."""
        return int(self._rng.integers(1 << 30))

    def avatar(self) -> Node:
        """A disc with two letters."""
        side = 2 * self.theme.size
        first = "".join(words.write("person", self._rng)[0] for _ in range(2))
        ink, fill = self.theme.on_accent, self.theme.accent
        return Node("avatar", "avatar", text=first, height=side, width=side, ink=ink, fill=fill)

    def button(self, primary: bool | None = None) -> Node:
        """A button, with an icon now and then."""
        primary = self.chance(0.5) if primary is None else primary
        theme = self.theme
        ink, fill = (theme.on_accent, theme.accent) if primary else (theme.ink, theme.surface)
        parts = [self.icon(ink=ink)] if self.chance(0.3) else []
        parts.append(self.text("action", ink=ink))
        line = "" if primary else theme.line
        look = Node(label="button", across=True, pad=(10, 4), gap=5, radius=theme.radius, ink=ink, fill=fill, line=line)
        return replace(look, children=tuple(parts))

    def badge(self, kind: str = "status") -> Node:
        """A short word on a coloured ground."""
        fill = self.pick(self.theme.inset, self.theme.accent, *_TONES)
        ink = self.theme.ink if fill == self.theme.inset else readable_on(fill)
        word = self.text(kind, "", ink=ink, font=max(self.theme.size - 2, 9))
        return Node(label="badge", across=True, children=(word,), pad=(7, 0), radius=9, fill=fill, ink=ink)

    def input(self, kind: str = "word", icon: str = "") -> Node:
        """A field to write in."""
        theme = self.theme
        parts = (*((self.icon(icon, ink=theme.muted),) if icon else ()), self.text(kind, grow=True))
        look = Node(label="input", across=True, pad=(8, 4), gap=6, radius=theme.radius, fill=theme.inset, line=theme.line)
        return replace(look, children=parts, width=0, grow=True)

    def check(self) -> Node:
        """A box to tick."""
        theme, side = self.theme, self.theme.size
        look = Node("checkbox", "checkbox", height=side, width=side, radius=min(theme.radius, 3), on=self.chance(0.5))
        return replace(look, ink=theme.muted, fill=theme.accent, line=theme.surface)

    def switch(self) -> Node:
        """A switch."""
        on, side = self.chance(0.5), self.theme.size + 2
        return Node("switch", "switch", height=side, on=on, fill=self.theme.accent, line=self.theme.muted)

    def progress(self) -> Node:
        """A bar that is full in part."""
        share = self.between(3, 98)
        return Node("progress", "progress", height=7, share=share, fill=self.theme.accent, line=self.theme.inset)

    def space(self) -> Node:
        """Takes the width that is left."""
        return Node(grow=True)

    def row(self, *parts: Node, label: str = "", **how: Any) -> Node:
        """Parts side by side."""
        return replace(Node(label=label, across=True, children=parts, gap=self.theme.gap, grow=True), **how)

    def column(self, *parts: Node, label: str = "", **how: Any) -> Node:
        """Parts one under the other."""
        return replace(Node(label=label, children=parts, gap=max(self.theme.gap // 2, 4), grow=True), **how)

    def card(self, *parts: Node, label: str = "card", **how: Any) -> Node:
        """A column on a surface of its own."""
        theme = self.theme
        line = theme.line if theme.bordered else ""
        look = {"fill": theme.surface, "line": line, "radius": theme.radius, "pad": (theme.gap, theme.gap)}
        return self.column(*parts, label=label, **(look | how))

    def bar(self) -> Node:
        """The bar at the top."""
        theme, ink = self.theme, self.theme.on_side
        parts = [self.icon(ink=ink)] if self.chance(0.6) else []
        parts.append(self.text("brand", "heading", ink=ink, bold=True))
        parts += [self.text("section", "link", ink=ink) for _ in range(self.between(0, 2))]
        parts += [self.space(), *(self.icon(ink=ink) for _ in range(self.between(0, 2)))]
        parts += [self.avatar()] if self.chance(0.4) else []
        return self.row(*parts, fill=theme.side, pad=(theme.gap + 4, max(theme.gap // 2, 5)))

    def side(self) -> Node:
        """The bar at the left."""
        theme, chosen = self.theme, self.between(0, 3)
        items = []
        for number in range(self.between(4, 8)):
            fill, ink = (theme.accent, theme.on_accent) if number == chosen else ("", theme.on_side)
            parts = (*((self.icon(ink=ink),) if self.chance(0.8) else ()), self.text("section", ink=ink))
            items.append(self.row(*parts, label="menu item", fill=fill, pad=(7, 4), radius=theme.radius, gap=6))
        width = 9 * theme.size
        return Node(children=tuple(items), width=width, height=self.height, fill=theme.side, pad=(6, 8), gap=2)


def _rows(kit: Kit) -> Node:
    """A table or a list."""
    kinds = [kit.pick("person", "product", "task", "identifier"), kit.pick("date", "money", "number", "clock")]
    lead, end = kit.pick("icon", "avatar", "check", ""), kit.pick("badge", "switch", "icon", "")
    rows = []
    for _ in range(kit.between(4, 12)):
        start = [getattr(kit, lead)()] if lead else []
        cells = [kit.text(kinds[0], grow=True), kit.muted(kinds[1], width=6 * kit.theme.size)]
        ends = [getattr(kit, end)()] if end else []
        rows.append(kit.row(*start, *cells, *ends, label="row", pad=(kit.theme.gap, 5), line=kit.theme.line))
    table = kit.column(*rows, gap=-1, fill=kit.theme.surface)
    return kit.column(kit.row(kit.heading(), kit.space(), kit.button()), table)


def _cards(kit: Kit) -> Node:
    """Numbers and charts."""
    across = kit.between(2, 3)
    tops = [kit.card(kit.muted("field"), kit.heading(kit.pick("number", "money"))) for _ in range(across)]
    charts = [kit.card(kit.text("title", "heading", bold=True), kit.chart(kit.between(50, 100))) for _ in range(kit.between(1, 2))]
    bottom = [kit.card(kit.row(kit.text("task"), kit.space(), kit.badge()), kit.progress()) for _ in range(kit.between(1, 3))]
    return kit.column(kit.row(kit.heading(), kit.space(), kit.button()), kit.row(*tops), kit.row(*charts), *bottom, gap=kit.theme.gap)


def _form(kit: Kit) -> Node:
    """Fields, options, buttons."""
    kinds = ("email", "person", "word", "date", "number")
    fields = [kit.column(kit.muted("field"), kit.input(kit.pick(*kinds)), label="field", gap=2) for _ in range(kit.between(2, 4))]
    options = [
        kit.row(kit.text("task", grow=True), kit.switch() if kit.chance(0.6) else kit.check(), label="option", pad=(0, 3))
        for _ in range(kit.between(2, 5))
    ]
    ends = kit.row(kit.button(primary=True), kit.button(primary=False), kit.space())
    return kit.column(kit.heading(), *fields, kit.card(*options, label=""), ends, gap=kit.theme.gap)


def _reading(kit: Kit) -> Node:
    """An article."""
    picture = [kit.picture(kit.between(50, 120))] if kit.chance(0.7) else []
    who = kit.row(kit.avatar(), kit.text("person", bold=True), kit.muted("date"), kit.space())
    lines = [kit.text("sentence", grow=True) for _ in range(kit.between(4, 9))]
    links = kit.row(*(kit.text("word", "link", ink=kit.theme.accent) for _ in range(kit.between(2, 4))), kit.space())
    return kit.column(kit.heading("title"), who, *picture, *lines, links)


def _goods(kit: Kit) -> Node:
    """Things to buy."""
    across, tall, buy = kit.between(2, 4), kit.between(40, 90), kit.chance(0.5)

    def one() -> Node:
        price = kit.row(kit.text("money", bold=True), *([kit.badge()] if kit.chance(0.2) else []), kit.space())
        return kit.card(kit.picture(tall), kit.text("product"), price, *([kit.button(primary=True)] if buy else []))

    shelves = [kit.row(*(one() for _ in range(across))) for _ in range(kit.between(1, 3))]
    return kit.column(kit.row(kit.heading(), kit.input("word", "search")), *shelves, gap=kit.theme.gap)


def _board(kit: Kit) -> Node:
    """Columns of tasks."""

    def task() -> Node:
        return kit.card(kit.text("task", grow=True), kit.row(kit.badge("word"), kit.space(), kit.avatar()))

    def lane() -> Node:
        head = kit.row(kit.text("status", "heading", bold=True), kit.space(), kit.badge("count"))
        look = {"fill": kit.theme.inset, "radius": kit.theme.radius, "pad": (6, 6), "label": "column"}
        return kit.column(head, *(task() for _ in range(kit.between(1, 4))), **look)

    return kit.column(kit.row(kit.heading("title"), kit.space(), kit.button()), kit.row(*(lane() for _ in range(kit.between(2, 3)))))


def _talk(kit: Kit) -> Node:
    """Messages."""

    def message() -> Node:
        mine = kit.chance(0.4)
        ink, fill = (kit.theme.on_accent, kit.theme.accent) if mine else (kit.theme.ink, kit.theme.surface)
        said = kit.text(kit.pick("task", "title"), ink=ink)
        bubble = Node(children=(said,), pad=(9, 5), radius=kit.theme.radius, fill=fill, line="" if mine else kit.theme.line)
        parts = (kit.space(), kit.muted("clock"), bubble) if mine else (kit.avatar(), bubble, kit.muted("clock"), kit.space())
        return kit.row(*parts, label="message")

    head = kit.row(kit.avatar(), kit.text("person", "heading", bold=True), kit.space(), kit.icon(), kit.icon())
    foot = kit.row(kit.input("task"), kit.button(primary=True))
    return kit.column(head, *(message() for _ in range(kit.between(3, 7))), foot, gap=kit.theme.gap)


def _entry(kit: Kit) -> Node:
    """A small form in the middle of the screen."""
    fields = [kit.column(kit.muted("field"), kit.input(kind), label="field", gap=2) for kind in ("email", "identifier")]
    keep = kit.row(kit.check(), kit.muted("task"), kit.space())
    end = kit.row(kit.text("field", "link", ink=kit.theme.accent), kit.space())
    form = kit.card(kit.icon(height=26, width=26), kit.heading("brand"), *fields, keep, kit.button(primary=True), end, label="")
    return kit.row(kit.space(), replace(form, grow=False, width=min(kit.width - 40, 260)), kit.space(), pad=(0, kit.between(0, 40)))


def _code(kit: Kit) -> Node:
    """Lines of code and words about them."""
    inks = (kit.theme.ink, kit.theme.muted, kit.theme.accent)

    def line(number: int) -> Node:
        count = Node("text", text=str(number), ink=kit.theme.muted, font=kit.theme.size, width=22)
        return kit.row(count, kit.text("code", ink=kit.pick(*inks), grow=True), label="line", gap=4)

    block = kit.card(*(line(number + 1) for number in range(kit.between(4, 11))), label="", gap=1)
    return kit.column(kit.heading("identifier"), block, *(kit.text("sentence", grow=True) for _ in range(kit.between(1, 3))))


SCREENS: Final[Mapping[str, Callable[[Kit], Node]]] = {
    "article": _reading,
    "board": _board,
    "cards": _cards,
    "chat": _talk,
    "code": _code,
    "form": _form,
    "login": _entry,
    "shop": _goods,
    "table": _rows,
}


def screen(kind: str, kit: Kit) -> Screen:
    """A screen.

    Args:
        kind: one of SCREENS.
        kit: its look and what decides its content.
    """
    main = kit.column(SCREENS[kind](kit), pad=(kit.theme.gap + 4, kit.theme.gap))
    if kind != "login" and kit.chance(0.35):
        main = kit.row(kit.side(), main, gap=0)
    parts = (kit.bar(), main) if kit.chance(0.7) else (main,)
    root = Node(children=parts, fill=kit.theme.ground, height=kit.height)
    return Screen(numbered(root), family=kit.theme.font)


class NodeMaker:
    """What edits put on a drawn screen; an `edits.Maker`. Insides are fields of a node."""

    def __init__(self, kit: Kit) -> None:
        """Make with the parts of this screen."""
        self._kit = kit

    def icon(self, name: str) -> dict[str, Any]:
        """The field that says what an icon shows."""
        return {"motif": name}

    def picture(self) -> dict[str, Any]:
        """The field that decides a picture."""
        return {"seed": self._kit.seed()}

    def chart(self, motif: str) -> dict[str, Any]:
        """The fields that decide a chart."""
        return {"seed": self._kit.seed(), "motif": motif}

    def look(self, theme: Theme) -> dict[str, str]:
        """New colour for each old one."""
        names = ("ground", "surface", "inset", "line", "ink", "muted", "side", "on_side")
        return {getattr(self._kit.theme, name): getattr(theme, name) for name in names}

    def appearing(self, name: str) -> Node | tuple[int, int, Node]:
        """A node, or x, y and a node of what lies over the screen."""
        made: dict[str, Callable[[], Node | tuple[int, int, Node]]] = {
            "banner": self._banner,
            "dialog": self._dialog,
            "menu": self._menu,
            "new_badge": lambda: self._kit.badge(self._kit.pick("status", "count")),
            "new_button": self._kit.button,
            "new_icon": self._kit.icon,
            "toast": self._toast,
        }
        return made[name]()

    def _banner(self) -> Node:
        kit = self._kit
        fill = kit.pick(kit.theme.accent, "#fff4d6", "#fde2e0", "#dff3e4", "#dfeaff")
        ink = readable_on(fill)
        sign = kit.icon(kit.pick("info", "warning", "bell", "check"), ink=ink)
        return kit.row(sign, kit.text("sentence", ink=ink, grow=True), label="banner", fill=fill, pad=(12, 6))

    def _toast(self) -> tuple[int, int, Node]:
        kit = self._kit
        fill = kit.pick("#22262e", "#14532d", "#7f1d1d", kit.theme.accent)
        ink = readable_on(fill)
        parts = kit.icon(ink=ink), kit.text("task", ink=ink)
        look = {"label": "notification", "fill": fill, "pad": (11, 7), "radius": kit.theme.radius, "grow": False}
        return kit.between(8, kit.width // 3), kit.height - 44, kit.row(*parts, **look)

    def _menu(self) -> tuple[int, int, Node]:
        kit = self._kit
        items = [kit.row(kit.icon(), kit.text("action"), pad=(4, 2), grow=False) for _ in range(kit.between(3, 5))]
        node = kit.card(*items, label="menu", line=kit.theme.line)
        return kit.between(10, kit.width // 2), kit.between(30, kit.height // 2), node

    def _dialog(self) -> tuple[int, int, Node]:
        kit, width = self._kit, min(self._kit.width - 30, 230)
        ends = kit.row(kit.space(), kit.button(primary=False), kit.button(primary=True))
        parts = kit.heading("field"), kit.text("sentence", grow=True), ends
        node = kit.card(*parts, label="dialog", width=width, line=kit.theme.line, gap=10)
        return (kit.width - width) // 2, kit.height // 3, node
