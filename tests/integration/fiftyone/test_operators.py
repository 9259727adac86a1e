"""The operators and the panel's methods through FiftyOne's own execution, without a browser."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("plugin")


def in_a_thread(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call where no event loop runs, which a browser of another test keeps running in this thread."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(call, *args, **kwargs).result()


def execute(name: str, dataset: Any, /, **params: Any) -> Any:
    """The result of an operator, executed as a script would; its error is raised."""
    import fiftyone.operators as foo

    ctx = {key: params.pop(key) for key in ("view", "selected", "selected_labels", "current_sample") if key in params}

    with redirect_stdout(StringIO()):
        done = in_a_thread(foo.execute_operator, f"@onediff/review/{name}", {"dataset": dataset, **ctx}, params=params)
        done.raise_exceptions()
    return done.result


def call_panel(method: str, dataset: Any, **params: Any) -> Any:
    """What a method of the panel answers to the page."""
    import fiftyone.operators as foo

    asked = {**params, "__method__": method, "panel_id": "x"}
    done = in_a_thread(foo.execute_operator, "@onediff/review/change_review", {"dataset": dataset}, params=asked)
    done.raise_exceptions()
    return done.result


def after(dataset: Any, pair_id: str) -> Any:
    """The after sample of a pair, read from the database anew."""
    dataset.reload()
    sample = dataset.select_group_slices("after").match({"pair_id": pair_id}).first()
    sample = dataset[sample.id]
    sample.reload()
    return sample


def regions(sample: Any) -> list[Any]:
    return list(sample["changes"].detections)


def id_of(dataset: Any, domain: str) -> str:
    return dataset.select_group_slices("after").match({"domain": domain}).first()["pair_id"]


def test_fiftyone_lists_the_panel_and_every_operator(fo: Any) -> None:
    import fiftyone.operators as foo

    names = {operator.uri.rpartition("/")[2] for operator in foo.list_operators() if "@onediff/review" in operator.uri}
    assert names == {
        *("change_review", "accept", "reject", "undo", "edit_caption", "relabel"),
        *("rerun", "compare_runs", "export_reviewed", "summarise"),
        *("mask_iou", "verdict_accuracy", "caption_meteor", "caption_agreement"),
    }


def test_selected_pairs_are_accepted_and_taken_back(dataset: Any) -> None:
    one, two = (after(dataset, id_of(dataset, domain)) for domain in ("ui", "satellite"))
    execute("accept", dataset, selected=[one.id, two.id])
    assert {after(dataset, sample["pair_id"])["review"].label for sample in (one, two)} == {"accepted"}
    execute("undo", dataset, sample_id=one.id)
    assert after(dataset, one["pair_id"])["review"].label == "pending"
    assert after(dataset, two["pair_id"])["review"].label == "accepted"


def test_selected_regions_are_rejected_and_their_pair_stays_pending(dataset: Any) -> None:
    sample = after(dataset, id_of(dataset, "ui"))
    region = str(regions(sample)[1].id)
    label = {"label_id": region, "sample_id": sample.id, "field": "changes"}
    execute("reject", dataset, current_sample=sample.id, selected_labels=[label])
    sample = after(dataset, sample["pair_id"])
    assert [one["review"] for one in regions(sample)][:3] == ["pending", "rejected", "pending"]
    assert sample["review"].label == "pending"


def test_captions_and_labels_are_rewritten_beside_the_models_own(dataset: Any) -> None:
    sample = after(dataset, id_of(dataset, "surveillance"))
    written, label = sample["caption"], regions(sample)[0].label
    execute("edit_caption", dataset, sample_ids=[sample.id], caption="A van arrived.")
    execute("relabel", dataset, sample_ids=[sample.id], region_ids=[str(regions(sample)[0].id)], label="van")
    sample = after(dataset, sample["pair_id"])
    assert (sample["caption"], sample["model_caption"]) == ("A van arrived.", written)
    assert (regions(sample)[0].label, regions(sample)[0]["model_label"]) == ("van", label)


def test_without_a_selection_nothing_is_decided(dataset: Any) -> None:
    with pytest.raises(Exception, match="no pair was named"):
        execute("accept", dataset)


def test_the_summary_counts_what_was_decided(dataset: Any) -> None:
    sample = after(dataset, id_of(dataset, "satellite"))
    found = regions(sample)
    execute("accept", dataset, sample_ids=[sample.id])
    execute("reject", dataset, sample_ids=[sample.id], region_ids=[str(found[0].id)])
    summary = execute("summarise", dataset)
    assert summary["pairs"] == {"pending": 2, "accepted": 1}
    assert (summary["regions"]["accepted"], summary["regions"]["rejected"]) == (len(found) - 1, 1)
    assert summary["precision"] == (len(found) - 1) / len(found)
    assert "**3 pairs**: 2 pending, 1 accepted, 0 rejected" in summary["text"]


def test_accepted_pairs_are_exported(dataset: Any, tmp_path: Path) -> None:
    sample = after(dataset, id_of(dataset, "satellite"))
    execute("accept", dataset, sample_ids=[sample.id])
    done = execute("export_reviewed", dataset, format="GeoJSON", path=str(tmp_path / "x.geojson"))
    features = json.loads((tmp_path / "x.geojson").read_text(encoding="utf-8"))["features"]
    assert done["regions"] == len(features) == len(regions(sample))


def test_decisions_become_pairs_to_learn_from(dataset: Any, tmp_path: Path) -> None:
    from onediff_core.data import PairFolder

    for domain, decision in (("ui", "accept"), ("surveillance", "reject")):
        execute(decision, dataset, sample_ids=[after(dataset, id_of(dataset, domain)).id])
    execute("export_reviewed", dataset, format="Training records", path=str(tmp_path / "records"))
    found = {sample.domain: sample for sample in PairFolder(tmp_path / "records")}
    assert {domain: sample.changed for domain, sample in found.items()} == {"ui": True, "surveillance": False}


def test_pairs_are_compared_again_with_another_detector(dataset: Any) -> None:
    sample = after(dataset, id_of(dataset, "surveillance"))
    done = execute("rerun", dataset, sample_ids=[sample.id], detector="difference", threshold=0.6)
    assert (done["field"], done["done"], done["failed"]) == ("run_difference_t0_6", 1, {})
    again = after(dataset, sample["pair_id"])
    assert again["run_difference_t0_6_agreement"] == pytest.approx(done["agreement"], abs=1e-3)
    assert again["run_difference_t0_6"] is not None
    assert [one.id for one in regions(again)] == [one.id for one in regions(sample)]


def test_pairs_are_compared_again_in_the_background(dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from fiftyone.operators.delegated import DelegatedOperationService

    sample = after(dataset, id_of(dataset, "ui"))
    execute("rerun", dataset, sample_ids=[sample.id], threshold=0.9, name="strict", delegate=True)
    service = DelegatedOperationService()
    (queued,) = service.list_operations(dataset_name=dataset.name, run_state="queued")
    in_a_thread(service.execute_operation, queued, log=False)
    assert service.list_operations(dataset_name=dataset.name)[0].run_state == "completed"
    assert after(dataset, sample["pair_id"])["run_strict_changed"] is True


def test_pairs_whose_images_are_gone_are_named_and_the_rest_compared(dataset: Any) -> None:
    lost, kept = (after(dataset, id_of(dataset, domain)) for domain in ("ui", "surveillance"))
    lost["source"] = "/nowhere/page.png"
    lost.save()
    done = execute("rerun", dataset, sample_ids=[lost.id, kept.id], threshold=0.4)
    assert done["done"] == 1
    assert "/nowhere/page.png" in done["failed"][lost["pair_id"]]


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({}, "name a detector, a head or a threshold"),
        ({"threshold": 1.5}, "less than 1.0"),
        ({"detector": "no-such"}, "unknown"),
    ],
)
def test_a_run_that_cannot_be_is_refused_before_anything_is_compared(
    dataset: Any, params: dict[str, Any], what: str
) -> None:
    with pytest.raises(Exception, match=what):
        execute("rerun", dataset, **params)
    assert not [name for name in dataset.get_field_schema() if name.startswith("run_")]


def test_two_runs_are_compared_pair_by_pair(dataset: Any, imported_demo: Any, dataset_name: Callable[[], str]) -> None:
    other = imported_demo.clone(dataset_name())
    page, yard = (after(other, id_of(other, domain)) for domain in ("ui", "surveillance"))
    removed = len(regions(page)) - 1
    page["changes"].detections = regions(page)[:1]
    page.save()
    other.delete_groups([yard["pair"].id])
    mine = after(dataset, page["pair_id"])
    execute("accept", dataset, sample_ids=[mine.id])
    done = execute("compare_runs", dataset, other=other.name, name="Lenient")
    assert (done["field"], done["pairs"], done["only_here"], done["only_there"]) == ("run_lenient", 2, 1, 0)
    assert (done["regions_only_here"], done["regions_only_there"]) == (removed, 0)
    assert done["decided"] == {"accepted kept": 1, "accepted lost": removed}
    mine = after(dataset, page["pair_id"])
    assert mine["run_lenient_agreement"] == pytest.approx(2 / (2 + removed))
    assert len(mine["run_lenient"].detections) == 1
    assert after(dataset, id_of(dataset, "satellite"))["run_lenient_agreement"] == 1


def test_the_panel_answers_with_a_window_and_takes_decisions(dataset: Any) -> None:
    start = call_panel("start", dataset, limit=2)
    assert (len(start["pairs"]), start["size"], start["states"]["pending"]) == (2, 3, 3)
    last = start["pairs"][-1]
    rest = call_panel("window", dataset, after={"score": last["score"], "sample": last["sample"]}, limit=2)
    assert len({pair["id"] for pair in (*start["pairs"], *rest["pairs"])}) == 3
    done = call_panel("decide", dataset, sample=last["sample"], action="review", value="rejected", regions=[])
    assert done["pairs"][0]["review"] == "rejected"
    assert after(dataset, last["id"])["review"].label == "rejected"
    undone = call_panel("undo", dataset, sample=last["sample"], entry=done["pairs"][0]["entry"])
    assert undone["pairs"][0]["review"] == "pending"


def test_the_panel_tells_what_is_wrong_in_its_place(fo: Any, dataset_name: Callable[[], str], tmp_path: Path) -> None:
    other = fo.Dataset(dataset_name())
    other.add_sample(fo.Sample(filepath=str(tmp_path / "x.png")))
    assert "holds no compared pairs" in call_panel("start", other)["problem"]
