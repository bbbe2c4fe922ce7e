"""The study engine by itself: overhead per run, the second process, the parent's memory.

Run from the root of the project: python tests/benchmarks/bench_study.py
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from abm.cli.sweeping import sweep_into  # noqa: E402
from abm.study.plan import Plan  # noqa: E402
from tests.study.desk import order, study, subject  # noqa: E402

POINTS = 10


def seconds(task: str, runs: int, jobs: int) -> float:
    """A whole sweep of a toy task, from opening the store to closing it."""
    plan = Plan.of(study({"x": list(range(POINTS))}, replications=runs // POINTS), subject(task))
    quiet = io.StringIO()
    with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        start = perf_counter()
        sweep_into(plan, order(Path(directory) / "out", jobs=jobs))
        return perf_counter() - start


def peak_mb(runs: int) -> float:
    """Peak memory of the parent of a sweep on two processes; MB."""
    import resource

    seconds("nothing", runs, 2)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    seconds("nothing", POINTS, 1)
    for jobs in (1, 2):
        for runs in (1_000, 10_000):
            print(f"no work, {runs:6,} runs, {jobs} process(es): {1e3 * seconds('nothing', runs, jobs) / runs:.3f} ms a run")
    for task, what in (("busy", "5 ms of processor time"), ("slow", "5 ms of sleep")):
        one, two = seconds(task, 1_000, 1), seconds(task, 1_000, 2)
        print(f"{what}, 1,000 runs: {one:.2f} s in one process, {two:.2f} s in two, {one / two:.2f} times the rate")
    for runs in (1_000, 10_000, 100_000):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            print(f"parent of {runs:7,} runs: {fresh.submit(peak_mb, runs).result():.0f} MB")


if __name__ == "__main__":
    main()
