"""Draws the sample pages and scans them: python samples/draw.py

Everything comes from Pillow and a seed, so the tests can draw pages of their own with the same few functions.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = (840, 1188)  # A4 at about 100 dpi
INK, BLUE, RED = "#1c1c22", "#2a3fa8", "#b3261e"
CLAUSES = (
    "1. The supplier delivers forty crates of apples on the first Monday of each month.",
    "2. The buyer pays within thirty days of the date of the invoice, without deduction.",
    "3. Crates stay the property of the supplier and are returned empty and clean.",
    "4. Fruit that is bruised or unripe is replaced at the next delivery, free of charge.",
    "5. Either party may end this contract with a notice of three months in writing.",
)
PRICES = (("Apples, per crate", "18.50"), ("Pears, per crate", "21.00"), ("Delivery", "35.00"))


def page(prices: tuple[tuple[str, str], ...] = PRICES) -> Image.Image:
    """A clean sheet with a contract on it."""
    sheet = Image.new("RGB", SIZE, "white")
    write(sheet, 90, 90, "Supply contract", 40)
    write(sheet, 90, 150, "between Hillside Orchard and the Corner Shop", 22)
    for row, clause in enumerate(CLAUSES):
        for line, words in enumerate(textwrap.wrap(clause, 52, subsequent_indent="     ")):
            write(sheet, 90, 230 + 92 * row + 30 * line, words, 22)
    for row, (what, price) in enumerate(prices):
        write(sheet, 120, 730 + 44 * row, what, 24)
        write(sheet, 560, 730 + 44 * row, price, 24)
    ImageDraw.Draw(sheet).line((90, 1060, 350, 1060), fill=INK, width=2)
    write(sheet, 90, 1068, "for the supplier", 18)
    return sheet


def write(sheet: Image.Image, x: int, y: int, words: str, size: int) -> None:
    """Print words on a sheet."""
    ImageDraw.Draw(sheet).text((x, y), words, font=ImageFont.load_default(size), fill=INK)


def strike_out(sheet: Image.Image, box: tuple[int, int, int, int]) -> None:
    """Draw a line of ink through the middle of a box."""
    x0, y0, x1, y1 = box
    ImageDraw.Draw(sheet).line((x0, (y0 + y1) // 2 + 3, x1, (y0 + y1) // 2 - 3), fill=BLUE, width=4)


def sign(sheet: Image.Image, x: int, y: int) -> None:
    """Write a signature."""
    steps = np.linspace(0, 1, 160)
    points = np.stack([x + 210 * steps, y + 34 * np.sin(22 * steps) * (1 - 0.7 * steps) - 12 * steps], axis=1)
    ImageDraw.Draw(sheet).line([tuple(point) for point in points], fill=BLUE, width=4, joint="curve")


def stamp(sheet: Image.Image, x: int, y: int, words: str = "PAID") -> None:
    """Press a rubber stamp of 150 x 70 px."""
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((x, y, x + 149, y + 69), outline=RED, width=5)
    draw.text((x + 75, y + 35), words, font=ImageFont.load_default(38), fill=RED, anchor="mm")


def scan(
    sheet: Image.Image, seed: int, *, degrees: float = 0, shift: tuple[float, float] = (0, 0), zoom: float = 1
) -> np.ndarray:
    """What a scanner makes of a sheet: (H, W) uint8, skewed, shifted, unevenly lit, soft and noisy.

    Args:
        sheet: a page.
        seed: of the noise; two scans never have the same.
        degrees: how the sheet lay on the glass, counter-clockwise.
        shift: by how many px it lay elsewhere.
        zoom: how much larger the scan is than the page.
    """
    random = np.random.default_rng(seed)
    width, height = round(sheet.width * zoom), round(sheet.height * zoom)
    lie = cv2.getRotationMatrix2D((sheet.width / 2, sheet.height / 2), degrees, zoom)
    lie[:, 2] += shift[0] + (width - sheet.width) / 2, shift[1] + (height - sheet.height) / 2
    grey = np.asarray(sheet.convert("L"), dtype=np.float32)
    grey = cv2.warpAffine(grey, lie, (width, height), flags=cv2.INTER_CUBIC, borderValue=255)
    light = np.linspace(0.94, 0.80, width) if seed % 2 else np.linspace(0.84, 0.96, width)
    fibres = cv2.GaussianBlur(random.normal(0, 6, grey.shape).astype(np.float32), (0, 0), 1.2)
    noisy = cv2.GaussianBlur(grey, (0, 0), 0.6) * light.astype(np.float32) + fibres + random.normal(0, 2, grey.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def contract() -> tuple[np.ndarray, np.ndarray]:
    """The sample pair: signed, stamped, one clause struck out, one price changed; the second scan lay askew."""
    after = page((("Apples, per crate", "18.50"), ("Pears, per crate", "17.50"), ("Delivery", "35.00")))
    strike_out(after, (90, 506, 610, 532))
    stamp(after, 580, 940)
    sign(after, 110, 1030)
    return scan(page(), 1), scan(after, 2, degrees=0.8, shift=(6, -9), zoom=1.02)


if __name__ == "__main__":
    here = Path(__file__).parent
    for name, pixels in zip(("before.jpg", "after.jpg"), contract(), strict=True):
        Image.fromarray(pixels).save(here / name, quality=75)
