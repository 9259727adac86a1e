"""The frame of the command line: exit codes and messages of whatever a command raises."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import click
import pytest

from onediff_plugins import __version__
from onediff_plugins.cli import ReaderGoneError, cli, main
from onediff_plugins.errors import PairError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Put a command `probe` beside the built-in ones."""

    def put(function: Callable[[], Any]) -> None:
        monkeypatch.setattr(cli, "commands", {**cli.commands, "probe": click.Command("probe", callback=function)})

    return put


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    code: Any = 0
    try:
        main(list(arguments))
    except SystemExit as exc:
        code = exc.code
    return (code, *capsys.readouterr())


def raising(error: BaseException) -> Callable[[], None]:
    def function() -> None:
        raise error

    return function


def test_the_version_is_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"onediff, version {__version__}\n", "")


def test_help_is_short_and_long(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "compare", "-h")
    assert (code, err) == (0, "")
    assert out == run(capsys, "compare", "--help")[1]
    assert "--exit-code" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("comparee",), "No such command 'comparee'"),
        (("compare", "a.png"), "Missing argument 'AFTER'"),
        (("compare", "a.png", "b.png", "--jsn"), "--jsn"),
        (("batch", "pairs.csv"), "Missing option '--out'"),
        (("batch", "pairs.csv", "--out", "x", "--workers", "0"), "--workers"),
    ],
)
def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("error", [PairError("a.png:\n  cut short"), SettingsError("a.png: cut short")])
def test_an_error_of_ours_is_one_line(command: Any, capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    command(raising(error))
    assert run(capsys, "probe") == (2, "", "onediff: a.png: cut short\n")


def test_a_defect_shows_where_it_is_and_is_not_taken_for_a_change(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    command(raising(ZeroDivisionError("by us")))
    code, out, err = run(capsys, "probe")
    assert (code, out) == (2, "")
    assert "in function" in err
    assert err.splitlines()[-2:] == [
        "ZeroDivisionError: by us",
        "onediff: this is a defect of onediff; please report it with the lines above",
    ]


def test_an_error_of_click_is_exit_code_2_too(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(click.ClickException("no")))
    assert run(capsys, "probe") == (2, "", "onediff: no\n")


def test_a_place_that_cannot_be_written_is_no_defect(
    command: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    command((tmp_path / "file" / "out").mkdir)
    code, out, err = run(capsys, "probe")
    assert (code, out) == (2, "")
    assert err.startswith(f"onediff: {tmp_path}/file/out: Not a directory. Choose another place, ")
    assert len(err.splitlines()) == 1
    run(capsys, "-v", "probe")
    assert "in mkdir" in caplog.text


def test_an_error_without_its_number_is_a_defect(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(OSError("image file is truncated")))
    assert "this is a defect of onediff" in run(capsys, "probe")[2]


def test_warnings_of_libraries_are_for_those_who_ask(
    command: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command(lambda: warnings.warn("old news", UserWarning, stacklevel=1))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        monkeypatch.setattr("sys.warnoptions", [])
        assert run(capsys, "probe") == (0, "", "")
        with pytest.warns(UserWarning, match="old news"):
            main(["-v", "probe"])
        monkeypatch.setattr("sys.warnoptions", ["default"])
        with pytest.warns(UserWarning, match="old news"):
            main(["probe"])


def test_a_reader_that_goes_away_is_not_taken_for_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise click exits with 1. What `main` then does to stdout is tested in a process of its own.
    monkeypatch.setattr("onediff_plugins.cli.sys.stdout", BrokenPipe())
    with pytest.raises(ReaderGoneError):
        cli.main(["plugins", "--json"], standalone_mode=False)


class BrokenPipe(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_an_interrupt_is_exit_code_130(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(KeyboardInterrupt()))
    code, out, err = run(capsys, "probe")
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "onediff: interrupted"


def test_exit_codes_that_a_command_chooses_are_kept(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(lambda: click.get_current_context().exit(7))
    assert run(capsys, "probe")[0] == 7
    command(lambda: click.get_current_context().exit(0))
    assert run(capsys, "probe")[0] == 0
    command(lambda: "a result that nobody asked for")
    assert run(capsys, "probe") == (0, "", "")
