"""A sweep at work: progress, interrupts, and what is said at its end."""

from __future__ import annotations

import io
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from types import FrameType

import click
import pyarrow.parquet as pq

from abm.kernels.compiled import is_compiled
from abm.study import parts
from abm.study.doors import MPI_LAUNCHER, door, mpi_processes
from abm.study.frame import failures
from abm.study.plan import Plan
from abm.study.runner import Runner
from abm.study.store import Store
from abm.study.work import FAILED, Outcome, perform, resolve

PROBES = 3  # runs that a dry run really does
SPOKEN_EVERY = 30.0  # seconds between lines where stderr is no terminal


@dataclass(frozen=True)
class Order:
    """What the command line wants done with a study."""

    out: Path
    jobs: int
    cluster: str | None
    limit: int | None
    allow_version: bool
    retry_failed: bool

    def again(self) -> str:
        """The command that continues."""
        mpi = ["mpiexec", "-n", str(mpi_processes())] if self.cluster == "mpi" else []
        module = ["-m", MPI_LAUNCHER] if mpi else []
        return shlex.join([*mpi, "python", *module, *sys.argv])


class Stop:
    """Asked for by Ctrl-C or a termination: no new run begins; a second one ends those under way."""

    def __init__(self) -> None:
        self.wanted = False

    def __call__(self) -> bool:
        return self.wanted

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        click.echo("stopping: waiting for the runs under way, once more to give them up", err=True)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Signals are heard inside."""
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def sweep_into(plan: Plan, order: Order) -> bool:
    """Do what is not done and say what was; False if it was interrupted."""
    stop = Stop()
    _tell(plan, order, carry_out(plan, order, stop))
    return not stop.wanted


def carry_out(plan: Plan, order: Order, stop: Stop) -> Store:
    """Do what is not done, until `stop` is asked for; the store, closed."""
    resolve(plan.subject.task)
    through = door(order.jobs, order.cluster, plan.subject.preload)
    through.reach()
    store = Store(order.out, plan).open(allow_version=order.allow_version, retry_failed=order.retry_failed)
    for path in store.damaged:
        click.echo(f"{path} is damaged: set aside, its runs are done again", err=True)
    runner = Runner(through, plan.subject.task, stop=stop)
    try:
        with stop.listening(), store:
            _work(plan, order, store, runner)
    except KeyboardInterrupt:
        stop.wanted = True
    return store


def _work(plan: Plan, order: Order, store: Store, runner: Runner) -> None:
    import platform

    count = store.left if order.limit is None else min(store.left, order.limit)
    here = {"jobs": order.jobs, "cluster": order.cluster, "machine": platform.node(), "command": order.again()}
    store.begin(code=plan.subject.code, **here)
    if not count:
        return
    todo = islice(plan.todo(store.done.copy()), count)
    try:
        with progress(count, order.out.name, "" if is_compiled() else ", compiling (once, about 15 s)") as told:
            for outcome in runner.outcomes(todo, count):
                store.add(outcome)
                told(outcome)
    finally:
        store.note_attempts(runner.attempts)


def probe(plan: Plan, order: Order) -> None:
    """Do a few runs spread over the points, and say from them how long and how large the study is."""
    count = len(plan.index()) * plan.replications
    points = list(plan.index().values())
    first = next(iter(plan.todo(plan.nothing_done())))
    chosen = [points[len(points) * k // PROBES] for k in range(PROBES)]
    runs = [first._replace(point=point, payload=plan.subject.payload(plan.laid[point])) for point in chosen]
    outcomes = perform(plan.subject.task, runs)
    seconds = sum(outcome.wall_seconds for outcome in outcomes[1:]) / (PROBES - 1)  # the first one may compile
    size = _bytes_each(outcomes) * count
    click.echo(f"{count:,} runs: {len(plan.rows):,} points x {plan.replications:,} replications")
    click.echo(f"{seconds:.3g} s a run, about {_long(seconds * count / order.jobs)} on {order.jobs} processes")
    click.echo(f"about {size / 1e6:.3g} MB in {order.out}")
    for outcome in outcomes:
        if outcome.status == FAILED:
            click.echo(f"a run of the probe failed: {outcome.error}", err=True)


def _bytes_each(outcomes: list[Outcome]) -> float:
    """On disk per run, from a part of many copies that differ in their digits."""
    copies = 200
    rows = [
        {"digest": f"{k:032x}", **{n: v * (1 + 1e-7 * k) if isinstance(v, float) else v for n, v in o.measures.items()}}
        for k in range(copies)
        for o in outcomes
    ]
    buffer = io.BytesIO()
    pq.write_table(parts.table_of(rows), buffer, compression="zstd")
    return buffer.tell() / len(rows)


def _tell(plan: Plan, order: Order, store: Store) -> None:
    total = int(plan.nothing_done().size - plan.nothing_done().sum())
    done = total - store.left
    failed = failures(order.out)
    click.echo(f"{done:,} of {total:,} runs in {order.out}" + (f", {len(failed):,} of them failed" if len(failed) else ""))
    for _, row in failed.head(3).iterrows():
        repeat = plan.command(plan.index()[row["digest"]], int(row["seed"]))
        click.echo(f"failed: {row['error']}\n  repeat it: {repeat}", err=True)
    if store.left:
        click.echo(f"continue: {order.again()}")
    else:
        click.echo(f"next: python run.py report {shlex.quote(str(order.out))}")


@contextmanager
def progress(total: int, name: str, at_first: str) -> Iterator[Callable[[Outcome], None]]:
    """Done, failed, rate and time left on stderr: a bar, or a line now and then where it is no terminal.

    `at_first` is said after the name until the first run is done.
    """
    if not sys.stderr.isatty():
        yield Lines(total, name, at_first)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("runs, {task.fields[failed]} failed, {task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name + at_first, total=total, failed=0, rate="")

        def told(outcome: Outcome) -> None:
            failed = bar.tasks[0].fields["failed"] + (outcome.status == FAILED)
            speed = bar.tasks[0].speed
            bar.update(task, description=name, advance=1, failed=failed, rate=_rate(speed) if speed else "")

        yield told


class Lines:
    """Progress as lines of text."""

    def __init__(self, total: int, name: str, at_first: str) -> None:
        self.total, self.name = total, name
        self.done = self.failed = 0
        self.begun = self.spoken = perf_counter()
        click.echo(f"{name}{at_first}: {total:,} runs", err=True)

    def __call__(self, outcome: Outcome) -> None:
        self.done += 1
        self.failed += outcome.status == FAILED
        now = perf_counter()
        if now - self.spoken >= SPOKEN_EVERY:
            self.spoken, speed = now, self.done / (now - self.begun)
            left = _long((self.total - self.done) / speed)
            done = f"{self.done:,} of {self.total:,}, {self.failed:,} failed"
            click.echo(f"{self.name}: {done}, {_rate(speed)}, {left} left", err=True)


def _rate(per_second: float) -> str:
    return f"{per_second:.1f} a second" if per_second >= 1 else f"{60 * per_second:.1f} a minute"


def _long(seconds: float) -> str:
    """1234 -> "21 min"."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s"
