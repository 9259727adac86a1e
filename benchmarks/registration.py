"""Co-registration of the satellite domain on known displacements of real scenes.

    python benchmarks/registration.py [--data ../shared/data] [SCENE.tif ...]

Each scene is moved by a known amount (shifts in the Fourier domain, so that the truth is exact; rotations by Lanczos
resampling), cut so that no border shows, and given gain 0.8, offset 15 and noise of 3 grey levels. "hard" rows also
have 40 rectangles changed. "two dates" rows move the before image of a real pair and ask by how much the answer moved.
Prints a Markdown table; errors are RMS over nine points. OpenCV's and scikit-image's own phase correlation stand
beside ours (the latter where it is installed).
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import cv2
import numpy as np

from evaluation.sets import DATA
from onediff_plugins import Frame, Host, ImagePair, PairRequest, Registration
from onediff_plugins.warp import warp_array

MARGIN = 96  # covers what the largest motion brings in from beyond the border
SHIFTS = ((0.1, -0.1), (0.5, 0.5), (0.75, 0.25), (-2.75, 1.25), (-3.25, 5.5), (10.25, -7.5), (30.3, -20.6))
ROTATIONS = ((1.3, -0.7, 0.1), (1.3, -0.7, 0.5), (6, -4, 2), (6, 4, 3))
LEVIR = ("levir_geotiff/before/levir_test_1.tif", "levir_geotiff/after/levir_test_1.tif")
NAIP = ("naip/scenes/m_4709963_se_14_1_20120731.tif", "naip/scenes/m_4709963_se_14_1_20140720.tif")


def moved(pixels, dx, dy, degrees):
    """(C, H, W) float64 whose content lies (dx, dy) further and is turned about the centre, and the matrix to it."""
    _, height, width = pixels.shape
    padded = np.pad(pixels.astype(np.float64), ((0, 0), (64, 64), (64, 64)), mode="reflect")
    rows, columns = np.fft.fftfreq(height + 128)[:, None], np.fft.rfftfreq(width + 128)[None, :]
    phase = np.exp(-2j * np.pi * (columns * dx + rows * dy))
    shifted = np.fft.irfft2(np.fft.rfft2(padded) * phase, s=padded.shape[1:])[:, 64:-64, 64:-64]
    matrix = np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]])
    if not degrees:
        return shifted, matrix
    c, s, x, y = math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), width / 2, height / 2
    turn = np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y], [0, 0, 1]])
    centre = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])  # OpenCV counts from pixel centres
    back = (centre @ np.linalg.inv(turn) @ np.linalg.inv(centre))[:2]
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    turned = [cv2.warpAffine(b, back, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT) for b in shifted]
    return np.stack(turned), turn @ matrix


def disturbed(pixels, rng, changes):
    """Gain, offset, noise, and rectangles of another colour."""
    out = pixels.copy()
    for _ in range(changes):
        y, x = rng.integers(0, out.shape[1] - 60), rng.integers(0, out.shape[2] - 60)
        h, w = rng.integers(10, 60, 2)
        out[:, y : y + h, x : x + w] = rng.integers(0, 255, (len(out), 1, 1))
    return np.clip(out * 0.8 + 15 + rng.normal(0, 3, out.shape), 0, 255)


def cut(pixels, bands):
    """The scene without its margin, as a frame."""
    inner = np.ascontiguousarray(pixels[:, MARGIN:-MARGIN, MARGIN:-MARGIN].astype(np.uint8))
    return Frame(pixels=inner, valid=np.ones(inner.shape[1:], bool), bands=bands)


def rms(matrix, truth, width, height):
    """Distance of two transforms over nine points."""
    points = np.array([[x * width, y * height] for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9)])
    there = [Registration(matrix=m).to_before(points) for m in (matrix, truth)]
    return float(np.sqrt(((there[0] - there[1]) ** 2).sum(axis=1).mean()))


def opencv(pair):
    """Translation by cv2.phaseCorrelate with a Hanning window."""
    after, before = (frame.pixels.mean(axis=0).astype(np.float32) for frame in (pair.after, pair.before))
    window = cv2.createHanningWindow(after.shape[::-1], cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(after, before, window)  # arrays of our own: it overwrites them
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]])


def scikit(pair):
    """Translation by scikit-image, a hundredth of a pixel fine; None where it is not installed."""
    try:
        from skimage.registration import phase_cross_correlation
    except ImportError:
        return None
    after, before = (frame.pixels.mean(axis=0) for frame in (pair.after, pair.before))
    shift, _, _ = phase_cross_correlation(after, before, upsample_factor=100)
    return np.array([[1, 0, -shift[1]], [0, 1, -shift[0]], [0, 0, 1.0]])


def report(host, name, kind, motion, pair, truth, base=None):
    """One line of the table."""
    size = pair.after.width, pair.after.height
    started = time.perf_counter()
    found = host.align_pair("satellite", pair)
    elapsed = (time.perf_counter() - started) * 1000
    if base is None:
        others = [None if m is None else rms(m, truth, *size) for m in (opencv(pair), scikit(pair))]
    else:
        truth, others = truth @ host.align_pair("satellite", base).matrix, [None, None]
    centre = np.array([[size[0] / 2, size[1] / 2]])
    dx, dy = (found.to_before(centre) - centre)[0]
    beside = " | ".join("-" if error is None else f"{error:.3f}" for error in others)
    print(
        f"| {name} | {kind} | {motion} | {dx:.3f}, {dy:.3f} | **{rms(found.matrix, truth, *size):.3f}** | {beside} | "
        f"{found.method} | {elapsed:.0f} |",
        flush=True,
    )


def synthetic(host, name, scene):
    """Known motions of one image."""
    for motion, kind in [((*s, 0), k) for k in ("clean", "hard") for s in SHIFTS] + [(r, "clean") for r in ROTATIONS]:
        rng = np.random.default_rng(0)
        pixels, matrix = moved(scene.pixels, *motion)
        before = cut(disturbed(pixels, rng, 40 if kind == "hard" else 0), scene.bands)
        after = cut(np.clip(scene.pixels + rng.normal(0, 3, scene.pixels.shape), 0, 255), scene.bands)
        to_cut = np.array([[1, 0, MARGIN], [0, 1, MARGIN], [0, 0, 1.0]])
        words = f"{motion[0]}, {motion[1]}" + (f", {motion[2]}°" if motion[2] else "")
        pair = ImagePair(before=before, after=after, domain="satellite")
        report(host, name, kind, words, pair, np.linalg.inv(to_cut) @ matrix @ to_cut)


def two_dates(host, name, pair):
    """How a real pair's answer follows a known shift of its before image."""
    onto = np.linalg.inv(np.array(pair.before.georef.transform).reshape(3, 3)) @ np.array(
        pair.after.georef.transform
    ).reshape(3, 3)
    size = pair.after.width, pair.after.height
    before = np.stack([warp_array(band, onto, *size) for band in pair.before.pixels])
    base = ImagePair(before=cut(before, pair.before.bands), after=cut(pair.after.pixels, pair.after.bands))
    for dx, dy in ((0.75, 0.25), (-3.25, 5.5), (10.25, -7.5)):
        shifted, matrix = moved(before, dx, dy, 0)
        moved_pair = ImagePair(before=cut(np.clip(shifted, 0, 255), pair.before.bands), after=base.after)
        report(host, name, "two dates", f"{dx}, {dy}", moved_pair, matrix, base)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", type=Path, help="8-bit rasters instead of naip and levir_geotiff")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    host = Host()
    pairs = [(path, path) for path in options.scenes] or [
        tuple(options.data / part for part in both) for both in (LEVIR, NAIP)
    ]
    print("| scene | kind | true shift, rotation | recovered at the centre | error px | OpenCV | scikit-image "
          "| method | ms |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for before, after in pairs:
        pair = host.load_pair("satellite", PairRequest(before=before, after=after, domain="satellite"))
        name = after.parts[-3] if not options.scenes else after.stem
        synthetic(host, name, pair.after)
        if before != after:
            two_dates(host, name, pair)


if __name__ == "__main__":
    main()
