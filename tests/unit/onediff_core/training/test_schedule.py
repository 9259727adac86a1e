import pytest

from onediff_core.training.schedule import Budget, learning_rate


def test_the_learning_rate_warms_up_and_ends_at_zero():
    rates = [learning_rate(step / 1000, step, 100) for step in range(1001)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(rates[99], rel=1e-3)
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[-1] == 0


def test_a_run_by_steps_is_over_after_them():
    budget = Budget(steps=50)
    assert [budget.progress(step) for step in (0, 25, 50, 60)] == [0, 0.5, 1, 1]


def test_a_run_by_the_clock_counts_the_time_before_an_interruption(monkeypatch):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    budget = Budget(minutes=2, elapsed=30.0, _started=100.0)
    assert budget.progress(7) == pytest.approx(0.25)
    now = 160.0
    assert budget.seconds == pytest.approx(90)
    assert budget.progress(8) == pytest.approx(0.75)
    now = 500.0
    assert budget.progress(9) == 1


@pytest.mark.parametrize("values", [{}, {"minutes": 1, "steps": 1}, {"minutes": 0}, {"steps": -1}])
def test_a_run_without_one_clear_end_is_refused(values):
    with pytest.raises(ValueError, match="minutes"):
        Budget(**values)
