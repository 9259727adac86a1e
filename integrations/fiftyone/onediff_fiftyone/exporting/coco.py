"""Accepted pairs and regions on the picture: COCO."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from onediff_fiftyone.accepted import AcceptedPair, AcceptedRegion, in_pixels
from onediff_fiftyone.exporting.files import Written, nothing_accepted, write_text
from onediff_plugins.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write_coco(pairs: Iterable[AcceptedPair], path: Path) -> Written:
    """Write accepted pairs as COCO detection JSON: an image a pair (the after picture), an annotation a region.

    An annotation has `attributes` beside COCO's own: kind, caption, number and the record's facts. An image carries
    `before`, the pair's caption and its id.

    Args:
        pairs: accepted ones without regions are images without annotations.
        path: of the file, which is replaced.

    Raises:
        ExportError: nothing was accepted, a picture is missing, or the file cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    categories: dict[str, int] = {}
    for pair in pairs:
        width, height = pair.grid or _picture_size(pair)
        image = {"id": len(images) + 1, "file_name": pair.after if pair.grid else pair.picture}
        images.append(
            {**image, "width": width, "height": height, "before": pair.before, "pair": pair.id, "caption": pair.caption}
        )
        for region in pair.regions:
            category = categories.setdefault(region.label or region.kind or "changed", len(categories) + 1)
            annotations.append(_annotation(region, (width, height), len(annotations) + 1, image["id"], category))
    if not images:
        raise nothing_accepted()
    about = {"description": "Changes accepted in a review; boxes and outlines lie on the after image"}
    named = [{"id": id_, "name": name, "supercategory": "change"} for name, id_ in categories.items()]
    document = {"info": about, "licenses": [], "images": images, "annotations": annotations, "categories": named}
    write_text(path, json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
    return Written(path=path, pairs=len(images), regions=len(annotations))


def _annotation(region: AcceptedRegion, size: tuple[int, int], id_: int, image: Any, category: int) -> dict[str, Any]:  # noqa: ANN401
    geometry = in_pixels(region.geometry, size)
    x0, y0, x1, y1 = (round(float(value), 2) for value in geometry.bounds)
    facts = {**region.attributes, "kind": region.kind, "caption": region.caption, "number": region.number}
    return {
        "id": id_,
        "image_id": image,
        "category_id": category,
        "bbox": [x0, y0, round(x1 - x0, 2), round(y1 - y0, 2)],
        # COCO's polygons have no holes; the area does not count them.
        "segmentation": [
            np.round(shapely.get_coordinates(part.exterior)[:-1], 2).ravel().tolist()
            for part in shapely.get_parts(geometry)
        ],
        "area": round(float(geometry.area), 2),
        "iscrowd": 0,
        **({} if region.score is None else {"score": region.score}),
        "attributes": facts,
    }


def _picture_size(pair: AcceptedPair) -> tuple[int, int]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(pair.picture) as picture:
            return picture.size
    except (OSError, UnidentifiedImageError) as exc:
        raise ExportError(f"pair {pair.id!r}: the size of {pair.picture} cannot be read: {exc}") from exc
