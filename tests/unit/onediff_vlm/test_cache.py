"""Answers on disk."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from onediff_plugins.atomic import unfinished
from onediff_vlm.cache import AnswerCache, default_folder

KEYS = [f"{number:064x}" for number in range(40)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "a" / "kept"


def test_an_answer_is_found_again_by_another_process(folder):
    AnswerCache(folder, 10**6).put(KEYS[0], "words \ud83d 新")
    assert AnswerCache(folder, 10**6).get(KEYS[0]) == "words \ud83d 新"
    assert AnswerCache(folder, 10**6).get(KEYS[1]) is None
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b'{"schema": "onediff.vlm-answer/1", "answer": 3}', b'{"answer": "x"}']
)
def test_a_damaged_file_is_an_answer_that_is_not_known_and_is_replaced(folder, content):
    cache = AnswerCache(folder, 10**6)
    cache.put(KEYS[0], "words")
    (path,) = folder.iterdir()
    path.write_bytes(content)
    assert cache.get(KEYS[0]) is None
    cache.put(KEYS[0], "other words")
    assert cache.get(KEYS[0]) == "other words"


def test_the_longest_unused_answers_make_room(folder):
    cache = AnswerCache(folder, 10_000)
    for age, key in enumerate(reversed(KEYS[:9])):
        cache.put(key, "x" * 1000)
        os.utime(next(folder.glob(f"{key}*")), (1000 + age, 1000 + age))
    assert cache.get(KEYS[8]) is not None  # the oldest, used just now
    foreign = folder / "notes.json"
    foreign.write_text("not ours", encoding="utf-8")
    os.utime(foreign, (1, 1))
    cache.put(KEYS[20], "x" * 1000)
    cache.put(KEYS[21], "x" * 1000)
    total = sum(path.stat().st_size for path in folder.glob("*.vlm-answer.json"))
    assert total <= 10_000
    assert [key for key in (*KEYS[:9], KEYS[20], KEYS[21]) if cache.get(key) is None] == [KEYS[6], KEYS[7]]
    assert foreign.exists()


def test_the_folder_is_looked_through_once_for_many_answers(folder, monkeypatch):
    looks = []
    looked = Path.glob
    monkeypatch.setattr(Path, "glob", lambda path, pattern: looks.append(pattern) or looked(path, pattern))
    cache = AnswerCache(folder, 10**6)
    for key in KEYS:
        cache.put(key, "x" * 1000)
    assert looks.count("*.vlm-answer.json") == 1


def test_two_that_share_the_folder_do_not_outgrow_it_together(folder):
    one, other = AnswerCache(folder, 20_000), AnswerCache(folder, 20_000)
    for number in range(100):
        (one, other)[number % 2].put(f"{number:064x}", "x" * 500)
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 20_000 * 1.05
    assert len(list(folder.iterdir())) > 25


def test_what_a_killed_run_left_is_deleted_and_what_is_being_written_is_not(folder):
    cache = AnswerCache(folder, 10**6)
    cache.put(KEYS[0], "x")
    old, young = unfinished(folder), unfinished(folder)
    for path in (old, young):
        path.write_text("half")
    os.utime(old, (1000, 1000))
    AnswerCache(folder, 10**6).put(KEYS[1], "x")  # the next run's first
    assert (old.exists(), young.exists()) == (False, True)


def test_a_folder_that_cannot_be_written_is_told_once_and_costs_nothing_else(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    cache = AnswerCache(tmp_path / "file" / "kept", 10**6)
    for key in KEYS[:3]:
        cache.put(key, "words")
        assert cache.get(key) is None
    assert [record.getMessage() for record in caplog.records] == [
        f"answers are not kept: {tmp_path / 'file' / 'kept'}: Not a directory"
    ]


def test_many_writers_at_once_leave_whole_files(folder):
    def write(seed):
        cache = AnswerCache(folder, 4000)
        for step in range(30):
            cache.put(KEYS[(seed + step) % 12], f"{seed} " * 100)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paths = list(folder.iterdir())
    assert paths
    assert all(json.loads(path.read_text(encoding="utf-8"))["answer"] for path in paths)


def test_the_folder_is_the_platforms_place_for_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder().parts[-2:] == ("onediff", "vlm")
