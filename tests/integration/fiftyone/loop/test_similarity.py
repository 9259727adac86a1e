"""Changes that are alike, found by the delta tokens of the weights that ship in FiftyOne's own indexes."""

from __future__ import annotations

import numpy as np
import pytest

from onediff_core.checkpoint import load_checkpoint
from onediff_core.devices import torch_device
from onediff_core.embedding import ChangeEmbedder
from onediff_fiftyone import embed_pairs, embed_regions, more_like_this
from onediff_fiftyone.loop.similarity import SimilarityError
from onediff_plugins.errors import MismatchedPairError, MissingDependencyError


@pytest.fixture(scope="module")
def embedded(fo, imported):
    """The batch with both indexes. "other" and "waiting" show the same change."""
    dataset = imported.clone("test-similarity")
    embed_pairs(dataset)
    embed_regions(dataset)
    yield dataset
    fo.delete_dataset(dataset.name)


def id_of(dataset, pair: str, path: str = "id"):
    return dataset.select_group_slices("after").match({"pair_id": pair}).values(path)[0]


def test_pairs_with_the_same_change_are_likest(embedded) -> None:
    found = more_like_this(embedded, id_of(embedded, "other"), count=3)
    assert sorted(found.values("pair_id")[:2]) == ["other", "waiting"]
    assert len(found) == 3


def test_regions_with_the_same_change_are_likest(embedded) -> None:
    (region,) = id_of(embedded, "other", "changes.detections.id")
    found = more_like_this(embedded, region, count=2)
    assert sorted(found.values("pair_id")) == ["other", "waiting"]


def test_a_change_that_comes_twice_is_less_unique(embedded) -> None:
    ids, unique = embedded.select_group_slices("after").values(["pair_id", "uniqueness"])
    of = dict(zip(ids, unique, strict=True))
    assert max(of["other"], of["waiting"]) < min(of["one"], of["two"])


def test_maps_have_a_point_for_each(embedded) -> None:
    assert embedded.load_brain_results("onediff_pairs_map").points.shape == (5, 2)
    assert embedded.load_brain_results("onediff_regions_map").points.shape == (5, 2)


def test_embedding_again_replaces_what_is_there(embedded) -> None:
    before = sorted(embedded.list_brain_runs())
    made = embed_pairs(embedded.select_group_slices("after").limit(4))
    assert (made.count, made.left_out) == (4, 0)
    assert sorted(embedded.list_brain_runs()) == before


def test_what_was_not_embedded_has_no_likeness(review) -> None:
    with pytest.raises(SimilarityError, match="was embedded: call embed_pairs or embed_regions"):
        more_like_this(review.dataset, review.sample("one").id)


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ({"method": "magic"}, SimilarityError, "maps are made by pca, tsne, umap, not by 'magic'"),
        ({"method": "umap"}, MissingDependencyError, "umap-learn"),
    ],
)
def test_maps_that_cannot_be_made_are_refused(review, wanted, error, message, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "umap", None)
    with pytest.raises(error, match=message):
        embed_pairs(review.dataset, **wanted)


def test_three_pairs_are_too_few(review) -> None:
    with pytest.raises(SimilarityError, match="3 pairs are too few"):
        embed_pairs(review.dataset.select_group_slices("after").limit(3))


def test_an_embedding_has_length_one_and_wants_one_grid() -> None:
    embedder = ChangeEmbedder(load_checkpoint(heads=()), torch_device("cpu"))
    grey, white = np.full((40, 60, 3), 128, np.uint8), np.full((40, 60, 3), 255, np.uint8)
    found = embedder.embed([(grey, grey), (grey, white)])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert found[0] @ found[1] < 0.999
    with pytest.raises(MismatchedPairError, match="on the after grid"):
        embedder.embed([(grey, white[:20])])
