"""Previews and overlays: what is shown, in which colour, and what stays untouched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely

from onediff_plugins import rendering
from onediff_plugins.drawing import KIND_COLOURS
from onediff_plugins.errors import ExportError
from onediff_plugins.records import ChangeRegion, ChangeResult, Provenance, RegistrationRecord, SourceInfo
from onediff_plugins.rendering import overlay, overlay_image, preview, to_rgb8
from onediff_plugins.types import Frame, ImagePair, Overlay

LIGHT, DARK = 255, 0


def frame(pixels: np.ndarray, bands: tuple[str, ...] | None = None, valid: np.ndarray | None = None) -> Frame:
    count, height, width = pixels.shape
    return Frame(
        pixels=pixels,
        valid=np.ones((height, width), bool) if valid is None else valid,
        bands=bands or (("red", "green", "blue") if count == 3 else tuple(f"b{n + 1}" for n in range(count))),
    )


def flat(grey: int, width: int = 200, height: int = 160) -> Frame:
    return frame(np.full((3, height, width), grey, np.uint8))


def region(kind: str, geometry: Any, number: int = 1) -> ChangeRegion:
    return ChangeRegion(id=number, kind=kind, score=0.9, area_px=geometry.area, geometry=geometry)


def result(
    after: Frame, *regions: ChangeRegion, before: Frame | None = None, mask: np.ndarray | None = None
) -> ChangeResult:
    before = before or after
    return ChangeResult(
        id="pair",
        domain="toy",
        changed=bool(regions),
        score=0.9,
        valid_fraction=1.0,
        caption="Something changed.",
        caption_source="template",
        detector="difference",
        before=SourceInfo(source="<array>", width=before.width, height=before.height),
        after=SourceInfo(source="<array>", width=after.width, height=after.height),
        registration=RegistrationRecord(method="identity", matrix=((1, 0, 0), (0, 1, 0), (0, 0, 1)), overlap=1.0),
        regions=regions,
        provenance=Provenance(onediff_plugins="0.1.0", settings_digest="0" * 16),
        pair=ImagePair(before=before, after=after),
        mask=mask,
    )


def share_of(picture: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((np.abs(picture.astype(int) - colour).max(axis=2) <= 40).mean())


# --- pictures of frames ---


def test_bytes_are_shown_as_they_are() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 20, 30), dtype=np.uint8)
    assert np.array_equal(to_rgb8(frame(pixels)), np.moveaxis(pixels, 0, 2))


def test_colour_bands_are_found_by_name_whatever_their_order() -> None:
    pixels = np.stack([np.full((4, 5), value, np.uint8) for value in (10, 20, 30, 40)])
    picture = to_rgb8(frame(pixels, ("blue", "nir", "red", "green")))
    assert picture[0, 0].tolist() == [30, 40, 10]


def test_nameless_bands_show_the_first_three_and_a_single_one_is_grey() -> None:
    pixels = np.stack([np.full((4, 5), value, np.uint8) for value in (10, 20, 30, 40)])
    assert to_rgb8(frame(pixels))[0, 0].tolist() == [10, 20, 30]
    assert to_rgb8(frame(pixels[:2]))[0, 0].tolist() == [10, 10, 10]


def test_one_bit_pixels_become_black_and_white() -> None:
    pixels = np.array([[[True, False]]])
    assert to_rgb8(frame(pixels))[0].tolist() == [[255, 255, 255], [0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.float64])
def test_other_types_are_stretched_between_their_percentiles(dtype: type) -> None:
    ramp = np.linspace(1000, 3000, 10_000).reshape(1, 100, 100).astype(dtype)
    grey = to_rgb8(frame(ramp))[:, :, 0].ravel()
    assert (grey == 0).mean() == pytest.approx(0.02, abs=0.005)
    assert (grey == 255).mean() == pytest.approx(0.02, abs=0.005)
    assert grey[5000] == pytest.approx(128, abs=2)


def test_invalid_pixels_do_not_take_part_in_the_stretch() -> None:
    ramp = np.linspace(0, 1, 10_000).reshape(1, 100, 100).astype(np.float32)
    valid = np.ones((100, 100), bool)
    valid[:10] = False
    holed = np.where(valid, ramp, np.nan).astype(np.float32)
    spoilt = np.where(valid, ramp, -9999).astype(np.float32)
    assert np.array_equal(to_rgb8(frame(holed, valid=valid)), to_rgb8(frame(spoilt, valid=valid)))
    assert np.ptp(to_rgb8(frame(spoilt, valid=valid))[10:]) == 255


def test_what_is_not_valid_is_a_grey_checker() -> None:
    valid = np.ones((40, 40), bool)
    valid[:20, :20] = False
    picture = to_rgb8(frame(np.zeros((3, 40, 40), np.uint8), valid=valid))
    assert set(np.unique(picture[:20, :20])) == {196, 255}
    assert not picture[20:].any()


@pytest.mark.parametrize("fill", [0, 7, 65535])
def test_a_flat_image_is_middle_grey(fill: int) -> None:
    assert (to_rgb8(frame(np.full((1, 8, 8), fill, np.uint16))) == 128).all()


def test_a_frame_of_nothing_is_all_checker() -> None:
    nothing = frame(np.full((3, 30, 30), np.nan, np.float32), valid=np.zeros((30, 30), bool))
    assert set(np.unique(to_rgb8(nothing))) == {196, 255}


def test_a_picture_can_be_written_to_and_the_frame_keeps_its_pixels() -> None:
    shown = flat(90)
    picture = to_rgb8(shown)
    picture[:] = 0
    assert (shown.pixels == 90).all()


def test_a_preview_is_at_most_2048_pixels_a_side() -> None:
    page = flat(200, width=300, height=4096)
    assert preview(page).shape == (2048, 150, 3)
    assert (preview(page) == 200).all()
    assert preview(flat(200)).shape == (160, 200, 3)


# --- the overlay ---


@pytest.mark.parametrize("grey", [LIGHT, DARK, 128])
@pytest.mark.parametrize("kind", ["added", "removed", "changed", "moved"])
def test_every_kind_shows_in_its_own_colour_on_any_ground(kind: str, grey: int) -> None:
    picture = overlay(result(flat(grey), region(kind, shapely.box(60, 50, 140, 110))))
    assert share_of(picture, KIND_COLOURS[kind]) > 0.005
    assert all(share_of(picture, colour) < 0.001 for name, colour in KIND_COLOURS.items() if name != kind)


def _luminance(colour: tuple[int, int, int]) -> float:
    linear = [(v / 255 / 12.92) if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("kind", list(KIND_COLOURS))
def test_a_kinds_colour_stands_out_from_white_and_from_black(kind: str) -> None:
    luminance = _luminance(KIND_COLOURS[kind])
    assert 1.05 / (luminance + 0.05) >= 4  # white numbers on it are legible
    assert (luminance + 0.05) / 0.05 >= 3


def test_the_outline_of_a_box_lies_around_it_and_hides_nothing_inside() -> None:
    inside = region("changed", shapely.box(60, 50, 140, 110))
    picture = overlay(result(flat(LIGHT), inside, mask=np.zeros((160, 200), np.uint8)))
    assert (picture[50:110, 60:140] == 255).all()
    for line in (picture[56:104, 56:60], picture[56:104, 140:144]):
        assert share_of(line, KIND_COLOURS["changed"]) > 0.2


def test_the_outline_of_a_polygon_lies_on_it() -> None:
    diamond = region("changed", shapely.Polygon([(100, 30), (160, 80), (100, 130), (40, 80)]))
    picture = overlay(result(flat(LIGHT), diamond, mask=np.zeros((160, 200), np.uint8)))
    for x, y in ((130, 55), (130, 105), (70, 105), (70, 55)):
        assert share_of(picture[y - 1 : y + 2, x - 1 : x + 2], KIND_COLOURS["changed"]) > 0.2


def test_nothing_outside_a_region_is_touched_but_for_its_line_and_number() -> None:
    base = frame(np.random.default_rng(1).integers(0, 256, (3, 160, 200), dtype=np.uint8))
    picture = overlay(result(base, region("added", shapely.box(60, 50, 140, 110))))
    away = np.ones((160, 200), bool)
    away[45:115, 35:145] = False
    assert np.array_equal(picture[away], to_rgb8(base)[away])


def test_only_kept_pixels_are_tinted() -> None:
    mask = np.zeros((160, 200), np.uint8)
    mask[50:80, 60:140] = 255
    picture = overlay(result(flat(LIGHT), region("added", shapely.box(60, 50, 140, 110)), mask=mask))
    assert picture[65, 100].tolist() != [255, 255, 255]
    assert picture[95, 100].tolist() == [255, 255, 255]


def test_moved_regions_are_not_tinted() -> None:
    picture = overlay(result(flat(LIGHT), region("moved", shapely.box(60, 50, 140, 110))))
    assert picture[80, 100].tolist() == [255, 255, 255]


def test_a_hole_in_a_region_stays_clear() -> None:
    ring = shapely.box(40, 40, 160, 130).difference(shapely.box(80, 70, 120, 100))
    picture = overlay(result(flat(LIGHT), region("changed", ring)))
    assert picture[85, 100].tolist() == [255, 255, 255]
    assert picture[55, 100].tolist() != [255, 255, 255]


def test_a_removed_region_is_dashed_and_an_added_one_is_not() -> None:
    def gaps(kind: str) -> int:
        picture = overlay(
            result(flat(LIGHT), region(kind, shapely.box(60, 50, 140, 110)), mask=np.zeros((160, 200), np.uint8))
        )
        line = picture[110:113, 64:136].min(axis=(0, 2))
        return int((line > 200).sum())

    assert gaps("added") == 0
    assert gaps("removed") > 20


def test_a_region_at_the_edge_keeps_all_of_its_outline() -> None:
    picture = overlay(result(flat(LIGHT), region("added", shapely.box(0, 0, 200, 160))))
    for edge in (picture[0, 100], picture[-1, 100], picture[80, 0], picture[80, -1]):
        assert np.abs(edge.astype(int) - KIND_COLOURS["added"]).max() < 110


def test_numbers_never_cover_each_other() -> None:
    crowd = [region("changed", shapely.box(100, 80, 104, 84), number) for number in range(1, 200)]
    one = overlay(result(flat(LIGHT), crowd[0]))
    assert overlay(result(flat(LIGHT), *crowd)).shape == one.shape
    # At most the places around the region carry a plate; the other numbers are left out.
    assert share_of(overlay(result(flat(LIGHT), *crowd)), KIND_COLOURS["changed"]) < 0.08


def test_numbers_are_told_apart() -> None:
    box = shapely.box(60, 50, 140, 110)
    first, second = (overlay(result(flat(LIGHT), region("added", box, number))) for number in (1, 2))
    assert not np.array_equal(first, second)


def test_a_number_avoids_detail() -> None:
    pixels = np.full((3, 160, 200), 255, np.uint8)
    pixels[:, 40:120, :60] = np.random.default_rng(2).integers(0, 256, (80, 60), dtype=np.uint8)  # text on the left
    picture = overlay(result(frame(pixels), region("added", shapely.box(60, 50, 140, 110))))
    assert np.array_equal(picture[40:120, :54], np.moveaxis(pixels, 0, 2)[40:120, :54])


def test_the_result_and_its_frames_are_left_as_they_are() -> None:
    mask = np.full((160, 200), 255, np.uint8)
    mask.flags.writeable = False
    shown = result(flat(120), region("added", shapely.box(60, 50, 140, 110)), mask=mask)
    overlay(shown)
    assert (shown.pair.after.pixels == 120).all()
    assert (mask == 255).all()


@pytest.mark.parametrize("size", [(256, 256), (64, 64), (8, 8), (1, 1), (1280, 3000)])
def test_an_overlay_has_the_size_of_the_after_image(size: tuple[int, int]) -> None:
    width, height = size
    inside = region("removed", shapely.box(0, 0, max(width / 2, 1), max(height / 2, 1)))
    assert overlay(result(flat(200, width, height), inside)).shape == (height, width, 3)


def test_a_huge_image_is_drawn_reduced_with_its_regions_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "OVERLAY_PIXELS", 400 * 100)
    picture = overlay(result(flat(LIGHT, 1200, 300), region("changed", shapely.box(600, 150, 1200, 300))))
    assert picture.shape == (100, 400, 3)
    assert picture[75, 300].tolist() != [255, 255, 255]
    assert picture[75, 100].tolist() == [255, 255, 255]


def test_a_result_read_from_json_cannot_be_drawn() -> None:
    parsed = ChangeResult.model_validate_json(result(flat(LIGHT)).model_dump_json())
    with pytest.raises(ExportError, match="compare the pair again"):
        overlay(parsed)


# --- overlays of plugins ---


def draw(kind: str, data: Any, side: str = "after", **frames: Frame) -> np.ndarray:
    return overlay_image(
        Overlay(name="extra", kind=kind, slice=side, data=data), result(frames.pop("after", flat(128)), **frames)
    )


def test_a_mask_is_blue_on_the_pale_image() -> None:
    mask = np.zeros((160, 200), bool)
    mask[40:80, 50:90] = True
    picture = draw("mask", mask)
    blue, pale = picture[60, 70].astype(int), picture[100, 150].astype(int)
    assert blue[2] - blue[0] > 60
    assert np.ptp(pale) == 0
    assert pale[0] == 192


def test_a_heatmap_is_clear_where_it_is_cold() -> None:
    heat = np.zeros((160, 200), np.float32)
    heat[:, 100:] = 1.0
    picture = draw("heatmap", heat).astype(int)
    assert np.ptp(picture[80, 20]) == 0
    assert picture[80, 180, 0] - picture[80, 180, 1] > 80


@pytest.mark.parametrize(
    ("kind", "data"), [("boxes", [(60, 50, 140, 110)]), ("polygons", [shapely.box(60, 50, 140, 110)])]
)
def test_boxes_and_polygons_are_outlined(kind: str, data: Any) -> None:
    picture = draw(kind, data)
    assert share_of(picture, KIND_COLOURS["changed"]) > 0.005
    assert picture[80, 100].tolist() == [192, 192, 192]


def test_an_overlay_lies_on_its_own_slice() -> None:
    before = flat(0, width=90, height=70)
    assert draw("mask", np.ones((70, 90), bool), "before", before=before).shape == (70, 90, 3)


def test_an_overlay_of_another_size_is_refused_by_name() -> None:
    with pytest.raises(ExportError, match=r"overlay 'extra' of pair 'pair' has shape \(7, 9\)"):
        draw("mask", np.ones((7, 9), bool))


@pytest.mark.parametrize("kind", ["scalar", "text"])
def test_what_is_not_a_picture_is_refused(kind: str) -> None:
    with pytest.raises(ExportError, match="has no picture"):
        draw(kind, 3)
