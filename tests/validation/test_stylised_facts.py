"""Cont 2001 (Quantitative Finance 1:223-236): stylised facts of returns, in six hours of the baseline without its shock.

What is asserted holds in every quiet run: fat tails, no linear memory, volatility that clusters, all of it made by the market
out of an outside value that is Gaussian. Two usual bands it does not meet, and nothing here pretends that it does: the excess
kurtosis of minutes is above 3 in the thin assets of some runs only (0.5 to 2.4 in BTC and ETH), and deviations grow with the
horizon to the power 0.52 to 0.62 rather than 0.45 to 0.55 between 5 and 500 s. Two of the seeds 0 to 5 are not quiet: the
crowd's leverage lets a cascade of 11 to 13 % in all assets begin without a shock; these have tails far beyond any band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from abm.scenario import Scenario
from tests.small_worlds import played

Floats = NDArray[np.float64]

SEEDS, HOURS = (0, 1, 2), 6.0


@dataclass(frozen=True)
class Facts:
    """Of log returns of 5 s, (n_seeds, n_assets) each; autocorrelations are means over the lags named."""

    kurtosis: Floats  # excess
    hill: Floats  # of the largest 5 % of |return|
    memory: Floats  # mean of |autocorrelation| at lags 11 to 60
    clustering: Floats  # autocorrelation of |return| at lags 40 to 60


def autocorrelation(series: Floats, lag: int) -> float:
    """About the mean of the whole series."""
    centred = series - series.mean()
    return float((centred[lag:] * centred[:-lag]).mean() / centred.var())


def hill(sizes: Floats, share: float = 0.05) -> float:
    """Hill's estimate of the tail exponent from the largest `share` of sizes > 0."""
    ranked = np.sort(sizes[sizes > 0])[::-1]
    k = int(share * len(ranked))
    return float(1.0 / np.log(ranked[:k] / ranked[k]).mean())


def facts(prices: list[Floats]) -> Facts:
    """`prices`: per seed (n_steps, n_assets)."""
    rows = []
    for price in prices:
        for change in np.diff(np.log(price), axis=0).T:
            size, centred = np.abs(change), change - change.mean()
            rows.append((
                (centred**4).mean() / centred.var() ** 2 - 3.0,
                hill(size),
                np.mean([abs(autocorrelation(change, lag)) for lag in range(11, 61)]),
                np.mean([autocorrelation(size, lag) for lag in range(40, 61)]),
            ))  # fmt: skip
    return Facts(*np.array(rows).reshape(len(prices), -1, 4).transpose(2, 0, 1))


@pytest.fixture(scope="module")
def market_and_value() -> tuple[Facts, Facts]:
    """Of mid prices and of outside values, after ten minutes."""
    quiet = Scenario.load("baseline").with_({"world.shocks": [], "time.duration": 3_600.0 * HOURS})
    mids, values = [], []
    for seed in SEEDS:
        columns = played(quiet, seed).per_instrument
        begin = round(quiet.time.burn_in / quiet.time.step_seconds)
        mids.append((columns["bid"][begin:] + columns["ask"][begin:]) / 2.0)
        values.append(columns["value"][begin:])
        assert (mids[-1] / values[-1]).min() > 0.95  # quiet: nobody's forced selling carries prices away
    return facts(mids), facts(values)


@pytest.mark.slow
def test_returns_have_fat_tails_that_value_has_not(market_and_value: tuple[Facts, Facts]) -> None:
    market, value = market_and_value
    error = np.sqrt(24 / (HOURS * 720 - 120))  # of a Gaussian's kurtosis: 0.075
    assert np.all(np.abs(value.kurtosis) < 5 * error)
    assert np.all(market.kurtosis > 20 * error)  # 1.5
    assert 2.0 < np.median(market.hill) < 5.0  # band of Cont 2001 and Gopikrishnan et al. 1999; a Gaussian has 5.5 to 6.5 here
    assert np.all(value.hill > 5.0)


@pytest.mark.slow
def test_returns_have_no_linear_memory_beyond_ten_steps(market_and_value: tuple[Facts, Facts]) -> None:
    # |AC| < 0.05; of white noise of this length: sqrt(2 / pi / 4,200) = 0.012
    assert np.all(market_and_value[0].memory < 0.05)


@pytest.mark.slow
def test_volatility_clusters(market_and_value: tuple[Facts, Facts]) -> None:
    # Above 0 at 50 steps: mean of 21 lags and 12 series, error of white noise at most 0.0155 / sqrt(12) = 0.0045
    market, value = market_and_value
    assert market.clustering.mean() > 3 * 0.0045
    assert abs(value.clustering.mean()) < 3 * 0.0045
