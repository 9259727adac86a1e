"""What `onediff train head` shows: progress on stderr, a table and the next command on stdout."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from onediff_core.training.head.fit import SKIPPED_NAME, Watcher
from onediff_core.training.head.plan import RUN, SHIPPED
from onediff_plugins.console import StdoutConsole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from onediff_core.training.head.fit import Fitted
    from onediff_core.training.head.plan import HeadPlan


@contextmanager
def watching() -> Iterator[Watcher]:
    """Bars on stderr for reading and training, and a line for every pair that is left out."""
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    training: TaskID | None = None  # its bar appears once all pairs are read
    with Progress(*columns, console=console) as bars:

        def reading(total: int) -> Callable[[Any], None]:
            bar = bars.add_task("reading", total=total, said=f"{total} pairs")

            def done(skipped: Any) -> None:
                if skipped is not None:
                    console.print(f"onediff: pair {skipped.id!r} is left out: {skipped.reason}")
                bars.advance(bar)

            return done

        def told(progress: float, scores: Mapping[str, float]) -> None:
            nonlocal training
            said = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
            if training is None:
                training = bars.add_task("training", total=1.0, said=said)
            bars.update(training, completed=progress, said=said)

        yield Watcher(reading, told)


def print_fitted(plan: HeadPlan, fitted: Fitted) -> None:
    """The table, and the command that uses the head."""
    console, rows = StdoutConsole(), list(_rows(plan, fitted))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:  # a table of rich would break paths in two
        console.print(f"{name:<{width}}  {value}")
    if plan.task != "mask" and fitted.beside is None and not fitted.names_found:
        console.print(f"A {plan.task} head does not say where: load it with a mask head on the same base, too.")
    console.print("Use it:")
    console.print(f"  {next_command(plan, fitted)}")


def _rows(plan: HeadPlan, fitted: Fitted) -> Iterator[tuple[str, str]]:
    yield "head", f"{plan.name} ({plan.task}: {', '.join(fitted.head.config.classes)})"
    if plan.scenes:
        yield "learned from", f"drawn pairs of {', '.join(plan.scenes)}, without end"
        yield "held out", f"{plan.settings.score_at_most} regions of pairs of other seeds"
    else:
        yield "learned from", _counted(len(fitted.split.training), sum(bool(s.changed) for s in fitted.split.training))
        yield "held out", _counted(len(fitted.split.held_out), sum(bool(s.changed) for s in fitted.split.held_out))
    if fitted.skipped:
        yield "left out", f"{len(fitted.skipped)} pairs, with reasons in {plan.out / RUN / SKIPPED_NAME}"
    ended = ", ended early: nothing held out got better" if fitted.stopped_early else ""
    yield "trained", f"{fitted.step} steps, {fitted.minutes:.1f} minutes{ended}"
    for name, value in fitted.scores.items():
        yield f"held out {name}", f"{value:.3f}"
    if fitted.smallest is not None:
        yield "smallest thing", fitted.smallest.words
    yield "curves", str(fitted.curves) if fitted.curves else "not drawn: pip install 'onediff-core[train]'"
    yield "written to", str(plan.out)


def _counted(pairs: int, changed: int) -> str:
    return f"{pairs} pairs, {changed} of them changed"


def next_command(plan: HeadPlan, fitted: Fitted) -> str:
    """An `onediff compare` with the head, on the first pair that was held out."""
    words = ["onediff", "compare", *fitted.example]
    if fitted.domain is not None:
        words += ["--domain", fitted.domain]
    if not fitted.names_found:
        words += ["--detector", "onediff"]
    if fitted.silent:
        words += ["--captioner", "template"]
    if plan.base != SHIPPED:
        words += ["--set", f"weights={plan.base}"]
    if fitted.beside is not None and not fitted.names_found:
        words += ["--head", fitted.beside]
    return shlex.join([*words, "--head", str(plan.out)])
