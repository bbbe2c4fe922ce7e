"""What returns of real markets share: fat tails, no memory in sign, long memory in size (Cont 2001, Quant. Finance 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.measures.path import relative
from abm.measures.value import Missing, Value
from abm.records import Records

Floats = NDArray[np.float64]

WINDOW = 30.0  # s, of one return
FEWEST = 100  # returns that a fourth moment needs at the least
TAIL = 0.05  # share of the largest absolute returns, for the tail index
MEASURED = ("kurtosis", "autocorrelation", "autocorrelation_absolute", "hill")


def log_returns(prices: Floats, every: int = 1) -> Floats:
    """Log returns over `every` rows of `prices` (n, ...)."""
    return np.diff(np.log(prices[::every]), axis=0)


def daily_volatility(runs: Sequence[Floats], minutes: int) -> Floats:
    """Standard deviation of the returns over `minutes` of prices by minute, per day, %, (n_assets,), all runs together."""
    deviation = np.concatenate([log_returns(run, minutes) for run in runs]).std(axis=0)
    return np.asarray(100 * deviation * np.sqrt(1440 / minutes))


def kurtosis(returns: ArrayLike) -> Value:
    """Excess kurtosis m4 / m2^2 - 3 of `returns` (n,), moments about the mean; 0 for a normal law."""
    moves = np.asarray(returns, dtype=np.float64)
    variance = moves.var() if len(moves) else 0.0
    return float(((moves - moves.mean()) ** 4).mean() / variance**2 - 3.0) if variance else Missing("the price did not move")


def autocorrelation(returns: ArrayLike, lag: int = 1) -> Value:
    """Sum of products of deviations `lag` apart over the sum of their squares, (n,) -> [-1, 1]."""
    moves = np.asarray(returns, dtype=np.float64)
    off = moves - moves.mean() if len(moves) else moves
    squares = float(off @ off)
    return float(off[lag:] @ off[:-lag]) / squares if squares else Missing("the price did not move")


def hill(returns: ArrayLike, tail: float = TAIL) -> Value:
    """Tail index of the absolute `returns` (n,): k / sum over the k = `tail` n largest of ln(x / x_(k+1)) (Hill 1975)."""
    sizes = np.sort(np.abs(np.asarray(returns, dtype=np.float64)))[::-1]
    k = int(tail * len(sizes))
    if k < 1 or sizes[k] <= 0:
        return Missing(f"needs {round(1 / tail)} returns and a tail of moves, had {len(sizes)}")
    total = float(np.log(sizes[:k] / sizes[k]).sum())
    return k / total if total else Missing("the largest returns are all equal")


def stylised(run: Records) -> dict[str, list[Value]]:
    """Of returns of each asset's mark over `WINDOW`, the whole run with its shock; see `abm.measures.table`."""
    every = max(1, round(WINDOW / run.meta.step_seconds))
    moves = log_returns(relative(run), every)
    if len(moves) < FEWEST:
        missing = Missing(f"needs {FEWEST} returns of {WINDOW:g} s, had {len(moves)}")
        return {name: [missing] * len(run.meta.assets) for name in MEASURED}
    columns: list[Any] = list(moves.T)
    return {
        "kurtosis": [kurtosis(column) for column in columns],
        "autocorrelation": [autocorrelation(column) for column in columns],
        "autocorrelation_absolute": [autocorrelation(np.abs(column)) for column in columns],
        "hill": [hill(column) for column in columns],
    }
