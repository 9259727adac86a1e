"""The template captioner: golden sentences of three ways to speak, and what holds for any regions."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from onediff_plugins import DomainSettings, DomainSpec
from onediff_plugins.errors import PluginContractError
from onediff_plugins.records import ChangeRegion
from onediff_plugins.specs import KINDS, Describer, Wording
from onediff_plugins.types import Box, Frame, GeoRef, ImagePair, SourceGrid
from onediff_plugins.wording import TemplateCaptioner, caption, place, region_caption, shift_words, undecided_caption

SATELLITE = Wording(
    scene="scene",
    nouns={"vegetation": ("vegetation", "vegetation")},
    place="compass",
    unit="m2",
    unchanged="Nothing changed in this scene",
)
UI = Wording(scene="page", region=("item", "items"), nouns={"row": ("table row", "table rows")})
SURVEILLANCE = Wording(
    scene="view",
    region=("object", "objects"),
    verbs={
        "added": ("appeared", "appeared"),
        "removed": ("disappeared", "disappeared"),
        "changed": ("changed", "changed"),
        "moved": ("moved", "moved"),
    },
)
NORTH_UP = Affine(0.5, 0, 448_000, 0, -0.5, 5_411_000)


def frame(width: int, height: int, transform: Affine | None = None, grid: SourceGrid | None = None) -> Frame:
    return Frame(
        pixels=np.zeros((1, height, width), np.uint8),
        valid=np.ones((height, width), bool),
        bands=("b1",),
        georef=transform and GeoRef(crs="EPSG:32631", transform=transform),
        source_grid=grid,
    )


def scene(transform: Affine | None = NORTH_UP, width: int = 900, height: int = 900) -> ImagePair:
    return ImagePair(before=frame(width, height, transform), after=frame(width, height, transform))


def page() -> ImagePair:
    return ImagePair(before=frame(1280, 800), after=frame(1280, 800))


def region(kind: str, box: tuple[float, ...], label: str = "", score: float = 0.9, **attributes: Any) -> ChangeRegion:
    x0, y0, x1, y1 = box
    return ChangeRegion(
        kind=kind,
        label=label,
        score=score,
        bbox_after=None if kind == "removed" else box,
        bbox_before=None if kind == "added" else box,
        area_px=(x1 - x0) * (y1 - y0),
        geometry=shapely.box(*box),
        attributes=attributes,
    )


# --- golden sentences ---

NORTH_EAST, NORTH_WEST, SOUTH, WEST = (
    (700, 50, 740, 90),
    (100, 50, 120, 70),
    (430, 800, 470, 840),
    (50, 440, 60, 450),
)


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ([], "Nothing changed in this scene."),
        (
            [region("added", NORTH_EAST, "building", area_m2=424.0)],
            "A building was added in the north-east (about 420 m²).",
        ),
        (
            [
                region("added", NORTH_EAST, "building", area_m2=424.0),
                region("added", NORTH_WEST, "building", area_m2=124.0),
                region("added", WEST, "building", area_m2=99.0),
            ],
            "3 buildings were added, the largest in the north-east (about 420 m²).",
        ),
        (
            [
                region("added", NORTH_EAST, "building", area_m2=424.0),
                region("added", NORTH_WEST, "building", area_m2=124.0),
                region("removed", SOUTH, "road", area_m2=300.0, score=0.6),
            ],
            "2 buildings were added, the larger in the north-east (about 420 m²); "
            "and a road was removed in the south (about 300 m²).",
        ),
        (
            [region("removed", (200, 350, 700, 600), "vegetation", area_m2=30_000.0)],
            "Vegetation was removed in the centre (about 3 hectares).",
        ),
        (
            [
                region("removed", SOUTH, "vegetation", area_m2=30_000.0),
                region("removed", NORTH_WEST, "vegetation", area_m2=3_000.0),
            ],
            "Vegetation was removed in 2 places, the larger in the south (about 3 hectares).",
        ),
        ([region("changed", WEST, area_m2=0.4)], "An area in the west changed (under 1 m²)."),
        ([region("changed", NORTH_EAST)], "An area in the north-east changed (40 x 40 px)."),
        (
            [region("changed", (10, 10, 890, 890), area_m2=2.2e6)],
            "An area across the whole scene changed (about 2.2 km²).",
        ),
    ],
)
def test_a_satellite_scene_is_described_by_compass_and_square_metres(
    regions: list[ChangeRegion], expected: str
) -> None:
    assert caption(regions, scene(), SATELLITE) == expected


BUTTON, PRICE, ROW, ICON = (1100, 10, 1200, 50), (600, 310, 640, 350), (300, 300, 1200, 341), (100, 320, 120, 340)


def moved(count: int, dy: int) -> list[ChangeRegion]:
    return [
        region("moved", (300, 341 + 20 * n, 1200, 355 + 20 * n), "row" if n % 2 else "text", dx=0, dy=dy)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ([], "Nothing changed."),
        (moved(12, 41), "12 items moved down by 41 px."),
        (
            [region("moved", BUTTON, "button", dx=-3, dy=-10)],
            "A button at the top right moved left by 3 px and up by 10 px.",
        ),
        ([region("moved", BUTTON, "button")], "A button at the top right moved."),
        ([region("changed", (10, 10, 130, 50))], "An item at the top left changed (120 x 40 px)."),
        ([region("changed", BUTTON, "button")], "A button at the top right changed."),
        ([region("changed", BUTTON, "button", what="colour")], "The colour of a button at the top right changed."),
        (
            [region("changed", BUTTON, "button", what="colour", colour_before="#d33", colour_after="#2a2")],
            "The colour of a button at the top right changed from red (#d33) to green (#2a2).",
        ),
        (
            [region("changed", PRICE, "text", what="text", text_before="$12", text_after="$15")],
            'A text in the centre changed from "$12" to "$15".',
        ),
        (
            [region("changed", BUTTON, "button", what="text", text_after="Save")],
            'The text of a button at the top right changed to "Save".',
        ),
        ([region("added", ROW, "row")], "A table row was added across the middle."),
        ([region("added", (0, 0, 200, 800), "sidebar")], "A sidebar was added down the left side."),
        ([region("removed", ICON, "icon")], "An icon was removed on the left."),
        (
            [region("added", ROW, "row"), *moved(3, 41)],
            "A table row was added across the middle. 3 items moved down by 41 px.",
        ),
        (
            [region("changed", BUTTON, "button", what="colour"), region("changed", PRICE, "button", what="colour")],
            "The colour of 2 buttons changed, the larger at the top right (100 x 40 px).",
        ),
        (
            [region("added", (10, 10, 30, 30), "icon"), region("added", (1200, 10, 1220, 30), "icon")],
            "2 icons were added at the top left and at the top right.",
        ),
        (
            [region("added", (10, 10, 30, 30), "icon"), region("added", (40, 10, 60, 30), "icon")],
            "2 icons were added at the top left.",
        ),
    ],
)
def test_a_page_is_described_by_its_nine_parts_and_pixels(regions: list[ChangeRegion], expected: str) -> None:
    assert caption(regions, page(), UI) == expected


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ([region("added", (50, 300, 100, 440), "person")], "A person appeared on the left."),
        (
            [region("added", (50, 300, 100, 440), "person"), region("added", (1200, 300, 1250, 440), "person")],
            "2 people appeared on the left and on the right.",
        ),
        (
            [
                region("removed", (1000, 300, 1100, 440), "car"),
                region("added", (50, 300, 100, 440), "person", score=0.7),
            ],
            "A car disappeared on the right and a person appeared on the left.",
        ),
        (
            [region("moved", (1000, 10, 1100, 90), "car", dx=-120, dy=3)],
            "A car at the top right moved left by 120 px and down by 3 px.",
        ),
    ],
)
def test_a_view_is_described_with_the_verbs_of_its_domain(regions: list[ChangeRegion], expected: str) -> None:
    assert caption(regions, page(), SURVEILLANCE) == expected


def test_the_sentence_for_too_little_to_compare_is_the_domains_own() -> None:
    assert undecided_caption(Wording(undecided="clouds cover the scene")) == "Clouds cover the scene."


# --- places ---


def north_up_after(pixels: Affine) -> Affine:
    """The transform of an image whose pixels were turned or flipped first."""
    return Affine(*(np.reshape(NORTH_UP, (3, 3)) @ np.reshape(pixels, (3, 3))).ravel()[:6])


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (NORTH_UP, "in the north-east"),
        (north_up_after(Affine(-1, 0, 900, 0, 1, 0)), "in the north-west"),  # flipped left to right
        (north_up_after(Affine(1, 0, 0, 0, -1, 900)), "in the south-east"),  # south up
        (north_up_after(Affine.rotation(90)), "in the south-east"),
        (north_up_after(Affine.rotation(180)), "in the south-west"),
        (north_up_after(Affine.rotation(45)), "in the east"),
    ],
)
def test_the_compass_follows_the_map_and_not_the_picture(transform: Affine, expected: str) -> None:
    top_right = region("added", (820, 40, 860, 80))
    assert place(top_right, scene(transform), SATELLITE) == expected


def test_without_a_georeference_the_compass_falls_back_to_grid_words() -> None:
    assert place(region("added", (820, 40, 860, 80)), scene(None), SATELLITE) == "at the top right"


@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize("column", range(3))
def test_each_of_the_nine_parts_has_its_name(row: int, column: int) -> None:
    words = [
        ["at the top left", "at the top", "at the top right"],
        ["on the left", "in the centre", "on the right"],
        ["at the bottom left", "at the bottom", "at the bottom right"],
    ]
    x, y = 300 * column + 150, 300 * row + 150
    assert place(region("added", (x - 5, y - 5, x + 5, y + 5)), scene(None), UI) == words[row][column]


def test_a_removed_region_is_placed_where_it_was_in_the_before_image() -> None:
    pair = ImagePair(before=frame(1280, 3000), after=frame(1280, 1500))
    gone = ChangeRegion(
        kind="removed", score=0.9, area_px=400, bbox_before=(10, 2900, 30, 2920), geometry=shapely.box(10, 10, 30, 30)
    )
    assert place(gone, pair, UI) == "at the bottom left"


def test_the_place_of_a_removed_region_is_seen_within_the_window_that_was_compared() -> None:
    grid = SourceGrid(width=4000, height=4000, window=Box(1000, 1000, 1900, 1900))
    pair = ImagePair(before=frame(900, 900, grid=grid), after=frame(900, 900))
    gone = ChangeRegion(
        kind="removed", score=0.9, area_px=400, bbox_before=(1850, 1010, 1870, 1030), geometry=shapely.box(0, 0, 1, 1)
    )
    assert place(gone, pair, UI) == "at the top right"


# --- what is counted, ordered and left out ---


def test_more_clauses_than_allowed_are_counted() -> None:
    regions = [region("changed", (50 + 90 * n, 10, 100 + 90 * n, 50), f"icon {n}") for n in range(11)]
    said = caption(regions, page(), UI)
    assert said.endswith("and 7 more changes were found.")
    assert said.count("changed") == 4


@pytest.mark.parametrize(
    ("count", "ending"), [(5, "and an icon 4 at the top changed."), (6, "and 2 more changes were found.")]
)
def test_one_clause_too_many_is_said_and_two_are_counted(count: int, ending: str) -> None:
    regions = [region("changed", (50 + 90 * n, 10, 100 + 90 * n, 50), f"icon {n}") for n in range(count)]
    assert caption(regions, page(), UI).endswith(ending)


def test_movement_keeps_a_clause_beside_many_other_changes() -> None:
    regions = [region("changed", (50 + 90 * n, 10, 100 + 90 * n, 50), f"icon {n}") for n in range(6)]
    assert caption([*moved(12, 41), *regions], page(), UI).endswith(
        "12 items moved down by 41 px and 3 more changes were found."
    )


def test_the_stronger_change_is_said_first_then_the_larger() -> None:
    regions = [
        region("added", (10, 10, 20, 20), "badge", score=0.6),
        region("added", (10, 10, 20, 20), "icon", score=0.9),
        region("added", (300, 300, 800, 500), "card", score=0.92),
    ]
    said = caption(regions, page(), UI)
    assert said.index("card") < said.index("icon") < said.index("badge")


def test_moves_of_different_distances_are_told_apart() -> None:
    said = caption([*moved(3, 41), region("moved", BUTTON, "row", dx=0, dy=-8)], page(), UI)
    assert "3 items moved down by 41 px" in said
    assert "a table row at the top right moved up by 8 px" in said


def test_different_new_colours_are_not_told_as_one() -> None:
    regions = [
        region("changed", BUTTON, "button", what="colour", colour_after="red"),
        region("changed", PRICE, "button", what="colour", colour_after="blue"),
    ]
    assert "red" not in caption(regions, page(), UI)


def test_a_shift_is_said_in_both_directions() -> None:
    assert shift_words(0, 41) == "down by 41 px"
    assert shift_words(-1200, 0) == "left by 1,200 px"
    assert shift_words(5, -2) == "right by 5 px and up by 2 px"
    assert shift_words(0, 0) == ""


# --- what holds for any regions ---

labels = st.sampled_from(["", "button", "icon", "table_row", "vegetation", "person", "parked-car"])
boxes = st.builds(
    lambda x, y, w, h: (float(x), float(y), float(x + w), float(y + h)),
    st.integers(0, 700),
    st.integers(0, 700),
    st.integers(1, 200),
    st.integers(1, 200),
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "dx": st.integers(-50, 50),
        "dy": st.integers(-50, 50),
        "what": st.sampled_from(["colour", "text", "size", "", None, 3]),
        "colour_before": st.sampled_from(["#d33", "red"]),
        "text_after": st.text(max_size=60),
        "area_m2": st.one_of(st.floats(0, 1e9), st.just(float("nan")), st.just(float("inf")), st.none()),
    },
)
any_region = st.builds(
    lambda kind, box, label, score, facts: region(kind, box, label, score, **facts),
    st.sampled_from(KINDS),
    boxes,
    labels,
    st.floats(0.5, 1),
    attributes,
)


def check_sentence(said: str) -> None:
    assert said
    assert said[-1] == "."
    assert said[0] == said[0].upper()
    assert not re.search(r"\s\s| [.,;)]|\( |\.\.$", re.sub(r'"[^"]*"', '""', said))


@given(st.lists(any_region, max_size=12), st.sampled_from([SATELLITE, UI, SURVEILLANCE]), st.booleans())
def test_a_caption_is_always_clean_sentences(
    regions: list[ChangeRegion], wording: Wording, georeferenced: bool
) -> None:
    pair = scene(NORTH_UP if georeferenced else None)
    check_sentence(caption(regions, pair, wording))
    for found in regions:
        check_sentence(region_caption(found, pair, wording))


@given(st.lists(any_region, min_size=1, max_size=12))
def test_numbers_and_verbs_agree(regions: list[ChangeRegion]) -> None:
    said = re.sub(r'"[^"]*"', "", caption(regions, scene(), UI))
    assert not re.search(r"\b1 (items|buttons|icons|people|table rows|more changes)\b", said)
    assert not re.search(r"\b([2-9]|1\d) (item|button|icon|person|table row|more change)\b", said)
    assert not re.search(r"\b(An?|an?) [a-z ]*(items|buttons|icons|people|rows)\b", said)


@given(st.lists(any_region, min_size=1, max_size=12), st.randoms())
def test_the_order_of_the_regions_does_not_change_what_is_counted(regions: list[ChangeRegion], random: Any) -> None:
    shuffled = regions.copy()
    random.shuffle(shuffled)

    def numbers(said: str) -> list[str]:
        return sorted(re.findall(r"\b\d+ more change", said))

    assert numbers(caption(regions, scene(), UI)) == numbers(caption(shuffled, scene(), UI))


# --- the describer ---


def test_the_captioner_describes_each_pair_with_its_own_regions() -> None:
    spec = DomainSpec(name="toy", summary="toy pages", settings=DomainSettings, wording=UI)
    captioner = TemplateCaptioner(spec)
    assert isinstance(captioner, Describer)
    first, second = captioner.describe([page(), page()], [[region("added", ROW, "row")], []], [None, "say more"])
    assert first.caption == "A table row was added across the middle."
    assert first.region_captions == ("A table row was added across the middle (900 x 41 px).",)
    assert second.caption == "Nothing changed."
    assert second.region_captions == ()


def test_a_captioner_wants_regions_for_every_pair() -> None:
    spec = DomainSpec(name="toy", summary="toy pages", settings=DomainSettings)
    with pytest.raises(ValueError, match="zip"):
        TemplateCaptioner(spec).describe([page(), page()], [[]], [None, None])


def test_a_wording_without_room_for_a_clause_is_refused() -> None:
    with pytest.raises(PluginContractError, match="max_clauses"):
        Wording(max_clauses=0)
