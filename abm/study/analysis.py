"""What a stored study says: medians with intervals per point, and differences between runs on the same seeds.

All functions are pure functions of the frame that `load` gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ENOUGH = 6  # the widest interval for a median, smallest to largest of n, covers it with 1 - 2^(1 - n): 97 % at 6, 94 % at 5
RESAMPLES = 2_000
CELLS = 8_000_000  # of resamples held at once
STATISTICS = ("count", "median", "p10", "p90", "low", "high")
Numbers = NDArray[np.float64]


def medians(frame: pd.DataFrame, columns: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """A row per point and measure: `columns`, `measure` and its STATISTICS over replications.

    `low` and `high` are the 95 % percentile-bootstrap interval of the median (Efron & Tibshirani 1993, chapter 13) from a
    fixed stream; NaN below 6 runs. `count` is the number of runs in which the measure is defined.
    """
    return _table(((key, group[list(measures)]) for key, group in grouped(frame, columns)), columns)


def paired(frame: pd.DataFrame, columns: Sequence[str], by: str, measures: Sequence[str]) -> pd.DataFrame:
    """Differences of each value of column `by` against its first one, run by run on the same seed at the same point.

    Columns as of `medians`, and `against` (the first value), `above` (share of pairs in which the difference is positive).
    """
    first = frame[by].iloc[0] if len(frame) else None
    rest = [name for name in columns if name != by]
    pairing = [*rest, "replication"]
    base = frame[frame[by] == first].drop_duplicates(pairing).set_index(pairing)[list(measures)]
    differences = []
    for _, others in frame[frame[by] != first].groupby(by, sort=False):
        index = pd.MultiIndex.from_frame(others[pairing]) if rest else pd.Index(others["replication"], name="replication")
        known = index.isin(base.index)
        changed = others[known].copy()
        changed[list(measures)] = changed[list(measures)].to_numpy(np.float64) - base.loc[index[known]].to_numpy(np.float64)
        differences.append(changed)
    if not differences:
        return pd.DataFrame(columns=[*columns, "measure", *STATISTICS, "above", "against"])
    return _signed(pd.concat(differences), columns, measures).assign(against=first)


def against_twins(frame: pd.DataFrame, columns: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """Differences of the run against each of its twins on the same seed; columns as of `paired`, `against` names the twin."""
    twins = dict.fromkeys(name.split(".")[1] for name in frame.columns if name.startswith("twins."))
    tables = []
    for twin in twins:
        both = [name for name in measures if f"twins.{twin}.{name}" in frame.columns and not name.startswith("twins.")]
        changed = frame.copy()
        changed[both] = frame[both].to_numpy(np.float64) - frame[[f"twins.{twin}.{name}" for name in both]].to_numpy(np.float64)
        tables.append(_signed(changed, columns, both).assign(against=twin))
    if not tables:
        return pd.DataFrame(columns=[*columns, "measure", *STATISTICS, "above", "against"])
    return pd.concat(tables, ignore_index=True)


def numeric(frame: pd.DataFrame) -> list[str]:
    """Columns that hold numbers."""
    return [str(name) for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])]


def grouped(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[tuple[object, ...], pd.DataFrame]]:
    """The runs of each point, points in the order of the frame."""
    if not columns:
        yield (), frame
        return
    for key, group in frame.groupby(list(columns), sort=False, dropna=False):
        yield key if isinstance(key, tuple) else (key,), group


def spread(values: Numbers) -> dict[str, Numbers]:
    """STATISTICS of each column of (n_runs, n_measures), NaN left out column by column."""
    count = values.shape[1]
    found = {name: np.full(count, np.nan) for name in STATISTICS}
    missing = np.isnan(values)
    whole = np.flatnonzero(~missing.any(axis=0))
    _describe(found, whole, values[:, whole])
    for column in np.flatnonzero(missing.any(axis=0)):
        given = values[~missing[:, column], column]
        _describe(found, np.array([column]), given[:, None])
    return found


def _describe(found: dict[str, Numbers], places: NDArray[np.int64], values: Numbers) -> None:
    """Fill in the statistics of columns without NaN."""
    found["count"][places] = len(values)
    if not len(values) or not len(places):
        return
    found["p10"][places], found["median"][places], found["p90"][places] = np.quantile(values, (0.1, 0.5, 0.9), axis=0)
    if len(values) >= ENOUGH:
        found["low"][places], found["high"][places] = _interval(values)


def _interval(values: Numbers) -> tuple[Numbers, Numbers]:
    """Ends of the 95 % interval of the median of each column; the same resamples for every column."""
    from scipy.stats import bootstrap

    low, high = values.min(axis=0), values.max(axis=0)
    moving = np.flatnonzero(low < high)
    at_once = max(1, CELLS // (RESAMPLES * len(values)))
    for begin in range(0, len(moving), at_once):
        places = moving[begin : begin + at_once]
        interval = bootstrap(
            (values[:, places].T,),
            np.median,
            axis=-1,
            n_resamples=RESAMPLES,
            batch=max(1, CELLS // len(values)),
            method="percentile",
            random_state=np.random.default_rng(0),  # called rng from scipy 1.15 on, which accepts both
        ).confidence_interval
        low[places], high[places] = interval.low, interval.high
    return low, high


def _signed(differences: pd.DataFrame, columns: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """Statistics of differences, and the share of them above zero."""
    table = medians(differences, columns, measures)
    above = [(group[list(measures)] > 0).sum().to_numpy(np.float64) for _, group in grouped(differences, columns)]
    counts = table["count"].to_numpy(np.float64)
    shares = np.concatenate(above) if above else np.empty(0)
    table["above"] = np.divide(shares, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return table


def _table(groups: Iterator[tuple[tuple[object, ...], pd.DataFrame]], columns: Sequence[str]) -> pd.DataFrame:
    rows = []
    for key, group in groups:
        found = spread(group.to_numpy(np.float64))
        table = pd.DataFrame({"measure": list(group.columns), **found})
        for place, (name, value) in enumerate(zip(columns, key, strict=True)):
            table.insert(place, name, [value] * len(table))
        rows.append(table)
    if not rows:
        return pd.DataFrame(columns=[*columns, "measure", *STATISTICS])
    table = pd.concat(rows, ignore_index=True)
    return table.assign(count=table["count"].astype(np.int64))
