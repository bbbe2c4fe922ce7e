"""Threshold deleveraging of Cont & Schaanning 2017/2019 and the identity of Greenwood, Landier & Thesmar 2015.

Holders are seized, and sell what lifts them back, by the product's own house and policy `just_enough`, pro rata, into its own
books; these are given the same number of lots on every tick, so impact is linear, as both papers have it in first order.
A loss is that on what was held before the sales at the price after them; the papers count so. Prices are whole ticks and
sales whole lots: a loss may be off by one tick on every lot held.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from abm.clearing.liquidation import JustEnough
from abm.measures.ex_ante import overlap
from tests.validation.fire_sales import FireSale

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

OPENING = 20_000  # ticks
HOLDERS, ASSETS = 12, 5
FALLEN = np.array([18_000, 19_000, 19_500, 20_000, 20_000])  # ticks after the shock
DEPTH = np.array([5_000, 8_000, 12_000, 20_000, 40_000])  # lots bid at every tick
THIN = DEPTH // 10


def holdings(seed: int) -> Ints:
    """Each holder in about half of the assets, (HOLDERS, ASSETS) lots."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random((HOLDERS, ASSETS)) < 0.5, rng.integers(100_000, 2_000_000, (HOLDERS, ASSETS)), 0) + 1_000


def test_losses_of_the_first_round_are_overlap_times_share_sold() -> None:
    # One-sided rule: over 20 x leverage (maintenance 5 %) holders sell down to 16 x (target 1.25 x 5 % = 1 / 16), others nothing
    position, leverage = holdings(3), np.linspace(12.0, 32.0, HOLDERS)
    worth = position @ FALLEN
    fallen_equity = np.rint(worth / leverage).astype(np.int64)
    fallen_equity[4] = np.rint(0.05 * worth[4])  # exactly at the threshold: not below it
    leverage[4] = 20.0
    market = FireSale(
        fallen_equity + position @ (OPENING - FALLEN), position, np.full(HOLDERS, 0.05), opening=OPENING,
        liquidation=JustEnough(priority="pro_rata", target=1.25),
    )  # fmt: skip
    market.fall(FALLEN, DEPTH)
    omega = overlap(market.exposure(DEPTH, within=0.01))
    sold, fall = market.round()[:HOLDERS], FALLEN - market.mark
    share = np.where(leverage > 20.0, 1.0 - 16.0 / leverage, 0.0)  # Gamma: N (1 - Gamma) / E = 16
    assert np.count_nonzero(share) == 7
    assert not sold[share == 0].any()
    assert sold == pytest.approx(share[:, np.newaxis] * position, abs=2)  # rounding of cash units and up to whole lots
    loss, tick = position @ fall, position.sum(axis=1)
    assert np.all(np.abs(loss - omega @ share) <= tick)
    assert np.all(omega @ share > 20 * tick)  # so the tick does not hide much
    kept = share == 0
    assert fallen_equity[kept] - market.ledger.equity(market.mark)[:HOLDERS][kept] == pytest.approx(loss[kept], abs=0)


@pytest.mark.parametrize("gentle", [0.0, 0.5])
def test_nobody_sells_below_the_threshold(gentle: float) -> None:
    # Leverage 10 before, maximum 20: equity / value falls from 0.1 to (0.1 - f) / (1 - f) >= 0.05 for every f <= 1 / 19
    position = holdings(4)
    to = np.rint(OPENING * (1 - gentle / 19 * np.ones(ASSETS))).astype(np.int64)
    market = FireSale(position.sum(axis=1) * OPENING // 10, position, np.full(HOLDERS, 0.05), opening=OPENING,
                      liquidation=JustEnough(priority="pro_rata"))  # fmt: skip
    market.fall(to, DEPTH)
    assert not market.round().any()
    assert market.mark.tolist() == to.tolist()
    market.fall(np.full(ASSETS, int(OPENING * 17.9 / 19)), DEPTH)  # 1.1 / 19 is beyond
    assert market.round()[:HOLDERS].any(axis=1).all()


def targeting(position: Ints, leverage: Floats, alone: int | None = None) -> tuple[Ints, Ints]:
    """Holders, all or one, who go back to their leverage before the shock: lots sold, and fall of prices in ticks."""
    value = position.sum(axis=1) * OPENING
    rate = 1.0 / leverage
    if alone is not None:
        rate = np.where(np.arange(HOLDERS) == alone, rate, 0.0)
    equity = np.ceil(value / leverage).astype(np.int64)
    market = FireSale(equity, position, rate, opening=OPENING, liquidation=JustEnough(priority="pro_rata", target=1.0))
    market.fall(FALLEN, THIN)
    sold = market.round()[:HOLDERS]
    return sold, FALLEN - market.mark


def test_contributions_to_aggregate_vulnerability_add_up_and_are_those_of_the_paper() -> None:
    # r_n = sum_k m_nk f_k is the shock to n's assets; n sells b_n a_n r_n, b = debt / equity; L = 1 / (depth price^2);
    # S(n) E = gamma_n a_n b_n r_n, gamma_n = sum_k (sum_m a_m m_mk) l_k m_nk, with values and weights at the fallen prices
    position, leverage = holdings(5), np.linspace(3.0, 8.0, HOLDERS)  # a leverage of each one's own
    lost = position @ (OPENING - FALLEN)  # a_n r_n
    value = position * FALLEN
    weight = value / value.sum(axis=1, keepdims=True)
    gamma = weight @ (value.sum(axis=0) / (THIN * FALLEN**2.0))
    theory = gamma * (leverage - 1.0) * lost
    tick = position.sum()
    sold, fall = targeting(position, leverage)
    assert (sold * FALLEN).sum(axis=1) == pytest.approx((leverage - 1.0) * lost, abs=ASSETS * OPENING)  # up to whole lots
    ours = np.array([position.sum(axis=0) @ targeting(position, leverage, alone=n)[1] for n in range(HOLDERS)])
    together = position.sum(axis=0) @ fall
    assert np.all(np.abs(ours - theory) <= tick)
    assert abs(together - theory.sum()) <= tick  # AV E
    assert abs(ours.sum() - together) <= HOLDERS * tick
    assert together > 20 * HOLDERS * tick
