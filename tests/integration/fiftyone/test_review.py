"""Results in a real FiftyOne dataset, on a real MongoDB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from onediff_fiftyone import to_fiftyone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Name = "Callable[[], str]"


def records(run: Path) -> dict[str, dict[str, Any]]:
    lines = (run / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return {record["id"]: record for record in map(json.loads, lines)}


@pytest.fixture(scope="module")
def demo(fo: Any, demo_run: Path) -> Any:
    """The shipped pairs of all three domains as a dataset."""
    dataset = to_fiftyone(demo_run, name="demo").dataset
    yield dataset
    dataset.delete()


def slice_of(dataset: Any, name: str) -> dict[str, Any]:
    """Sample of a slice by the id of its pair."""
    return {sample.pair_id: sample for sample in dataset.select_group_slices(name)}


# --- the dataset ---


def test_every_pair_is_a_group_with_its_regions_on_the_after_slice(demo: Any, demo_run: Path) -> None:
    expected = records(demo_run)
    assert demo.media_type == "group"
    assert demo.default_group_slice == "after"
    assert demo.persistent
    after = slice_of(demo, "after")
    assert after.keys() == expected.keys() == slice_of(demo, "before").keys()
    for pair_id, record in expected.items():
        found = after[pair_id].changes.detections
        assert [region.region_id for region in found] == [region["id"] for region in record["regions"]]
        assert [region.confidence for region in found] == [region["score"] for region in record["regions"]]
        assert after[pair_id].caption == record["caption"]
        assert after[pair_id].change_score == record["score"]
        assert after[pair_id].review.label == "pending"
        assert len(after[pair_id].polygons.polylines) == len(record["regions"])


def test_boxes_are_where_the_record_has_them(demo: Any, demo_run: Path) -> None:
    record = records(demo_run)["orders-page"]
    after, before = (slice_of(demo, name)["orders-page"] for name in ("after", "before"))
    size = [record["after"]["width"], record["after"]["height"]]
    for region, detection in zip(record["regions"], after.changes.detections, strict=True):
        x, y, width, height = np.array(detection.bounding_box) * [*size, *size]
        if region["bbox_after"] is not None:
            assert [x, y, x + width, y + height] == pytest.approx(region["bbox_after"], abs=0.01)
    gone = [region for region in record["regions"] if region["kind"] == "removed"]
    assert [region.region_id for region in before.removed.detections] == [region["id"] for region in gone]
    x, y, width, height = np.array(before.removed.detections[0].bounding_box) * [*size, *size]
    assert [x, y, x + width, y + height] == pytest.approx(gone[0]["bbox_before"], abs=0.01)


def test_everything_shown_is_something_a_browser_shows(demo: Any) -> None:
    for sample in demo.select_group_slices(["before", "after", "before_aligned"]):
        with Image.open(sample.filepath) as image:
            assert image.format in ("PNG", "JPEG")
            assert image.mode in ("L", "RGB")
            assert image.size == (sample.metadata.width, sample.metadata.height)
    for sample in demo.select_group_slices("after"):
        with Image.open(sample.filepath) as image:
            size = image.size
        for path in (sample.change_mask.mask_path, sample.change_score_map.map_path):
            with Image.open(path) as image:
                assert (image.format, image.mode, image.size) == ("PNG", "L", size)


def test_the_aligned_before_image_is_nearer_to_the_after_image(demo: Any) -> None:
    before, aligned, after = (slice_of(demo, name) for name in ("before", "before_aligned", "after"))
    assert aligned.keys() == {"orders-page", "village", "yard"}

    def pixels(sample: Any) -> Any:
        with Image.open(sample.filepath) as image:
            return np.asarray(image.convert("L"), np.float32)

    for pair_id in aligned:
        wanted = pixels(after[pair_id])
        assert pixels(aligned[pair_id]).shape == wanted.shape
        rows, columns = np.minimum(wanted.shape, pixels(before[pair_id]).shape)
        inner = np.s_[60 : rows - 60, 60 : columns - 60]
        off, near = (np.median(np.abs(pixels(s[pair_id])[inner] - wanted[inner])) for s in (before, aligned))
        assert near <= off, pair_id
    assert off > near


def test_a_georeferenced_pair_has_a_place(demo: Any, demo_run: Path) -> None:
    after = slice_of(demo, "after")
    longitude, latitude = after["village"].location.point
    corners = np.array(after["village"].location.polygon[0])
    region = records(demo_run)["village"]["regions"][0]["map_polygon"]["coordinates"][0][0]
    assert corners[:, 0].min() < longitude < corners[:, 0].max()
    assert corners[:, 0].min() < region[0] < corners[:, 0].max()
    assert corners[:, 1].min() < latitude < corners[:, 1].max()
    assert after["yard"].location is None
    assert after["village"].crs.startswith("EPSG:")


def test_each_domain_adds_its_own_numbers_and_views(demo: Any, demo_run: Path) -> None:
    after, expected = slice_of(demo, "after"), records(demo_run)
    areas = [region["attributes"]["area_m2"] for region in expected["village"]["regions"]]
    assert after["village"].changed_area_m2 == pytest.approx(sum(areas))
    assert after["orders-page"].changed_area_m2 is None
    assert after["orders-page"].largest_shift_px == 46
    assert after["yard"].camera_shift_px == pytest.approx(2.07, abs=0.2)
    views = {name: set(demo.load_saved_view(name).values("pair_id")) for name in demo.list_saved_views()}
    assert views["largest area first"] == {"village"}
    assert views["changed: text"] == {"orders-page"}
    assert views["came"] == {"yard"}
    assert views["pending by score"] == expected.keys()


def test_fields_are_in_the_order_of_a_review(demo: Any) -> None:
    groups = {group.name: group.paths for group in demo.app_config.sidebar_groups}
    assert list(groups) == ["review", "found", "alignment", "record"]
    assert groups["review"][0] == "review"
    assert {"changes", "caption", "changed_area_m2", "camera_shift_px"} <= set(groups["found"])
    assert "registration_residual_px" in groups["alignment"]
    fields = [path for paths in groups.values() for path in paths]
    assert len(fields) == len(set(fields))


def test_what_people_sort_by_is_indexed_and_no_mask_is_in_the_database(demo: Any) -> None:
    assert {"pair_id", "change_score", "review.label", "changes.detections.kind"} <= set(demo.list_indexes())
    after = demo.select_group_slices("after")
    assert after.values("change_mask.mask") == [None] * 3
    assert [mask for masks in after.values("changes.detections.mask") for mask in masks if mask is not None] == []


def test_masks_of_regions_come_on_request(fo: Any, write_run: Callable[..., Path], dataset_name: Any) -> None:
    dataset = to_fiftyone(write_run({}), name=dataset_name(), instance_masks=True).dataset
    mask = dataset.select_group_slices("after").first().changes.detections[0].mask
    assert mask.shape == (12, 20)
    assert mask.all()


# --- pictures ---


def test_sixteen_bits_and_windows_get_a_picture_of_what_was_compared(
    fo: Any, write_run: Callable[..., Path], dataset_name: Any, tmp_path: Path
) -> None:
    run = write_run({}, {})
    record = list(records(run).values())
    deep = np.tile(np.linspace(0, 4000, 400).astype(np.uint16), (300, 1))
    Image.fromarray(deep).save(record[0]["before"]["source"])
    record[1]["after"]["window"] = [100, 50, 300, 200]
    (run / "results.jsonl").write_text("".join(json.dumps(one) + "\n" for one in record))

    dataset = to_fiftyone(run, name=dataset_name(), media=tmp_path / "made").dataset
    before, after = slice_of(dataset, "before"), slice_of(dataset, "after")
    with Image.open(before["000001"].filepath) as image:
        assert image.mode == "RGB"
        assert (np.asarray(image).min(), np.asarray(image).max()) == (0, 255)
    with Image.open(after["000002"].filepath) as image, Image.open(record[1]["after"]["source"]) as source:
        assert np.array_equal(np.asarray(image), np.asarray(source)[50:200, 100:300])
    made = [path.relative_to(tmp_path / "made").parts[0] for path in (tmp_path / "made").rglob("*.png")]
    assert sorted(made) == ["000001", "000002", "000002"]  # no other picture was missing


# --- importing again ---


def test_an_unchanged_run_is_left_alone(fo: Any, write_run: Callable[..., Path], dataset_name: Any) -> None:
    run, name = write_run({}, {}, {}), dataset_name()
    first = to_fiftyone(run, name=name)
    touched = first.dataset.select_group_slices("after").values("last_modified_at")
    again = to_fiftyone(run, name=name)
    assert (first.added, again.added, again.updated, again.unchanged) == (3, 0, 0, 3)
    assert again.dataset.count_sample_tags() == {}
    assert len(again.dataset.select_group_slices(["before", "after"])) == 6
    assert again.dataset.select_group_slices("after").values("last_modified_at") == touched


def test_a_changed_record_is_updated_and_decisions_are_kept(
    fo: Any, write_run: Callable[..., Path], make_result: Callable[..., Any], dataset_name: Any
) -> None:
    run, name = write_run({"count": 4}, {}), dataset_name()
    dataset = to_fiftyone(run, name=name).dataset
    sample = slice_of(dataset, "after")["000001"]
    sample.review.label = "accepted"
    sample.caption = "Four boxes came."
    renamed, refused, reworded, _ = sample.changes.detections
    renamed.label = "sign"
    refused.review = "rejected"
    reworded.caption = "A person said this."
    sample.changes.detections.append(fo.Detection(label="drawn", bounding_box=[0.8, 0.8, 0.1, 0.1]))
    sample.save()

    first, _, third, fourth = make_result(4).regions
    nudged = first.replace(score=0.7, geometry=first.geometry.buffer(1))
    write_run({"count": 4, "regions": (nudged, third, fourth), "caption": "New words.", "score": 0.5}, {})
    again = to_fiftyone(run, name=name)

    assert (again.added, again.updated, again.unchanged) == (0, 1, 1)
    sample = slice_of(again.dataset, "after")["000001"]
    assert sample.review.label == "accepted"
    assert sample.review_outdated
    assert (sample.caption, sample.model_caption, sample.change_score) == ("Four boxes came.", "New words.", 0.5)
    by_id = {region.id: region for region in sample.changes.detections}
    assert len(by_id) == 5
    assert (by_id[renamed.id].label, by_id[renamed.id].confidence) == ("sign", 0.7)
    assert by_id[reworded.id].caption == "A person said this."
    assert (by_id[refused.id].review, by_id[refused.id].orphaned, by_id[refused.id].region_id) == ("rejected", True, 2)
    drawn = next(region for region in by_id.values() if region.label == "drawn")
    assert not drawn.orphaned
    assert again.dataset.load_saved_view("decided, then found anew").values("pair_id") == ["000001"]


def test_words_that_nobody_edited_follow_the_record(fo: Any, write_run: Callable[..., Path], dataset_name: Any) -> None:
    run, name = write_run({}), dataset_name()
    to_fiftyone(run, name=name)
    write_run({"caption": "New words.", "count": 3})
    sample = slice_of(to_fiftyone(run, name=name).dataset, "after")["000001"]
    assert (sample.caption, sample.review_outdated, len(sample.changes.detections)) == ("New words.", False, 3)


def test_an_aligned_picture_comes_and_goes_with_the_registration(
    fo: Any, write_run: Callable[..., Path], dataset_name: Any
) -> None:
    from onediff_plugins.records import RegistrationRecord

    moved = RegistrationRecord(method="shift", matrix=((1, 0, 20), (0, 1, 5), (0, 0, 1)), overlap=0.9)
    run, name = write_run({"registration": moved}), dataset_name()
    assert slice_of(to_fiftyone(run, name=name).dataset, "before_aligned").keys() == {"000001"}
    write_run({})
    assert slice_of(to_fiftyone(run, name=name).dataset, "before_aligned") == {}
    write_run({"registration": moved})
    dataset = to_fiftyone(run, name=name).dataset
    assert slice_of(dataset, "before_aligned").keys() == {"000001"}
    assert len(dataset) == 1


def test_an_import_that_was_stopped_goes_on(fo: Any, write_run: Callable[..., Path], dataset_name: Any) -> None:
    run, name = write_run(*[{} for _ in range(12)]), dataset_name()

    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 7:
            raise Stopped

    with pytest.raises(Stopped):
        to_fiftyone(run, name=name, progress=stop)
    dataset = fo.load_dataset(name)
    # As if it had been killed between the two samples of a pair.
    there = len(dataset.select_group_slices("after"))
    fragment = fo.Group()
    dataset.add_sample(fo.Sample(filepath="/x.png", pair_id=f"{there + 1:06d}", pair=fragment.element("before")))
    again = to_fiftyone(run, name=name)
    assert again.added + again.unchanged == 12
    assert again.unchanged == there
    assert sorted(again.dataset.select_group_slices("after").values("pair_id")) == sorted(records(run))
    assert len(again.dataset.select_group_slices("before")) == 12


# --- views ---


def test_saved_views_follow_the_decisions(fo: Any, write_run: Callable[..., Path], dataset_name: Any) -> None:
    from onediff_plugins.records import RegistrationRecord

    poor = RegistrationRecord(method="shift", matrix=((1, 0, 0), (0, 1, 0), (0, 0, 1)), residual_px=2.5, overlap=1.0)
    run = write_run(
        {"score": 0.6, "meta": {"place": "Berlin"}},
        {"score": 0.9, "meta": {"place": "Paris", "frames": 3}},
        {"score": 0.8, "registration": poor, "meta": {"place": "Berlin", "frames": 2.5}},
    )
    dataset = to_fiftyone(run, name=dataset_name()).dataset

    def view(name: str) -> list[str]:
        return dataset.load_saved_view(name).values("pair_id")

    assert view("pending by score") == ["000002", "000003", "000001"]
    assert view("low registration quality") == ["000003"]
    assert sorted(view("place: Berlin")) == ["000001", "000003"]
    assert view("model and human disagree") == view("false positives") == []
    sample = slice_of(dataset, "after")["000002"]
    sample.review.label = "rejected"
    sample.save()
    sample = slice_of(dataset, "after")["000001"]
    sample.changes.detections[0].label = "sign"
    sample.save()
    assert view("pending by score") == ["000003", "000001"]
    assert view("false positives") == ["000002"]
    assert sorted(view("model and human disagree")) == ["000001", "000002"]
    assert dataset.match(fo.ViewField("meta.frames") > 2.7).values("pair_id") == ["000002"]


def test_views_and_colours_that_a_person_changed_stay(
    fo: Any, write_run: Callable[..., Path], dataset_name: Any
) -> None:
    run, name = write_run({}, {}), dataset_name()
    dataset = to_fiftyone(run, name=name).dataset
    dataset.save_view("pending by score", dataset.limit(1), overwrite=True)
    dataset.app_config.color_scheme.opacity = 0.9
    dataset.save()
    dataset = to_fiftyone(run, name=name).dataset
    assert len(dataset.load_saved_view("pending by score")) == 1
    assert dataset.app_config.color_scheme.opacity == 0.9
