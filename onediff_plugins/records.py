"""The records that become JSON: regions, results and failures, as `docs/record.md` describes them.

Coordinates follow the convention of `onediff_plugins.types`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import shapely
import shapely.geometry
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, PlainSerializer, WithJsonSchema
from shapely.geometry.base import BaseGeometry

from onediff_plugins.types import BBox, ChangeMap, ImagePair, Number

if TYPE_CHECKING:
    from onediff_plugins.types import GeoRef

Kind = Literal["added", "removed", "changed", "moved"]

SCHEMA: Final = "onediff.change-result/1"


def _geometry_from(value: object) -> object:
    return shapely.geometry.shape(value) if isinstance(value, dict) else value


def _geometry_to(value: BaseGeometry) -> dict[str, Any]:
    # Round-trip through lists: shapely's mapping holds tuples, which would not compare equal to parsed JSON.
    mapping = shapely.geometry.mapping(value)
    return {"type": mapping["type"], "coordinates": _lists(mapping["coordinates"])}


def _lists(value: object) -> object:
    return [_lists(item) for item in value] if isinstance(value, tuple | list) else value


Geometry = Annotated[
    BaseGeometry,
    BeforeValidator(_geometry_from),
    PlainSerializer(_geometry_to),
    WithJsonSchema({"type": "object"}),
]


class Record(BaseModel):
    """Base of the records: frozen, no unknown fields, JSON by alias."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        populate_by_name=True,
        serialize_by_alias=True,
        defer_build=True,  # at the first record, not at import: listing plugins makes none
    )

    def replace(self, **changes: Any) -> Self:  # noqa: ANN401  # any field of the record
        """A copy with some fields changed; pixels are shared, not copied."""
        return self.model_copy(update=changes)


class ChangeRegion(Record):
    """One place that differs.

    Attributes:
        id: number in the result, from 1; 0 until the host has sorted the regions.
        kind: added, removed, changed or moved.
        label: what it is, in the domain's words; "" when nothing is known.
        score: confidence in [0, 1]; 0.5 is the detector's operating point.
        caption: what happened here, in words.
        geometry: shapely (Multi)Polygon in after pixels, y down; "polygon" in JSON.
        bbox_before: box in pixels of the before source, or None for `added`.
        bbox_after: box in after pixels, or None for `removed`.
        area_px: area in after pixels.
        map_polygon: the geometry in EPSG:4326 (RFC 7946), or None without a georeference.
        attributes: further facts, such as area_m2.
    """

    id: int = 0
    kind: Kind = "changed"
    label: str = ""
    score: float = Field(ge=0, le=1)
    caption: str = ""
    bbox_after: BBox | None = None
    bbox_before: BBox | None = None
    area_px: Number = Field(ge=0)
    geometry: Geometry = Field(alias="polygon")
    map_polygon: Geometry | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)

    def to_map(self, georef: GeoRef) -> BaseGeometry:
        """The geometry in the map coordinates of `georef`.

        Args:
            georef: georeference of the after grid.
        """
        return shapely.transform(self.geometry, georef.pixel_to_map)


class SourceInfo(Record):
    """One side of a result: where it came from and how large it is.

    Attributes:
        source: path or URL as given, or "<array>".
        width: columns of the source file.
        height: rows of the source file.
        captured_at: time of capture, or None.
        window: for the after side of a windowed comparison, the box of the source that the result's grid is.
    """

    source: str
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    captured_at: datetime | None = None
    window: tuple[int, int, int, int] | None = Field(default=None, exclude_if=lambda value: value is None)


class PieceRecord(Record):
    """A piece of a registration as JSON."""

    after_box: tuple[int, int, int, int]
    dx: int
    dy: int


class RegistrationRecord(Record):
    """A registration as JSON: after pixel -> before pixel.

    A before pixel is one of the source file, or of its reprojection where `method` says "reprojected".
    """

    method: str
    matrix: tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
    pieces: tuple[PieceRecord, ...] | None = None
    residual_px: float | None = Field(default=None, ge=0)
    overlap: float = Field(ge=0, le=1)


class GeoRecord(Record):
    """A georeference as JSON; transform is (a, b, c, d, e, f) of x = a col + b row + c, y = d col + e row + f."""

    crs: str
    transform: tuple[float, float, float, float, float, float]


class ModelRecord(Record):
    """What produced a part of a result."""

    name: str
    revision: str | None = None
    licence: str | None = None
    heads: tuple[str, ...] = ()


class Fallback(Record):
    """A model that was to answer and did not, and who answered instead.

    Attributes:
        role: what it was to do.
        model: its name.
        instead: name of the model that answered; None where nobody did.
        reason: why, in words.
        regions: ids of the regions that this is about; None where it is about the whole pair.
    """

    role: Literal["describe"] = "describe"
    model: str
    instead: str | None
    reason: str
    regions: tuple[int, ...] | None = Field(default=None, exclude_if=lambda value: value is None)


class Provenance(Record):
    """Versions, settings and models behind a result, and which models were to answer and did not."""

    onediff_plugins: str
    plugins: dict[str, str] = Field(default_factory=dict)
    settings_digest: str
    models: dict[str, ModelRecord] = Field(default_factory=dict)
    fallbacks: tuple[Fallback, ...] = Field(default=(), exclude_if=lambda value: not value)


class ChangeResult(Record):
    """What differs between two images: the record of one pair, `onediff.change-result/1`.

    Attributes:
        changed: the verdict, or None (with `reason`) when too little can be compared.
        score: confidence of change in [0, 1]; unchanged pairs rank by it too.
        valid_fraction: share of the after grid that could be compared.
        registration: how the images were aligned.
        regions: what differs, strongest first.
        files: what an exporter wrote, relative to the file that holds the record.
        change: score map on the after grid, in memory only.
        mask: (H, W) uint8 0/255 of the kept regions, in memory only.
        pair: the pair as read and aligned, in memory only.
    """

    schema_: Literal["onediff.change-result/1"] = Field(default=SCHEMA, alias="schema")
    id: str = Field(min_length=1)
    domain: str
    changed: bool | None
    score: float = Field(ge=0, le=1)
    valid_fraction: float = Field(ge=0, le=1)
    reason: str | None = None
    caption: str
    caption_source: str
    detector: str
    before: SourceInfo
    after: SourceInfo
    registration: RegistrationRecord
    regions: tuple[ChangeRegion, ...] = ()
    georef: GeoRecord | None = None
    files: dict[str, Any] = Field(default_factory=dict)
    provenance: Provenance
    timings_ms: dict[str, float] = Field(default_factory=dict)
    meta: dict[str, Any] = Field(default_factory=dict, exclude_if=lambda value: not value)

    change: InstanceOf[ChangeMap] | None = Field(default=None, exclude=True, repr=False)
    mask: Any = Field(default=None, exclude=True, repr=False)
    pair: InstanceOf[ImagePair] | None = Field(default=None, exclude=True, repr=False)


class ErrorRecord(Record):
    """Why a pair could not be compared."""

    type: str
    message: str
    stage: str | None = None
    plugin: str | None = None


class PairFailure(Record):
    """The record of a pair that could not be compared.

    Attributes:
        error: what went wrong, in which stage and in whose plugin.
        exception: the exception itself, in memory only.
    """

    schema_: Literal["onediff.change-result/1"] = Field(default=SCHEMA, alias="schema")
    id: str = Field(min_length=1)
    domain: str
    error: ErrorRecord
    meta: dict[str, Any] = Field(default_factory=dict, exclude_if=lambda value: not value)

    exception: InstanceOf[BaseException] | None = Field(default=None, exclude=True, repr=False)


class Description(Record):
    """What a describer said.

    Attributes:
        caption: the whole pair in words.
        region_captions: one per region, in the order given.
        unsaid: why some of them are empty. Then the host has the domain's next describer say those, and the result
            tells; without a reason an empty one stays empty.
    """

    caption: str
    region_captions: tuple[str, ...] = ()
    unsaid: str | None = None
