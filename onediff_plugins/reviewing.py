"""For implementations of `onediff_fiftyone_setup`: a domain's own numbers, saved views and colours.

Nothing here imports FiftyOne; a dataset is whatever the hook was called with, and its fields are those of
docs/fiftyone.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


def holds_domain(dataset: Any, domain: str) -> bool:  # noqa: ANN401  # fiftyone stays optional
    """Whether a review dataset has pairs of a domain.

    Args:
        dataset: as the hook gets it.
        domain: name of the domain.
    """
    return domain in dataset.distinct("domain")


def is_all_of(dataset: Any, domain: str) -> bool:  # noqa: ANN401
    """Whether a review dataset has pairs of this domain and of no other."""
    return bool(dataset.distinct("domain") == [domain])


def set_numbers(
    dataset: Any,  # noqa: ANN401
    domain: str,
    field: str,
    sources: Sequence[str],
    compute: Callable[..., float | None],
    *,
    about: str,
) -> int:
    """Give every pair of a domain a number that follows from its other fields, to sort and filter by.

    Args:
        dataset: as the hook gets it.
        domain: only pairs of this domain get one.
        field: where the number goes; declared where it is not.
        sources: fields of the after sample that it follows from; what is not declared is None.
        compute: gets one value per source, and gives the number, or None where there is none.
        about: what the number says, for the App.

    Returns:
        How many numbers were not there yet, or were others.
    """
    after = dataset.match({"domain": domain}).select_group_slices("after")
    known = dataset.get_field_schema(flat=True)
    has = [source for source in (*sources, field) if source in known]
    ids, *columns = after.values(["id", *has])
    by_name = dict(zip(has, columns, strict=True))
    nothing = [None] * len(ids)
    wanted = [compute(*row) for row in zip(*(by_name.get(source, nothing) for source in sources), strict=True)]
    there = by_name.get(field, nothing)
    new = {
        id_: float(number)
        for id_, number, old in zip(ids, wanted, there, strict=True)
        if number is not None and number != old
    }
    if new:
        dataset.set_values(field, new, key_field="id")
        declared = dataset.get_field(field)
        if declared.description is None:
            declared.description = about
            declared.save()
    return len(new)


def save_views(dataset: Any, views: Iterable[tuple[str, Any, str]]) -> None:  # noqa: ANN401
    """Save views whose names are free: one that is there is a person's.

    Args:
        dataset: as the hook gets it.
        views: (name, view, what it is for).
    """
    there = set(dataset.list_saved_views())
    for name, view, about in views:
        if name not in there:
            dataset.save_view(name, view, description=about)


def colour_values(dataset: Any, attribute: str, colours: Mapping[str, str], *, opacity: float | None = None) -> None:  # noqa: ANN401
    """Colour the regions of a dataset by one of their attributes, once: what a person chose later stays.

    Args:
        dataset: as the hook gets it.
        attribute: of a region, such as "label" or "kind".
        colours: value -> colour, as CSS writes it.
        opacity: of what is drawn, in [0, 1]; as it is when not given.
    """
    noted = dict(dataset.info.get("onediff") or {})
    if noted.get("coloured"):
        return
    scheme = dataset.app_config.color_scheme
    values = [{"value": value, "color": colour} for value, colour in colours.items()]
    for field in scheme.fields or []:
        if field["path"] in ("changes", "polygons", "removed"):
            field.update(colorByAttribute=attribute, valueColors=values)
    if opacity is not None:
        scheme.opacity = opacity
    dataset.info["onediff"] = {**noted, "coloured": True}
    dataset.save()
