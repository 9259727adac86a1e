"""The result record: what pydantic writes, the JSON Schema accepts; what it must refuse, both refuse."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onediff_plugins.records import (
    SCHEMA,
    ChangeRegion,
    ChangeResult,
    ErrorRecord,
    Fallback,
    GeoRecord,
    ModelRecord,
    PairFailure,
    PieceRecord,
    Provenance,
    RegistrationRecord,
    SourceInfo,
)
from onediff_plugins.types import (
    ChangeMap,
)

SchemaErrors = Callable[[Any], list[str]]

unit = st.floats(0, 1)
finite = st.floats(-1e6, 1e6)
whole = st.integers(-1000, 1000)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ids = text.filter(len)
optional_text = st.none() | text
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
mappings = st.dictionaries(text, json_values, max_size=3)


@st.composite
def polygons(draw: st.DrawFn) -> shapely.geometry.base.BaseGeometry:
    x, y, width, height = draw(st.tuples(finite, finite, st.floats(1, 100), st.floats(1, 100)))
    outer = shapely.box(x, y, x + width, y + height)
    shape = draw(st.sampled_from(["box", "hole", "two"]))
    if shape == "hole":
        return outer.difference(shapely.box(x + width / 4, y + height / 4, x + width / 2, y + height / 2))
    if shape == "two":
        return shapely.MultiPolygon([outer, shapely.box(x + 2 * width, y, x + 3 * width, y + height)])
    return outer


@st.composite
def regions(draw: st.DrawFn) -> ChangeRegion:
    kind = draw(st.sampled_from(["added", "removed", "changed", "moved"]))
    box = st.tuples(finite, finite, finite, finite)
    return ChangeRegion(
        id=draw(st.integers(1, 10_000)),
        kind=kind,
        label=draw(text),
        score=draw(unit),
        caption=draw(text),
        bbox_after=None if kind == "removed" else draw(box),
        bbox_before=None if kind == "added" else draw(box),
        area_px=draw(st.floats(0, 1e9)),
        geometry=draw(polygons()),
        map_polygon=draw(st.none() | polygons()),
        attributes=draw(mappings),
    )


sides = st.builds(
    SourceInfo,
    source=text,
    width=st.integers(1, 10**6),
    height=st.integers(1, 10**6),
    captured_at=st.none()
    | st.datetimes(
        datetime(1970, 1, 1),  # hypothesis adds the zone
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    ),
    window=st.none() | st.tuples(whole, whole, whole, whole),
)
row = st.tuples(finite, finite, finite)
registrations = st.builds(
    RegistrationRecord,
    method=text,
    matrix=st.tuples(row, row, row),
    pieces=st.none()
    | st.lists(st.builds(PieceRecord, after_box=st.tuples(*[whole] * 4), dx=whole, dy=whole), max_size=3).map(tuple),
    residual_px=st.none() | st.floats(0, 100),
    overlap=unit,
)
models = st.builds(
    ModelRecord, name=text, revision=optional_text, licence=optional_text, heads=st.lists(text, max_size=2).map(tuple)
)
fallbacks = st.builds(
    Fallback,
    model=text,
    instead=optional_text,
    reason=text,
    regions=st.none() | st.lists(st.integers(1, 1000), min_size=1, max_size=3).map(tuple),
)
provenances = st.builds(
    Provenance,
    onediff_plugins=text,
    plugins=st.dictionaries(text, text, max_size=2),
    settings_digest=text,
    models=st.dictionaries(st.sampled_from(["detect", "describe"]), models),
    fallbacks=st.lists(fallbacks, max_size=2).map(tuple),
)


@st.composite
def results(draw: st.DrawFn) -> ChangeResult:
    changed = draw(st.sampled_from([True, False, None]))
    return ChangeResult(
        id=draw(ids),
        domain=draw(text),
        changed=changed,
        score=draw(unit),
        valid_fraction=draw(unit),
        reason=draw(text) if changed is None else None,
        caption=draw(text),
        caption_source=draw(text),
        detector=draw(text),
        before=draw(sides),
        after=draw(sides),
        registration=draw(registrations),
        regions=tuple(draw(st.lists(regions(), max_size=2))),
        georef=draw(st.none() | st.builds(GeoRecord, crs=text, transform=st.tuples(*[finite] * 6))),
        files=draw(st.fixed_dictionaries({}, optional={"mask": text, "overlays": st.dictionaries(text, text)})),
        provenance=draw(provenances),
        timings_ms=draw(st.dictionaries(text, st.floats(0, 1e6), max_size=2)),
        meta=draw(mappings),
    )


failures = st.builds(
    PairFailure,
    id=ids,
    domain=text,
    error=st.builds(ErrorRecord, type=text, message=text, stage=optional_text, plugin=optional_text),
    meta=mappings,
)


@given(record=results() | failures)
def test_every_record_is_valid_and_comes_back_the_same(
    record: ChangeResult | PairFailure, schema_errors: SchemaErrors
) -> None:
    line = record.model_dump_json()
    assert schema_errors(json.loads(line)) == []
    assert type(record).model_validate_json(line) == record
    # What is dumped in Python is the same JSON, tuples aside.
    assert json.loads(json.dumps(record.model_dump(mode="json"))) == json.loads(line)


def example() -> dict[str, Any]:
    """A small valid result, as parsed JSON."""
    side = {"source": "a.png", "width": 8, "height": 6, "captured_at": None}
    changed = {
        "id": 1,
        "kind": "changed",
        "label": "",
        "score": 0.9,
        "caption": "",
        "bbox_after": [0, 0, 2, 2],
        "bbox_before": [0, 0, 2, 2],
        "area_px": 4,
        "polygon": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]},
        "map_polygon": None,
        "attributes": {},
    }
    return {
        "schema": SCHEMA,
        "id": "000001",
        "domain": "ui",
        "changed": True,
        "score": 0.9,
        "valid_fraction": 1.0,
        "reason": None,
        "caption": "An area changed.",
        "caption_source": "template",
        "detector": "ui-blocks",
        "before": side,
        "after": dict(side),
        "registration": {
            "method": "identity",
            "matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
            "pieces": [{"after_box": [0, 0, 8, 6], "dx": 0, "dy": 0}],
            "residual_px": None,
            "overlap": 1.0,
        },
        "regions": [changed],
        "georef": {"crs": "EPSG:32631", "transform": [1, 0, 0, 0, -1, 0]},
        "files": {},
        "provenance": {
            "onediff_plugins": "0.1.0",
            "plugins": {},
            "settings_digest": "0" * 16,
            "models": {"detect": {"name": "ui-blocks", "revision": None, "licence": None, "heads": []}},
        },
        "timings_ms": {"load": 1.0},
    }


def failure_example() -> dict[str, Any]:
    error = {"type": "UnsupportedSourceError", "message": "x", "stage": "load", "plugin": "ui"}
    return {"schema": SCHEMA, "id": "7", "domain": "ui", "error": error}


def test_the_examples_are_valid(schema_errors: SchemaErrors) -> None:
    assert schema_errors(example()) == []
    assert schema_errors(failure_example()) == []
    ChangeResult.model_validate(example())
    PairFailure.model_validate(failure_example())


MISSING = object()
# Where, and what stands there instead.
WRONG: list[tuple[tuple[str | int, ...], Any]] = [
    (("schema",), "onediff.change-result/2"),
    (("id",), MISSING),
    (("id",), 1),
    (("changed",), MISSING),
    (("changed",), "maybe"),
    (("score",), 1.01),
    (("valid_fraction",), -0.01),
    (("detector",), MISSING),
    (("verdict",), True),
    (("before", "width"), "wide"),
    (("before", "colour"), "red"),
    (("after",), None),
    (("registration",), MISSING),
    (("registration", "matrix"), [[1, 0, 0], [0, 1, 0]]),
    (("registration", "matrix"), [[1, 0], [0, 1], [0, 0]]),
    (("registration", "pieces", 0, "dx"), 0.5),
    (("registration", "pieces", 0, "after_box"), [0, 0, 1]),
    (("registration", "overlap"), MISSING),
    (("regions",), None),
    (("regions", 0, "kind"), "vanished"),
    (("regions", 0, "score"), 2),
    (("regions", 0, "area_px"), -1),
    (("regions", 0, "bbox_after"), [0, 0, 1]),
    (("regions", 0, "polygon"), MISSING),
    (("regions", 0, "polygon"), None),
    (("regions", 0, "colour"), "red"),
    (("georef", "transform"), [1, 0, 0]),
    (("provenance", "settings_digest"), MISSING),
    (("provenance", "models", "detect", "name"), MISSING),
    (("timings_ms", "load"), "fast"),
]


def changed_at(record: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A copy of a record with one place changed or taken away."""
    copied = copy.deepcopy(record)
    place: Any = copied
    for step in path[:-1]:
        place = place[step]
    if value is MISSING:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copied


@pytest.mark.parametrize(("path", "value"), WRONG, ids=[".".join(map(str, path)) for path, _ in WRONG])
def test_schema_and_record_refuse_the_same(
    path: tuple[str | int, ...], value: Any, schema_errors: SchemaErrors
) -> None:
    wrong = changed_at(example(), path, value)
    assert schema_errors(wrong)
    with pytest.raises(ValidationError):
        ChangeResult.model_validate_json(json.dumps(wrong))


@pytest.mark.parametrize("path", [("error",), ("error", "type"), ("id",), ("domain",)], ids=str)
def test_an_incomplete_failure_is_refused(path: tuple[str, ...], schema_errors: SchemaErrors) -> None:
    wrong = changed_at(failure_example(), path, MISSING)
    assert schema_errors(wrong)
    with pytest.raises(ValidationError):
        PairFailure.model_validate_json(json.dumps(wrong))


# What the schema alone guards: rules about a record as the host finishes it.
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("id",), ""),
        (("reason",), "but the verdict is not null"),
        (("changed",), None),
        (("regions", 0, "id"), 0),
        (("regions", 0, "kind"), "added"),
        (("regions", 0, "kind"), "removed"),
        (("regions", 0, "polygon"), {"type": "Point", "coordinates": [0, 0]}),
        (("before", "width"), 0),
        (("registration", "overlap"), 1.5),
        (("registration", "residual_px"), -1),
    ],
    ids=str,
)
def test_the_schema_knows_what_a_finished_record_is(
    path: tuple[str | int, ...], value: Any, schema_errors: SchemaErrors
) -> None:
    assert schema_errors(changed_at(example(), path, value))


def test_added_has_no_place_before_and_removed_none_after(schema_errors: SchemaErrors) -> None:
    added = changed_at(example(), ("regions", 0, "kind"), "added")
    assert schema_errors(changed_at(added, ("regions", 0, "bbox_before"), None)) == []
    removed = changed_at(example(), ("regions", 0, "kind"), "removed")
    assert schema_errors(changed_at(removed, ("regions", 0, "bbox_after"), None)) == []


def test_pixels_stay_out_of_the_json(schema_errors: SchemaErrors) -> None:
    change = ChangeMap(score=np.zeros((2, 2), np.float32), valid=np.ones((2, 2), bool))
    result = ChangeResult.model_validate(example()).replace(change=change, mask=np.zeros((2, 2), np.uint8))
    parsed = json.loads(result.model_dump_json())
    assert not {"change", "mask", "pair"} & parsed.keys()
    assert schema_errors(parsed) == []
    assert "change=" not in repr(result)


def test_meta_is_written_only_where_there_is_some() -> None:
    plain = ChangeResult.model_validate(example())
    assert "meta" not in json.loads(plain.model_dump_json())
    assert json.loads(plain.replace(meta={"site": 3}).model_dump_json())["meta"] == {"site": 3}


def test_a_failures_exception_stays_out_of_the_json() -> None:
    failure = PairFailure.model_validate(failure_example()).replace(exception=ValueError("x"))
    assert "exception" not in json.loads(failure.model_dump_json())
