"""Chromium, kept open over many pages, in several ways to draw letters."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from onediff_plugins.errors import MissingDependencyError, OneDiffError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from playwright.sync_api import BrowserType, Page

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-color-profile=srgb"),
)
# How letters are drawn: what fontconfig assigns, and flags.
_EDIT: Final = '<edit name="{}" mode="assign"><{}>{}</{}></edit>'
RENDERERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "plain": ("", ()),
    "aliased": (_EDIT.format("antialias", "bool", "false", "bool"), ()),
    "hinted": ("", ("--font-render-hinting=full", "--disable-font-subpixel-positioning")),
    "subpixel": (
        _EDIT.format("rgba", "const", "rgb", "const") + _EDIT.format("lcdfilter", "const", "lcddefault", "const"),
        (),
    ),
}
_FONTCONFIG: Final = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include><match target="pattern">{0}</match></fontconfig>"""


class Studio:
    """Opens made-up pages and takes their picture. Not for use from several threads."""

    def __init__(self, browser_type: BrowserType, executable: str | None = None) -> None:
        """Nothing starts until a page is opened.

        Args:
            browser_type: `chromium` of a started playwright.
            executable: of the browser, or None for playwright's own.
        """
        self._browser_type = browser_type
        self._executable = executable
        self._folder = tempfile.TemporaryDirectory(prefix="onediff-fonts-")
        self._pages: dict[str, Page] = {}

    def open(self, html: str, size: tuple[int, int], renderer: str = "plain") -> OpenPage:
        """Show a page; what was shown before by the same renderer is gone.

        Args:
            html: all of it.
            size: width and height of the window in pixels.
            renderer: a key of RENDERERS.
        """
        if renderer not in self._pages:
            self._pages[renderer] = self._start(renderer)
        page = self._pages[renderer]
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.set_content(html)
        page.evaluate(_script())
        return OpenPage(page)

    def close(self) -> None:
        """End the browsers."""
        for page in self._pages.values():
            browser = page.context.browser
            if browser is not None:
                browser.close()
        self._pages.clear()
        self._folder.cleanup()

    def _start(self, renderer: str) -> Page:
        assigned, flags = RENDERERS[renderer]
        environment: dict[str, str | float | bool] = dict(os.environ)
        if assigned:
            config = Path(self._folder.name) / f"{renderer}.conf"
            config.write_text(_FONTCONFIG.format(assigned), encoding="utf-8")
            environment["FONTCONFIG_FILE"] = str(config)
        browser = self._browser_type.launch(
            executable_path=self._executable, headless=True, args=[*_FLAGS, *flags], env=environment
        )
        return browser.new_page(device_scale_factor=1, offline=True)


class OpenPage:
    """A page that is shown."""

    def __init__(self, page: Page) -> None:
        """Wrap a page of playwright in which `page.js` has run."""
        self._page = page

    def picture(self, hidden: Sequence[str] = ()) -> NDArray[np.uint8]:
        """What is seen, (H, W, 3) RGB.

        Args:
            hidden: uids of elements that keep their place and are not painted.
        """
        if hidden:
            self._page.evaluate("uids => ui.hide(uids, true)", list(hidden))
        shot = self._page.screenshot(type="png")
        if hidden:
            self._page.evaluate("uids => ui.hide(uids, false)", list(hidden))
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def measure(self) -> list[dict[str, Any]]:
        """Its elements, as `page.js` describes them."""
        found: list[dict[str, Any]] = self._page.evaluate("ui.measure()")
        return found

    def edit(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Carry out steps that `page.js` knows."""
        self._page.evaluate("steps => ui.edit(steps)", [dict(step) for step in steps])

    def html(self) -> str:
        """The page as it is now."""
        return self._page.content()


@cache
def _script() -> str:
    return Path(__file__).with_name("page.js").read_text(encoding="utf-8")


@cache
def studio() -> Studio:
    """The studio of this process: one playwright and its browsers until the process ends.

    Raises:
        MissingDependencyError: playwright is not installed.
        OneDiffError: no Chromium is found, or the variable CHROMIUM names none.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as exc:
        raise MissingDependencyError("playwright", "drawing pages in a browser (ui-html)", "onediff-core[ui]") from exc
    playwright = sync_playwright().start()
    opened = Studio(playwright.chromium, find_chromium(playwright.chromium.executable_path))
    atexit.register(playwright.stop)
    atexit.register(opened.close)
    return opened


def find_chromium(own: str = "") -> str:
    """The path of a Chromium: what the variable CHROMIUM names, one on the PATH, or playwright's own.

    Args:
        own: where playwright keeps its own, whether it was fetched or not.

    Raises:
        OneDiffError: there is none.
    """
    named = os.environ.get("CHROMIUM")
    found = next((path for name in ([named] if named else NAMES) if (path := shutil.which(name))), None)
    if found is None and not named and own and Path(own).exists():
        return own
    if found is None:
        where = f"the variable CHROMIUM names {named!r}, which is not there" if named else f"none of {', '.join(NAMES)}"
        raise OneDiffError(
            f"ui-html draws pages in Chromium and finds none ({where}): install it (Debian: apt-get install chromium), "
            "run `playwright install chromium`, or name one in the variable CHROMIUM; ui-drawn needs no browser"
        )
    return found
