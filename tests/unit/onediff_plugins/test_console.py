"""What is printed, whatever names and captions hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from onediff_plugins import ChangeRegion, console
from onediff_plugins.batch import Outcome, Summary

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from onediff_plugins import ChangeResult

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def result(make_domain: Any, make_host: Any, pictures: tuple[np.ndarray, np.ndarray]) -> ChangeResult:
    return make_host(make_domain()).compare(*pictures)


def regions(count: int, **changes: Any) -> tuple[ChangeRegion, ...]:
    box = (1, 2, 5, 7)
    one = ChangeRegion(
        kind="changed", label="x", score=0.9, geometry=shapely.box(*box), bbox_before=box, bbox_after=box, area_px=20
    )
    return tuple(one.replace(id=number, **changes) for number in range(1, count + 1))


def printed(capsys: Capsys, result: ChangeResult, out: Path | None = None) -> str:
    console.print_result(result, out)
    found = capsys.readouterr()
    assert found.err == ""
    return found.out


def test_a_result_is_its_caption_its_verdict_and_its_regions(capsys: Capsys, result: ChangeResult) -> None:
    lines = printed(capsys, result.replace(timings_ms={"load": 1.4, "detect": 2.0})).splitlines()
    assert lines[0] == result.caption
    assert lines[1].startswith(
        f"changed (score {result.score:.2f}) | toy, difference, words by template | assumed | 3 ms"
    )
    assert lines[3].split()[:6] == ["1", "changed", "-", f"{result.score:.2f}", "29,19,51,33", "29,19,51,33"]


def test_the_residual_is_shown_where_it_was_measured(capsys: Capsys, result: ChangeResult) -> None:
    measured = result.registration.replace(method="phase-correlation", residual_px=0.034)
    assert "phase-correlation, residual 0.03 px" in printed(capsys, result.replace(registration=measured))


def test_an_undecided_result_says_why(capsys: Capsys, result: ChangeResult) -> None:
    undecided = result.replace(changed=None, reason="only 1.0% can be compared", regions=())
    assert "undecided: only 1.0% can be compared" in printed(capsys, undecided)


def test_a_long_table_is_cut_and_counted(capsys: Capsys, result: ChangeResult) -> None:
    text = printed(capsys, result.replace(regions=regions(15)))
    assert "and 3 more" in text
    assert "more" not in printed(capsys, result.replace(regions=regions(12)))


def test_a_region_on_one_side_only_has_a_dash_for_the_other(capsys: Capsys, result: ChangeResult) -> None:
    text = printed(capsys, result.replace(regions=regions(1, kind="added", bbox_before=None)))
    assert text.splitlines()[3].split()[4:6] == ["-", "1,2,5,7"]


def test_brackets_and_colons_are_printed_as_they_are(capsys: Capsys, result: ChangeResult) -> None:
    odd = "[bold]x[/x] :smile:"
    named = result.replace(caption=odd, regions=regions(1, label="[/b]", caption="[red]"), files={"mask": "[m].png"})
    text = printed(capsys, named, Path("out[/o]"))
    assert text.startswith(f"{odd}\n")
    for part in ("[/b]", "[red]", "written to out[/o]: [m].png, result.json"):
        assert part in text


def test_a_batch_shows_each_failure_once_and_how_far_it_is(capsys: Capsys) -> None:
    record = {"id": "7 [b]", "error": {"message": "a.png:\n cut short"}}
    with console.progress(3) as advance:
        advance(Outcome(changed=True))
        advance(Outcome(failure=json.dumps(record)))
        advance(Outcome(changed=False))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("onediff: pair '7 [b]': a.png: cut short\n") == 1
    assert "comparing (1 failed)" in err
    assert "3/3" in err


def test_the_summary_counts_and_prints_only_the_path_to_stdout(capsys: Capsys) -> None:
    index = Path("o/index.html")
    summary = Summary(
        results=Path("o/results.jsonl"), index=index, pairs=10, changed=4, undecided=1, failed=2, skipped=5
    )
    console.print_summary(summary)
    out, err = capsys.readouterr()
    assert out == "o/results.jsonl\n"
    assert err == "10 pairs: 4 changed, 3 not changed, 1 undecided, 2 failed, 5 done before\nlook at o/index.html\n"


def test_plugins_as_a_table_and_as_json_say_the_same(
    capsys: Capsys, make_domain: Callable[..., Any], make_host: Callable[..., Any]
) -> None:
    host = make_host(make_domain("birds", {"summary": "feathers [b]and[/x] nests"}))
    console.print_plugins(host, as_json=True)
    parsed = json.loads(capsys.readouterr().out)
    assert parsed["domains"] == {"birds": "feathers [b]and[/x] nests"}
    assert [plugin["status"] for plugin in parsed["plugins"]] == ["loaded", "loaded"]
    console.print_plugins(host, as_json=False)
    table = capsys.readouterr().out
    assert "  birds: feathers [b]and[/x] nests\n" in table
    for kind in ("domains", "models", "exporters", "executors"):
        assert f"\n{kind}\n" in table
        assert all(f"  {name}: {text}\n" in table for name, text in parsed[kind].items())
    assert "\nheads\n" not in table
