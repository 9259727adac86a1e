"""Records."""

from __future__ import annotations

from pathlib import Path

import pytest

from onediff_core.data.record import Record, Shade


def test_a_task_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"record 'x': there is no task 'captions': choose one of caption, list"):
        Record(id="x", before=b"", after=b"", task="captions")


def test_a_split_that_cannot_be_a_file_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the split '\.\./train' must be letters, digits and _"):
        Record(id="x", before=b"", after=b"", split="../train")


def test_a_picture_that_holds_several_masks_is_one_picture() -> None:
    masks = {"road": Shade(picture=Path("m.png"), values=(128,)), "building": Shade(picture=Path("m.png"))}
    record = Record(id="x", before=b"a", after=b"b", masks=masks)
    assert record.pictures == (b"a", b"b", Path("m.png"))
