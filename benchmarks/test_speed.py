"""Speed and memory: `make bench`. Targets are for one core; nothing here is part of `make test`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image

from onediff_plugins import (
    ChangeMap,
    ChangeRegion,
    ChangeResult,
    Description,
    DomainSettings,
    DomainSpec,
    Frame,
    Host,
    ImagePair,
    ModelSpec,
    Registration,
    hookimpl,
)
from onediff_plugins.demo import camera, pairs_file
from onediff_plugins.report import index_parts, write_html

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture


def about(benchmark: BenchmarkFixture, what: str, target: str, **more: Any) -> None:
    benchmark.extra_info.update(what=what, target=target, **more)


# --- start-up ---


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def test_help(benchmark: BenchmarkFixture) -> None:
    about(benchmark, "`onediff --help`, interpreter included", "300 ms")
    benchmark.pedantic(run, args=("-m", "onediff_plugins", "--help"), rounds=15, warmup_rounds=1)


def test_first_host(benchmark: BenchmarkFixture) -> None:
    about(benchmark, "`from onediff_plugins import Host; Host()`, interpreter included", "600 ms")
    benchmark.pedantic(run, args=("-c", "from onediff_plugins import Host; Host()"), rounds=10, warmup_rounds=1)


# --- the host's own work ---


class Trivial:
    """A domain whose stages and models only hand back what was made beforehand."""

    __name__ = "trivial"

    def __init__(self) -> None:
        frame = Frame(pixels=np.zeros((3, 8, 8), np.uint8), valid=np.ones((8, 8), bool), bands=("red", "green", "blue"))
        ready = Frame(pixels=np.zeros((3, 8, 8), np.float32), valid=frame.valid, bands=frame.bands)
        self.loaded = ImagePair(before=frame, after=frame)
        self.prepared = ImagePair(before=frame, after=ready, before_on_after=ready, domain="trivial")
        self.registration = Registration()
        region = ChangeRegion(score=0.9, area_px=4, geometry=shapely.box(1, 1, 3, 3), bbox_after=(1, 1, 3, 3))
        self.map = ChangeMap(score=np.full((8, 8), 0.9, np.float32), valid=np.ones((8, 8), bool), candidates=(region,))

    @hookimpl
    def onediff_domain(self):
        return DomainSpec(
            name="trivial",
            summary="nothing",
            settings=DomainSettings,
            detectors=("trivial",),
            describers=("trivial",),
        )

    @hookimpl
    def onediff_models(self):
        yield ModelSpec(name="trivial", roles=frozenset({"detect", "describe"}), build=lambda context: self)

    @hookimpl
    def onediff_load_pair(self):
        return self.loaded

    @hookimpl
    def onediff_align_pair(self):
        return self.registration

    @hookimpl
    def onediff_preprocess_pair(self):
        return self.prepared

    def detect(self, pairs: Any, overviews: Any, settings: Any) -> list[ChangeMap]:
        return [self.map]

    def describe(self, pairs: Any, regions: Any, prompts: Any) -> list[Description]:
        return [Description(caption="Something changed.", region_captions=("It changed.",))]


def test_host_overhead(benchmark: BenchmarkFixture) -> None:
    about(benchmark, "host overhead a pair: everything but the stages' own work", "2 ms")
    host = Host(plugins=[Trivial()], entry_points=False)
    result = benchmark(host.compare, "a", "b", domain="trivial")
    assert result.changed
    assert len(result.regions) == 1


# --- one pair, files to record ---


def shipped(domain: str) -> tuple[str, str]:
    pairs = [json.loads(line) for line in pairs_file().read_text(encoding="utf-8").splitlines()]
    (pair,) = [pair for pair in pairs if pair["domain"] == domain]
    return str(pairs_file().parent / pair["before"]), str(pairs_file().parent / pair["after"])


def to_record(host: Host, before: str, after: str, domain: str) -> dict[str, Any]:
    return json.loads(host.compare(before, after, domain=domain).model_dump_json())


def test_ui_page(benchmark: BenchmarkFixture) -> None:
    about(benchmark, "UI, 1280x800, decode to record", "150 ms")
    record = benchmark(to_record, Host(), *shipped("ui"), "ui")
    assert (record["after"]["width"], record["after"]["height"]) == (1280, 800)
    assert record["changed"]


def test_ui_page_by_counting(benchmark: BenchmarkFixture) -> None:
    """What the least possible diff costs on the same machine at the same time."""
    about(benchmark, "the same page by Pillow and numpy: decode and count the pixels that differ", "-")

    def count() -> int:
        before, after = (np.asarray(Image.open(path).convert("RGB")) for path in shipped("ui"))
        return int((before != after).any(axis=2).sum())

    assert benchmark(count) > 1000


def write_scene(path: Path, matrix: np.ndarray, *, buildings: bool) -> None:
    """1024x1024x3 of ground with structure at all scales, seen through a matrix of scene pixels."""
    rng = np.random.default_rng(11)
    size = 1280
    ground = np.zeros((size, size, 3), np.float32)
    for octave in (5, 20, 80, 320):
        grid = rng.normal(size=(octave, octave, 3)).astype(np.float32)
        ground += cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC) * (30 / octave**0.25)
    for x, y, width, height in rng.integers([200, 200, 10, 10], [1000, 1000, 40, 40], (300, 4)):
        ground[y : y + height, x : x + width] += rng.normal(0, 40, 3).astype(np.float32)
    if buildings:
        for x, y in ((400, 420), (700, 640), (860, 300)):
            ground[y : y + 40, x : x + 55] = (200, 190, 180)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    from_corner = (matrix @ np.array([[1, 0, 128], [0, 1, 128], [0, 0, 1]]))[:2]
    seen = cv2.warpAffine(ground, from_corner, (1024, 1024), flags=flags)
    # Noise of its own for each date: equal noise would tell the alignment that nothing moved.
    noise = np.random.default_rng(13 + buildings).normal(0, 2, seen.shape)
    pixels = np.clip(seen * 0.8 + 110 + noise, 0, 255).astype(np.uint8)
    profile = {"driver": "GTiff", "width": 1024, "height": 1024, "count": 3, "dtype": "uint8", "crs": "EPSG:32631"}
    with rasterio.open(path, "w", transform=Affine(0.5, 0, 600_000, 0, -0.5, 5_400_000), **profile) as target:
        target.write(pixels.transpose(2, 0, 1))


def about_the_middle(degrees: float, dx: float, dy: float) -> np.ndarray:
    turn = np.vstack([cv2.getRotationMatrix2D((640, 640), degrees, 1.0), [0, 0, 1]])
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]]) @ turn


@pytest.mark.parametrize(
    ("degrees", "step", "target"), [(0.0, "phase-correlation", "2 s"), (10.0, "sift", "4 s")], ids=["shifted", "turned"]
)
def test_satellite_scene(benchmark: BenchmarkFixture, tmp_path: Path, degrees: float, step: str, target: str) -> None:
    about(benchmark, f"satellite, 1024x1024x3, files to record, {step}", target)
    before, after = tmp_path / "before.tif", tmp_path / "after.tif"
    write_scene(before, about_the_middle(degrees, 5.3, -3.6), buildings=False)
    write_scene(after, about_the_middle(0, 0, 0), buildings=True)
    host = Host(settings={"satellite.max_shift_px": 250})  # the turn moves corners by more than the default allows
    arguments = (host, str(before), str(after), "satellite")
    record = benchmark.pedantic(to_record, args=arguments, rounds=5, warmup_rounds=1)
    assert step in record["registration"]["method"]
    assert record["changed"]


def write_stills(folder: Path) -> tuple[str, str]:
    """768x432 of one camera: a thing came, the light changed, and the camera was shaken."""
    stills = camera.draw(("person-came", "car-gone"), camera.A_DAY, seed=7, samples=1)
    paths = []
    for name, picture in (("before", stills.before), ("after", stills.after)):
        Image.fromarray(picture).save(folder / f"{name}.jpg", quality=88)
        paths.append(str(folder / f"{name}.jpg"))
    return paths[0], paths[1]


def test_surveillance_stills(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    about(benchmark, "surveillance, 768x432, files to record", "60 ms")
    arguments = (Host(), *write_stills(tmp_path), "surveillance")
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        record = benchmark.pedantic(to_record, args=arguments, rounds=20, warmup_rounds=2)
    finally:
        cv2.setNumThreads(threads)
    assert record["changed"]


# --- the report ---


@pytest.fixture(scope="module")
def compared() -> ChangeResult:
    """The shipped page, compared."""
    return Host().compare(*shipped("ui"), domain="ui", id="orders-page")


def test_report_of_a_page(benchmark: BenchmarkFixture, compared: ChangeResult, tmp_path: Path) -> None:
    benchmark(write_html, [compared], tmp_path)
    size = (tmp_path / "report.html").stat().st_size
    about(benchmark, f"report of the same page, {size / 1000:.0f} kB written (target 1.5 MB)", "300 ms")
    assert size < 1_500_000


def test_report_with_a_thousand_regions(benchmark: BenchmarkFixture, compared: ChangeResult, tmp_path: Path) -> None:
    about(benchmark, "the same with a thousand regions", "300 ms")
    (region, *_) = compared.regions
    benchmark(write_html, [compared.replace(regions=(region,) * 1000)], tmp_path)


def test_index_of_500_pairs(benchmark: BenchmarkFixture, compared: ChangeResult) -> None:
    record = compared.replace(files={"report": "pairs/a/report.html", "thumbnail": "pairs/a/thumbnail.webp"})
    records = [record.model_dump(mode="json")] * 500
    page = benchmark(lambda: "".join(index_parts("batch", records)))
    about(benchmark, f"index of 500 pairs, {len(page) / 1000:.0f} kB", "300 ms")


@pytest.mark.parametrize("what", ["report", "index of 500 pairs"])
def test_a_page_is_ready_in_the_browser(
    benchmark: BenchmarkFixture, compared: ChangeResult, tmp_path: Path, what: str
) -> None:
    """From navigation to the last line of the page's script, in headless Chromium without a GPU."""
    chromium = shutil.which("chromium") or pytest.skip("no Chromium")
    from playwright.sync_api import sync_playwright

    about(benchmark, f"{what}: ready in the browser", "500 ms")
    if what == "report":
        path = tmp_path / write_html([compared], tmp_path)["report"]
    else:
        path = tmp_path / "index.html"
        records = [compared.replace(id=str(n), files={}).model_dump(mode="json") for n in range(500)]
        path.write_text("".join(index_parts("batch", records)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()

        def load() -> None:
            page.goto(path.as_uri(), wait_until="commit")
            page.wait_for_selector("html[data-ready=true]", state="attached")

        benchmark.pedantic(load, rounds=10, warmup_rounds=2)
        browser.close()


# --- memory ---

MEASURE = """
import resource, sys
from onediff_plugins.cli import main
try:
    main(sys.argv[1:])
finally:
    # Not ru_maxrss for this process: it starts at what the process that launched it had.
    (own,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def peak_megabytes(folder: Path, pairs: int) -> tuple[float, float]:
    """Peak of the process that runs a batch, and of the largest of its workers."""
    rng = np.random.default_rng(pairs)
    lines = []
    for number in range(pairs):
        before = np.full((200, 320, 3), 240, np.uint8)
        for x, y in rng.integers([10, 10], [280, 170], (12, 2)):
            cv2.rectangle(before, (int(x), int(y)), (int(x) + 25, int(y) + 12), (60, 60, 60), -1)
        after = before.copy()
        cv2.rectangle(after, (100, 80), (160, 110), (20, 20, 220), -1)
        for side, image in (("before", before), ("after", after)):
            cv2.imwrite(str(folder / f"{number}-{side}.png"), image)
        lines.append(json.dumps({"before": f"{number}-before.png", "after": f"{number}-after.png", "domain": "ui"}))
    (folder / "pairs.jsonl").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-c", MEASURE, "batch", str(folder / "pairs.jsonl")]
    done = subprocess.run(
        [*command, "--out", str(folder / "out"), "--workers", "1"], check=True, capture_output=True, text=True
    )
    own, worker = done.stderr.split()[-2:]
    return int(own) / 1024, int(worker) / 1024


def test_memory_of_a_batch(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    few.mkdir(), many.mkdir()
    small = peak_megabytes(few, 20)
    large = benchmark.pedantic(peak_megabytes, args=(many, 200), rounds=1)
    words = [f"{one:.0f} and {other:.0f} MB" for one, other in zip(small, large, strict=True)]
    about(
        benchmark,
        "peak memory of a batch of 20 and of 200 pairs",
        "the same",
        measured=f"host {words[0]}, worker {words[1]}",
    )
    assert max(large) < max(small) * 1.15
