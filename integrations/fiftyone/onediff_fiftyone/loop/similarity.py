"""Changes that are alike: embeddings of OneDiff's delta tokens in FiftyOne's indexes, for pairs and for regions.

FiftyOne Brain, which comes with FiftyOne, does the rest: likeness (its "sklearn" index needs no server), uniqueness,
and points for the App's panel "Embeddings" ("pca" and "tsne" are there, "umap" needs umap-learn). Nothing is
downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onediff_fiftyone import schema
from onediff_fiftyone.loop.reviewed import after_samples
from onediff_plugins.errors import MissingDependencyError, OneDiffError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from onediff_core.embedding import ChangeEmbedder

PAIRS: Final = "onediff_pairs"
REGIONS: Final = "onediff_regions"
UNIQUENESS: Final = "uniqueness"
METHODS: Final = ("pca", "tsne", "umap")
_FEWEST: Final = 4  # uniqueness looks at three neighbours
_MAP: Final = "_map"


class SimilarityError(OneDiffError):
    """Changes cannot be embedded, or have not been."""


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """What was made.

    Attributes:
        similarity: brain key of the index, for `sort_by_similarity`.
        map: brain key of the points, for the panel "Embeddings".
        count: pairs or regions that were embedded.
        left_out: pairs without a before picture on the after grid.
    """

    similarity: str
    map: str
    count: int
    left_out: int


def embed_pairs(
    dataset_or_view: Any,  # noqa: ANN401  # fiftyone has no types
    *,
    base: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    method: str = "pca",
) -> Embedded:
    """Make pairs searchable by what changed in them, say how unique each is, and lay them out in a plane.

    Indexes of an earlier call are replaced. Each pair's `uniqueness`, 0 to 1, tells which ones are worth a look first.

    Args:
        dataset_or_view: of `onediff review`; of a view, its pairs alone.
        base: folder or hub id of a OneDiff; None for the weights that ship.
        device: any torch device.
        method: of the map, a name of METHODS.

    Raises:
        SimilarityError: fewer than four pairs, or no such method.
        MissingDependencyError: onediff-core, or umap-learn for "umap", is not installed.
        CheckpointError: no such base.
    """
    view, embedder = _prepared(dataset_or_view, base, device, method)
    ids, vectors, left_out = [], [], 0
    for sample_id, pictures, _ in _pictures(view, None):
        if pictures is None:
            left_out += 1
        else:
            ids.append(sample_id)
            vectors.append(embedder.embed([pictures])[0])
    view = _enough(view, ids, "pairs")
    found = np.stack(vectors)
    _index(view, PAIRS, found, None, method)
    import fiftyone.brain as fob

    fob.compute_uniqueness(view, uniqueness_field=UNIQUENESS, embeddings=found, progress=False)
    return Embedded(similarity=PAIRS, map=PAIRS + _MAP, count=len(ids), left_out=left_out)


def embed_regions(
    dataset_or_view: Any,  # noqa: ANN401
    *,
    field: str = schema.CHANGES,
    base: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    method: str = "pca",
) -> Embedded:
    """Make regions searchable by what changed there, and lay them out in a plane.

    Args:
        dataset_or_view: as for `embed_pairs`.
        field: of the regions.
        base: as for `embed_pairs`.
        device: any torch device.
        method: of the map, a name of METHODS.

    Raises:
        SimilarityError: fewer than four regions, or no such method.
        MissingDependencyError: as for `embed_pairs`.
        CheckpointError: no such base.
    """
    view, embedder = _prepared(dataset_or_view, base, device, method)
    found: dict[str, NDArray[np.float32]] = {}
    left_out = 0
    for sample_id, pictures, boxes in _pictures(view, field):
        if pictures is None:
            left_out += 1
        elif boxes:
            found[sample_id] = embedder.embed([embedder.crop(pictures, _pixels(box, pictures[1])) for box in boxes])
    count = sum(map(len, found.values()))
    view = _enough(view, list(found), "regions", count)
    _index(view, REGIONS, found, field, method)
    return Embedded(similarity=REGIONS, map=REGIONS + _MAP, count=count, left_out=left_out)


def more_like_this(
    dataset_or_view: Any,  # noqa: ANN401
    wanted: str | Sequence[str],
    *,
    count: int = 20,
) -> Any:  # noqa: ANN401
    """A view of the changes that are most like some, the likest first, these themselves included.

    Args:
        dataset_or_view: of which pairs or regions were embedded.
        wanted: ids of after samples, or of regions.
        count: pairs or regions in the view; regions are shown as patches.

    Raises:
        SimilarityError: they were not embedded.
    """
    query = [wanted] if isinstance(wanted, str) else list(wanted)
    view = after_samples(dataset_or_view)
    dataset = view._dataset  # it keeps the indexes
    known = dataset.list_brain_runs()
    if PAIRS in known and set(query) <= set(dataset.load_brain_results(PAIRS).sample_ids):
        return view.sort_by_similarity(query, k=count, brain_key=PAIRS)
    if REGIONS in known:
        index = dataset.load_brain_results(REGIONS)
        if set(query) <= set(index.label_ids):
            return view.to_patches(index.config.patches_field, other_fields=[schema.PAIR_ID]).sort_by_similarity(
                query, k=count, brain_key=REGIONS
            )
    raise SimilarityError(
        f"{query[0]} is no pair and no region of {dataset.name!r} that was embedded: call embed_pairs or embed_regions"
    )


def _prepared(view: Any, base: Any, device: str, method: str) -> tuple[Any, ChangeEmbedder]:  # noqa: ANN401
    if method not in METHODS:
        raise SimilarityError(f"maps are made by {', '.join(METHODS)}, not by {method!r}")
    _check_umap(method)
    try:
        from onediff_core.checkpoint import load_checkpoint
        from onediff_core.devices import torch_device
        from onediff_core.embedding import ChangeEmbedder
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] not in ("onediff_core", "torch", "transformers"):
            raise
        raise MissingDependencyError(str(exc.name), "embeddings of changes", "onediff-fiftyone[loop]") from exc
    return after_samples(view), ChangeEmbedder(load_checkpoint(base, heads=()), torch_device(device))


def _check_umap(method: str) -> None:
    from importlib.util import find_spec

    if method == "umap" and find_spec("umap") is None:
        raise MissingDependencyError("umap", "maps by umap", "umap-learn")


def _pictures(view: Any, field: str | None) -> Iterator[tuple[str, tuple[Any, Any] | None, list[Any]]]:  # noqa: ANN401
    """Of each pair the id of its after sample, both pictures on the after grid, and the boxes of its regions.

    None for pictures that lie on two grids.
    """
    dataset = view._dataset
    befores: dict[str, dict[str, str]] = {}
    others = dataset.select_group_slices([schema.BEFORE, schema.BEFORE_ALIGNED])
    for group, slice_, path in zip(
        *others.values([f"{schema.PAIR}.id", f"{schema.PAIR}.name", "filepath"]), strict=True
    ):
        befores.setdefault(group, {})[slice_] = path
    boxes = [] if field is None else [f"{field}.detections.bounding_box"]
    for sample_id, group, path, *rest in zip(
        *view.values(["id", f"{schema.PAIR}.id", "filepath", *boxes]), strict=True
    ):
        before = befores.get(group, {})
        chosen = before.get(schema.BEFORE_ALIGNED) or before.get(schema.BEFORE)
        pictures = None if chosen is None else (_rgb(chosen), _rgb(path))
        if pictures is not None and pictures[0].shape != pictures[1].shape:
            pictures = None
        yield sample_id, pictures, (rest[0] or []) if rest else []


def _rgb(path: str) -> NDArray[np.uint8]:
    from onediff_core.data.record import opened

    with opened(Path(path)) as image:
        return np.asarray(image.convert("RGB"))


def _pixels(box: Sequence[float], picture: NDArray[np.uint8]) -> Any:  # noqa: ANN401
    from onediff_plugins.types import Box

    height, width = picture.shape[:2]
    x, y, w, h = box
    x0, y0 = min(int(x * width), width - 1), min(int(y * height), height - 1)
    x1, y1 = min(int(np.ceil((x + w) * width)), width), min(int(np.ceil((y + h) * height)), height)
    return Box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))


def _enough(view: Any, ids: list[str], what: str, count: int | None = None) -> Any:  # noqa: ANN401
    count = len(ids) if count is None else count
    if count < _FEWEST:
        raise SimilarityError(f"{count} {what} are too few to be alike or not: there have to be {_FEWEST}")
    return view.select(ids, ordered=True)


def _index(view: Any, key: str, embeddings: Any, field: str | None, method: str) -> None:  # noqa: ANN401
    import fiftyone.brain as fob

    dataset = view._dataset
    for name in (key, key + _MAP):
        if name in dataset.list_brain_runs():
            dataset.delete_brain_run(name)
    fob.compute_similarity(
        view, patches_field=field, embeddings=embeddings, brain_key=key, backend="sklearn", progress=False
    )
    fob.compute_visualization(
        view, patches_field=field, embeddings=embeddings, brain_key=key + _MAP, method=method, progress=False
    )
