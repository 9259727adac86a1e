import json

import cv2
import numpy as np
import pytest

from onediff_core.data import PairFolder, Sample, SampleRegion, conversion, sources
from onediff_core.image_processing_onediff import OneDiffImageProcessor
from onediff_core.training.head.reading import Eye, digest_of, mask_labels, pair_label, read_pairs_of, region_labels
from onediff_plugins import Host

IMAGE = np.zeros((8, 10, 3), np.uint8)
CAR = SampleRegion(kind="added", label="car", box=(1, 1, 4, 4))
BARE = SampleRegion(kind="changed", label="", box=(1, 1, 4, 4))


def sample(**known):
    return Sample(before=IMAGE, after=IMAGE, id="x", **known)


def mask(*marked):
    made = np.zeros((8, 10), bool)
    for row in marked:
        made[row] = True
    return made


def test_a_georeferenced_pair_of_one_band_is_read_as_the_detector_reads_it(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    values = np.random.default_rng(0).integers(500, 4000, (1, 64, 64)).astype(np.uint16)
    profile = {
        "driver": "GTiff", "width": 64, "height": 64, "count": 1, "dtype": "uint16", "crs": "EPSG:32633",
        "transform": rasterio.Affine(0.5, 0, 500000, 0, -0.5, 5000000), "nodata": 0,
    }  # fmt: skip
    for side in ("before", "after"):
        pixels = values.copy()
        if side == "after":
            pixels[:, :10] = 0
        with rasterio.open(tmp_path / f"{side}.tif", "w", **profile) as file:
            file.write(pixels)
    (tmp_path / "pairs.jsonl").write_text(json.dumps({"before": "before.tif", "after": "after.tif", "changed": False}))
    eye = Eye(host=Host(), domain="satellite", image_processor=OneDiffImageProcessor())
    (read,) = PairFolder(tmp_path, look=eye)[:]
    assert read.gsd_m == pytest.approx(0.5, rel=0.01)
    assert read.after.shape == (64, 64, 3)
    assert np.ptp(read.after[12:], axis=2).max() == 0  # one band is grey
    assert read.after[12:].std() > 40  # and fills the range
    assert read.ignore is not None
    assert read.ignore[:10].all()
    assert not read.ignore[12:].any()


def test_masks_are_those_asked_for_and_say_whether_a_pair_changed():
    both = sample(masks={"a": mask(1), "b": mask()}, changed=True)
    assert mask_labels(both, ["a"]).changed is True
    assert mask_labels(both, ["b"]).changed is False
    hidden = sample(masks={"a": mask(1)}, ignore=mask(0, 1))
    assert mask_labels(hidden, ["a"]).changed is False
    with pytest.raises(ValueError, match="no mask of c"):
        mask_labels(both, ["c"])


@pytest.mark.parametrize(
    ("known", "changed"),
    [
        ({"changed": False, "masks": {"a": mask(1)}}, False),
        ({"masks": {"a": mask(1)}}, True),
        ({"masks": {"a": mask()}}, False),
        ({"regions": ()}, False),
        ({"regions": (CAR,)}, True),
    ],
)
def test_whether_a_pair_changed_is_said_or_seen(known, changed):
    assert pair_label(sample(**known)).changed is changed


def test_a_pair_that_says_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing says whether it changed"):
        pair_label(sample())
    with pytest.raises(ValueError, match="no boxes"):
        region_labels(sample(), ["car"])


def test_regions_are_of_the_classes_asked_for():
    assert region_labels(sample(regions=(CAR,)), ["car", "tree"]).regions == (CAR,)
    assert region_labels(sample(regions=(CAR,)), ["bus", "tree"]).changed is False
    (named,) = region_labels(sample(regions=(BARE,)), ["car"]).regions
    assert named.label == "car"
    with pytest.raises(ValueError, match="has no label, and there are several classes: car, tree"):
        region_labels(sample(regions=(BARE,)), ["car", "tree"])
    outside = SampleRegion(kind="added", label="car", box=(5, 5, 11, 8))
    with pytest.raises(ValueError, match="lies outside of the image of 10x8"):
        region_labels(sample(regions=(outside,)), ["car"])


def test_every_pair_is_told_of_and_bad_ones_are_listed(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), IMAGE)
    rows = [{"id": "good", "before": "a.png", "after": "a.png", "changed": "yes"},
            {"id": "gone", "before": "a.png", "after": "b.png", "changed": True},
            {"id": "odd", "before": "a.png", "after": "a.png", "changed": "maybe"},
            {"id": "mute", "before": "a.png", "after": "a.png"}]  # fmt: skip
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = []
    kept, skipped = read_pairs_of(PairFolder(tmp_path), pair_label, told.append)
    assert [entry.id for entry in kept] == ["good"]
    assert [entry.id for entry in skipped] == ["gone", "odd", "mute"]
    assert "changed is 'maybe': write true or false" in skipped[1].reason
    assert told == [None, *skipped]


def test_the_digest_tells_pixels_labels_and_groups_apart():
    one = sample(masks={"a": mask(1)})
    others = [sample(masks={"a": mask(2)}), sample(masks={"b": mask(1)}), sample(masks={"a": mask(1)}, group="g")]
    assert digest_of([one]) == digest_of([sample(masks={"a": mask(1)})])
    assert len({digest_of([entry]) for entry in (one, *others)}) == 4


def test_packed_pairs_are_read_as_the_detector_reads_their_files(tmp_path):
    rng = np.random.default_rng(1)
    for side in ("before", "after"):
        (tmp_path / "own" / side).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "own" / side / "a.png"), rng.integers(0, 255, (64, 80, 3), dtype=np.uint8))
    packed = tmp_path / "packed"
    conversion.convert(conversion.Job(source=sources.source("pairs"), root=tmp_path / "own"), packed)
    eye = Eye(host=Host(), domain="surveillance", image_processor=OneDiffImageProcessor())
    (listed,), (read,) = PairFolder(tmp_path / "own", look=eye), PairFolder(packed, look=eye, split="train")
    np.testing.assert_array_equal(listed.before, read.before)
    np.testing.assert_array_equal(listed.after, read.after)
