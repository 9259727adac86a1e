"""The local executor: spawned processes, one thread each, and a process that dies takes only its own pair along."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from onediff_plugins.quiet import quiet_libraries

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

# One thread per process: N workers with N threads each would fight for the cores.
THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
QUEUE_PER_WORKER: Final = 2


class WorkerDiedError(RuntimeError):
    """The process that worked on an item was killed or crashed; handed back as that item's outcome."""


def run_local(fn: Callable[[Any], Any], items: Sequence[Any], workers: int) -> Iterator[tuple[int, Any]]:
    """Run `fn` over items in spawned processes.

    Args:
        fn: can be pickled; returns an outcome, does not raise for an item that fails.
        items: can be pickled.
        workers: number of processes, at least 1.

    Yields:
        (index, outcome) in order of completion. When a process dies, what was in hand is tried again one by one, and
        the item whose process dies again has a `WorkerDiedError` as its outcome.
    """
    waiting = deque(range(len(items)))
    while waiting:
        suspects = deque((yield from _run_pool(fn, items, waiting, workers, in_hand=workers * QUEUE_PER_WORKER)))
        while suspects:
            for index in (yield from _run_pool(fn, items, suspects, 1, in_hand=1)):
                yield index, WorkerDiedError("the process that worked on this pair died (out of memory, or a crash)")


def _run_pool(
    fn: Callable[[Any], Any], items: Sequence[Any], waiting: deque[int], workers: int, *, in_hand: int
) -> Generator[tuple[int, Any], None, list[int]]:
    """Work through `waiting` until it is empty or the pool breaks; returns what was in hand then."""
    context = multiprocessing.get_context("spawn")
    running: dict[Future[Any], int] = {}
    with _single_threaded(), ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < in_hand:
                    running[pool.submit(fn, items[waiting[0]])] = waiting[0]
                    waiting.popleft()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=running.__getitem__):
                    outcome = future.result()
                    yield running.pop(future), outcome
        except BrokenProcessPool:
            return sorted(running.values())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return []


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Variables that spawned processes read while they import numpy; put back for this process."""
    previous = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in previous.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start_worker() -> None:
    import sys

    import cv2

    quiet_libraries()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it lets the pairs in hand end
    threading.Thread(target=_die_with_parent, daemon=True).start()
    os.dup2(2, 1)  # stdout carries the batch's results only, whatever a plugin prints
    cv2.setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _die_with_parent() -> None:
    """A killed parent cannot stop its workers; they would wait for work for ever, or write into a resumed run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
