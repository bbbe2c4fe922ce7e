"""The fit: which points are tried, which is best, and what the moments say about each parameter there.

Points live in the unit cube of the parameters' ranges. A moment at a point is its median over replications.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abm.study.axes import Row
from abm.study.calibration import Abc, Calibration, Numbers, Smm

Runs = Callable[[Sequence[Row]], pd.DataFrame]  # points -> one row per run: `point`, `replication`, a column per moment
PRIOR = 1 / 12  # variance of a uniform law on the unit interval
SEED = 1  # of the design and of the optimiser


@dataclass
class Trials:
    """Every point tried so far, in order; the first is the scenario as it is, which has no place in the cube."""

    calibration: Calibration
    runs: Runs
    units: list[Numbers] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __post_init__(self) -> None:
        count = len(self.calibration.parameters)
        self.units, self.rows = [np.full(count, np.nan)], [(None,) * count]

    def __call__(self, units: Numbers) -> Numbers:
        """Objectives of points (n, n_parameters); points that were tried before cost nothing."""
        rows = [self.calibration.row(unit) for unit in units]
        known = set(self.rows)
        for row, unit in zip(rows, units, strict=True):
            if row not in known:
                known.add(row)
                self.rows.append(row)
                self.units.append(np.asarray(unit, dtype=np.float64))
        self.frame = self.runs(self.rows)
        return self.objectives()[[self.rows.index(row) for row in rows]]

    def moments(self) -> Numbers:
        """(n_points, n_targets): medians over replications, NaN where a run failed or does not show the moment."""
        names = list(self.calibration.targets)
        values = self.frame.reindex(columns=["point", *names]).astype(np.float64)
        short = values.groupby("point")[names].count() < self.calibration.replications
        medians = values.groupby("point")[names].median().mask(short)
        return medians.reindex(range(len(self.rows))).to_numpy(np.float64)

    def objectives(self) -> Numbers:
        """(n_points,) of every point, in order."""
        return self.calibration.objective(self.moments())

    def seeds(self, point: int) -> Numbers:
        """(replications, n_targets) moments of one point, in the order of seeds."""
        runs = self.frame[self.frame["point"] == point].sort_values("replication")
        return runs.reindex(columns=list(self.calibration.targets)).to_numpy(np.float64)


@dataclass(frozen=True)
class Fit:
    """What came out; everything per parameter is in the unit cube."""

    trials: Trials
    best: int  # point
    covered: int  # points of the design that covers the ranges, after the scenario itself
    low: Numbers  # (n_parameters,) ends of a 90 % interval
    high: Numbers
    left: Numbers  # (n_parameters,) spread that is left over the spread of the range
    directions: tuple[tuple[Numbers, float], ...]  # combinations that the moments leave open, with their spread left
    slopes: Numbers | None  # (n_targets, n_parameters), standard errors per range; 0 where not told from noise


def fit(calibration: Calibration, runs: Runs) -> Fit:
    """Try points as the method says and read the best one."""
    trials = Trials(calibration, runs)
    method = calibration.method
    return _smm(calibration, method, trials) if isinstance(method, Smm) else _abc(calibration, method, trials)


def covering(calibration: Calibration, count: int) -> Numbers:
    """`count` points that cover each range evenly, (count, n_parameters)."""
    from scipy.stats import qmc

    return np.asarray(qmc.LatinHypercube(len(calibration.parameters), seed=np.random.default_rng(SEED)).random(count))


def _smm(calibration: Calibration, method: Smm, trials: Trials) -> Fit:
    from scipy.optimize import differential_evolution

    size, count = calibration.population, len(calibration.parameters)
    covered = max(size, (method.budget - 1 - 2 * count) // 2)
    units = covering(calibration, covered)
    first = units[np.argsort(trials(units), kind="stable")[:size]]
    generations = (method.budget - 1 - covered - 2 * count) // size
    differential_evolution(
        lambda cube: trials(cube.T),
        [(0.0, 1.0)] * count,
        init=first,
        maxiter=generations,
        vectorized=True,
        updating="deferred",
        polish=False,
        tol=0.0,
        seed=SEED,
    )
    slopes = _slopes(trials, _best(trials), method.difference)
    best = _best(trials)  # one of the last points may be better than the one they surround
    information = slopes[_fitted(calibration)].T @ slopes[_fitted(calibration)]
    spread = np.sqrt(np.diag(np.linalg.inv(information + np.eye(count) / PRIOR)))
    weights, vectors = np.linalg.eigh(information)
    open_ways = tuple(
        (vectors[:, k], float(1 / np.sqrt(1 + weights[k] * PRIOR))) for k in range(count) if weights[k] * PRIOR < 1.0
    )
    here = trials.units[best]
    low, high = (np.clip(here + sign * 1.645 * spread, 0.0, 1.0) for sign in (-1, 1))
    return Fit(trials, best, covered, low, high, spread / np.sqrt(PRIOR), open_ways, slopes)


def _abc(calibration: Calibration, method: Abc, trials: Trials) -> Fit:
    covered = method.budget - 1
    units = covering(calibration, covered)
    order = np.argsort(trials(units), kind="stable")
    kept = units[order[: max(5, round(method.keep * covered))]]
    low, high = np.quantile(kept, (0.05, 0.95), axis=0)
    values, vectors = np.linalg.eigh(np.cov(kept.T).reshape(len(kept.T), -1))
    lefts = np.sqrt(np.clip(values / PRIOR, 0.0, 1.0))
    ways = tuple((vectors[:, k], float(lefts[k])) for k in range(len(values)) if values[k] > PRIOR / 2)
    left = np.minimum(kept.std(axis=0, ddof=1) / np.sqrt(PRIOR), 1.0)
    return Fit(trials, _best(trials), covered, low, high, left, ways[::-1], None)


def _best(trials: Trials) -> int:
    """The point of the cube with the least objective."""
    return 1 + int(np.argmin(trials.objectives()[1:]))


def _fitted(calibration: Calibration) -> NDArray[np.bool_]:
    return np.array([target.fitted for target in calibration.targets.values()])


def _slopes(trials: Trials, best: int, difference: float) -> Numbers:
    """Central differences around the best point on common seeds, (n_targets, n_parameters), standard errors per range.

    A slope smaller than two of its own standard errors over seeds (or defined by one seed) counts as none: noise would
    otherwise pass for knowledge.
    """
    here, calibration = trials.units[best], trials.calibration
    count = len(here)
    steps = np.concatenate([-difference * np.eye(count), difference * np.eye(count)])
    ends = np.clip(here + steps, 0.0, 1.0)
    trials(ends)
    points = [trials.rows.index(calibration.row(unit)) for unit in ends]
    slopes = np.zeros((len(calibration.targets), count))
    for k in range(count):
        width = ends[count + k, k] - ends[k, k]
        below, above = (calibration.distances(trials.seeds(points[p])) for p in (k, count + k))
        change = (above - below) / width
        mean = change.mean(axis=0)
        error = change.std(axis=0, ddof=1) / np.sqrt(len(change)) if len(change) > 1 else np.zeros_like(mean)
        slopes[:, k] = np.where(np.isfinite(mean) & (np.abs(mean) >= 2 * error), mean, 0.0)
    return slopes
