"""Which parameters matter: Sobol and Morris indices (SALib), rank regression, and one parameter at a time.

Functions of a study and of the frame that `load(..., numbered=True)` gives; a measure's value at a point is its median
over replications.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abm.study.analysis import medians
from abm.study.design import points, problem, unit_samples
from abm.study.errors import StudyError
from abm.study.study import LatinHypercube, Morris, OneAtATime, Sobol, Study

Numbers = NDArray[np.float64]
COLUMNS = ("parameter", "measure", "index", "value", "low", "high")
RESAMPLES = 500
SEED = 1  # of resampled intervals; SALib takes a seed of 0 for none


def indices(study: Study, frame: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """A row per parameter, measure and index, with 95 % intervals: what the design of the study allows.

    Sobol: `first_order`, `total` (Saltelli et al. 2010). Morris: `mu_star`, `sigma`. Latin hypercube:
    `rank_regression`, standardised coefficients of ranks, one column of intervals from resampled points. A measure that
    does not vary, or is not defined at a point, has no row. Not suitable when a parameter is a choice without order:
    regression and `sigma` then depend on the order in which the study lists it. StudyError if points are missing.
    """
    design = study.design
    if not isinstance(design, (Sobol, Morris, LatinHypercube)):
        return pd.DataFrame(columns=list(COLUMNS))
    values, rows = by_point(study, frame, measures), []
    described, samples = problem(study), unit_samples(study)
    for place, measure in enumerate(measures):
        y = values[:, place]
        if np.isnan(y).any() or y.min() == y.max():
            continue
        if isinstance(design, Sobol):
            found = _sobol(described, y, second_order=design.second_order)
        elif isinstance(design, Morris):
            found = _morris(described, samples, y, levels=design.levels)
        else:
            found = _regression(described["names"], samples, y)
        rows += [(name, measure, *rest) for name, *rest in found]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def by_point(study: Study, frame: pd.DataFrame, measures: Sequence[str]) -> Numbers:
    """(n_points, n_measures): medians over replications in the order of the design, NaN where not defined."""
    count = len(points(study))
    found = frame.groupby("point")[list(measures)].median()
    if len(found) < count:
        raise StudyError(f"indices need all {count} points of the design, {count - len(found)} have no finished run")
    return found.reindex(range(count)).to_numpy(np.float64)


def one_at_a_time(study: Study, frame: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Change of each measure against the first point on the same seeds: a row per `parameter`, `value` and measure."""
    if not isinstance(study.design, OneAtATime):
        return pd.DataFrame(columns=["parameter", "value", "measure"])
    columns, design = study.columns(), points(study)
    base = frame[frame["point"] == 0].set_index("replication")[list(measures)]
    changes = []
    for number, row in enumerate(design[1:], start=1):
        names = [name for name, value, first in zip(columns, row, design[0], strict=True) if value != first]
        runs = frame[(frame["point"] == number) & frame["replication"].isin(base.index)].copy()
        runs[list(measures)] = runs[list(measures)].to_numpy(np.float64) - base.loc[runs["replication"]].to_numpy(np.float64)
        runs["parameter"] = " & ".join(names)
        runs["value"] = " & ".join(str(row[columns.index(name)]) for name in names)
        changes.append(runs)
    together = pd.concat(changes, ignore_index=True) if changes else frame.iloc[:0].assign(parameter="", value="")
    return medians(together, ["parameter", "value"], measures)


def _sobol(described: dict[str, Any], y: Numbers, *, second_order: bool) -> list[tuple[Any, ...]]:
    from SALib.analyze import sobol

    found = sobol.analyze(described, y, calc_second_order=second_order, seed=SEED)
    rows = []
    for index, key in (("first_order", "S1"), ("total", "ST")):
        for name, value, reach in zip(described["names"], found[key], found[f"{key}_conf"], strict=True):
            rows.append((name, index, float(value), float(value - reach), float(value + reach)))
    return rows


def _morris(described: dict[str, Any], samples: Numbers, y: Numbers, *, levels: int) -> list[tuple[Any, ...]]:
    from SALib.analyze import morris

    found = morris.analyze(described, samples, y, num_levels=levels, seed=SEED)
    rows: list[tuple[Any, ...]] = []
    for name, value, reach, sigma in zip(
        described["names"], found["mu_star"], found["mu_star_conf"], found["sigma"], strict=True
    ):
        rows.append((name, "mu_star", float(value), float(value - reach), float(value + reach)))
        rows.append((name, "sigma", float(sigma), np.nan, np.nan))
    return rows


def _regression(names: Sequence[str], samples: Numbers, y: Numbers) -> list[tuple[Any, ...]]:
    """Standardised coefficients of the regression of ranks on ranks, with percentile intervals over resampled points."""
    rng = np.random.default_rng(SEED)
    drawn = np.stack([_coefficients(samples[pick], y[pick]) for pick in rng.integers(0, len(y), (RESAMPLES, len(y)))])
    low, high = np.nanquantile(drawn, (0.025, 0.975), axis=0)
    whole = _coefficients(samples, y)
    numbers = np.column_stack([whole, low, high]).tolist()
    return [(name, "rank_regression", *row) for name, row in zip(names, numbers, strict=True)]


def _coefficients(samples: Numbers, y: Numbers) -> Numbers:
    from scipy.stats import rankdata

    ranks = rankdata(np.column_stack([samples, y]), axis=0)
    centred = ranks - ranks.mean(axis=0)
    scale = centred.std(axis=0)
    if scale[-1] == 0.0:  # a resample in which the measure does not vary
        return np.full(samples.shape[1], np.nan)
    scaled = centred / np.where(scale > 0.0, scale, 1.0)
    return np.asarray(np.linalg.lstsq(scaled[:, :-1], scaled[:, -1], rcond=None)[0])
