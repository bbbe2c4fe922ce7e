"""Calm-market moments of value: the typed facts against the recorded files, and the process against the facts."""

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm.streams import Streams
from abm.world.fundamentals import DAY, Assets, Fundamentals, Values

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "hourly_binance_spot_2024_2026.parquet"
NAMES = ("BTC", "ETH", "SOL", "ADA")

# Binance spot, hourly log returns 2024-04-16 to 2026-04-16 (17,519 hours): deviation x sqrt(24), and correlation.
VOLATILITY = (0.0249, 0.0359, 0.0437, 0.0496)
CORRELATION = (
    (1.0, 0.813, 0.772, 0.707),
    (0.813, 1.0, 0.779, 0.745),
    (0.772, 0.779, 1.0, 0.739),
    (0.707, 0.745, 0.739, 1.0),
)
# The same over rolling weeks of 168 hours, 10 % and 90 % quantile: what counts as an ordinary week.
WEEKLY_VOLATILITY = {"BTC": (0.0158, 0.0338), "ETH": (0.0231, 0.0479), "SOL": (0.0294, 0.0564), "ADA": (0.0296, 0.0722)}
WEEKLY_CORRELATION = {
    ("BTC", "ETH"): (0.710, 0.907), ("BTC", "SOL"): (0.674, 0.875), ("ETH", "SOL"): (0.682, 0.889),
    ("BTC", "ADA"): (0.600, 0.861), ("ETH", "ADA"): (0.630, 0.890), ("SOL", "ADA"): (0.606, 0.883),
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded():
    """Hourly log returns of the recorded panel."""
    if not RECORDED.exists():
        pytest.skip(f"no recorded prices at ../shared/data/{RECORDED.name}")
    close = pd.read_parquet(RECORDED).pivot(index="time_utc", columns="symbol", values="close").astype(float)
    return np.log(close[[f"{name}USDT" for name in NAMES]].set_axis(list(NAMES), axis=1)).diff().dropna()


@pytest.fixture(scope="module")
def drawn():
    """Hourly returns of the process, (1,200, 4): 50 days in steps of 300 s."""
    assets = Assets(NAMES, np.array([100_000.0, 4_000.0, 200.0, 1.0]), np.array(VOLATILITY))
    values = Values(Fundamentals(correlation=CORRELATION), assets, Streams(2), 300.0)
    return np.diff(np.log([values.advance(12 * hour) for hour in range(1_201)]), axis=0)


def test_the_typed_moments_are_those_of_the_recorded_hours(recorded):
    assert (recorded.std() * math.sqrt(24)).to_numpy() == pytest.approx(VOLATILITY, abs=5e-5)  # printed digits
    assert recorded.corr().to_numpy() == pytest.approx(np.array(CORRELATION), abs=5e-4)


def test_the_typed_weekly_bands_are_those_of_the_recorded_weeks(recorded):
    week = recorded.rolling(168)
    bands = (week.std() * math.sqrt(24)).quantile([0.1, 0.9])
    for name, band in WEEKLY_VOLATILITY.items():
        assert bands[name].to_numpy() == pytest.approx(band, abs=5e-5)
    for (a, b), band in WEEKLY_CORRELATION.items():
        assert recorded[a].rolling(168).corr(recorded[b]).quantile([0.1, 0.9]).to_numpy() == pytest.approx(band, abs=5e-4)


def test_the_process_has_the_recorded_volatility_and_correlation(drawn):
    daily = drawn.std(axis=0) * math.sqrt(DAY / 3_600.0)
    assert daily == pytest.approx(VOLATILITY, rel=4 / math.sqrt(2 * len(drawn)))  # 4 standard errors: 8 %
    for i, j in combinations(range(4), 2):
        rho = CORRELATION[i][j]
        assert np.corrcoef(drawn[:, i], drawn[:, j])[0, 1] == pytest.approx(rho, abs=4 * (1 - rho**2) / math.sqrt(len(drawn)))


def test_a_week_of_the_process_is_an_ordinary_week(drawn):
    weeks = drawn[: 7 * 168].reshape(7, 168, 4)
    daily = np.median(weeks.std(axis=1), axis=0) * math.sqrt(24)
    for name, volatility in zip(NAMES, daily, strict=True):
        assert WEEKLY_VOLATILITY[name][0] < volatility < WEEKLY_VOLATILITY[name][1]
    correlations = np.median([np.corrcoef(week.T) for week in weeks], axis=0)
    for (a, b), (low, high) in WEEKLY_CORRELATION.items():
        assert low < correlations[NAMES.index(a), NAMES.index(b)] < high


def test_the_process_has_thinner_tails_than_the_market_which_is_stated_not_hidden(drawn, recorded):
    # Diffusion is Gaussian: excess kurtosis 0, standard error sqrt(24 / n); recorded hours: well above 5
    kurtosis = ((drawn - drawn.mean(axis=0)) ** 4).mean(axis=0) / drawn.var(axis=0) ** 2 - 3.0
    assert np.abs(kurtosis) == pytest.approx(0.0, abs=4 * math.sqrt(24 / len(drawn)))
    assert np.all(recorded.kurt().to_numpy() > 5.0)
