from onediff_core.evaluation.resampling import Measured, resampled


def test_a_resample_takes_whole_groups():
    groups = ["a", "a", "b", "c", "c", "c"]
    everything, *resamples = resampled(groups, 20)
    assert everything == [0, 1, 2, 3, 4, 5]
    for numbers in resamples:
        counts = {group: [numbers.count(n) for n, name in enumerate(groups) if name == group] for group in groups}
        assert all(len(set(times)) == 1 for times in counts.values())
        assert sum(times[0] for times in counts.values()) == 3


def test_resamples_are_the_same_each_time():
    assert resampled(["a", "b", "c"], 5) == resampled(["a", "b", "c"], 5)


def test_an_interval_holds_what_resamples_give():
    found = Measured.of([0.5, 0.0, 0.5, 1.0])
    assert found == Measured(0.5, 0.0, 1.0)
    assert found.cell(1) == "0.5 (0.0 to 1.0)"


def test_without_pairs_there_is_nothing_to_draw():
    assert resampled([], 3) == [[]]
