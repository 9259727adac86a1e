"""The exporter "cog"."""

from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import MaskFlags

from onediff_plugins import ChangeMap, GeoRef
from onediff_plugins.errors import ExportError
from onediff_satellite.cog import write_cog

PLACE = GeoRef(crs="EPSG:32631", transform=Affine(2, 0, 500_000, 0, -2, 5_000_000))

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def result(height=40, width=60, valid=None, georef=PLACE):
    """What the exporter reads of a result."""
    rng = np.random.default_rng(0)
    valid = np.ones((height, width), dtype=bool) if valid is None else valid
    score = np.where(valid, rng.random((height, width)), 0).astype(np.float32)
    mask = np.where(score >= 0.5, 255, 0).astype(np.uint8)
    after = SimpleNamespace(georef=georef)
    change = ChangeMap(score=score, valid=valid)
    return SimpleNamespace(id="p", change=change, mask=mask, pair=SimpleNamespace(after=after))


def test_a_folder_gets_score_and_mask_on_the_after_grid(tmp_path):
    given = result()
    assert write_cog([given], tmp_path / "out") == {"score": "score.tif", "mask": "mask.tif"}
    with rasterio.open(tmp_path / "out" / "score.tif") as score:
        assert (score.read(1) == given.change.score).all()
        assert score.dtypes == ("float32",)
        assert np.isnan(score.nodata)
        assert score.crs.to_string() == PLACE.crs
        assert score.transform == PLACE.transform
    with rasterio.open(tmp_path / "out" / "mask.tif") as mask:
        assert (mask.read(1) == given.mask).all()
        assert mask.nodata is None
        assert mask.mask_flag_enums == ([MaskFlags.all_valid],)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mask.tif", "score.tif"]


def test_what_could_not_be_compared_is_nan_in_the_score_and_masked_in_the_mask(tmp_path):
    valid = np.ones((40, 60), dtype=bool)
    valid[:10] = False
    write_cog([result(valid=valid)], tmp_path)
    with rasterio.open(tmp_path / "score.tif") as score:
        assert (np.isnan(score.read(1)) == ~valid).all()
    with rasterio.open(tmp_path / "mask.tif") as mask:
        assert mask.mask_flag_enums == ([MaskFlags.per_dataset],)
        assert ((mask.dataset_mask() > 0) == valid).all()
        assert set(np.unique(mask.read(1))) <= {0, 255}
        assert mask.nodata is None


def test_large_rasters_are_tiled_and_have_overviews(tmp_path):
    write_cog([result(height=1500, width=1300)], tmp_path)
    for name in ("score.tif", "mask.tif"):
        with rasterio.open(tmp_path / name) as dataset:
            assert dataset.block_shapes == [(512, 512)]
            assert dataset.overviews(1)
            assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    with rasterio.open(tmp_path / "mask.tif", overview_level=0) as small:
        assert set(np.unique(small.read(1))) == {0, 255}


@pytest.mark.parametrize("shape", [(1, 1), (3, 700)])
def test_rasters_of_any_size_with_nothing_valid_can_be_written(tmp_path, shape):
    given = result(*shape, valid=np.zeros(shape, dtype=bool))
    write_cog([given], tmp_path)
    with rasterio.open(tmp_path / "score.tif") as score:
        assert np.isnan(score.read(1)).all()
    with rasterio.open(tmp_path / "mask.tif") as mask:
        assert not mask.dataset_mask().any()


def test_a_file_gets_the_score_alone(tmp_path):
    assert write_cog([result()], tmp_path / "change.TIF") == {"score": "change.TIF"}
    assert [path.name for path in tmp_path.iterdir()] == ["change.TIF"]


def test_a_result_without_a_georeference_can_be_written(tmp_path):
    write_cog([result(georef=None)], tmp_path)
    with rasterio.open(tmp_path / "score.tif") as score:
        assert score.crs is None


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ExportError, match="one result, got 2"):
        write_cog([result(), result()], tmp_path)
    bare = result()
    bare.change = None
    with pytest.raises(ExportError, match="holds no pixels"):
        write_cog([bare], tmp_path)
    with pytest.raises(ExportError, match=r"not '\.png'"):
        write_cog([result()], tmp_path / "x.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError):
        write_cog([result()], tmp_path / "file" / "x.tif")
