"""Stress tests: a grid of shocks on a scenario, each against its run without liquidations, and the critical shocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from abm.measures.ex_ante import SIZES
from abm.measures.stress import growth, measured, radius_after
from abm.measures.value import Missing, Value
from abm.records import RUN, Exposure
from abm.scenario import Scenario
from abm.twins import Task, run_all, simulate, twin


@dataclass(frozen=True)
class Place:
    """Where a shock strikes: its assets, and the correlation and transmission that differ from the scenario's own."""

    assets: tuple[str, ...]
    correlation: float | None = None  # None: the scenario's
    transmission: float | None = None

    @property
    def name(self) -> str:
        """`ETH`, or `BTC+ETH` for a joint shock."""
        return "+".join(self.assets)


@dataclass(frozen=True)
class Cell:
    """One shock of the grid."""

    place: Place
    size: float  # move of the outside value, in (-1, 0)


@dataclass(frozen=True)
class Trial:
    """One cell and one seed: with its twin all measures, without it the growth alone."""

    cell: Cell
    seed: int
    scenario: Scenario
    with_twin: bool = True


@dataclass(frozen=True)
class Outcome:
    """What a trial came to."""

    measures: Mapping[str, Value]
    exposure: Exposure | None


@dataclass(frozen=True)
class Crossing:
    """Where a number that depends on the size of a shock passes 1."""

    value: Value  # the smallest fall found at which it is 1 or more, share of value
    tried: Mapping[float, float] = field(default_factory=dict)  # fall -> the number there


def places(
    assets: Sequence[tuple[str, ...]], correlations: Sequence[float | None], transmissions: Sequence[float | None]
) -> list[Place]:
    """Every combination."""
    return [Place(*chosen) for chosen in product(assets, correlations, transmissions)]


def struck(scenario: Scenario, cell: Cell) -> Scenario:
    """The scenario with one shock, that of the cell, timed as its first one. ScenarioError where a rule is broken."""
    first = scenario.world.shocks[0].model_dump()
    place = cell.place
    changes = {"correlation": place.correlation, "transmission": place.transmission}
    own = {f"world.fundamentals.{key}": value for key, value in changes.items() if value is not None}
    return scenario.with_({"world.shocks": [first | {"assets": list(place.assets), "size": cell.size}], **own})


def tried(trial: Trial) -> Outcome:
    """Run one trial; what a worker process does."""
    run = simulate(Task(trial.seed, RUN, trial.scenario))
    if not trial.with_twin:
        return Outcome({"growth": growth(run)}, None)
    other = simulate(Task(trial.seed, "no_liquidation", twin(trial.scenario, "no_liquidation")))
    return Outcome(measured(run, other), run.exposure)


@dataclass
class Grid:
    """All trials of a stress test and what came of them."""

    scenario: Scenario
    cells: Sequence[Cell]
    seeds: Sequence[int]
    jobs: int = 1
    done: Callable[[str], None] = lambda note: None  # called after every trial
    found: dict[tuple[Cell, int], Outcome] = field(default_factory=dict)

    def run(self) -> None:
        """Every cell with every seed."""
        trials = [Trial(cell, seed, struck(self.scenario, cell)) for cell in self.cells for seed in self.seeds]
        for trial, outcome in self._tried(trials):
            self.found[trial.cell, trial.seed] = outcome

    def values(self, cell: Cell, name: str) -> list[float]:
        """A measure of a cell by seed, where it is defined."""
        each = (self.found[cell, seed].measures[name] for seed in self.seeds)
        return [value for value in each if not isinstance(value, Missing)]

    def critical_radius(self, place: Place, tolerance: float) -> Crossing:
        """The fall at which the median spectral radius over seeds passes 1, from the markets just before the shock."""
        cells = [cell for cell in self.cells if cell.place == place]
        exposures = [self.found[cells[0], seed].exposure for seed in self.seeds]
        known = [exposure for exposure in exposures if exposure is not None]
        if not known:
            return Crossing(Missing("the runs ended before their calm beginning did"))
        largest = max(-cell.size for cell in cells)
        sizes = [*SIZES[(SIZES > 0.0) & (largest > SIZES)].tolist(), largest]  # finer than the grid: nothing is simulated
        return crossing(lambda fall: float(np.median([radius_after(e, fall) for e in known])), {}, sizes, tolerance)

    def critical_growth(self, place: Place, tolerance: float) -> Crossing:
        """The fall at which the median growth from the first to the second generation passes 1; simulates between cells."""
        cells = [cell for cell in self.cells if cell.place == place]
        known = {-cell.size: float(np.median(self.values(cell, "growth"))) for cell in cells}
        return crossing(lambda fall: self._growth(Cell(place, -fall)), known, sorted(known), tolerance)

    def _growth(self, cell: Cell) -> float:
        """Median over the seeds of the grid: every size draws the same random numbers."""
        trials = [Trial(cell, seed, struck(self.scenario, cell), with_twin=False) for seed in self.seeds]
        values = [outcome.measures["growth"] for _, outcome in self._tried(trials)]
        return float(np.median([value for value in values if not isinstance(value, Missing)]))

    def _tried(self, trials: Sequence[Trial]) -> Iterable[tuple[Trial, Outcome]]:
        for trial, outcome in run_all(tried, trials, jobs=self.jobs):
            yield trial, outcome
            self.done(f"{trial.cell.place.name} {trial.cell.size:+.1%}, seed {trial.seed}")


def crossing(
    number: Callable[[float], float], known: Mapping[float, float], sizes: Sequence[float], tolerance: float
) -> Crossing:
    """The smallest of `sizes` at which `number` is 1 or more, brought by bisection within `tolerance` of where it passes 1.

    Evaluates `number` where it is not `known`, in [0, largest size]. A number that passes 1 and falls back between two
    sizes is not seen; one that is 1 or more at a fall of 0 passes there.
    """
    seen = dict(known)

    def at(fall: float) -> float:
        if fall not in seen:
            seen[fall] = number(fall)
        return seen[fall]

    ascending = [0.0, *sorted(sizes)]
    first = next((place for place, fall in enumerate(ascending) if fall > 0 and at(fall) >= 1.0), None)
    if first is None:
        most = max(at(fall) for fall in ascending[1:])
        return Crossing(Missing(f"at most {most:.3g} up to a fall of {100 * ascending[-1]:g} %"), seen)
    low, high = ascending[first - 1], ascending[first]
    if at(low) >= 1.0:
        return Crossing(low, seen)
    while high - low > tolerance:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if at(middle) >= 1.0 else (middle, high)
    return Crossing(high, seen)
