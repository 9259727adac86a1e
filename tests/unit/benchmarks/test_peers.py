from __future__ import annotations

import cv2
import numpy as np
import pytest

from evaluation import ui_peers
from evaluation.peers import BackgroundModels, Differencing, best_threshold
from evaluation.sets import Pair
from onediff_core.evaluation.regions import Box


def picture(path, *boxes, shape=(60, 80), value=200):
    pixels = np.full((*shape, 3), 90, np.uint8)
    for box in boxes:
        pixels[box[1] : box[3], box[0] : box[2]] = value
    cv2.imwrite(str(path), pixels)
    return path


def pair_of(before, after, **more):
    return Pair(id="a", set="s", before=before, after=after, **more)


@pytest.fixture
def square(tmp_path):
    """A pair with one square more, and its mask."""
    cv2.imwrite(str(tmp_path / "mask.png"), cv2.imread(str(picture(tmp_path / "m.png", (20, 20, 40, 40))), 0) // 200)
    after = picture(tmp_path / "after.png", (20, 20, 40, 40))
    return pair_of(picture(tmp_path / "before.png"), after, row={"mask": "mask.png"}, folder=tmp_path)


def test_differencing_finds_a_square_by_either_threshold(square):
    answers = Differencing(30, "a half").answers(square)
    assert list(answers) == ["difference, Otsu", "difference > 30, chosen on a half"]
    for answer in answers.values():
        assert answer.changed
        assert answer.regions == ((Box(20, 20, 40, 40),),)


def test_a_threshold_above_the_difference_finds_nothing(square):
    assert not Differencing(110, "a half").answers(square)["difference > 110, chosen on a half"].changed


def test_the_best_threshold_parts_change_from_noise(tmp_path, square):
    noisy = picture(tmp_path / "noisy.png", (0, 0, 30, 60), value=120)
    cv2.imwrite(str(tmp_path / "none.png"), np.zeros((60, 80), np.uint8))
    still = pair_of(square.before, noisy, row={"mask": "none.png"}, folder=tmp_path)
    assert 30 <= best_threshold([square, still]) < 110


def test_background_models_learn_every_earlier_frame(tmp_path):
    frames = {n: picture(tmp_path / f"{n}.png") for n in range(1, 60)}
    frames[60] = picture(tmp_path / "60.png", (20, 20, 40, 40))
    answers = BackgroundModels(frames).answers(pair_of(frames[1], frames[60], frame=60))
    assert set(answers) == {"MOG2, defaults", "KNN, defaults", "MOG2, tuned", "KNN, tuned"}
    assert all(answer.regions == ((Box(20, 20, 40, 40),),) for answer in answers.values())


def test_a_frame_out_of_order_is_an_error(tmp_path):
    frames = {n: picture(tmp_path / f"{n}.png") for n in (1, 2)}
    models = BackgroundModels(frames)
    models.answers(pair_of(frames[1], frames[2], frame=2))
    with pytest.raises(SystemExit, match="frame 1 of pair a"):
        models.answers(pair_of(frames[1], frames[1], frame=1))


def test_a_missing_tool_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(ui_peers, "FOLDER", tmp_path)
    for tool in (ui_peers.Odiff, ui_peers.Pixelmatch):
        with pytest.raises(SystemExit, match=r"npm install --prefix benchmarks/\.peers.*--without-peers"):
            tool(tmp_path)


@pytest.fixture(params=[ui_peers.Odiff, ui_peers.Pixelmatch])
def tool(request, tmp_path):
    if not ui_peers.FOLDER.is_dir():
        pytest.skip(f"no screenshot tools: {ui_peers.INSTALL}")
    made = request.param(tmp_path)
    yield made
    made.close()


def test_a_screenshot_tool_flags_a_square_and_its_box(tool, tmp_path):
    large = (300, 400)
    before = picture(tmp_path / "before.png", shape=large)
    after = picture(tmp_path / "after.png", (20, 20, 30, 31), shape=large)
    strict, tolerant = tool.answers(pair_of(before, after)).values()
    assert (strict.changed, tolerant.changed) == (True, False)  # 110 of 120,000 pixels
    assert strict.regions == ((Box(20, 20, 30, 31), Box(20, 20, 30, 31, "before")),)
    assert strict.mask.sum() == 110


def test_a_screenshot_tool_passes_equal_pages(tool, tmp_path):
    page = picture(tmp_path / "page.png")
    assert [answer.changed for answer in tool.answers(pair_of(page, page)).values()] == [False, False]


def test_masks_of_pages_of_other_size_are_on_the_after_grid(tool, tmp_path):
    before = picture(tmp_path / "before.png", shape=(60, 90))
    after = picture(tmp_path / "after.png", (10, 10, 20, 20), shape=(70, 80))
    strict, _ = tool.answers(pair_of(before, after)).values()
    assert strict.mask.shape == (70, 80)
    assert strict.mask[10:20, 10:20].all()


def test_a_page_that_cannot_be_read_is_a_failure(tool, tmp_path):
    page = picture(tmp_path / "page.png")
    answers = tool.answers(pair_of(tmp_path / "missing.png", page))
    assert all(answer.failed for answer in answers.values())
