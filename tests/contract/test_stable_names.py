"""The stable outside: words of the command line and Python names that scripts rely on."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest

import onediff_plugins
from onediff_plugins import ChangeResult, Host, PairFailure, PairRequest
from onediff_plugins.cli import cli, main
from onediff_plugins.demo import pairs_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STEERING = {"--domain", "--detector", "--captioner", "--head", "--set", "--device"}
COMMANDS = {
    "compare": {"before", "after", "--out", "--json", "--exit-code", *STEERING},
    "batch": {"pairs", "--out", "--executor", "--workers", "--resume", *STEERING},
    "plugins": {"--json"},
    "doctor": set(),
    "demo": {"--out"},
}
NAMES = {
    "API_VERSION",
    "BuildContext",
    "ChangeMap",
    "ChangeRegion",
    "ChangeResult",
    "Description",
    "DomainSettings",
    "DomainSpec",
    "ExecutorSpec",
    "ExporterSpec",
    "Frame",
    "GeoRef",
    "HeadSpec",
    "Host",
    "ImagePair",
    "ModelSettings",
    "ModelSpec",
    "Overlay",
    "PairFailure",
    "PairRequest",
    "Piece",
    "Registration",
    "Wording",
    "hookimpl",
}
FIELDS = {
    "Frame": {"pixels", "valid", "bands", "georef", "gsd_m", "captured_at", "source"},
    "GeoRef": {"crs", "transform"},
    "PairRequest": {"before", "after", "domain", "window", "id", "meta"},
    "ImagePair": {"before", "after", "before_on_after", "unmatched_before", "unmatched_after", "domain", "id"},
    "Registration": {"matrix", "pieces", "method", "residual_px", "overlap"},
    "ChangeMap": {"score", "class_scores", "class_names", "class_kinds", "valid", "candidates"},
    "BuildContext": {"device", "weights", "heads", "settings", "domain", "model_settings"},
    "Overlay": {"name", "kind", "slice", "data"},
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_keeps_its_words(name: str) -> None:
    words = {word for parameter in cli.commands[name].params for word in parameter.opts}
    assert sorted(COMMANDS[name] - words) == []


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "onediff_plugins", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"onediff, version {onediff_plugins.__version__}\n"
    assert done.stderr == ""


def test_no_command_of_a_later_release_is_offered() -> None:
    listed = cli.list_commands(click.Context(cli))
    assert not {"check", "approve", "watch"} & set(listed)


def test_python_names_stay() -> None:
    assert sorted(NAMES - set(onediff_plugins.__all__)) == []


@pytest.mark.parametrize("name", FIELDS)
def test_fields_of_the_values_stay(name: str) -> None:
    value = getattr(onediff_plugins, name)
    assert sorted(FIELDS[name] - set(inspect.signature(value).parameters)) == []


def test_methods_of_the_host_stay() -> None:
    assert list(inspect.signature(Host.compare).parameters)[:3] == ["self", "before", "after"]
    assert {"domain", "window", "id", "detector", "captioner"} <= set(inspect.signature(Host.compare).parameters)
    assert list(inspect.signature(Host.compare_many).parameters)[:2] == ["self", "requests"]
    assert {"plugins", "entry_points", "load", "disable", "trace"} <= set(inspect.signature(Host).parameters)


# --- on the shipped page: before and after differ, and each is the same as itself ---


@pytest.fixture(scope="module")
def page() -> tuple[str, str]:
    pairs = [json.loads(line) for line in pairs_file().read_text(encoding="utf-8").splitlines()]
    (pair,) = [pair for pair in pairs if pair["domain"] == "ui"]
    return str(pairs_file().parent / pair["before"]), str(pairs_file().parent / pair["after"])


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    code: Any = 0
    try:
        main(list(arguments))
    except SystemExit as exc:
        code = exc.code
    out, err = capsys.readouterr()
    return code or 0, out, err


def test_compare_says_what_changed_and_exits_with_0(
    capsys: pytest.CaptureFixture[str], page: tuple[str, str], tmp_path: Path
) -> None:
    code, out, err = run(capsys, "compare", *page, "--domain", "ui", "--out", str(tmp_path / "out"))
    assert (code, err) == (0, f"look at {tmp_path / 'out' / 'report.html'}\n")
    record = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert out.startswith(record["caption"])
    assert {"score", "mask", "overlay", "report", "thumbnail"} <= record["files"].keys()
    names = [name for key, name in record["files"].items() if key != "overlays"]
    assert [name for name in names if not (tmp_path / "out" / name).is_file()] == []


def test_json_prints_one_valid_record_and_nothing_else(
    capsys: pytest.CaptureFixture[str], page: tuple[str, str], schema_errors: Callable[[Any], list[str]]
) -> None:
    code, out, err = run(capsys, "compare", *page, "--domain", "ui", "--json")
    assert (code, err) == (0, "")
    assert schema_errors(json.loads(out)) == []


def test_the_exit_code_is_1_when_changed_and_0_when_not(
    capsys: pytest.CaptureFixture[str], page: tuple[str, str]
) -> None:
    before, after = page
    assert run(capsys, "compare", before, after, "--domain", "ui", "--exit-code")[0] == 1
    assert run(capsys, "compare", before, before, "--domain", "ui", "--exit-code")[0] == 0


def test_an_undecided_pair_is_null_with_a_reason_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, schema_errors: Callable[[Any], list[str]]
) -> None:
    rasterio = pytest.importorskip("rasterio")
    empty = tmp_path / "empty.tif"
    grid = {"width": 96, "height": 96, "crs": "EPSG:32631", "transform": rasterio.Affine(1, 0, 5e5, 0, -1, 5e6)}
    with rasterio.open(empty, "w", driver="GTiff", count=3, dtype="uint8", nodata=0, **grid):
        pass  # nodata everywhere
    arguments = ["compare", str(empty), str(empty), "--domain", "satellite", "--json"]
    code, out, _ = run(capsys, *arguments, "--exit-code")
    record = json.loads(out)
    assert (code, record["changed"], record["regions"]) == (2, None, [])
    assert "can be compared" in record["reason"]
    assert schema_errors(record) == []
    assert run(capsys, *arguments)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--domain", "satelite"], "unknown domain 'satelite'. Did you mean 'satellite'?"),
        (["--domain", "ui", "--detector", "ui-block"], "unknown detector 'ui-block'. Did you mean 'ui-blocks'?"),
        (["--domain", "ui", "--captioner", "templat"], "unknown captioner 'templat'. Did you mean 'template'?"),
        (["--domain", "ui", "--set", "treshold=1"], "Did you mean 'threshold'?"),
        (["--domain", "ui", "--set", "ui.threshold=7"], "ui.threshold = 7 (from arguments)"),
        (["--domain", "ui", "--set", "threshold"], "is not KEY=VALUE"),
    ],
)
def test_a_wrong_word_is_one_line_on_stderr_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], page: tuple[str, str], arguments: list[str], says: str
) -> None:
    code, out, err = run(capsys, "compare", *page, *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert says in err


def test_a_domain_that_is_not_loaded_names_the_package_that_brings_it(
    capsys: pytest.CaptureFixture[str], page: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "ui")
    code, out, err = run(capsys, "compare", *page, "--domain", "surveillance")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "`pip install onediff-surveillance` brings 'surveillance'" in err


def test_a_batch_of_python_requests_gives_an_outcome_for_each(page: tuple[str, str]) -> None:
    requests = [PairRequest(before=page[0], after=page[0], domain="ui"), PairRequest(before="nope.png", after=page[1])]
    first, second = Host().compare_many(requests)
    assert isinstance(first, ChangeResult)
    assert (first.id, first.changed) == ("000001", False)
    assert isinstance(second, PairFailure)
    assert second.id == "000002"
    assert "nope.png" in second.error.message
