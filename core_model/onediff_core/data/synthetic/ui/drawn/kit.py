"""The parts of drawn screens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.synthetic.ui import icons, pictures, words
from onediff_core.data.synthetic.ui.drawn.nodes import Node
from onediff_core.data.synthetic.ui.themes import readable_on

if TYPE_CHECKING:
    import numpy as np

    from onediff_core.data.synthetic.ui.themes import Theme

_NARROWEST: Final = 190  # pixels beside a bar at the left
_TONES: Final = ("#1d7a46", "#b3261e", "#b36b00", "#2458b8")


class Kit:
    """The parts of screens of one look; what they say follows from the generator of random numbers."""

    def __init__(self, theme: Theme, size: tuple[int, int], rng: np.random.Generator) -> None:
        """Draw for one screen.

        Args:
            theme: its look.
            size: its width and height.
            rng: decides the content.

        Attributes:
            has_side: whether there is a bar at the left.
            room: width that it leaves.
        """
        self.theme = theme
        self.width, self.height = size
        self.has_side = bool(rng.random() < 0.45) and self.width - self._side_width() >= _NARROWEST
        self.room = self.width - self._side_width() * self.has_side
        self._rng = rng

    def chance(self, share: float) -> bool:
        """True in this share of the cases."""
        return bool(self._rng.random() < share)

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self._rng.integers(low, high + 1))

    def abreast(self, most: int) -> int:
        """How many things stand side by side: two or more, as many as find room."""
        return self.between(2, max(min(most, self.room // (9 * self.theme.size)), 2))

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
        return Node(
            "chart", "chart", seed=self.seed(), motif=motif, height=height, ink=self.theme.accent, line=self.theme.line
        )

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
        look = Node(
            label="input", across=True, pad=(8, 4), gap=6, radius=theme.radius, fill=theme.inset, line=theme.line
        )
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
        return Node("progress", "progress bar", height=7, share=share, fill=self.theme.accent, line=self.theme.inset)

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

    def _side_width(self) -> int:
        return 9 * self.theme.size

    def side(self) -> Node:
        """The bar at the left."""
        theme, chosen = self.theme, self.between(0, 3)
        items = []
        for number in range(self.between(4, 8)):
            fill, ink = (theme.accent, theme.on_accent) if number == chosen else ("", theme.on_side)
            parts = (*((self.icon(ink=ink),) if self.chance(0.8) else ()), self.text("section", ink=ink))
            items.append(self.row(*parts, label="menu item", fill=fill, pad=(7, 4), radius=theme.radius, gap=6))
        return Node(
            children=tuple(items), width=self._side_width(), height=self.height, fill=theme.side, pad=(6, 8), gap=2
        )
