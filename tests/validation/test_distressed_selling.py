"""Cont & Wagalath 2013, Running for the exit (Mathematical Finance 23, 718): correlation made by one fund's selling.

A fund holds n assets alike and trades alpha f(V) of each; each step its sales follow the exogenous move of its value. With
kappa = (alpha / depth) f', f linear, rho0 and sigma^2 the fundamentals' and u = (1 + (n - 1) rho0) / n, the realised returns have
variance sigma^2 (1 + g) and correlation (rho0 + g) / (1 + g), g = u kappa (2 + kappa) (algebra for equal assets).

Books, ledger and measure of correlation are the product's. The fund is not: the house sells and never buys back, whereas the
paper's f works both ways; and depth is quoted anew around the price reached, as permanent impact asks. Prices move in ticks.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from abm.measures.dependence import mean_correlation
from tests.validation.quoted import OPENING, Quoted

SIGMA = 10.0  # ticks per step


def moves(n: int, rho: float, kappa: float, steps: int) -> NDArray[np.float64]:
    """Moves of the price in each step, (steps, n) ticks: the exogenous one and what the fund's orders add."""
    rng, market = np.random.default_rng(3), Quoted(n, depth=1, reach=60)
    common, own = rng.standard_normal((steps, 1)), rng.standard_normal((steps, n))
    exogenous = np.rint(SIGMA * (np.sqrt(rho) * common + np.sqrt(1 - rho) * own)).astype(np.int64)
    price, due, path = np.full(n, OPENING), 0.0, np.empty((steps + 1, n))
    path[0] = price
    for step in range(steps):
        due += kappa * exogenous[step].mean()  # lots of each asset; one lot is one tick
        lots = round(due)
        due -= lots  # what is less than a lot is traded later
        price = market.trade(price + exogenous[step], np.full(n, lots))
        path[step + 1] = price
    market.ledger.assert_conserved()
    return np.diff(path, axis=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "rho", "kappa", "correlation", "variance"),
    [
        (2, 0.0, 0.0, 0.0, 1.0),  # nobody sells
        (2, 0.0, 0.5, 0.3846, 1.625),
        (2, 0.0, 1.0, 0.6, 2.5),
        (10, 0.3, 1.0, 0.6682, 2.11),
    ],
)
def test_realised_covariance(n: int, rho: float, kappa: float, correlation: float, variance: float) -> None:
    u = (1 + (n - 1) * rho) / n
    g = u * kappa * (2 + kappa)
    assert ((rho + g) / (1 + g), 1 + g) == pytest.approx((correlation, variance), abs=5e-5)  # the numbers by the formula
    steps = 30_000
    ours = moves(n, rho, kappa, steps)
    error = 1 / np.sqrt(steps)  # standard error of a correlation is at most (1 - rho^2) times this, of a variance sqrt(2)
    assert mean_correlation(ours) == pytest.approx(correlation, abs=4 * error * (1 - correlation**2))
    # whole ticks and whole lots add 1 / 12 and up to 1 / 6 of a tick squared
    assert ours.var(axis=0).mean() / SIGMA**2 == pytest.approx(variance, abs=4 * error * np.sqrt(2) * variance + 0.25 / SIGMA**2)
