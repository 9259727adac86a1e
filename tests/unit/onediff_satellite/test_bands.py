"""Names of bands."""

import pytest

from onediff_plugins.errors import MismatchedPairError
from onediff_satellite.bands import common_bands, name_bands


def named(interpretations, descriptions=None, tags=None):
    count = len(interpretations)
    return name_bands(interpretations, descriptions or [None] * count, tags or [{}] * count)


def test_colour_interpretation_names_bands():
    assert named(["red", "green", "blue"]) == (("red", "green", "blue"), True)


def test_unnamed_bands_are_taken_for_the_usual_order_and_said_to_be_assumed():
    assert named(["gray"]) == (("gray",), False)
    assert named(["gray", "undefined", "undefined"]) == (("red", "green", "blue"), False)
    assert named(["gray", "undefined", "undefined", "undefined"]) == (("red", "green", "blue", "nir"), False)
    assert named(["gray", "undefined"]) == (("b1", "b2"), False)


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("B08", "nir"),
        ("B8A", "nir08"),
        ("Red", "red"),
        ("Near Infrared", "nir"),
        ("SWIR 1", "swir16"),
        ("NDVI", "ndvi"),
    ],
)
def test_descriptions_become_common_names(description, name):
    assert named(["gray"], [description]) == ((name,), True)


def test_a_numbered_description_says_nothing():
    assert named(["gray"], ["Band 1"]) == (("gray",), False)
    assert named(["gray"], ["layer_2"]) == (("gray",), False)


def test_a_fourth_band_beside_colour_is_taken_for_near_infrared():
    assert named(["red", "green", "blue", "undefined"]) == (("red", "green", "blue", "nir"), True)


def test_names_are_unique():
    assert named(["red", "undefined"], [None, "red"]) == (("red", "b2"), True)


def test_the_order_of_the_after_raster_holds():
    assert common_bands(("nir", "red"), ("red", "nir"), before_stated=True, after_stated=True, who="") == (
        (1, 0),
        (0, 1),
        ("red", "nir"),
    )


def test_a_side_without_names_takes_those_of_the_other():
    got = common_bands(("gray",), ("ndvi",), before_stated=False, after_stated=True, who="")
    assert got == ((0,), (0,), ("ndvi",))


def test_nothing_in_common_is_refused():
    with pytest.raises(MismatchedPairError, match="no band in common"):
        common_bands(("ndvi",), ("red",), before_stated=True, after_stated=True, who="a and b")
