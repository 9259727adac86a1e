"""Pages of made-up software in HTML, from the templates beside this module."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from onediff_core.data.synthetic.ui import icons, pictures, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from onediff_core.data.synthetic.ui.themes import Theme

PAGES: Final = (
    *(
        "article",
        "calendar",
        "chat",
        "code",
        "dashboard",
        "form",
        "kanban",
        "login",
        "mail",
        "notebook",
        "phone",
        "shop",
    ),
    "table",
)


class Author:
    """What a template asks for: words, icons, pictures, choices. All follows from the random numbers.

    What a page shows is marked in its HTML, for edits and for the truth: `data-l` is the label of an element, `data-w`
    the kind of words in it, `data-n` its name where no text in it says one.
    """

    def __init__(self, theme: Theme, rng: np.random.Generator) -> None:
        """Write for one page.

        Args:
            theme: the look of the page.
            rng: decides everything.
        """
        self.theme = theme
        self._rng = rng

    def words(self, kind: str) -> str:
        """A bare text of this kind, escaped for HTML."""
        return escape(words.write(kind, self._rng))

    def text(self, kind: str, label: str = "text", tag: str = "span", look: str = "") -> str:
        """A text that is an element of its own."""
        said = self.words(kind)
        return f'<{tag} data-l="{label}" data-w="{kind}" class="{look}">{said}</{tag}>'

    def icon(self, look: str = "", name: str = "") -> str:
        """An icon, a random one where none is named."""
        name = name or self.pick(sorted(icons.ICONS))
        strokes = icons.svg_strokes(name)
        return f'<svg viewBox="0 0 24 24" data-l="icon" data-n="{name}" class="i {look}">{strokes}</svg>'

    def picture(self, look: str = "") -> str:
        """A picture, cut to fill its box."""
        inside = pictures.picture(self._rng)
        fit = 'viewBox="0 0 160 100" preserveAspectRatio="xMidYMid slice"'
        return f'<svg {fit} data-l="image" class="picture {look}">{inside}</svg>'

    def chart(self, look: str = "", kind: str = "") -> str:
        """A chart, of a random kind where none is named."""
        kind = kind or self.pick(sorted(pictures.CHARTS))
        inside = pictures.chart(kind, self.theme.accent, self.theme.line, self._rng)
        fit = 'viewBox="0 0 160 100"' if kind == "ring" else 'viewBox="0 0 160 100" preserveAspectRatio="none"'
        return f'<svg {fit} data-l="chart" data-n="{kind}" class="chart {look}">{inside}</svg>'

    def pick(self, choices: Sequence[str]) -> str:
        """One of the choices."""
        return choices[int(self._rng.integers(len(choices)))]

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self._rng.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """True in this share of the cases."""
        return bool(self._rng.random() < share)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("onediff_core.data.synthetic.ui"),
        autoescape=False,  # the author hands out HTML, in which every text is escaped
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(kind: str, theme: Theme, rng: np.random.Generator) -> str:
    """The HTML of a page; it asks for nothing outside itself.

    Args:
        kind: one of PAGES.
        theme: its look.
        rng: decides the content.
    """
    return _templates().get_template(f"{kind}.html").render(a=Author(theme, rng), theme=theme)


class HtmlMaker:
    """What edits put on a page, in HTML; a `plan.Maker`."""

    def __init__(self, theme: Theme, rng: np.random.Generator) -> None:
        """Make for one page.

        Args:
            theme: the look of the page.
            rng: decides the content.
        """
        self._theme = theme
        self._rng = rng

    def icon(self, name: str) -> str:
        """The inside of its `svg` element."""
        return icons.svg_strokes(name)

    def picture(self) -> str:
        """The inside of its `svg` element."""
        return pictures.picture(self._rng)

    def chart(self, motif: str) -> str:
        """The inside of its `svg` element."""
        return pictures.chart(motif, self._theme.accent, self._theme.line, self._rng)

    def appearing(self, name: str) -> str:
        """One element, from the macro of that name."""
        globals_ = {"a": Author(self._theme, self._rng), "theme": self._theme}
        return str(getattr(_templates().get_template("appearing.html").make_module(globals_), name)()).strip()

    def look(self, theme: Theme) -> str:
        """CSS variables for the style of the root element."""
        return _templates().get_template("theme.css").render(theme=theme).replace("\n", " ").strip()
