"""A progress bar on stderr: what is done, how fast, how long it will take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

RUNS = "runs"
Advance = Callable[[str], None]  # call after every run with what comes next, or with what just ended


@contextmanager
def progress(total: int, first: str, *, of: str = RUNS) -> Iterator[Advance]:
    """A bar over `total` runs (or `of`), gone when it ends; one plain line at the beginning where stderr is no terminal."""
    if of == RUNS:
        from abm.kernels.compiled import is_compiled

        first += "" if is_compiled() else ", compiling (once, about 15 s)"
    if not sys.stderr.isatty():
        print(f"{first}: {total} {of}", file=sys.stderr, flush=True)
        yield lambda note: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(of + ", {task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(first, total=total, rate="")

        def advance(note: str) -> None:
            bar.advance(task)
            speed = bar.tasks[0].speed
            bar.update(task, description=note, rate=f"{60 * speed:.1f} a minute" if speed else "")

        yield advance
