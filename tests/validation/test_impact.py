"""Impact on known books: the leverage beyond which nobody gets out solvent, and Kyle's lambda."""

from __future__ import annotations

import numpy as np
import pytest

from abm.clearing.ledger import State
from tests.validation.pit import OPENING, UNIT, Pit
from tests.validation.quoted import OPENING as CENTRE
from tests.validation.quoted import Quoted

HELD = 1_000_000  # lots
SELL_ALL = {"liquidation": {"kind": "whole", "limit_price": "none"}}
SHAPES = {"linear": 1.0, "square_root": 0.5}  # impact grows as quantity to this power


def shaped(power: float, impact: float) -> Pit:
    """An account of leverage 5 whose whole position takes the bids `impact` (share of price) down."""
    distance = np.arange(1, round(1.5 * impact * OPENING) + 1) / (impact * OPENING)
    cumulative = np.rint(HELD * distance ** (1 / power)).astype(np.int64)
    bids = np.diff(cumulative, prepend=0)
    bids[0] = max(bids[0], 1)  # somebody is at the mark, of a square root too
    return Pit([[HELD]], [0], [bids], rate=0.2, rules=SELL_ALL)


class TestImpactAdjustedLeverage:
    """Caccioli, Bouchaud & Farmer 2012 (arXiv 1204.0922): above a critical leverage nobody can exit without bankruptcy.

    The average fill of a sale that ends at impact I is I / (1 + power) below the mark (the mean of t^power on [0, 1] times I),
    so the bound is (1 + power) / I: 2 / I where impact is linear, 3 / (2 I) where it is a square root. House, `whole` selling,
    bids and waterfall are the product's; only the shape of the bids is put there by hand.
    """

    @pytest.mark.parametrize("impact", [0.05, 0.1, 0.2])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_bound(self, shape: str, impact: float) -> None:
        bound = (1 + SHAPES[shape]) / impact
        if impact == 0.1:
            assert bound == pytest.approx({"linear": 20.0, "square_root": 15.0}[shape])
        # every lot is filled within a tick of the curve: of a shortfall of 5,000 ticks or more that is 2e-4
        for leverage, solvent in [(bound * 0.999, True), (bound * 1.001, False)]:
            pit = shaped(SHAPES[shape], impact)
            notional = HELD * OPENING * UNIT
            equity = round(notional / leverage)
            pit.ledger.withdraw(0, int(pit.ledger.equity(pit.price)[0]) - equity)
            pit.cascade()
            assert not pit.ledger.position[0].any()
            assert (pit.ledger.state[0] != State.CLOSED) == solvent
            assert (pit.ledger.cash[0, 0] > 0) == solvent


class TestKyle:
    """Kyle 1985 (Econometrica 53, 1315): lambda, the price per signed volume."""

    DEPTH = 7

    def moves(self, volumes: np.ndarray) -> np.ndarray:
        market = Quoted(1, depth=self.DEPTH, reach=100)
        centre = np.array([CENTRE])
        return np.array([market.trade(centre, np.array([q]))[0] - CENTRE for q in volumes])

    def test_lambda_of_whole_levels_is_one_over_depth(self) -> None:
        volumes = self.DEPTH * np.random.default_rng(5).integers(-90, 91, 500)
        slope, constant = np.polyfit(volumes, self.moves(volumes), 1)
        assert slope == pytest.approx(1 / self.DEPTH, rel=1e-12)
        assert constant == pytest.approx(0, abs=1e-9)

    def test_lambda_of_odd_lots_is_higher_by_the_level_begun(self) -> None:
        # a volume of a levels and r lots, 0 < r < 7, moves a + 1 ticks: over -630 .. 630 with every rest equally often
        # sum |q| ceil(|q| / 7) / sum q^2, by hand: 7 a - j for a = 1 .. 90 and j = 0 .. 6
        volumes = np.arange(-630, 631)
        expected = sum((7 * a - j) * a for a in range(1, 91) for j in range(7)) / sum(q * q for q in range(1, 631))
        slope = np.polyfit(volumes, self.moves(volumes), 1)[0]
        assert slope == pytest.approx(expected, rel=1e-12)
        assert expected == pytest.approx(1 / 7, rel=0.01)

    @pytest.mark.slow
    def test_the_equilibrium_of_one_period(self) -> None:
        """lambda = sqrt(S0) / (2 su), beta = su / sqrt(S0), E profit = su sqrt(S0) / 2, posterior variance S0 / 2.

        The maker's ladder has 1 / lambda lots per tick and sees one net order; as in the paper all trade at the price reached,
        where a book would fill on the way: the book finds the price, the profit is the paper's.
        """
        rng, n, noise, prior = np.random.default_rng(9), 20_000, 20.0, 40.0  # lots; ticks: lambda = 40 / (2 x 20) = 1
        market, centre = Quoted(1, depth=1, reach=180), np.array([CENTRE])
        value, uninformed = prior * rng.standard_normal(n), np.rint(noise * rng.standard_normal(n)).astype(np.int64)

        def profits(beta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            informed = np.rint(beta * value).astype(np.int64)
            flow = informed + uninformed
            price = np.array([market.trade(centre, np.array([y]))[0] - CENTRE for y in flow])
            return informed * (value - price), price, flow

        profit, price, flow = profits(noise / prior)
        assert profit.mean() == pytest.approx(noise * prior / 2, abs=4 * profit.std() / np.sqrt(n))  # 400
        left = value - price
        assert left.var() == pytest.approx(prior**2 / 2, rel=4 * np.sqrt(2 / n))  # 800
        # the maker's price is the expectation: value regressed on flow has the slope of its ladder
        slope = float(flow @ value / (flow @ flow))
        assert slope == pytest.approx(1.0, abs=4 * left.std() / np.sqrt(flow @ flow))
        # and nobody informed does better with more or less of it: quadratic in beta, 400 (1 - (relative change)^2)
        for beta in (0.5, 1.5):
            other = profits(beta * noise / prior)[0]
            worse = profit - other  # of the same draws
            assert worse.mean() == pytest.approx(noise * prior / 2 * (beta - 1) ** 2, abs=4 * worse.std() / np.sqrt(n))
            assert worse.mean() > 0
