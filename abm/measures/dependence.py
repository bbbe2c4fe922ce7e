"""How assets move together, in the calm and in the shock, and what of it is contagion rather than higher volatility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.measures.path import relative
from abm.measures.value import Missing, Value
from abm.records import Records

Floats = NDArray[np.float64]

WINDOW = 30.0  # s, of one return
FEWEST = 10  # returns, or pairs, that a correlation needs
PAIR = 2  # assets
RESAMPLES = 2_000


def returns(records: Records) -> tuple[Floats, Floats]:
    """Returns of the marks over `WINDOW`, before the shock and from then on, (n, n_assets) each, shares of the opening."""
    per = max(1, round(WINDOW / records.meta.step_seconds))
    start, path = records.meta.shock_step or len(records), relative(records)
    return np.diff(path[:start:per], axis=0), np.diff(path[max(start - 1, 0) :: per], axis=0)


def mean_correlation(moves: Floats) -> Value:
    """Mean Pearson correlation over pairs of the columns of `moves` (n, n_assets) that move at all."""
    moving = moves[:, moves.std(axis=0) > 0] if len(moves) else moves
    if len(moves) < FEWEST or moving.shape[1] < PAIR:
        return Missing(f"needs {FEWEST} returns of {PAIR} assets, had {len(moves)} of {moving.shape[1]}")
    return float(np.asarray(np.corrcoef(moving.T))[np.triu_indices(moving.shape[1], 1)].mean())


def corrected(correlation: float, ratio: float) -> float:
    """The correlation that a calm market would show: rho / sqrt(1 + d (1 - rho^2)), d = `ratio` - 1 of the variances.

    Forbes & Rigobon (2002, Journal of Finance 57): correlation rises with the variance of the source of a shock alone.
    """
    return float(correlation / np.sqrt(1.0 + (ratio - 1.0) * (1.0 - correlation**2)))


def tail_dependence(losses: Floats, level: float) -> Value:
    """Share of the tail that two columns of `losses` (n, 2) have in common: both beyond quantile `level`, over 1 - level."""
    tail = round(len(losses) * (1.0 - level))
    if tail < 1:
        return Missing(f"needs {round(1 / (1 - level))} observations, had {len(losses)}")
    worst = [set(np.argsort(-column, kind="stable")[:tail].tolist()) for column in losses.T]
    return len(worst[0] & worst[1]) / tail


@dataclass(frozen=True)
class Ranked:
    """A rank correlation with its 95 % interval."""

    value: float
    low: float
    high: float


def rank_correlation(x: Floats, y: Floats) -> Ranked | Missing:
    """Spearman's rank correlation of `x` and `y` (n,), ties sharing their mean rank, and its 95 % percentile-bootstrap
    interval over pairs from a fixed stream (Efron & Tibshirani 1993, chapter 13).

    `Missing` below FEWEST pairs, or where one of the two is the same in all. Not suitable for pairs that depend on each other.
    """
    if len(x) < FEWEST:
        return Missing(f"needs {FEWEST} pairs, had {len(x)}")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return Missing("one of the two is the same in all pairs")
    from scipy.stats import spearmanr  # slow to import

    drawn = np.random.default_rng(0).integers(0, len(x), size=(RESAMPLES, len(x)))
    low, high = np.nanquantile(_correlations(x[drawn], y[drawn]), (0.025, 0.975))
    return Ranked(float(spearmanr(x, y).statistic), float(low), float(high))


def _correlations(x: Floats, y: Floats) -> Floats:
    """Rank correlation of each row of `x` and `y` (k, n); NaN where a row is the same throughout."""
    from scipy.stats import rankdata

    one, other = (rank - rank.mean(axis=1, keepdims=True) for rank in (rankdata(x, axis=1), rankdata(y, axis=1)))
    spread = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.asarray(np.divide((one * other).sum(axis=1), spread, out=np.full(len(x), np.nan), where=spread > 0))


def dependence(run: Records) -> dict[str, Any]:
    """Measures of one run, see `abm.measures.table`."""
    calm, stress = returns(run)
    before, during = mean_correlation(calm), mean_correlation(stress)
    source = list(run.meta.shocked) or slice(None)
    adjusted: Value
    if isinstance(before, Missing) or isinstance(during, Missing):
        adjusted = before if isinstance(before, Missing) else during
    elif not (spread := float(calm[:, source].var(axis=0).mean())):
        adjusted = Missing("the source of the shock did not move before it")
    else:
        adjusted = corrected(during, float(stress[:, source].var(axis=0).mean()) / spread)
    return {"calm": before, "stress": during, "corrected": adjusted}
