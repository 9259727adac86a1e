"""The list of pairs: what is read from it, what is refused, and where each pair's files go."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from onediff_plugins.errors import MissingDependencyError, PairsFileError
from onediff_plugins.pairs import FOLDER_NAME, PairEntry, folder_names, read_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def csv_of(folder: Path, text: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def jsonl_of(folder: Path, *rows: object) -> Path:
    path = folder / "pairs.jsonl"
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def parquet_of(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.Table.from_pylist(rows), folder / "pairs.parquet")
    return folder / "pairs.parquet"


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def refused(pairs: Path, after: Path | None = None) -> str:
    with pytest.raises(PairsFileError) as caught:
        read_pairs(pairs, after)
    return str(caught.value)


# --- what is read ----------------------------------------------------------------------------------------------


def test_csv_jsonl_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = [
        {"before": "a.png", "after": "b.png", "id": "first", "domain": "ui", "place": "Lyon"},
        {"before": "c.png", "after": "d.png", "id": "second", "domain": "satellite", "place": "Oslo"},
    ]
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    expected = [
        PairEntry(
            id=row["id"],
            folder=row["id"],
            before=str(tmp_path / row["before"]),
            after=str(tmp_path / row["after"]),
            domain=row["domain"],
            meta={"place": row["place"]},
        )
        for row in rows
    ]
    assert read_pairs(csv_of(tmp_path, "\n".join(lines))) == expected
    assert read_pairs(jsonl_of(tmp_path, *rows)) == expected
    assert read_pairs(parquet_of(tmp_path, rows)) == expected


def test_relative_paths_start_from_the_list_and_others_stay(tmp_path: Path) -> None:
    given = ["x/a.png", "/data/a.tif", "https://example.org/a.tif", "s3://bucket/a.tif", "/vsizip/a.zip/a.tif"]
    entries = read_pairs(jsonl_of(tmp_path, *({"before": path, "after": path} for path in given)))
    assert [entry.before for entry in entries] == [str(tmp_path / "x/a.png"), *given[1:]]
    assert [entry.after for entry in entries] == [entry.before for entry in entries]


def test_missing_ids_are_row_numbers(tmp_path: Path) -> None:
    text = "id,before,after\n,a,b\nmine,a,b\n,a,b\n"
    assert [entry.id for entry in read_pairs(csv_of(tmp_path, text))] == ["000001", "mine", "000003"]


def test_numbers_as_ids_are_kept_as_text(tmp_path: Path) -> None:
    entries = read_pairs(jsonl_of(tmp_path, *({"before": "a", "after": "b", "id": id_} for id_ in (0, 7, "07"))))
    assert [entry.id for entry in entries] == ["0", "7", "07"]


def test_a_domain_given_for_all_beats_the_column(tmp_path: Path) -> None:
    path = jsonl_of(tmp_path, {"before": "a", "after": "b", "domain": "ui"}, {"before": "a", "after": "b"})
    assert [entry.domain for entry in read_pairs(path)] == ["ui", "auto"]
    assert [entry.domain for entry in read_pairs(path, domain="satellite")] == ["satellite", "satellite"]


def test_empty_lines_and_a_byte_order_mark_are_no_rows(tmp_path: Path) -> None:
    row = json.dumps({"before": "a", "after": "b"})
    (tmp_path / "pairs.jsonl").write_text(f"\n{row}\n\n", encoding="utf-8-sig")
    (tmp_path / "pairs.csv").write_text("before,after\n\na,b\n", encoding="utf-8-sig")
    for name in ("pairs.jsonl", "pairs.csv"):
        assert [entry.id for entry in read_pairs(tmp_path / name)] == ["000001"]


def test_meta_is_plain_json_whatever_parquet_holds(tmp_path: Path) -> None:
    taken = datetime.fromisoformat("2024-05-06T07:08:09+00:00")
    row = {"before": "a", "after": "b", "taken": taken, "cloud": float("nan"), "tags": ["x", "y"], "note": None}
    (entry,) = read_pairs(parquet_of(tmp_path, [row]))
    assert entry.meta == {"taken": "2024-05-06T07:08:09Z", "tags": ["x", "y"]}
    assert json.loads(json.dumps(entry.meta, allow_nan=False)) == entry.meta


def test_two_folders_are_matched_by_name_and_nothing_is_dropped(tmp_path: Path) -> None:
    for name in (
        "before/a.png",
        "before/sub/b.png",
        "before/only.png",
        "after/a.png",
        "after/sub/b.png",
        "after/new.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "before" / ".DS_Store").write_bytes(b"")
    entries = read_pairs(tmp_path / "before", tmp_path / "after", domain="ui")
    assert [entry.id for entry in entries] == ["a.png", "new.png", "only.png", "sub/b.png"]
    assert [entry.before for entry in entries] == [str(tmp_path / "before" / entry.id) for entry in entries]
    assert [entry.after for entry in entries] == [str(tmp_path / "after" / entry.id) for entry in entries]
    assert [entry.folder for entry in entries][:3] == ["a.png", "new.png", "only.png"]
    assert entries[3].folder == f"sub-b-png-{digest('sub/b.png')}"
    assert {entry.domain for entry in entries} == {"ui"}


# --- what is refused -------------------------------------------------------------------------------------------


def test_duplicate_ids_are_refused_and_named(tmp_path: Path) -> None:
    rows = [{"before": "a", "after": "b", "id": id_} for id_ in ("x", "y", "x", "y", "z")]
    message = refused(jsonl_of(tmp_path, *rows))
    assert "2 ids come more than once" in message
    assert "'x'" in message


def test_an_id_may_not_equal_a_row_number_that_stands_in_for_a_missing_one(tmp_path: Path) -> None:
    rows = [{"before": "a", "after": "b", "id": "000002"}, {"before": "a", "after": "b"}]
    assert "'000002'" in refused(jsonl_of(tmp_path, *rows))


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.jsonl"])
def test_a_list_without_pairs_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("before,after\n" if name.endswith("csv") else "\n")
    assert "names no pair" in refused(tmp_path / name)


def test_an_empty_csv_lacks_its_columns(tmp_path: Path) -> None:
    message = refused(csv_of(tmp_path, ""))
    assert "no column before and after" in message
    assert "an empty file" in message


def test_missing_columns_are_named_with_those_found(tmp_path: Path) -> None:
    message = refused(csv_of(tmp_path, "before,later\na,b\n"))
    assert "no column after" in message
    assert "'before', 'later'" in message


def test_a_row_without_a_value_is_named_by_its_line(tmp_path: Path) -> None:
    assert "line 3: no value for after" in refused(csv_of(tmp_path, "before,after\na,b\na,\n"))
    row = {"before": "a", "after": "b"}
    assert "line 2: no value for before and after" in refused(jsonl_of(tmp_path, row, {"id": "x"}))
    assert "row 2: no value for after" in refused(parquet_of(tmp_path, [row, {"before": "a", "after": None}]))


def test_a_row_with_too_many_values_is_named_by_its_line(tmp_path: Path) -> None:
    assert "line 2: more values than columns" in refused(csv_of(tmp_path, "before,after\na,b,c\n"))


def test_a_broken_json_line_is_named_by_its_number(tmp_path: Path) -> None:
    good = {"before": "a", "after": "b"}
    assert "line 2: not JSON" in refused(jsonl_of(tmp_path, good, '{"before": "a",', good))
    assert "line 2: a JSON object is needed, got list" in refused(jsonl_of(tmp_path, good, ["a", "b"]))


def test_one_folder_is_refused_with_what_to_give(tmp_path: Path) -> None:
    assert refused(tmp_path).endswith("give BEFORE_DIR and AFTER_DIR, or a CSV, JSONL or Parquet file")
    path = jsonl_of(tmp_path, {"before": "a", "after": "b"})
    assert refused(tmp_path).endswith(f"Parquet file, such as {path}")


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / 'gone'} is no folder" in refused(tmp_path, tmp_path / "gone")


def test_two_empty_folders_name_no_pair(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    assert "names no pair" in refused(tmp_path / "before", tmp_path / "after")


def test_a_missing_list_and_an_unknown_kind_of_list_are_refused(tmp_path: Path) -> None:
    assert "gone.csv does not exist" in refused(tmp_path / "gone.csv")
    assert "gone does not exist" in refused(tmp_path / "gone")
    (tmp_path / "pairs.txt").touch()
    assert "pairs come as .csv, .jsonl" in refused(tmp_path / "pairs.txt")


def test_a_json_list_is_told_how_to_become_lines(tmp_path: Path) -> None:
    rows = [{"before": "a", "after": "b"}]
    (tmp_path / "pairs.json").write_text(json.dumps(rows))
    assert "write each object on a line of its own" in refused(tmp_path / "pairs.json")
    for text in (json.dumps(rows), json.dumps(rows, indent=1)):
        assert "line 1: a JSON list begins here; write each object on a line" in refused(jsonl_of(tmp_path, text))


def test_what_a_list_has_instead_is_named(tmp_path: Path) -> None:
    misspelt = jsonl_of(tmp_path, {"befor": "a", "after": "b"})
    assert "line 1: no value for before; it has 'befor', 'after'" in refused(misspelt)
    assert "found 'before;after'. Commas separate columns" in refused(csv_of(tmp_path, "before;after\na;b\n"))


def test_text_that_is_not_utf_8_is_told_what_to_become(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_bytes("before,after\nbef\xf6re.png,b\n".encode("latin-1"))
    assert "save it as UTF-8" in refused(tmp_path / "pairs.csv")


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.jsonl"])
def test_a_list_that_is_no_text_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe\x00\x81")
    assert f"{name} cannot be read" in refused(tmp_path / name)


def test_a_file_that_is_only_called_parquet_cannot_be_read(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "pairs.parquet").write_text("before,after\n")
    assert "cannot be read as Parquet" in refused(tmp_path / "pairs.parquet")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pairs.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"onediff-plugins\[parquet\]"):
        read_pairs(path)


def test_text_that_no_file_can_hold_is_refused_before_any_work(tmp_path: Path) -> None:
    row = '{"before": "a", "after": "b", "note": "half a pair: \\ud83d"}'
    assert "line 1" in refused(jsonl_of(tmp_path, row))
    assert "not Unicode text" in refused(jsonl_of(tmp_path, row))


def test_meta_that_json_cannot_hold_is_named(tmp_path: Path) -> None:
    message = refused(parquet_of(tmp_path, [{"before": "a", "after": "b", "raw": b"\xff\x00"}]))
    assert "column 'raw' cannot be carried as JSON" in message


# --- where each pair's files go --------------------------------------------------------------------------------


def test_safe_ids_are_their_own_folders() -> None:
    ids = ["000001", "scene_12.tif", "a-b", "CON", ".hidden", "...", "x" * 80]
    assert folder_names(ids) == ids


@pytest.mark.parametrize(
    ("id_", "words"),
    [
        ("../x", "x"),
        ("/etc/passwd", "etc-passwd"),
        ("a/../../b", "a-b"),
        ("a b", "a-b"),
        ("C:\\x", "C-x"),
        ("line\nbreak", "line-break"),
        ("x" * 200, "x" * 60),
    ],
)
def test_other_ids_become_a_slug_with_a_digest(id_: str, words: str) -> None:
    assert folder_names([id_]) == [f"{words}-{digest(id_)}"]


@pytest.mark.parametrize("id_", [".", "..", "変化", "/"])
def test_an_id_without_a_safe_character_becomes_its_digest(id_: str) -> None:
    assert folder_names([id_]) == [digest(id_)]


def test_ids_that_differ_only_by_case_get_folders_that_differ_by_more() -> None:
    names = folder_names(["Scene", "scene", "other"])
    assert names == [f"Scene-{digest('Scene')}", f"scene-{digest('scene')}", "other"]
    assert len({name.lower() for name in names}) == 3


def test_an_id_that_looks_like_the_slug_of_another_does_not_share_its_folder() -> None:
    slug = f"a-b-{digest('a/b')}"
    names = folder_names(["a/b", slug, "c"])
    assert len({name.lower() for name in names}) == 3
    assert names[1:] == [slug, "c"]


def test_every_folder_name_is_safe_and_unique_for_a_hundred_thousand_foreign_ids() -> None:
    # 8 hex digits alone would meet about once among so many.
    ids = [
        f"図{number:x}像" if number % 2 else chr(0x4E00 + number // 100) * (number % 100 + 1) for number in range(10**5)
    ]
    names = folder_names(list(dict.fromkeys(ids)))
    assert len({name.lower() for name in names}) == len(names)
    assert all(FOLDER_NAME.fullmatch(name) for name in names)
