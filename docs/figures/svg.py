"""The little of SVG that figures need: boxes, words, arrows, on a plate that is legible in light and dark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Sequence

# Light and dark: the plate, boxes, boxes within boxes, lines, words, lesser words, and the two models.
COLOURS = {
    "plate": ("#ffffff", "#0d1117"),
    "box": ("#f6f8fa", "#161b22"),
    "inner": ("#ffffff", "#0d1117"),
    "line": ("#8c959f", "#6e7681"),
    "words": ("#1f2328", "#e6edf3"),
    "lesser": ("#57606a", "#9198a1"),
    "paper": ("#0550ae", "#79c0ff"),
    "tiny": ("#953800", "#ffa657"),
}

STYLE = """
  text { font-family: "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif }
  text { font-size: 13px; fill: var(--words) }
  .title { font-size: 16px; font-weight: 600 }
  .strong { font-weight: 600 }
  .lesser { fill: var(--lesser) }
  .paper { fill: var(--paper) }
  .tiny { fill: var(--tiny) }
  .middle { text-anchor: middle }
  .end { text-anchor: end }
  .small { font-size: 12px }
  .plate { fill: var(--plate); stroke: var(--line); stroke-opacity: 0.5 }
  .box { fill: var(--box); stroke: var(--line) }
  .inner { fill: var(--inner); stroke: var(--line); stroke-opacity: 0.6 }
  .faint { fill: var(--inner); stroke: var(--line); stroke-opacity: 0.45 }
  .slab-paper { fill: var(--paper); fill-opacity: 0.22; stroke: var(--paper) }
  .slab-tiny { fill: var(--tiny); fill-opacity: 0.22; stroke: var(--tiny) }
  .arrow { fill: none; stroke: var(--lesser); stroke-width: 1.5; marker-end: url(#head) }
  .bare { fill: none; stroke: var(--lesser); stroke-width: 1.5 }
  .head { fill: var(--lesser) }
"""


@dataclass
class Drawing:
    """Elements in the order in which they are painted."""

    width: int
    height: int
    title: str
    description: str
    elements: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, look: str = "box", radius: float = 8) -> None:
        """A rectangle with round corners."""
        self.elements.append(
            f'<rect class="{look}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"/>'
        )

    def text(self, x: float, y: float, words: str, look: str = "") -> None:
        """One line, its baseline at y."""
        kind = f" class={quoteattr(look)}" if look else ""
        self.elements.append(f'<text{kind} x="{x:g}" y="{y:g}">{escape(words)}</text>')

    def lines(self, x: float, y: float, lines: Sequence[tuple[str, str]], step: float = 18) -> None:
        """Lines of (words, look) below one another."""
        for number, (words, look) in enumerate(lines):
            self.text(x, y + number * step, words, look)

    def path(self, points: Sequence[tuple[float, float]], look: str = "arrow") -> None:
        """A line through points, by default with a head at its end."""
        joined = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.elements.append(f'<polyline class="{look}" points="{joined}"/>')

    def raw(self, element: str) -> None:
        """Any element."""
        self.elements.append(element)

    def svg(self) -> str:
        """The whole file."""
        schemes = [" ".join(f"--{name}: {pair[scheme]};" for name, pair in COLOURS.items()) for scheme in range(2)]
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(self.title)}</title>',
            f'<desc id="description">{escape(self.description)}</desc>',
            "<style>",
            f"  svg {{ {schemes[0]} }}",
            f"  @media (prefers-color-scheme: dark) {{ svg {{ {schemes[1]} }} }}{STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path class="head" d="M0,0.5 L8,4 L0,7.5 Z"/></marker></defs>',
            f'<rect class="plate" x="0.5" y="0.5" width="{self.width - 1}" height="{self.height - 1}" rx="12"/>',
            *self.elements,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"
