"""Twins: the same scenario and seed with one thing switched off, and the runs of a job in a process pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from abm.channels import APART, Overrides, every_house
from abm.records import RUN, Records
from abm.scenario import Scenario

Asked = TypeVar("Asked")
Found = TypeVar("Found")

# name -> what it switches off, as overrides of the scenario
TWINS: Mapping[str, Callable[[Scenario], Overrides]] = {
    "no_shock": lambda scenario: {"world.shocks": []},
    "isolated": lambda scenario: dict(APART),
    "no_impact": lambda scenario: every_house(scenario, "execution", "outside_pool"),
    "no_adl": lambda scenario: every_house(scenario, "adl", {"kind": "none"}),
    "no_liquidation": lambda scenario: every_house(scenario, "liquidation", {"kind": "none"}),
    "isolated_equal_risk": lambda scenario: {"population.unpooled": "equal_risk"},
    "no_impact_of_cuts": lambda scenario: every_house(scenario, "execution", "outside_pool_cuts"),
}
USUAL = ("no_shock", "isolated", "no_impact", "no_adl", "no_liquidation")  # those of a run for which none are named


def twin(scenario: Scenario, name: str) -> Scenario:
    """The scenario of twin `name`; the run itself for `RUN`. KeyError for an unknown name."""
    return scenario if name == RUN else scenario.with_(TWINS[name](scenario))


def shocked_at(scenario: Scenario, asset: str) -> Scenario:
    """The scenario with its first shock striking `asset` alone (at the size of its first asset)."""
    first = scenario.world.shocks[0]
    size = first.size[0] if isinstance(first.size, tuple) else first.size
    return scenario.with_({"world.shocks": [first.model_dump() | {"assets": [asset], "size": size}]})


@dataclass(frozen=True)
class Task:
    """One run of a job."""

    seed: int
    twin: str  # RUN, a twin's name, or `shock:<asset>` for a row of the contagion matrix
    scenario: Scenario


@dataclass
class SeedRuns:
    """All runs of one seed."""

    seed: int
    run: Records | None = None
    twins: dict[str, Records] = field(default_factory=dict)
    matrix: dict[str, Records] = field(default_factory=dict)  # shocked asset -> run

    def add(self, name: str, records: Records) -> None:
        """Put one finished run in its place."""
        if name == RUN:
            self.run = records
        elif name.startswith("shock:"):
            self.matrix[name.removeprefix("shock:")] = records
        else:
            self.twins[name] = records


def simulate(task: Task) -> Records:
    """Run one task from opening to end; what a worker process does."""
    from abm.model import CascadeModel

    model = CascadeModel(scenario=task.scenario, rng=task.seed, twin=task.twin)
    records = model.run()
    model.forget()
    return records


def tasks(scenario: Scenario, seeds: Sequence[int], twins: Sequence[str], *, matrix: bool) -> list[Task]:
    """Every run of a job, seed by seed."""
    variants = {name: twin(scenario, name) for name in (RUN, *twins)}
    if matrix:
        variants |= {f"shock:{asset.name}": shocked_at(scenario, asset.name) for asset in scenario.assets}
    return [Task(seed, name, variant) for seed in seeds for name, variant in variants.items()]


def run_job(todo: Sequence[Task], *, jobs: int, done: Callable[[Task], None] = lambda task: None) -> Iterator[SeedRuns]:
    """Yield each seed's runs as soon as all of them are there; at most `jobs` processes (1: in this one).

    Results do not depend on `jobs`. `done` is called after every run.
    """
    missing = {seed: sum(task.seed == seed for task in todo) for seed in {task.seed for task in todo}}
    parts: dict[int, SeedRuns] = {seed: SeedRuns(seed) for seed in missing}
    for task, records in run_all(simulate, todo, jobs=jobs):
        parts[task.seed].add(task.twin, records)
        missing[task.seed] -= 1
        done(task)
        if not missing[task.seed]:
            yield parts.pop(task.seed)


def run_all(work: Callable[[Asked], Found], todo: Sequence[Asked], *, jobs: int) -> Iterator[tuple[Asked, Found]]:
    """Every request with what `work`, a function of a module, makes of it, as soon as it is done; at most `jobs` processes."""
    if jobs <= 1 or len(todo) <= 1:
        for asked in todo:
            yield asked, work(asked)
        return
    with pool(jobs) as executor:
        futures: dict[Future[Found], Asked] = {executor.submit(work, asked): asked for asked in todo}
        for future in as_completed(futures):
            yield futures.pop(future), future.result()


@contextmanager
def pool(jobs: int) -> Iterator[Executor]:
    """Worker processes that have the model loaded; what is pending is dropped on an exception."""
    from multiprocessing import get_context

    context = get_context("forkserver")
    context.set_forkserver_preload(["abm.model"])
    executor = ProcessPoolExecutor(jobs, mp_context=context)
    try:
        yield executor
    except BaseException:
        workers = list((executor._processes or {}).values())  # no public way to stop what is running
        executor.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.kill()
        raise
    executor.shutdown()
