"""The command line. stdout carries results only; progress, logs and errors go to stderr.

Imports click and the standard library at module level: `onediff --help` answers before numpy would have loaded.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import traceback
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from onediff_plugins import __version__
from onediff_plugins.errors import OneDiffError, StageError, UnknownNameError
from onediff_plugins.quiet import quiet_libraries

if TYPE_CHECKING:
    from collections.abc import Callable

    from onediff_plugins.discovery import PluginInfo
    from onediff_plugins.host import Host

CHANGED: Final = 1
FAILED: Final = 2
OWNER: Final = "onediff_plugins.owner"

log = logging.getLogger("onediff_plugins.cli")


class ReaderGoneError(Exception):
    """Whoever read stdout went away, as `head` does; click would exit with 1, which means "changed" here."""


class PluginGroup(click.Group):
    """Built-in commands, and those of plugins; a plugin cannot take a built-in command's name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Built-in commands first, in the order in which a user meets them."""
        return [*self.commands, *sorted(set(self._of_plugins()) - set(self.commands))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name."""
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        info, command = self._of_plugins().get(cmd_name, (None, None))
        ctx.meta[OWNER] = info
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # whatever a command returns
        """Run a command; what a plugin's command raises unforeseen is the plugin's."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as exc:
            raise ReaderGoneError from exc
        except (OneDiffError, click.ClickException, click.exceptions.Exit, click.Abort, OSError):
            raise
        except Exception as exc:
            owner: PluginInfo | None = ctx.meta.get(OWNER)
            if owner is None:
                raise
            what = f"the command {ctx.invoked_subcommand!r} raised {type(exc).__name__}: {exc}"
            raise StageError(f"{owner.owner}: {what}") from exc

    def _of_plugins(self) -> dict[str, tuple[PluginInfo, click.Command]]:
        from onediff_plugins.discovery import Registry

        found: dict[str, tuple[PluginInfo, click.Command]] = {}
        for info, command in Registry().contributions("onediff_commands", click.Command):
            name = command.name or ""
            if name in self.commands or name in found:
                taken = found[name][0].owner if name in found else "onediff itself"
                click.echo(f"onediff: {info.owner} brings a command {name!r} that {taken} has; left out", err=True)
            else:
                found[name] = info, command
        return found


@click.group(cls=PluginGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="onediff")
@click.option("-v", "--verbose", is_flag=True, help="Log what is going on to stderr, warnings of libraries included.")
def cli(verbose: bool) -> None:
    """What differs between two images, shown and said."""
    quiet_libraries(verbose=verbose)


@dataclass(frozen=True, kw_only=True)
class Steering:
    """What the options that `compare` and `batch` share say."""

    domain: str | None
    detector: str | None
    captioner: str | None
    heads: tuple[str, ...]
    assignments: tuple[str, ...]
    device: str


def steering(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command those options; they reach it as `asked`."""

    @functools.wraps(command)
    def steered(**options: Any) -> Any:  # noqa: ANN401  # what click makes of any command's options
        asked = Steering(**{one.name: options.pop(one.name) for one in fields(Steering)})
        return command(asked=asked, **options)

    options = (
        click.option(
            "--domain", default=None, metavar="auto|NAME", help="Domain of the images; auto looks at their headers."
        ),
        click.option("--detector", default=None, metavar="NAME", help="Detector instead of the domain's own."),
        click.option("--captioner", default=None, metavar="NAME", help="Captioner instead of the domain's own."),
        click.option(
            "--head", "heads", multiple=True, metavar="NAME_OR_PATH", help="Head for the detector; may repeat."
        ),
        click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="KEY=VALUE",
            help="A setting, or domain.setting; may repeat.",
        ),
        click.option("--device", default="cpu", metavar="DEV", show_default=True, help="Any torch device."),
    )
    for option in reversed(options):
        steered = option(steered)
    return steered


@cli.command()
@click.argument("before")
@click.argument("after")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the record and its pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print the record instead of words.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when changed, with 2 when that could not be decided.")
@steering
def compare(
    before: str,
    after: str,
    out: Path | None,
    as_json: bool,
    exit_code: bool,
    asked: Steering,
) -> None:
    """Compare two images: BEFORE and AFTER."""
    from onediff_plugins.output import check_replaceable, write_pair
    from onediff_plugins.report import REPORT

    with redirect_stdout(sys.stderr):  # stdout carries the result only, whatever a plugin prints
        host = _host(asked.assignments, asked.device)
        if out is not None:
            check_replaceable(out)
        result = host.compare(
            before,
            after,
            domain=asked.domain or "auto",
            detector=asked.detector,
            captioner=asked.captioner,
            heads=asked.heads,
        )
        if out is not None:
            result = write_pair(host, result, out)
    if as_json:
        click.echo(result.model_dump_json(indent=2))
    else:
        from onediff_plugins import console

        console.print_result(result, out)
        if out is not None:
            click.echo(f"look at {out / REPORT}", err=True)
    if exit_code and result.changed is not False:
        sys.exit(CHANGED if result.changed else FAILED)


@cli.command()
@click.argument("pairs", type=click.Path(path_type=Path))
@click.argument("after_dir", required=False, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for results.jsonl and pairs/.")
@click.option("--executor", default="local", show_default=True, metavar="NAME", help="Who runs the pairs.")
@click.option("--workers", type=click.IntRange(min=1), help="Number of workers; one per core unless given.")
@click.option("--resume", is_flag=True, help="Go on with an earlier run: finished pairs stay, failed ones are retried.")
@steering
def batch(
    pairs: Path,
    after_dir: Path | None,
    out: Path,
    executor: str,
    workers: int | None,
    resume: bool,
    asked: Steering,
) -> None:
    """Compare many pairs: PAIRS is a CSV, JSONL or Parquet file, or two folders BEFORE_DIR AFTER_DIR.

    The file has the columns before and after and, optionally, id and domain. Of two folders, files of the same name
    are a pair.
    """
    import json

    from onediff_plugins import console
    from onediff_plugins.batch import RunPlan, run_batch
    from onediff_plugins.pairs import read_pairs
    from onediff_plugins.settings import parse_assignments

    entries = read_pairs(pairs, after_dir, domain=asked.domain)
    plan = RunPlan(
        out=out,
        settings=json.dumps(parse_assignments(asked.assignments)),
        domain=asked.domain,
        device=asked.device,
        detector=asked.detector,
        captioner=asked.captioner,
        heads=asked.heads,
    )
    summary = run_batch(plan, entries, executor=executor, workers=workers, resume=resume, progress=console.progress)
    console.print_summary(summary)
    if summary.failed:
        sys.exit(FAILED)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def plugins(as_json: bool) -> None:
    """What is installed: plugins, and what each brings."""
    from onediff_plugins import console

    console.print_plugins(_host((), "cpu"), as_json=as_json)


@cli.command()
def doctor() -> None:
    """What is wrong: broken plugins, missing packages, settings that cannot be read."""
    from onediff_plugins import console

    if not console.print_diagnosis():
        sys.exit(FAILED)


@cli.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("onediff-demo"),
    show_default=True,
    help="Folder for the results.",
)
def demo(out: Path) -> None:
    """A tour on shipped pairs: compares them and says where to look."""
    from onediff_plugins import console
    from onediff_plugins.atomic import write_atomically
    from onediff_plugins.demo import pairs_file
    from onediff_plugins.output import files_below, write_pair
    from onediff_plugins.pairs import read_pairs
    from onediff_plugins.report import INDEX, index_parts

    host = _host((), "cpu")
    broken = False
    records = []
    for entry in read_pairs(pairs_file()):
        try:
            host.domain(entry.domain)
        except UnknownNameError as exc:  # not installed, which is no fault: the message says what to install
            click.echo(f"onediff: the pair {entry.id!r} is skipped: {_on_one_line(exc)}", err=True)
            continue
        except OneDiffError as exc:
            broken = True
            click.echo(f"onediff: {_on_one_line(exc)}", err=True)
            continue
        result = host.compare(entry.before, entry.after, domain=entry.domain, id=entry.id)
        folder = out / entry.folder
        written = write_pair(host, result, folder)
        console.print_result(written, folder)
        record = written.replace(files=files_below(entry.folder, written.files))
        records.append(record.model_dump(mode="json"))
    if records:
        write_atomically(out / INDEX, index_parts("OneDiff demo", records))
        click.echo(f"look at {out / INDEX}, which leads to the reports")
    if broken or not records:
        sys.exit(FAILED)


def _host(assignments: tuple[str, ...], device: str) -> Host:
    from onediff_plugins.host import Host
    from onediff_plugins.settings import parse_assignments

    return Host(settings=parse_assignments(assignments), device=device)


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every failure is exit code 2, since 1 means "changed"."""
    try:
        with warnings.catch_warnings():
            code = cli.main(arguments, prog_name="onediff", standalone_mode=False)
        if isinstance(code, int) and code:  # of `ctx.exit(code)`, in a plugin's command
            sys.exit(code)
    except click.Abort:
        click.echo("onediff: interrupted", err=True)
        sys.exit(130)
    except click.UsageError as exc:
        exc.show()
        sys.exit(FAILED)
    except (OneDiffError, click.ClickException) as exc:
        click.echo(f"onediff: {_on_one_line(exc)}", err=True)
        sys.exit(FAILED)
    except ReaderGoneError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the flush at exit would complain
        sys.exit(FAILED)
    except OSError as exc:
        if exc.errno is None:
            _tell_defect()
        else:  # of the machine: a folder that cannot be written, a disk that is full
            log.info("where it was", exc_info=exc)
            place = "" if exc.filename is None else f"{exc.filename}: "
            click.echo(
                f"onediff: {place}{exc.strerror}. Choose another place, or make room or permission there; with "
                "`onediff -v` the lines above say where it was",
                err=True,
            )
        sys.exit(FAILED)
    except Exception:  # noqa: BLE001  # a defect of ours: show where, and never exit with 1
        _tell_defect()
        sys.exit(FAILED)


def _tell_defect() -> None:
    traceback.print_exc()
    click.echo("onediff: this is a defect of onediff; please report it with the lines above", err=True)
