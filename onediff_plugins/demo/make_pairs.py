"""Make the shipped pairs anew: `python -m onediff_plugins.demo.make_pairs`.

For maintainers: it needs rasterio and a Chromium on the path (Debian: `apt-get install chromium fonts-liberation`).
The page depends on the browser's version and the machine's fonts, so the images are committed; the scene and the
camera's stills come from one seed each.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Final

from PIL import Image

from onediff_plugins.demo import camera, layout, scene

HERE: Final = Path(__file__).parent
PAGE_SIZE: Final = (1280, 800)
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")

_BELL: Final = (
    '<svg class="bell" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2">'
    '<path d="M5 18c2-2 2-4 2-7a5 5 0 0 1 10 0c0 3 0 5 2 7zM10 21h4"/></svg>'
)
_ROW: Final = (
    "<tr><td>#4181</td><td>Fern &amp; Fable Bakery</td><td>Yirgacheffe, 8 kg</td>"
    '<td><span class="tag open">Open</span></td><td>&euro;294.40</td></tr>'
)
PAGES: Final = {
    "before": {"bell": _BELL, "button": "#2f7d5b", "price": "18.40", "row": ""},
    "after": {"bell": "", "button": "#c4532d", "price": "19.80", "row": _ROW},
}
# The stills of the camera: what happened, what else differs, and the seed of all chance.
STILLS_CHANGES: Final = ("person-came", "box-left", "bicycle-taken", "car-gone")
STILLS_NUISANCES: Final = replace(camera.A_DAY, quality=None)
STILLS_SEED: Final = 4
STILLS_SAMPLES: Final = 3
STILLS_QUALITY: Final = 86


def main() -> None:
    """Write the images and their list beside this file."""
    for side, values in PAGES.items():
        render_page(values, HERE / f"page_{side}.png")
    for side in layout.SIDES:
        scene.write(side, HERE / f"scene_{side}.tif")
    drawn = draw_stills()
    for side, pixels in (("before", drawn.before), ("after", drawn.after)):
        Image.fromarray(pixels).save(HERE / f"camera_{side}.jpg", quality=STILLS_QUALITY)
    pairs = [
        {"id": name, "domain": domain, "before": f"{stem}_before{suffix}", "after": f"{stem}_after{suffix}"}
        for name, domain, stem, suffix in (
            ("orders-page", "ui", "page", ".png"),
            ("village", "satellite", "scene", ".tif"),
            ("yard", "surveillance", "camera", ".jpg"),
        )
    ]
    lines = [json.dumps(pair) + "\n" for pair in pairs]
    (HERE / "pairs.jsonl").write_text("".join(lines), encoding="utf-8")


def draw_stills() -> camera.DrawnPair:
    """The shipped stills before they became JPEG files, and what is true of them."""
    return camera.draw(STILLS_CHANGES, STILLS_NUISANCES, seed=STILLS_SEED, samples=STILLS_SAMPLES)


def render_page(values: dict[str, str], target: Path) -> None:
    """A screenshot of the demo page.

    Args:
        values: what `page.html` leaves open.
        target: PNG to write.

    Raises:
        FileNotFoundError: no Chromium is installed.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise FileNotFoundError(f"none of {', '.join(BROWSERS)} is on the path: apt-get install chromium")
    html = Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(values)
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder, "page.html"), Path(folder, "page.png")
        page.write_text(html, encoding="utf-8")
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-lcd-text",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            f"--user-data-dir={folder}/profile",
            f"--window-size={PAGE_SIZE[0]},{PAGE_SIZE[1]}",
            f"--screenshot={shot}",
            page.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        with Image.open(shot) as image:
            image.convert("RGB").save(target, optimize=True)


if __name__ == "__main__":
    main()
