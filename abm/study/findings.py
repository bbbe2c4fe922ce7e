"""What a calibration found, as tables and in words: fit, identification, sensitivity, points."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from abm.study.analysis import spread
from abm.study.calibration import Calibration
from abm.study.fitting import SEED, Fit
from abm.study.sensitivity import indices
from abm.study.study import LatinHypercube, Study

LEFT_MOST = 0.7  # of a range's spread: beyond, the moments took less than half of its variance, and the parameter is open
NEAR_END = 0.02  # of a range
FAR = 2.0  # standard errors
LOUD = 0.3  # weight with which a parameter is named in a direction


def fit_table(fit: Fit) -> pd.DataFrame:
    """A row per moment: target, the scenario as it is, the best point with its spread over seeds, distances before and after."""
    calibration = fit.trials.calibration
    medians = fit.trials.moments()[[0, fit.best]]
    before, after = calibration.distances(medians)
    over_seeds = spread(fit.trials.seeds(fit.best))
    rows = [
        {
            "moment": name,
            "target": target.value,
            "standard_error": target.standard_error,
            "band_low": target.band[0] if target.band else None,
            "band_high": target.band[1] if target.band else None,
            "as_it_is": medians[0, k],
            "median": medians[1, k],
            **{key: over_seeds[key][k] for key in ("p10", "p90", "low", "high")},
            "distance_as_it_is": before[k],
            "distance": after[k],
            "fitted": target.fitted,
            "source": target.source,
        }
        for k, (name, target) in enumerate(calibration.targets.items())
    ]
    return pd.DataFrame(rows)


def findings(fit: Fit, own: Mapping[str, object]) -> pd.DataFrame:
    """A row per parameter: range, own value of the scenario, best value, 90 % interval, spread left, and what that means."""
    calibration = fit.trials.calibration
    best = fit.trials.units[fit.best]
    ends = zip(calibration.row(fit.low), calibration.row(fit.high), strict=True)
    rows = []
    for k, ((name, axis), (low, high)) in enumerate(zip(calibration.parameters.items(), ends, strict=True)):
        assert axis.range is not None, "parameters of a calibration have ranges"
        rows.append(
            {
                "parameter": name,
                "range_low": axis.range[0],
                "range_high": axis.range[1],
                "as_it_is": own.get(name),
                "best": fit.trials.rows[fit.best][k],
                "low": low,
                "high": high,
                "spread_left": fit.left[k],
                "finding": _meaning(float(fit.left[k]), float(best[k])),
            }
        )
    return pd.DataFrame(rows)


def sensitivity_table(fit: Fit) -> pd.DataFrame:
    """Rank regression of each moment on the parameters over the covering points; for `smm` slopes at the best point too."""
    calibration = fit.trials.calibration
    frame = fit.trials.frame
    covering = frame[(frame["point"] >= 1) & (frame["point"] <= fit.covered)].assign(point=frame["point"] - 1)
    names = list(calibration.targets)
    table = indices(_covering_study(calibration, fit.covered), covering, names)
    if fit.slopes is None:
        return table
    slopes = [
        {"parameter": name, "measure": measure, "index": "slope", "value": fit.slopes[k, p]}
        for p, name in enumerate(calibration.parameters)
        for k, measure in enumerate(names)
    ]
    return pd.concat([table, pd.DataFrame(slopes)], ignore_index=True)


def points_table(fit: Fit) -> pd.DataFrame:
    """A row per point in the order of trial: parameters (empty: the scenario's own), medians of moments, objective."""
    calibration = fit.trials.calibration
    table = pd.DataFrame(fit.trials.rows, columns=list(calibration.parameters))
    moments = pd.DataFrame(fit.trials.moments(), columns=list(calibration.targets))
    return pd.concat([table, moments, pd.Series(fit.trials.objectives(), name="objective")], axis=1)


def words(fit: Fit, own: Mapping[str, object]) -> list[str]:
    """The same for the terminal: one line per moment, per parameter, and per direction that the moments leave open."""
    objectives = fit.trials.objectives()
    fitted, count = len(fit.trials.calibration.fitted), len(fit.trials.calibration.parameters)
    lines = [
        f"{len(objectives):,} points; sum of squared distances {objectives[0]:.3g} as it is, {objectives[fit.best]:.3g} at best, "
        f"{fitted} moments for {count} parameters"
    ]
    for row in fit_table(fit).to_dict("records"):
        target = f"{row['target']:.4g}" if row["target"] == row["target"] and row["target"] is not None else _band(row)
        note = "" if row["fitted"] else ", not fitted"
        lines.append(
            f"  {row['moment']}: {row['median']:.4g} [{row['p10']:.4g}, {row['p90']:.4g}], target {target}: "
            f"{row['distance']:+.1f} standard errors (was {row['distance_as_it_is']:+.1f}){note}"
        )
    for row in findings(fit, own).to_dict("records"):
        lines.append(
            f"  {row['parameter']}: {row['best']:.4g} [{row['low']:.4g}, {row['high']:.4g}], {row['finding']} "
            f"({row['spread_left']:.0%} of the range's spread left)"
        )
    return lines + [f"  left open: {told}" for told in directions(fit)]


def directions(fit: Fit) -> list[str]:
    """Combinations of parameters about which the moments say less than the ranges do, the parameters that weigh most named."""
    names = list(fit.trials.calibration.parameters)
    found = []
    for vector, left in fit.directions:
        signed = vector * np.sign(vector[np.argmax(np.abs(vector))])
        parts = [f"{signed[k]:+.2f} {names[k]}" for k in np.argsort(-np.abs(signed)) if abs(signed[k]) >= LOUD]
        found.append(f"{', '.join(parts)} ({left:.0%} left)")
    return found


def profile_table(fit: Fit) -> pd.DataFrame:
    """A row per point of the cube and parameter: `parameter`, `value`, `objective`."""
    objectives = fit.trials.objectives()[1:]
    rows = fit.trials.rows[1:]
    names = list(fit.trials.calibration.parameters)
    return pd.DataFrame(
        [(name, row[k], o) for k, name in enumerate(names) for row, o in zip(rows, objectives, strict=True)],
        columns=["parameter", "value", "objective"],
    )


def _meaning(left: float, best: float) -> str:
    at_end = " at the end of its range" if min(best, 1 - best) < NEAR_END else ""
    return ("not identified" if left > LEFT_MOST else "identified") + at_end


def _band(row: Mapping[Hashable, Any]) -> str:
    return f"{row['band_low']:.4g} to {row['band_high']:.4g}"


def _covering_study(calibration: Calibration, points: int) -> Study:
    """The study whose design is the covering points."""
    plain = calibration.study([(None,) * len(calibration.parameters)])
    tree = plain.dump() | {"design": LatinHypercube(kind="latin_hypercube", points=points, seed=SEED).model_dump()}
    return Study.of(tree)

