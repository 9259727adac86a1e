"""A real Chromium, headless, that is told to stay off the network and watched for whether it does."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from onediff_plugins import DomainSettings, DomainSpec, Host, hookimpl
from onediff_plugins.demo import pairs_file
from onediff_plugins.output import write_pair
from onediff_plugins.pairs import read_pairs
from onediff_plugins.report import write_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page


@dataclass
class Opened:
    """A page with what it did meanwhile."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)

    def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        return self.page.evaluate(expression)

    def css(self, selector: str, name: str) -> str:
        """A computed style of an element."""
        return self.page.eval_on_selector(selector, f"element => getComputedStyle(element)['{name}']")

    def point_of(self, x: float, y: float) -> tuple[float, float]:
        """Where a pixel of the after image is in the window."""
        box = self.page.locator("#sheet-after").bounding_box()
        size = "element => [parseFloat(element.style.width), parseFloat(element.style.height)]"
        width, height = self.page.eval_on_selector("#sheet-after", size)
        return box["x"] + x * box["width"] / width, box["y"] + y * box["height"] / height

    def colour_at(self, x: float, y: float) -> tuple[int, int, int]:
        """What is on the screen at a point of the window."""
        shot = self.page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
        return Image.open(io.BytesIO(shot)).convert("RGB").getpixel((0, 0))

    def settle(self) -> None:
        """Wait until nothing moves any more: the picture's place is the same in several frames."""
        self.page.evaluate(
            """() => new Promise((done) => {
                 let last = "";
                 let same = 0;
                 const look = () => {
                   const now = document.querySelector("#sheet-after").style.transform;
                   same = now === last ? same + 1 : 0;
                   if (same === 4) return done();
                   last = now;
                   requestAnimationFrame(() => setTimeout(look, 20));
                 };
                 look();
               })"""
        )


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Opened]]:
    """Open a file: path, then options of a browser context; a complaint of the console fails the test at its end."""
    opened: list[Opened] = []

    def open_(path: Path, *, fragment: str = "", **options: Any) -> Opened:
        context = browser.new_context(viewport=options.pop("viewport", {"width": 1280, "height": 800}), **options)
        page = context.new_page()
        page.set_default_timeout(10_000)
        one = Opened(page)
        page.on("console", lambda message: one.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: one.complaints.append(str(error)))
        page.on("request", lambda request: one.asked_for.append(request.url))
        opened.append(one)
        page.goto(path.as_uri() + fragment)
        page.wait_for_selector("html[data-ready=true]", state="attached")
        return one

    yield open_
    for one in opened:
        one.page.context.close()
    assert [complaint for one in opened for complaint in one.complaints] == []
    schemes = {address.partition(":")[0] for one in opened for address in one.asked_for}
    assert schemes <= {"file", "blob", "data"}


@pytest.fixture
def make_domain_host() -> Callable[[], Any]:
    """A host with one domain that adds nothing to the built-in behaviour."""

    class Plain:
        @hookimpl
        def onediff_domain(self) -> Any:
            return DomainSpec(name="plain", summary="nothing of its own", settings=DomainSettings)

    return lambda: Host(plugins=[Plain()], entry_points=False)


@pytest.fixture(scope="session")
def report(make_result: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a page with twelve regions."""
    folder = tmp_path_factory.mktemp("report")
    write_html([make_result(12)], folder)
    return folder / "report.html"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped pairs as `onediff demo` writes them."""
    out = tmp_path_factory.mktemp("demo")
    host = Host()
    for entry in read_pairs(pairs_file()):
        result = host.compare(entry.before, entry.after, domain=entry.domain, id=entry.id)
        write_pair(host, result, out / entry.folder)
    return out
