from PIL import Image

from onediff_core.training.logs import CURVES_NAME, LOG_NAME, RunLog, plot_curves, read_log


def test_lines_come_back_and_later_ones_are_dropped_when_a_run_goes_on(tmp_path):
    with RunLog(tmp_path, resume_at=0) as log:
        for step in (10, 20, 30):
            log.write(step, {"loss/building": 1 / step})
    with (tmp_path / LOG_NAME).open("a") as file:
        file.write('{"step": 40, "loss/bui')  # the process was killed here
    assert [line["step"] for line in read_log(tmp_path)] == [10, 20, 30]
    with RunLog(tmp_path, resume_at=20) as log:
        log.write(30, {"loss/building": 0.5})
    assert [(line["step"], line["loss/building"]) for line in read_log(tmp_path)] == [(10, 0.1), (20, 0.05), (30, 0.5)]


def test_curves_are_drawn_of_what_was_logged(tmp_path):
    assert plot_curves(tmp_path) is None
    with RunLog(tmp_path, resume_at=0) as log:
        log.write(10, {"loss/building": 1.0, "seconds": 3.0})
        log.write(20, {"loss/building": 0.5, "levir_val/f1": 0.7})
    path = plot_curves(tmp_path)
    assert path == tmp_path / CURVES_NAME
    with Image.open(path) as image:
        assert image.height > 500  # a panel a group of names: loss, levir_val, seconds
