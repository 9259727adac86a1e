"""The fields of a review dataset with their types and meanings, declared before a sample is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onediff_fiftyone import schema
from onediff_fiftyone.connecting import imported

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Where a region's attributes are; each of the three kinds of labels has some of them.
DETECTIONS: Final = f"{schema.CHANGES}.detections"
_REMOVED: Final = f"{schema.REMOVED}.detections"
_POLYLINES: Final = f"{schema.POLYGONS}.polylines"

# What people sort and filter by.
INDEXES: Final = (
    *(schema.PAIR_ID, schema.CHANGE_SCORE, f"{schema.REVIEW}.label", schema.CHANGED, schema.DOMAIN),
    schema.REVIEWED_AT,
    *(schema.REGISTRATION_RESIDUAL, schema.REVIEW_OUTDATED, f"{DETECTIONS}.label", f"{DETECTIONS}.{schema.KIND}"),
)


class FieldSpec(NamedTuple):
    """A field.

    Attributes:
        path: its name, with dots for what lies inside another.
        type: "str", "int", "float", "bool", "datetime", "floats", "strs", "ints", "dicts", or the name of a FiftyOne
            label.
        about: what it says, for the App.
    """

    path: str
    type: str
    about: str


FIELDS: Final = (
    FieldSpec(schema.PAIR_ID, "str", "Id of the pair's record"),
    FieldSpec(schema.SOURCE, "str", "Image as it was compared: a path or an address"),
    FieldSpec(schema.CAPTURED_AT, "datetime", "When the image was taken"),
    FieldSpec(schema.REVIEW, "Classification", "Decision about the pair: pending, accepted or rejected"),
    FieldSpec(schema.REVIEWED_AT, "datetime", "When it was decided"),
    FieldSpec(schema.REVIEWED_BY, "str", "Who decided it, where FiftyOne knows"),
    FieldSpec(schema.REVIEW_HISTORY, "dicts", "Every decision, the last of which can be undone"),
    FieldSpec(schema.REVIEW_OUTDATED, "bool", "The finding changed after it was decided"),
    FieldSpec(schema.CAPTION, "str", "What differs, in words; may be edited"),
    FieldSpec(schema.MODEL_CAPTION, "str", "The captioner's own words"),
    FieldSpec(schema.CAPTION_SOURCE, "str", "Who wrote the caption"),
    FieldSpec(schema.CHANGED, "bool", "The verdict; empty where it could not be decided"),
    FieldSpec(schema.REASON, "str", "Why there is no verdict"),
    FieldSpec(schema.CHANGE_SCORE, "float", "Confidence of change, 0 to 1"),
    FieldSpec(schema.VALID_FRACTION, "float", "Share of the image that could be compared"),
    FieldSpec(schema.REGION_COUNT, "int", "Number of regions found"),
    FieldSpec(schema.CHANGES, "Detections", "Regions that differ, on the after image"),
    FieldSpec(schema.POLYGONS, "Polylines", "Outlines of the regions"),
    FieldSpec(schema.CHANGE_MASK, "Segmentation", "Where the regions are, pixel by pixel"),
    FieldSpec(schema.CHANGE_SCORE_MAP, "Heatmap", "Confidence of change, pixel by pixel"),
    FieldSpec(schema.REMOVED, "Detections", "What is no longer there, on the before image"),
    FieldSpec(schema.LOCATION, "GeoLocation", "Centre and footprint of the image on the map"),
    FieldSpec(schema.DOMAIN, "str", "Domain that compared the pair"),
    FieldSpec(schema.DETECTOR, "str", "Detector"),
    FieldSpec(schema.MODEL, "str", "Model that detected, with its revision"),
    FieldSpec(schema.PLUGINS, "strs", "Plugins and their versions"),
    FieldSpec(schema.GRID, "ints", "Columns and rows of the after image's grid, on which regions lie"),
    FieldSpec(schema.WINDOW, "ints", "Part of the after image that was compared: x0, y0, x1, y1"),
    FieldSpec(schema.CRS, "str", "Coordinate reference system"),
    FieldSpec(schema.TRANSFORM, "floats", "Pixel to map: a, b, c, d, e, f"),
    FieldSpec(schema.REGISTRATION_METHOD, "str", "How the images were aligned"),
    FieldSpec(schema.REGISTRATION_RESIDUAL, "float", "How far aligned content still lies apart, in pixels"),
    FieldSpec(schema.REGISTRATION_OVERLAP, "float", "Share of the after image that the before image covers"),
    FieldSpec(schema.MATRIX, "floats", "After pixel to before pixel, row by row"),
    FieldSpec(schema.META, "DynamicEmbeddedDocument", "Further columns of the list of pairs"),
    FieldSpec(schema.RECORD, "str", "File that holds the record"),
    FieldSpec(schema.RECORD_DIGEST, "str", "What the samples were made from"),
    *(
        FieldSpec(f"{labels}.{name}", type_, about)
        for labels in (DETECTIONS, _REMOVED, _POLYLINES)
        for name, type_, about in (
            (schema.REGION_ID, "int", "Number in the record"),
            (schema.KIND, "str", "added, removed, changed or moved"),
        )
    ),
    *(
        FieldSpec(f"{labels}.{name}", type_, about)
        for labels in (DETECTIONS, _REMOVED)
        for name, type_, about in (
            (schema.REGION_CAPTION, "str", "What happened here"),
            (schema.AREA_PX, "float", "Area in pixels"),
        )
    ),
    FieldSpec(f"{DETECTIONS}.{schema.MODEL_LABEL}", "str", "Label as it was found"),
    FieldSpec(f"{DETECTIONS}.{schema.MODEL_REGION_CAPTION}", "str", "Caption as it was found"),
    FieldSpec(f"{DETECTIONS}.{schema.REGION_REVIEW}", "str", "Decision about the region"),
    FieldSpec(f"{DETECTIONS}.{schema.ORPHANED}", "bool", "Decided about, and no longer found"),
)


def declare(dataset: Any, fields: Iterable[FieldSpec] = FIELDS) -> None:  # noqa: ANN401  # fiftyone has no types
    """Declare fields that are not there yet.

    Args:
        dataset: grouped, of ours.
        fields: outer ones before what lies inside them.
    """
    for path, type_, about in fields:
        if dataset.get_field(path) is None:
            dataset.add_sample_field(path, **_type(type_), description=about)


def index(dataset: Any) -> None:  # noqa: ANN401
    """Index what people sort and filter by."""
    there = set(dataset.list_indexes())
    for path in INDEXES:
        if path not in there:
            dataset.create_index(path)


class Attributes:
    """Names and types of what regions and batches bring along, gathered while samples are made."""

    def __init__(self) -> None:
        """None yet."""
        self._types: dict[str, set[str]] = {}

    def see(self, path: str, values: Mapping[str, Any]) -> None:
        """Note the values under a path; numbers are all one type."""
        for name, value in values.items():
            type_ = "str" if isinstance(value, str) else "bool" if isinstance(value, bool) else "float"
            self._types.setdefault(f"{path}.{name}", set()).add(type_)

    @property
    def fields(self) -> list[FieldSpec]:
        """What can be declared: everything that has one type throughout."""
        return [FieldSpec(path, min(types), "") for path, types in self._types.items() if len(types) == 1]


def _type(name: str) -> dict[str, Any]:
    fo = imported()
    plain = {
        "str": fo.StringField,
        "int": fo.IntField,
        "float": fo.FloatField,
        "bool": fo.BooleanField,
        "datetime": fo.DateTimeField,
        "dict": fo.DictField,
    }
    if name in plain:
        return {"ftype": plain[name]}
    if name.removesuffix("s") in plain:
        return {"ftype": fo.ListField, "subfield": plain[name.removesuffix("s")]}
    return {"ftype": fo.EmbeddedDocumentField, "embedded_doc_type": getattr(fo, name)}
