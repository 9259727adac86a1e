"""The panel in the real App, in a real Chromium. Every scenario has a server of its own: one remembers open panels."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Locator, Page

SIZES = ((1400, 900), (1920, 1080))
PATIENCE_S = 90
SHOTS = Path(os.environ.get("SCREENSHOTS", "")) if os.environ.get("SCREENSHOTS") else None


@pytest.fixture
def served(fo: Any, plugin: Path, tmp_path: Path) -> Iterator[str]:
    """Address of a FiftyOne server of the test's own, on this machine alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    module = Path(fo.__file__).parent / "server" / "main.py"
    command = [sys.executable, str(module), "--address", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with urlopen(address, timeout=2):
                    break
            except OSError:
                said = (tmp_path / "server.log").read_text(errors="replace")[-800:]
                assert server.poll() is None, f"the server of the App ended: {said}"
                assert time.monotonic() < deadline, f"the server of the App does not answer: {said}"
                time.sleep(0.2)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


@dataclass
class Opened:
    """The App's page, with what went wrong in it."""

    page: Page
    surface: str = "[data-cy=od-root]"
    errors: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Locator:
        """An element of the panel by its own name."""
        return self.page.locator(f"{self.surface} [data-cy=od-{name}]")

    @property
    def root(self) -> Locator:
        return self.page.locator(self.surface)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def sample(self) -> str:
        """Id of the after sample that is shown."""
        return self.root.get_attribute("data-sample")

    def until(self, what: Callable[[], bool], why: str) -> None:
        deadline = time.monotonic() + 60
        while not what():
            assert time.monotonic() < deadline, why
            self.page.wait_for_timeout(40)

    def open_modal(self, number: int) -> None:
        """Open a picture of the grid, and the panel's tab there."""
        self.page.locator("[data-cy=fo-grid] [data-cy=looker]").nth(number).click()
        self.page.locator("[data-cy=modal] [data-cy=panel-tab-change_review]").click()
        self.surface = "[data-cy=modal] [data-cy=od-root]"
        self["review"].wait_for()

    def settle(self) -> None:
        """Wait until the pictures are there."""
        self["before"].wait_for()
        for side in ("before", "after"):
            loaded = f"element => element.complete && element.naturalWidth > 0 /* {side} */"
            self.until(lambda s=side, js=loaded: self[s].evaluate(js), f"the {side} image was not loaded")

    def shoot(self, name: str, folder: Path) -> None:
        """A screenshot; kept where SCREENSHOTS says."""
        target = SHOTS or folder
        target.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=target / f"{name}.png")

    def overlaps(self) -> list[str]:
        """Texts of the panel that lie on each other, or that stick out of it."""
        return self.page.evaluate(OVERLAPS, self.surface)


# Words that people read: no two of them may share pixels. Tags of regions lie on the picture, which is meant.
OVERLAPS = """(surface) => {
  const root = document.querySelector(surface);
  const bounds = root.getBoundingClientRect();
  const read = ".od-tag, .od-toolbar button, .od-toolbar select, footer button, .od-title b, .od-title span";
  const shown = [...root.querySelectorAll(read)]
    .map((element) => ({ text: element.textContent.trim().slice(0, 30), box: element.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0 && box.height > 0);
  const found = [];
  shown.forEach((a, i) => {
    const out = a.box.right > bounds.right + 1 || a.box.left < bounds.left - 1 || a.box.bottom > bounds.bottom + 1;
    if (out) found.push(`${a.text} sticks out`);
    shown.slice(i + 1).forEach((b) => {
      const width = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const height = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (width > 1 && height > 1) found.push(`${a.text} on ${b.text}`);
    });
  });
  return found;
}"""


@pytest.fixture
def open_app(browser: Browser, served: str) -> Iterator[Callable[..., Opened]]:
    """Open a dataset in the App with the panel beside the grid."""
    opened: list[Opened] = []

    def open_(dataset: Any, size: tuple[int, int] = SIZES[0], *, fresh: bool = True) -> Opened:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        context.add_init_script("window.IS_PLAYWRIGHT = true")
        # Fonts are all that the App would fetch from elsewhere.
        context.route("**/*", lambda route: route.continue_() if served in route.request.url else route.abort())
        page = context.new_page()
        page.set_default_timeout(90_000)
        one = Opened(page)
        page.on("pageerror", lambda error: one.errors.append(str(error)))
        opened.append(one)
        page.goto(f"{served}/datasets/{dataset.name}")
        page.wait_for_selector("[data-cy=fo-grid] [data-cy=looker]")
        if fresh:
            panel = '{name: "change_review", isActive: true, layout: "horizontal"}'
            page.evaluate(f'() => __foo__.executeOperator("open_panel", {panel})')
        one["review"].wait_for()
        return one

    yield open_
    for one in opened:
        one.page.context.close()
    assert [error for one in opened for error in one.errors] == []


def review_of(dataset: Any, sample_id: str) -> str:
    sample = dataset[sample_id]
    sample.reload()
    return sample["review"].label


def test_a_pair_is_looked_at_and_accepted_by_key_and_stays_so_after_a_reload(
    dataset: Any, open_app: Callable[..., Opened], tmp_path: Path
) -> None:
    app = open_app(dataset)
    app.settle()
    assert app["position"].inner_text() == "1 of 3"
    strongest = app.sample()

    # The slider uncovers the before image.
    clip = "element => element.closest('.od-fill').style.clipPath"
    app["slider"].fill("30")
    assert app["after"].evaluate(clip) == "inset(0px 0px 0px 30%)"
    handle = app["handle"].bounding_box()
    app.page.mouse.move(handle["x"] + 14, handle["y"] + 80)
    app.page.mouse.down()
    app.page.mouse.move(handle["x"] + 114, handle["y"] + 80, steps=4)
    app.page.mouse.up()
    assert float(app["slider"].input_value()) > 40

    # Zooming and moving in one half moves both, wherever the pointer is.
    before, after = app["before"].bounding_box(), app["after"].bounding_box()
    assert before == after
    app.page.mouse.move(after["x"] + after["width"] * 0.8, after["y"] + after["height"] * 0.7)
    app.page.mouse.wheel(0, -600)
    app.until(lambda: app["after"].bounding_box()["width"] > after["width"] * 1.5, "the wheel does not zoom")
    assert app["before"].bounding_box() == app["after"].bounding_box()
    app["after"].evaluate("() => document.activeElement.blur()")
    app.root.focus()

    # Other views, and the layers.
    app.press("d")
    assert app["pane-before"].bounding_box()["width"] == pytest.approx(app["pane-after"].bounding_box()["width"], abs=2)
    app.press("b")
    app["pane-before"].wait_for()
    app["pane-after"].wait_for()
    app.press("s", "h")
    app["score"].wait_for(state="attached")
    app.press("o")
    app["marks"].wait_for(state="detached")
    app.press("o", "h", "?")
    app["help"].wait_for()
    app.press("Escape")
    app["help"].wait_for(state="detached")

    app.press("a")
    app.until(lambda: app["position"].inner_text() == "2 of 3", "it does not go on to the next pair")
    app.until(lambda: review_of(dataset, strongest) == "accepted", "the decision is not in the database")
    app.shoot("grid-accepted", tmp_path)

    app.page.reload()
    app["review"].wait_for()
    app.until(lambda: app.sample() == strongest, "the strongest pair is not shown first")
    assert app["review"].inner_text() == "Accepted"

    # What was decided before the reload can be undone after it.
    app.root.focus()
    app.press("u")
    app.until(lambda: review_of(dataset, strongest) == "pending", "the decision was not undone")
    app.until(lambda: app["review"].inner_text() == "Pending", "the panel does not show that it was undone")


def test_regions_are_decided_labelled_and_reworded_by_key(dataset: Any, open_app: Callable[..., Opened]) -> None:
    app = open_app(dataset)
    app.settle()
    sample_id = app.sample()
    app.root.focus()

    def stored(number: int) -> Any:
        sample = dataset[sample_id]
        sample.reload()
        return sorted(sample["changes"].detections, key=lambda one: -one.confidence)[number]

    app.press("j", "r")  # rejects the first, selects the second
    app.until(lambda: stored(0)["review"] == "rejected", "the region was not rejected")
    app.press("2")
    labels = app.root.locator(".od-label span").all_inner_texts()
    app.until(lambda: stored(1).label == labels[1], "the region was not labelled")
    app.press("e")
    app["caption-edit"].fill("The price went up.")
    app.press("Enter")
    app.until(lambda: stored(1)["caption"] == "The price went up.", "the region's caption was not written")
    app.press("Escape", "e")
    app["caption-edit"].fill("a r u 1: keys that are typed are text")
    app.press("Enter")
    app.until(lambda: dataset[sample_id]["caption"].startswith("a r u 1"), "the pair's caption was not written")
    assert review_of(dataset, sample_id) == "pending"
    app.press("u", "u", "u", "u")
    app.until(lambda: stored(0)["review"] == "pending", "not everything was undone")
    sample = dataset[sample_id]
    sample.reload()
    assert sample["caption"] == sample["model_caption"]
    assert (stored(1).label, stored(1)["caption"]) == (stored(1)["model_label"], stored(1)["model_caption"])


def test_quick_presses_all_arrive_selections_are_gone_through_alone_and_missing_pictures_are_told(
    dataset: Any, open_app: Callable[..., Opened], tmp_path: Path
) -> None:
    after = dataset.select_group_slices("after").sort_by([("change_score", -1), ("_id", 1)])
    order = after.values("id")
    group = dataset.get_group(dataset[order[2]]["pair"].id)
    lost = group.get("before_aligned") or group["before"]  # the one that is shown
    lost.filepath = str(tmp_path / "moved.png")
    lost.save()

    app = open_app(dataset)
    app.settle()
    app.root.focus()
    app.press("a", "r", "a")
    decided = ["accepted", "rejected", "accepted"]
    app.until(lambda: [review_of(dataset, one) for one in order] == decided, "a decision was lost")
    assert app.sample() == order[2]
    app.page.get_by_text("The before image cannot be loaded").wait_for()

    app["state"].select_option("pending")
    app["nothing"].wait_for()
    assert "No pending pairs" in app["nothing"].inner_text()
    app.page.get_by_text("Show all pairs").click()
    app["review"].wait_for()

    select = f'() => __foo__.executeOperator("set_selected_samples", {{samples: ["{order[1]}"]}})'
    app.page.evaluate(select)
    app.until(lambda: app["position"].inner_text() == "1 of 1", "the selection is not a queue of its own")
    assert app.sample() == order[1]


def test_it_looks_right_in_the_grid_and_in_the_sample_viewer(
    dataset: Any, open_app: Callable[..., Opened], tmp_path: Path
) -> None:
    app = open_app(dataset)
    seen = set()
    for number in range(3):
        app.until(lambda n=number: app["position"].inner_text() == f"{n + 1} of 3", "it did not go on")
        app.settle()
        domain = dataset[app.sample()]["domain"]
        seen.add(domain)
        for size in SIZES:
            app.page.set_viewport_size({"width": size[0], "height": size[1]})
            app.page.wait_for_timeout(250)
            assert app.overlaps() == [], (domain, size)
            app.shoot(f"grid-{domain}-{size[0]}", tmp_path)
        app.root.focus()
        app.press("n")
    assert seen == {"ui", "satellite", "surveillance"}

    app.open_modal(1)
    app.settle()
    for size in SIZES:
        app.page.set_viewport_size({"width": size[0], "height": size[1]})
        app.page.wait_for_timeout(250)
        assert app.overlaps() == [], size
        app.shoot(f"modal-{size[0]}", tmp_path)

    # A decision in the sample viewer goes on to the App's own next sample.
    first = app.sample()
    app.root.focus()
    app.press("r")
    app.until(lambda: app.sample() not in ("", first), "the sample viewer did not go on")
    app.until(lambda: review_of(dataset, first) == "rejected", "the decision is not in the database")


@pytest.mark.slow
def test_another_run_is_asked_for_in_a_form_and_shown_beside_this_one(
    dataset: Any, dataset_name: Callable[[], str], open_app: Callable[..., Opened], tmp_path: Path
) -> None:
    app = open_app(dataset)
    app.settle()
    app.root.focus()
    app.press("n")
    app.until(lambda: app["position"].inner_text() == "2 of 3", "it did not go on")
    app.settle()
    boxes = app["marks"].locator(".od-box")
    here = boxes.count()
    other = dataset.clone(dataset_name())
    theirs = other.select_group_slices("after").match({"pair_id": dataset[app.sample()]["pair_id"]}).first()
    assert here == len(theirs["changes"].detections) > 2
    theirs["changes"].detections = theirs["changes"].detections[:2]
    theirs.save()

    app.press("`")
    app.page.get_by_placeholder("Search operations by name").fill("Compare two runs")
    app.page.get_by_text("Change review: Compare two runs").click()
    execute = app.page.get_by_role("button", name="Execute")
    execute.wait_for()
    assert execute.is_disabled(), "it can be sent without the other run"
    app.page.get_by_text("The other run").locator("xpath=following::*[@role='combobox'][1]").click()
    app.page.get_by_role("option", name=other.name).click()
    app.page.get_by_text("Its name").locator("xpath=following::input[1]").fill("Lenient")
    app.shoot("form", tmp_path)
    execute.click()
    app.page.get_by_text("3 pairs in both runs").wait_for()
    app.shoot("form-answer", tmp_path)
    app.page.get_by_role("button", name="Close").click()

    # The panel shows it at once, on the pair where it was.
    run = app.root.locator(".od-run", has_text="lenient")
    assert run.inner_text().split() == ["lenient", "2", "regions"]
    assert app["position"].inner_text() == "2 of 3"
    run.click()
    app.until(lambda: boxes.count() == here + 2, "the regions of the other run are not shown")
    assert all("lenient: " in text for text in app["marks"].locator(".od-tag[data-run]").all_inner_texts())
    assert app["marks"].locator(".od-box[data-run=lenient]").count() == 2
    assert app.overlaps() == []
    app.shoot("runs", tmp_path)
    run.click()
    app.until(lambda: boxes.count() == here, "the regions of the other run stay")
