"""The small picture of a pair in the index."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from PIL import Image

from onediff_plugins import ChangeResult
from onediff_plugins.errors import ExportError
from onediff_plugins.report import write_thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Any]


def halves(result: Any, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    assert write_thumbnail(result, folder) == {"thumbnail": "thumbnail.webp"}
    picture = np.asarray(Image.open(folder / "thumbnail.webp").convert("RGB")).astype(int)
    assert picture.shape == (192, 516, 3)
    return picture[:, :256], picture[:, 260:]


def reddish(picture: np.ndarray) -> float:
    return float((picture[:, :, 0] - picture[:, :, 1] > 100).mean())


def test_before_is_on_the_left_and_after_on_the_right(make_result: Make, tmp_path: Path) -> None:
    before, after = halves(make_result(12), tmp_path)
    assert reddish(before) == 0
    assert reddish(after) > 0.02


@pytest.mark.parametrize("size", [(1280, 8000), (3000, 60), (40, 30), (1, 1)])
def test_the_strongest_region_is_in_it_whatever_the_shape(
    make_result: Make, tmp_path: Path, size: tuple[int, int]
) -> None:
    width, height = size
    plain = make_result(0, width=width, height=height)
    x0, y0 = width * 4 // 5, height * 4 // 5
    box = (x0, y0, max(x0 + 1, x0 + width // 10), max(y0 + 1, y0 + height // 10))
    (region,) = make_result(1).regions
    pixels = plain.pair.before.pixels.copy()
    pixels[0, box[1] : box[3], box[0] : box[2]], pixels[1:, box[1] : box[3], box[0] : box[2]] = 220, 20
    pair = replace(plain.pair, after=replace(plain.pair.after, pixels=pixels))
    _, after = halves(plain.replace(pair=pair, regions=(region.replace(geometry=shapely.box(*box)),)), tmp_path)
    assert reddish(after) > 0.01


def test_an_unchanged_pair_is_shown_whole_or_from_its_top(make_result: Make, tmp_path: Path) -> None:
    before, after = halves(make_result(0), tmp_path)
    assert np.abs(before - after).mean() < 3


def test_thousands_of_regions_take_no_time(make_result: Make, tmp_path: Path) -> None:
    halves(make_result(3000, width=1280, height=800), tmp_path)


def test_a_result_read_from_json_has_none(make_result: Make, tmp_path: Path) -> None:
    parsed = ChangeResult.model_validate_json(make_result().model_dump_json())
    with pytest.raises(ExportError, match="compare the pair again"):
        write_thumbnail(parsed, tmp_path)
