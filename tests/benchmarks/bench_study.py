"""The study engine against what is wanted of it: overhead per run, the second process, the first result, the parent's memory.

Run from the root of the project, on a quiet machine of at least two processors: python tests/benchmarks/bench_study.py
About 10 minutes; `--quick` leaves the largest studies out. The exit code is 1 if anything was missed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from abm.study.plan import Plan

# Every worker imports this file, as it imports `run.py` in a real sweep: what is heavy is imported where it is used.

POINTS = 10
ROUNDS = 3  # of one process and two in turn, so that a change of the machine's mood meets both
MODEL = {
    "scenario": "baseline",
    "axes": {"population.cross_share": [k / POINTS for k in range(POINTS)]},
    "set": {"time.duration": 120.0, "time.burn_in": 20.0, "world.shocks.eth.at": 20.0, "world.shocks.eth.ramp": 20.0},
}


def plan_of(task: str, runs: int) -> Plan:
    """So many runs of a toy task, or of a short baseline where `task` is "model"."""
    from abm.cli.studied import subject as scenario_subject
    from abm.study.plan import Plan
    from tests.study.desk import study, subject

    if task == "model":
        asked = study(replications=runs // POINTS, **MODEL)
        return Plan.of(asked, scenario_subject(asked, Path("bench.toml")))
    return Plan.of(study({"x": list(range(POINTS))}, replications=runs // POINTS), subject(task))


def seconds(task: str, runs: int, jobs: int) -> float:
    """A whole sweep, from opening the store to closing it."""
    from abm.cli.sweeping import sweep_into
    from tests.study.desk import order

    plan = plan_of(task, runs)
    quiet = io.StringIO()
    with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        start = perf_counter()
        sweep_into(plan, order(Path(directory) / "out", jobs=jobs))
        return perf_counter() - start


def first_result(jobs: int) -> float:
    """From the beginning of the command to the first run of the model, in a process that has imported nothing."""
    start = perf_counter()
    from abm.cli.workers import begin

    begin(jobs)
    from abm.study.doors import door
    from abm.study.runner import Runner

    plan = plan_of("model", 100)
    through = door(jobs, None, plan.subject.preload)
    through.reach()
    outcomes = Runner(through, plan.subject.task).outcomes(plan.todo(plan.nothing_done()), 100)
    next(outcomes)
    found = perf_counter() - start
    outcomes.close()
    return found


def peak_mb(runs: int) -> float:
    """Peak memory of the parent of a sweep on two processes; MB."""
    import resource

    seconds("nothing", runs, 2)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fresh(function: Callable[..., float], *arguments: Any) -> float:
    """What a function returns in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def in_turn(function: Callable[..., float], rounds: int = ROUNDS) -> tuple[float, float]:
    """Medians of `function(1)` and `function(2)`, called in turn."""
    found = [(function(1), function(2)) for _ in range(rounds)]
    return statistics.median(one for one, _ in found), statistics.median(two for _, two in found)


def main(*, quick: bool) -> int:
    """Print every figure with what is wanted; 1 if one was missed."""
    missed = []

    def told(what: str, value: str, wanted: str, *, held: bool) -> None:
        print(f"{'ok    ' if held else 'MISSED'} {what}: {value} (wanted: {wanted})", flush=True)
        missed.extend([] if held else [what])

    seconds("nothing", POINTS, 1)
    for jobs in (1, 2):
        for runs in (1_000, 10_000):
            each = 1e3 * seconds("nothing", runs, jobs) / runs
            told(f"overhead, {runs:,} runs, jobs {jobs}", f"{each:.3f} ms a run", "at most 1", held=each <= 1)
    for task, what in (("busy", "5 ms of processor time"), ("model", "short baseline")):
        one, two = in_turn(lambda jobs, task=task: seconds(task, 1_000, jobs), 1 if quick else ROUNDS)
        told(f"{what}, 1,000 runs", f"{one:.2f} s and {two:.2f} s, {one / two:.2f} times", "at least 1.8", held=one / two >= 1.8)
    one, two = in_turn(lambda jobs: fresh(first_result, jobs))
    told("first result", f"{one:.2f} s in one process, {two:.2f} s in two", "at most 0.7 later", held=two - one <= 0.7)
    few, many = fresh(peak_mb, 1_000), fresh(peak_mb, 10_000 if quick else 100_000)
    told("parent's memory", f"{few:.0f} MB at 1,000 runs, {many:.0f} MB at the most", "at most 1.5 times", held=many <= 1.5 * few)
    return 1 if missed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave the largest studies out")
    sys.exit(main(quick=parser.parse_args().quick))
