"""Takes the picture of a report in README.md: `python docs/figures/report.py` writes report.webp beside this file.

It is the shipped village, compared as `onediff demo` does, in a real browser. Browsers differ in how they draw letters,
so the file is not compared with what this makes.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import onediff_plugins.demo
from onediff_core.data.synthetic.ui.studio import find_chromium
from onediff_plugins import Host
from onediff_plugins.output import write_pair

SIZE = {"width": 1240, "height": 745}


def main() -> None:
    """Compare, open the report, and take its picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("report.webp"))
    out = parser.parse_args().out
    shipped = Path(onediff_plugins.demo.__file__).parent
    host = Host()
    sides = [str(shipped / f"scene_{side}.tif") for side in ("before", "after")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "village"
        write_pair(host, host.compare(*sides, domain="satellite", id="village"), folder)
        Image.open(io.BytesIO(photographed(folder / "report.html"))).save(out, quality=80, method=6)


def photographed(page: Path) -> bytes:
    """A page as PNG, in light colours."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        view = browser.new_page(viewport=SIZE, color_scheme="light")
        view.goto(page.as_uri())
        view.wait_for_load_state("networkidle")
        return view.screenshot()


if __name__ == "__main__":
    main()
