"""What cannot be imported is told in words, and nothing is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from onediff_fiftyone import to_fiftyone
from onediff_fiftyone.commands import review
from onediff_fiftyone.connecting import DatabaseError, connected
from onediff_fiftyone.media import MediaError
from onediff_fiftyone.opening import DatasetError
from onediff_plugins.errors import ExportError, ResultsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def rewrite(run: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    file = run / "results.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    change(records)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_a_dataset_of_another_kind_is_left_alone(fo: Any, write_run: Callable[..., Path], dataset_name: Any) -> None:
    name = dataset_name()
    theirs = fo.Dataset(name)
    theirs.add_sample(fo.Sample(filepath="/cat.png"))
    with pytest.raises(DatasetError, match=f"was not made from results of onediff.*--dataset {name}-changes"):
        to_fiftyone(write_run({}), name=name)
    assert theirs.values("filepath") == ["/cat.png"]
    assert theirs.media_type == "image"


def test_a_dataset_of_a_newer_version_is_left_alone(fo: Any, write_run: Callable[..., Path], dataset_name: Any) -> None:
    run, name = write_run({}), dataset_name()
    dataset = to_fiftyone(run, name=name).dataset
    dataset.info["onediff"] = {"schema": "onediff.fiftyone/2"}
    dataset.save()
    with pytest.raises(DatasetError, match=r"of the form onediff.fiftyone/2.*update onediff-fiftyone"):
        to_fiftyone(run, name=name)


def test_a_name_that_fiftyone_does_not_take_is_told(fo: Any, write_run: Callable[..., Path]) -> None:
    with pytest.raises(DatasetError, match="cannot be the name of a dataset"):
        to_fiftyone(write_run({}), name="$")


def change_schema(records: list[dict[str, Any]]) -> None:
    records[1]["schema"] = "onediff.change-result/2"


def repeat_id(records: list[dict[str, Any]]) -> None:
    records[1]["id"] = records[0]["id"]


def lose_score(records: list[dict[str, Any]]) -> None:
    del records[1]["score"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_schema, "line 2 is of the form onediff.change-result/2.*update onediff-plugins"),
        (repeat_id, "line 2: the id '000001' comes a second time"),
        (lose_score, "line 2 is no record of the form.*score"),
        (list.clear, "holds no record"),
    ],
)
def test_results_that_are_damaged_or_newer_change_nothing(
    fo: Any, write_run: Callable[..., Path], dataset_name: Any, change: Callable[..., None], said: str
) -> None:
    run, name = write_run({}, {}), dataset_name()
    rewrite(run, change)
    with pytest.raises(ResultsError, match=said):
        to_fiftyone(run, name=name)
    assert len(fo.load_dataset(name)) == 0
    write_run({}, {})
    assert to_fiftyone(run, name=name).added == 2


def test_images_that_were_moved_are_missed_and_found_again(
    fo: Any, write_run: Callable[..., Path], dataset_name: Any, tmp_path: Path
) -> None:
    run, name = write_run({}, {}), dataset_name()
    assert to_fiftyone(run, name=name).added == 2
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(MediaError, match=r"4 pictures of 2 pairs.*before\.png.*and 1 more.*--moved OLD=NEW"):
        to_fiftyone(run, name=name)
    again = to_fiftyone(run, name=name, moved={str(tmp_path / "images"): str(tmp_path / "elsewhere")})
    assert again.updated == 2
    assert to_fiftyone(run, name=name).unchanged == 2  # the dataset remembers
    paths = again.dataset.select_group_slices(["before", "after"]).values("filepath")
    assert {path.startswith(str(tmp_path / "elsewhere")) for path in paths} == {True}


def test_an_image_that_is_none_is_told_with_its_pair(
    fo: Any, write_run: Callable[..., Path], dataset_name: Any, tmp_path: Path
) -> None:
    run = write_run({})
    (tmp_path / "images/000001/after.png").write_text("no image")
    with pytest.raises(MediaError, match=r"pair '000001' has no picture: .*after\.png"):
        to_fiftyone(run, name=dataset_name())


def test_a_folder_for_pictures_that_cannot_be_written_is_told(
    fo: Any, write_run: Callable[..., Path], dataset_name: Any, tmp_path: Path
) -> None:
    run = write_run({})
    rewrite(run, lambda records: records[0]["after"].update(window=[0, 0, 100, 100]))
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written"):
        to_fiftyone(run, name=dataset_name(), media=tmp_path / "file")


def test_pairs_that_could_not_be_compared_are_left_out_and_counted(
    fo: Any, write_run: Callable[..., Path], dataset_name: Any
) -> None:
    run, name = write_run({}), dataset_name()
    failed = {"schema": "onediff.change-result/1", "id": "x", "domain": "ui", "error": {"type": "E", "message": "no"}}
    rewrite(run, lambda records: records.append(failed))
    done = to_fiftyone(run, name=name)
    assert (done.added, done.failed) == (1, 1)
    assert done.dataset.select_group_slices("after").values("pair_id") == ["000001"]


def test_the_command_says_what_it_did(fo: Any, write_run: Callable[..., Path], dataset_name: Any) -> None:
    run, name = write_run({}, {}), dataset_name()
    first = CliRunner().invoke(review, [str(run), "--dataset", name], catch_exceptions=False)
    assert first.stdout == f"dataset {name}: 2 added\n"
    assert "--launch" in first.stderr
    again = CliRunner().invoke(review, [str(run), "--dataset", name], catch_exceptions=False)
    assert again.stdout == f"dataset {name}: 2 unchanged\n"
    assert CliRunner().invoke(review, [str(run), "--moved", "nowhere"]).exit_code == 2


# --- the database ---


def test_a_server_that_is_too_old_is_told(fo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from packaging.version import Version

    monkeypatch.setattr("fiftyone.constants.MONGODB_MIN_VERSION", Version("99.0"))
    monkeypatch.setattr(fo.config, "database_validation", True)
    with pytest.raises(DatabaseError, match=r"is version \d+\.\d+.*needs 99.0 or newer"):
        connected()


def in_a_process(code: str, **variables: str) -> str:
    """What an interpreter of its own writes to stderr; it has none of our variables of FiftyOne but those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FIFTYONE_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**clean, "FIFTYONE_DO_NOT_TRACK": "true", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    return done.stderr


CONNECT = "from onediff_fiftyone.connecting import connected; connected()"


def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    told = in_a_process(CONNECT, FIFTYONE_DATABASE_URI="mongodb://me:secret@127.0.0.1:1")
    assert "DatabaseError: no MongoDB answers at FIFTYONE_DATABASE_URI=mongodb://127.0.0.1:1" in told
    assert "secret" not in told.splitlines()[-1]


def test_no_mongod_at_all_is_told_with_two_ways_to_get_one(tmp_path: Path) -> None:
    # FiftyOne would attach to any server that it started for this user: of a name of our own, there is none.
    alone = "import fiftyone.core.service as s; s.DatabaseService.service_name = 'db-of-this-test'"
    without = f"import fiftyone.constants as c; c.FIFTYONE_DB_BIN_DIR = {str(tmp_path)!r}"
    told = in_a_process(f"{without}; {alone}; {CONNECT}", PATH="", HOME=str(tmp_path)).splitlines()[-1]
    assert "FiftyOne has no MongoDB to keep datasets in" in told
    assert "With a network" in told
    assert "Without one" in told
