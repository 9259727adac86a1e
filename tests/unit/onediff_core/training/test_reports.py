import json

import pytest

from onediff_core.errors import TrainingError
from onediff_core.training.reports import read_ablations, read_report


def write_run(folder, *, seed=0, log=(), report=None):
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"seed": seed}))
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in log))
    if report is not None:
        (folder / "report.json").write_text(report)
    return folder


def test_a_report_is_its_numbers(tmp_path):
    run = write_run(tmp_path / "run", report='{"reported/yes_no": 0.9, "reported/pairs": [{"id": "1"}]}')
    assert read_report(run) == {"reported/yes_no": 0.9}
    nested = write_run(tmp_path / "nested", report='{"head": "ui.kind", "pairs": 12, "held_out": {"label": 0.5}}')
    assert read_report(nested) == {"pairs": 12, "held_out/label": 0.5}
    assert read_report(write_run(tmp_path / "none")) == {}


@pytest.mark.parametrize("damaged", ["{", "[1]"])
def test_a_damaged_report_is_named(tmp_path, damaged):
    with pytest.raises(TrainingError, match=r"report\.json is not a report of scores"):
        read_report(write_run(tmp_path / "run", report=damaged))


def test_ablations_are_runs_by_name_and_seed_with_their_reports_or_their_last_scores(tmp_path):
    log = [
        {"step": 5, "levir_val/f1": 0.1},
        {"step": 9, "levir_val/f1": 0.5, "levir_val/tnr": 0.9},
        {"step": 10, "loss/building": 1.0, "rate/head": 0.1, "pairs/seen": 20, "seconds": 3.0},
    ]
    write_run(tmp_path / "without-the-delta-module" / "0", log=log, report='{"reported/cider_d": 0.3}')
    write_run(tmp_path / "whole-1", seed=1, log=log)
    whole, without = read_ablations(tmp_path)
    assert whole == ("whole", 1, 10, {"levir_val/f1": 0.5, "levir_val/tnr": 0.9})
    assert without == ("without the delta module", 0, 10, {"reported/cider_d": 0.3})


def test_ablations_that_are_not_there_or_did_not_end_are_refused(tmp_path):
    with pytest.raises(TrainingError, match="holds no runs: ablations lie in folders NAME/SEED"):
        read_ablations(tmp_path)
    write_run(tmp_path / "whole" / "0", log=[{"step": 1, "loss/building": 1.0}])
    with pytest.raises(TrainingError, match="whole/0 has no scores"):
        read_ablations(tmp_path)
