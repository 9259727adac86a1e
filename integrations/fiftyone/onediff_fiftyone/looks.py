"""How a review dataset looks in the App: saved views, colours, and the order of the fields beside the pictures.

What is there already, under the same name, is a person's and stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_fiftyone import schema
from onediff_fiftyone.connecting import imported
from onediff_fiftyone.declaring import FIELDS
from onediff_plugins.drawing import KIND_COLOURS
from onediff_plugins.specs import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

# An alignment that is worse than this is worth a look before the changes are.
POOR_RESIDUAL_PX: Final = 1.0
POOR_OVERLAP: Final = 0.9
# Columns of a batch's list that say where a pair was taken, in the order in which they are looked for.
PLACES: Final = ("place", "zone", "site", "camera", "region", "area", "location", "page")
PENDING_VIEW: Final = "pending by score"
_MOST_PLACES: Final = 20  # views that a person can still choose from

_REVIEW_FIELDS: Final = (schema.REVIEW, schema.REVIEWED_AT, schema.REVIEW_OUTDATED, "tags", "_label_tags")
_FOUND_FIELDS: Final = (
    *(schema.CHANGES, schema.POLYGONS, schema.CHANGE_MASK, schema.CHANGE_SCORE_MAP, schema.REMOVED),
    *(schema.CAPTION, schema.CHANGED, schema.CHANGE_SCORE, schema.REGION_COUNT, schema.REASON, schema.LOCATION),
)
_ALIGNMENT_FIELDS: Final = (
    *(schema.REGISTRATION_METHOD, schema.REGISTRATION_RESIDUAL, schema.REGISTRATION_OVERLAP, schema.MATRIX),
    *(schema.VALID_FRACTION, schema.CRS, schema.TRANSFORM, schema.WINDOW),
)
_OF_FIFTYONE: Final = frozenset(
    {"id", "filepath", "tags", "_label_tags", "metadata", "created_at", "last_modified_at", schema.PAIR}
)
_SHOWN_AT_FIRST: Final = (schema.CHANGES, schema.REVIEW, schema.CHANGE_SCORE)


def dress(dataset: Any) -> None:  # noqa: ANN401  # fiftyone has no types
    """Add saved views and colours that are missing.

    Args:
        dataset: ours, with its samples.
    """
    there = set(dataset.list_saved_views())
    for name, view, about in views(dataset):
        if name not in there:
            dataset.save_view(name, view, description=about)
    config = dataset.app_config
    if config.color_scheme is None:
        config.color_scheme = colour_scheme()
        dataset.default_mask_targets = {255: "changed"}
        config.active_fields = imported().ActiveFields(paths=list(_SHOWN_AT_FIRST))
    dataset.save()


def arrange(dataset: Any) -> None:  # noqa: ANN401
    """Put the fields beside the pictures into groups, once all plugins have added theirs."""
    if not dataset.app_config.sidebar_groups:
        dataset.app_config.sidebar_groups = sidebar(dataset)
        dataset.save()


def views(dataset: Any) -> Iterator[tuple[str, Any, str]]:  # noqa: ANN401
    """(name, view, what it is for) of the views that every review dataset has."""
    from fiftyone import ViewField as F  # what everybody calls it

    changes = f"{schema.CHANGES}.detections"
    review = F(f"{schema.REVIEW}.label")
    score = schema.CHANGE_SCORE
    yield (
        PENDING_VIEW,
        dataset.match(review == schema.PENDING).sort_by(score, reverse=True),
        "Not yet decided, surest change first",
    )
    residual, overlap = F(schema.REGISTRATION_RESIDUAL), F(schema.REGISTRATION_OVERLAP)
    yield (
        "low registration quality",
        dataset.match((residual > POOR_RESIDUAL_PX) | (overlap < POOR_OVERLAP)).sort_by(
            schema.REGISTRATION_RESIDUAL, reverse=True
        ),
        f"Aligned worse than {POOR_RESIDUAL_PX:g} px, or covering less than {POOR_OVERLAP:.0%}",
    )
    one = F(schema.REGION_REVIEW) == schema.REJECTED
    edited = (F("label") != F(schema.MODEL_LABEL)) | (F(schema.REGION_CAPTION) != F(schema.MODEL_REGION_CAPTION))
    rejected_region = F(changes).filter(one).length() > 0
    yield (
        "model and human disagree",
        dataset.match(
            (review == schema.REJECTED)
            | (F(schema.CAPTION) != F(schema.MODEL_CAPTION))
            | (F(changes).filter(one | edited).length() > 0)
        ),
        "Rejected, reworded or renamed, the pair or a region of it",
    )
    yield (
        "false positives",
        dataset.match((F(schema.CHANGED) & (review == schema.REJECTED)) | rejected_region).sort_by(score, reverse=True),
        "Said to be changed, and rejected",
    )
    yield (
        "decided, then found anew",
        dataset.match(F(schema.REVIEW_OUTDATED)),
        "The finding changed after somebody had decided about it",
    )
    for kind in KINDS:
        yield (
            f"kind: {kind}",
            dataset.filter_labels(schema.CHANGES, F(schema.KIND) == kind),
            f"Regions that were {kind}",
        )
    yield from _places(dataset)


def _places(dataset: Any) -> Iterator[tuple[str, Any, str]]:  # noqa: ANN401
    from fiftyone import ViewField as F

    fields = dataset.get_field_schema(flat=True)
    for column in PLACES:
        path = f"{schema.META}.{column}"
        if path in fields:
            for place in sorted(map(str, dataset.distinct(path)))[:_MOST_PLACES]:
                yield (
                    f"{column}: {place}",
                    dataset.match(F(path).to_string() == place),
                    f"Pairs of the {column} {place}",
                )
            return


def colour_scheme() -> Any:  # noqa: ANN401
    """Regions in the colours of the report, by what happened to them."""
    kinds = [{"value": kind, "color": _hex(colour)} for kind, colour in KIND_COLOURS.items()]
    by_kind = {"colorByAttribute": schema.KIND, "valueColors": kinds}
    states = [
        {"value": schema.PENDING, "color": "#8a8f98"},
        {"value": schema.ACCEPTED, "color": "#1a7f37"},
        {"value": schema.REJECTED, "color": "#cf222e"},
    ]
    return imported().ColorScheme(
        color_by="value",
        fields=[
            *({"path": path, **by_kind} for path in (schema.CHANGES, schema.POLYGONS, schema.REMOVED)),
            {"path": schema.REVIEW, "colorByAttribute": "label", "valueColors": states},
            {
                "path": schema.CHANGE_MASK,
                "maskTargetsColors": [{"intTarget": 255, "color": _hex(KIND_COLOURS["changed"])}],
            },
        ],
        colorscales=[
            {
                "path": schema.CHANGE_SCORE_MAP,
                "list": [{"value": 0, "color": "rgb(255, 200, 60)"}, {"value": 1, "color": "rgb(140, 0, 20)"}],
            }
        ],
        opacity=0.5,
    )


def sidebar(dataset: Any) -> list[Any]:  # noqa: ANN401
    """Fields in the order of a review: decision, finding, the list's own columns, alignment, the rest."""
    from fiftyone.core.odm import SidebarGroupDocument as Group

    default = [path for group in imported().DatasetAppConfig.default_sidebar_groups(dataset) for path in group.paths]
    meta = [path for path in default if path.startswith(f"{schema.META}.")]
    declared = {spec.path.partition(".")[0] for spec in FIELDS} | _OF_FIFTYONE
    of_plugins = [path for path in default if path.partition(".")[0] not in declared]
    found = [*_FOUND_FIELDS, *of_plugins]
    groups = {"review": _REVIEW_FIELDS, "found": found, "list": meta, "alignment": _ALIGNMENT_FIELDS}
    placed = {path for paths in groups.values() for path in paths}
    rest = [path for path in default if path not in placed]
    named = [(name, [path for path in paths if path in default]) for name, paths in groups.items()]
    return [
        Group(name=name, paths=paths, expanded=name in ("review", "found"))
        for name, paths in (*named, ("record", rest))
        if paths
    ]


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
