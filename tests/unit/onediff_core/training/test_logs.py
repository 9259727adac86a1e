from onediff_core.training.logs import LOG_NAME, RunLog, read_log


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
