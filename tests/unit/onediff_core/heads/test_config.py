import json

import pytest

from onediff_core.heads import HeadConfig


def test_a_configuration_is_the_same_after_json(config):
    made = config(
        "mask",
        kinds={"building": "added"},
        gsd_range_m=(0.3, 1),
        exclusive=True,
        yields_to={"any.thing": 5.0},
        least_m2=9.0,
        assumed_gsd_m=0.5,
    )
    assert HeadConfig.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_unknown_and_missing_keys_are_named(config):
    values = config("region").to_dict()
    with pytest.raises(ValueError, match=r"unknown keys \['depth'\]"):
        HeadConfig.from_dict({**values, "depth": 3})
    del values["strides"]
    with pytest.raises(ValueError, match=r"missing keys \['strides'\]"):
        HeadConfig.from_dict(values)


@pytest.mark.parametrize(
    ("task", "fields", "message"),
    [
        ("text", {}, "task 'text' must be 'mask', 'region' or 'pair'"),
        ("mask", {"name": "../../elsewhere"}, "name '../../elsewhere' must match"),
        ("mask", {"classes": ()}, "at least one class"),
        ("mask", {"classes": "road"}, "a tuple of names, got 'road'"),
        ("mask", {"kinds": {"road": "grown"}}, r"unknown kinds \['grown'\]"),
        ("mask", {"gsd_range_m": (0, 0)}, "from a length to a greater"),
        ("mask", {"gsd_range_m": (2, 0.5)}, "from a length to a greater"),
        ("mask", {"gsd_range_m": (float("nan"), 1)}, "from a length to a greater"),
        ("mask", {"channels": (1.5, 8, 10)}, "whole numbers"),
        ("mask", {"classes": ("road", "road")}, "each once"),
        ("pair", {"classes": ("changed", "moved")}, "changed or not, one class"),
        ("mask", {"kinds": {"tree": "added"}}, r"classes that it does not have: \['tree'\]"),
        ("mask", {"strides": (2, 4)}, "name each map once"),
        ("mask", {"strides": (4, 2, 16)}, "from fine to coarse"),
        ("mask", {"strides": (1, 2, 4)}, "start at 2 or more"),
        ("mask", {"width": 0}, "must be at least 1"),
        ("region", {"exclusive": True}, "only a mask head"),
        ("region", {"yields_to": {"any.thing": 5.0}}, "a mask head yields to others"),
        ("mask", {"yields_to": {"any.thing": 0.0}}, "by factors above 0"),
        ("mask", {"least_m2": -1.0}, "is an area"),
        ("region", {"least_m2": 9.0}, "of a mask head"),
        ("mask", {"assumed_gsd_m": 0.0}, "must be above 0"),
        ("mask", {"evidence": "satellite.mask"}, "only a pair head"),
    ],
)
def test_values_that_are_not_allowed_are_refused(config, task, fields, message):
    with pytest.raises(ValueError, match=message):
        config(task, **fields)
