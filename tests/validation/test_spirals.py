"""Spirals of a leveraged account at its limit: Thurner's pinned leverage, and the multiplier of Brunnermeier and Pedersen.

Both are the house's `just_enough` selling at a target of exactly the maintenance margin: an account that holds nothing above it
keeps its margin binding on the way down, as the funds and speculators of the two papers do. The house never buys back, so only
falls are tested. Buyers are bids of a known demand curve; shocks come in pieces, because the papers clear a market at one price
where a house sells down a book: the pieces make what the account loses by its own fills on the way small of second order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq

from abm.clearing.margin.own import OwnMargin
from abm.clearing.margin.tiered import Requirement
from abm.record import param
from tests.validation.pit import OPENING, UNIT, Pit

pytestmark = pytest.mark.slow

JUST_ENOUGH = {"liquidation": {"kind": "just_enough", "target": 1.0}}


def whole_lots(cumulative: NDArray[np.float64]) -> NDArray[np.int64]:
    """Lots bid tick by tick from what is bid down to each tick."""
    return np.diff(np.rint(cumulative).astype(np.int64), prepend=0)


class TestPinnedLeverage:
    """Thurner, Farmer & Geanakoplos 2012 (Quant. Finance 12, 695), the clearing rule N = xi / p + D with D p = lambda W.

    Differentiated: dp / p = (1 / (1 - lambda phi)) d xi / (N p), phi = D / N. Noise traders are bids along xi / p.
    """

    SUPPLY, LEVERAGE = 10_000_000, 5

    def at_the_limit(self, share: float) -> Pit:
        held = round(share * self.SUPPLY)
        money = (self.SUPPLY - held) * OPENING
        below = OPENING - np.arange(30_000)
        bids = whole_lots(money / (below - 1) - money / OPENING)
        return Pit([[held]], [0], [bids], rate=1 / self.LEVERAGE, rules=JUST_ENOUGH)

    def fall(self, share: float, lots: float) -> float:
        """Ticks, of the clearing rule integrated: D grows as p^(lambda - 1) while lambda is binding and price moves smoothly."""
        held = share * self.SUPPLY

        def unsold(p: float) -> float:
            sold = held * (1 - (p / OPENING) ** (self.LEVERAGE - 1))
            return lots + sold - (self.SUPPLY - held) * (OPENING / p - 1)

        return OPENING - float(brentq(unsold, 0.9 * OPENING, OPENING))

    @pytest.mark.parametrize(("share", "times"), [(0.05, 4 / 3), (0.10, 2.0), (0.15, 4.0), (0.19, 20.0)])
    def test_amplification(self, share: float, times: float) -> None:
        assert times == pytest.approx(1 / (1 - self.LEVERAGE * share))
        tiny = self.SUPPLY * 1e-9
        assert self.fall(share, tiny) / (1e-9 * OPENING) == pytest.approx(times, rel=1e-4)  # the integral begins as the formula
        pit, exogenous, pieces = self.at_the_limit(share), 400, 100  # ticks
        for _ in range(pieces):
            pit.sell(0, round(self.SUPPLY * exogenous / OPENING / pieces))
            pit.cascade()
        expected = self.fall(share, self.SUPPLY * exogenous / OPENING)
        # The mark is whole ticks: one tick less is seen, multiplied at most like the shock
        assert pit.fall[0] == pytest.approx(expected, abs=1 + times)


class PerLot(OwnMargin):
    """A margin of so much money per lot that rises as the price falls: dm/dp = -`rise`; zero is a margin that does not move."""

    margin: float = param(unit="ticks", source="scenario", help="Of a lot at the opening price.", gt=0)
    rise: float = param(unit="1", source="scenario", help="Ticks of margin per tick of fall.", ge=0)

    def requirement(self, position: NDArray[np.int64], price: NDArray[np.int64], state: Any) -> Requirement:
        """So much of every lot held."""
        each = self.margin * UNIT + self.rise * (OPENING * UNIT - price)
        needed = np.rint((np.abs(position) * each).sum(axis=1)).astype(np.int64)
        return Requirement(needed, needed)


class TestFundingMultiplier:
    """Brunnermeier & Pedersen 2009 (RFS 22, 2201): a speculator who is long, with binding capital m x = W + x0 (p - p0).

    Differentiated, with customers' linear demand dx / dp = 2 / (gamma sigma^2) = c:
    dp / dW = 1 / (c m + (dm/dp) x - x0). A book of constant depth is such a demand, of c lots per tick. `x0` is what was held
    before: here all of x.
    """

    C, HELD, MARGIN = 400, 1_000_000, 20_000.0  # lots per tick, lots, ticks

    def expected(self, slope: float) -> float:
        return 1 / (self.C * self.MARGIN + slope * self.HELD - self.HELD)

    def fall(self, slope: float, lost: float) -> float:
        """Ticks until `lost` (lots x ticks) of capital is made up: the formula integrated, m and x being linear in p."""
        first = self.C * self.MARGIN + slope * self.HELD - self.HELD
        second = (2 * slope - 1) * self.C / 2
        return float(brentq(lambda f: f * first - f * f * second - lost, 0.0, 3 * lost / first))

    @pytest.mark.parametrize(
        ("rule", "slope"),
        [
            (None, 0.1),  # a share of price, the product's brackets: dm/dp = 10 % dampens, losses amplify
            (PerLot(margin=MARGIN, rise=0.0), 0.0),  # the loss spiral alone
            (PerLot(margin=MARGIN, rise=3.0), -3.0),  # loss spiral and margin spiral
        ],
    )
    def test_fall_per_capital_lost(self, rule: PerLot | None, slope: float) -> None:
        rules = JUST_ENOUGH | ({} if rule is None else {"margin": rule})
        pit, pieces = Pit([[self.HELD]], [0], [np.full(30_000, self.C)], rate=0.1, rules=rules), 50
        worth = pit.house.revalue(pit.accounts, pit.price)
        assert worth.collateral == worth.maintenance == self.HELD * self.MARGIN * UNIT  # binding
        lost = 400 * self.C * self.MARGIN  # what makes 400 ticks without any spiral, first term only
        assert self.fall(slope, lost / 1e6) / (lost / 1e6) == pytest.approx(self.expected(slope), rel=1e-4)
        for _ in range(pieces):
            pit.ledger.transfer(0, pit.seller, round(lost * UNIT / pieces))
            pit.cascade()
        assert pit.fall[0] == pytest.approx(self.fall(slope, lost), abs=1 + self.expected(slope) * self.C * self.MARGIN)
