"""What the domain promises, on pages that are drawn and scanned here."""

from __future__ import annotations

import draw
import numpy as np
import pytest
from PIL import Image

from onediff_documents import plugin
from onediff_documents.domain import DOMAIN
from onediff_plugins import Box, Host, PairRequest
from onediff_plugins.errors import RegistrationError


def kinds(result):
    return [region.kind for region in result.regions]


def test_a_skewed_rescan_of_another_size_is_no_change(compare):
    page = draw.page()
    result = compare(draw.scan(page, 1), draw.scan(page, 2, degrees=1.7, shift=(11, -8), zoom=1.03))
    assert result.changed is False
    assert result.caption == "Both scans show the same page."
    assert result.registration.method.startswith("features")


def test_a_page_that_was_fed_upside_down_is_no_change(compare):
    page = draw.page()
    assert compare(draw.scan(page, 1), draw.scan(page, 2, degrees=180)).changed is False


def test_a_stamp_is_one_added_region(compare):
    stamped = draw.page()
    draw.stamp(stamped, 560, 940)
    result = compare(draw.scan(draw.page(), 1), draw.scan(stamped, 2))
    assert kinds(result) == ["added"]
    assert result.regions[0].bbox_before is None
    np.testing.assert_allclose(result.regions[0].bbox_after, (560, 940, 710, 1010), atol=4)


def test_an_erased_signature_is_one_removed_region(compare):
    signed = draw.page()
    draw.sign(signed, 110, 1030)
    result = compare(draw.scan(signed, 1), draw.scan(draw.page(), 2, degrees=-1.2))
    assert kinds(result) == ["removed"]
    assert result.regions[0].bbox_after is None
    np.testing.assert_allclose(result.regions[0].bbox_before, (110, 1000, 322, 1066), atol=6)


def test_a_struck_out_line_is_one_added_region_as_long_as_the_line(compare):
    struck = draw.page()
    draw.strike_out(struck, (90, 414, 500, 440))
    result = compare(draw.scan(draw.page(), 1), draw.scan(struck, 2, degrees=0.6))
    assert kinds(result) == ["added"]
    x0, _, x1, _ = result.regions[0].bbox_after
    assert x1 - x0 > 0.9 * 410


def test_another_price_is_a_changed_passage_on_both_pages(compare):
    dearer = draw.page((("Apples, per crate", "18.50"), ("Pears, per crate", "17.50"), ("Delivery", "35.00")))
    result = compare(draw.scan(draw.page(), 1), draw.scan(dearer, 2, degrees=0.6))
    assert kinds(result) == ["changed"]
    assert result.regions[0].bbox_before is not None


def test_a_paler_scan_is_no_change(compare):
    scan = draw.scan(draw.page(), 1).astype(np.float32)
    paler = np.rint(scan * 0.7 + 70).astype(np.uint8)
    assert compare(scan.astype(np.uint8), paler).changed is False


def test_dust_and_ink_that_shines_through_are_no_change(compare):
    clean, dirty = (draw.scan(draw.page(), seed, degrees=degrees) for seed, degrees in ((1, 0), (2, 0.5)))
    shines = 0.12 * (255.0 - draw.scan(draw.page(), 3)[:, ::-1])
    dirty = np.clip(dirty - shines, 0, 255).astype(np.uint8)
    for x, y in np.random.default_rng(4).integers(0, 800, (60, 2)):
        dirty[y : y + 2, x : x + 2] = 60
    assert compare(clean, dirty).changed is False


def test_a_marker_pen_is_ink_although_it_is_bright(compare):
    before, after = (np.repeat(draw.scan(draw.page(), seed)[:, :, None], 3, axis=2) for seed in (1, 2))
    after[500:530, 90:400, 2] //= 2  # yellow: only blue is darker
    assert kinds(compare(before, after)) == ["added"]


def test_a_detector_that_knows_no_direction_finds_changed_passages(compare):
    stamped = draw.page()
    draw.stamp(stamped, 560, 940)
    assert kinds(compare(draw.scan(draw.page(), 1), draw.scan(stamped, 1), detector="difference")) == ["changed"]


def test_the_depth_of_a_scan_does_not_matter(compare):
    scan = draw.scan(draw.page(), 1)
    assert compare(scan, scan.astype(np.uint16) * 257).changed is False


def test_an_erased_page_of_the_same_size_is_compared_as_it_lies(compare):
    result = compare(draw.scan(draw.page(), 1), draw.scan(Image.new("RGB", draw.SIZE, "white"), 2))
    assert result.registration.method == "assumed"
    assert set(kinds(result)) == {"removed"}


def test_two_sizes_without_a_common_page_are_refused_and_not_guessed(compare):
    other = Image.new("RGB", draw.SIZE, "white")
    for row in range(16):
        draw.write(other, 80, 80 + 60 * row, f"{row * 7919 % 101} other words of another letter", 26)
    with pytest.raises(RegistrationError, match="compare two scans of the same page"):
        compare(draw.scan(draw.page(), 1), draw.scan(other, 2, zoom=1.1))


def test_a_window_sees_what_the_whole_page_sees(compare):
    stamped = draw.page()
    draw.stamp(stamped, 560, 940)
    before, after = draw.scan(draw.page(), 1), draw.scan(stamped, 2, degrees=0.6)
    (whole,) = compare(before, after).regions
    (part,) = compare(before, after, window=Box(480, 880, 800, 1100)).regions
    assert part.kind == whole.kind == "added"
    np.testing.assert_allclose(np.add(part.bbox_after, [480, 880, 480, 880]), whole.bbox_after, atol=2)


def test_alignment_can_be_switched_off_for_equal_sizes_only():
    host = Host(plugins=[plugin], entry_points=False, settings={"align": False})
    scan = draw.scan(draw.page(), 1)
    assert host.compare(scan, draw.scan(draw.page(), 2)).registration.method == "assumed"
    with pytest.raises(RegistrationError, match="set align=true"):
        host.compare(scan, scan[:-1])


@pytest.mark.parametrize(
    ("picture", "sure"),
    [
        (Image.new("L", (840, 1188)), 0.8),
        (Image.new("RGB", (840, 1188)), 0.5),
        (Image.new("L", (1100, 850)), 0.8),
        (Image.new("L", (1280, 800)), 0.2),
    ],
)
def test_a_grey_sheet_is_surely_a_page(tmp_path, picture, sure):
    picture.save(tmp_path / "scan.png")
    path = str(tmp_path / "scan.png")
    assert DOMAIN.sniff(PairRequest(before=path, after=path)) == sure
    assert DOMAIN.sniff(PairRequest(before=path, after=str(tmp_path / "missing.png"))) == 0


def test_the_sample_pair_is_the_one_that_the_script_draws(compare):
    result = compare(*draw.contract())
    assert sorted(kinds(result)) == ["added", "added", "added", "changed"]
