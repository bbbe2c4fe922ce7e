"""The liquidation ladder: accounts spread evenly over their triggers, sold whole into bids of constant depth.

h lots become due per tick of fall and d lots are bid per tick, so R = h / d and a shock of s ticks ends at s / (1 - R); with
several assets K = H / d and the falls are (I - K)^-1 s, a geometric series in R or K (algebra; the matrix form is the mean
total progeny of a multi-type branching process, Harris 1963, The Theory of Branching Processes, chapter II). Books, ledger,
margin, selling and forced orders are the product's. Not so: the mark is the best bid, and nobody refills the books.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from abm.measures.ex_ante import reproduction_matrix, spectral_radius
from abm.records import Exposure
from tests.validation.pit import OPENING, UNIT, Pit

DEPTH = 20  # lots per tick
LOTS = 10  # of an account and leg
RATE = 0.05  # maintenance margin of notional
LOST = UNIT * (1 - RATE)  # cash units above maintenance that one lot loses per tick
WHOLE = {"liquidation": {"kind": "whole"}}
BTC, ETH = 0, 1


def flat(ticks: int) -> NDArray[np.int64]:
    return np.full(ticks, DEPTH)


def evenly(density: float, most: float) -> NDArray[np.float64]:
    """Triggers in the middle of their intervals, `density` per unit up to `most`."""
    return (np.arange(round(density * most)) + 0.5) / density


# The fall is within a tick of what was sold over depth, and the sold within an account of what is due: at most 1 + LOTS / DEPTH
# ticks per tick, which the ladder multiplies like any shock.
ROUNDING = 1 + LOTS / DEPTH


@pytest.mark.parametrize(("ratio", "times"), [(0.2, 1.25), (0.5, 2.0), (0.8, 5.0), (0.95, 20.0)])
def test_the_total_fall_is_the_shock_over_one_minus_r(ratio: float, times: float) -> None:
    shock, reach = 200, 4_500
    triggers = evenly(ratio * DEPTH / LOTS, reach)
    pit = Pit(np.full((len(triggers), 1), LOTS), triggers * LOTS * LOST, [flat(6_000)], rate=RATE, rules=WHOLE)
    pit.sell(BTC, shock * DEPTH)
    assert pit.fall.tolist() == [shock]
    pit.cascade()
    assert times == pytest.approx(1 / (1 - ratio))
    assert pit.fall[BTC] == pytest.approx(shock * times, abs=ROUNDING * times)


def test_above_one_the_ladder_goes_all_the_way() -> None:
    triggers = evenly(1.05 * DEPTH / LOTS, 2_000)
    pit = Pit(np.full((len(triggers), 1), LOTS), triggers * LOTS * LOST, [flat(6_000)], rate=RATE, rules=WHOLE)
    pit.sell(BTC, 50 * DEPTH)
    pit.cascade()
    assert not pit.ledger.position[pit.accounts].any()
    assert pit.fall[BTC] == 50 + len(triggers) * LOTS // DEPTH  # everything was sold into it


def two_assets(*, cross: bool) -> Pit:
    """Accounts in BTC (6 lots due per tick), in ETH (2) and in both (6 of each per tick of either); isolated: as two accounts."""
    btc, eth, both = evenly(0.06, 40_000), evenly(0.02, 40_000), evenly(0.06, 40_000)  # triggers in lots x ticks
    legs = {"btc": [LOTS, 0], "eth": [0, LOTS], "both": [LOTS, LOTS]}
    groups = [(legs["btc"], btc), (legs["eth"], eth)]
    groups += [(legs["both"], both)] if cross else [(legs["btc"], both), (legs["eth"], both)]
    position = np.concatenate([np.tile(held, (len(triggers), 1)) for held, triggers in groups])
    cushion = np.concatenate([triggers for _, triggers in groups]) * LOST
    return Pit(position, cushion, [flat(6_000), flat(6_000)], rate=RATE, rules=WHOLE)


# H_ij = density x LOTS_i x LOTS_j, lots per tick: BTC (0.06 + 0.06) 100 = 12, ETH (0.02 + 0.06) 100 = 8, both 0.06 x 100 = 6
K = np.array([[12, 6], [6, 8]]) / DEPTH


def test_with_two_assets_it_is_the_inverse_of_one_minus_k() -> None:
    shock = np.array([400, 0])
    expected = np.linalg.solve(np.eye(2) - K, shock)
    assert expected == pytest.approx([1_600, 800])  # det = 0.4 x 0.6 - 0.09 = 0.15: 400 x 0.6 / 0.15 and 400 x 0.3 / 0.15
    pit = two_assets(cross=True)
    pit.sell(BTC, 400 * DEPTH)
    pit.cascade()
    # one account of each of the two kinds may be missing in each asset
    slack = np.linalg.solve(np.eye(2) - K, np.full(2, 1 + 2 * LOTS / DEPTH))
    assert np.all(np.abs(pit.fall - expected) <= slack)


def test_with_isolated_margin_the_other_asset_does_not_move() -> None:
    pit = two_assets(cross=False)
    pit.sell(BTC, 400 * DEPTH)
    pit.cascade()
    assert pit.fall[ETH] == 0
    assert pit.fall[BTC] == pytest.approx(400 / (1 - 0.6), abs=(1 + 2 * LOTS / DEPTH) / (1 - 0.6))


@pytest.mark.parametrize(("cross", "expected"), [(True, K), (False, np.diag(np.diag(K)))])
def test_the_ex_ante_matrix_is_k(cross: bool, expected: NDArray[np.float64]) -> None:
    pit, within = two_assets(cross=cross), 0.01
    worth = pit.house.revalue(pit.accounts, pit.price)
    exposure = Exposure(
        position=pit.ledger.position[pit.accounts],
        buffer=worth.collateral - worth.maintenance,
        rate=np.full(len(pit.accounts), RATE),
        price=pit.price,
        bids=pit.books.depth(pit.mark, within)[:, 0],
        within=within,
        moves=np.zeros(2),
        maintenance=worth.maintenance,
        alone=np.zeros_like(pit.ledger.position[pit.accounts]),
    )
    matrix = reproduction_matrix(exposure, np.zeros(2), reach=within)
    # 2,000 ticks hold 2,001 levels, and 400 accounts or more breach: one more or less is 0.25 %
    assert matrix == pytest.approx(expected, rel=1 / 2_000 + 1 / 400)
    # symmetric 2 x 2: 0.5 + sqrt(0.1^2 + 0.3^2) = 0.816; isolated the larger of 0.6 and 0.4
    assert spectral_radius(matrix) == pytest.approx(0.5 + np.sqrt(0.1) if cross else 0.6, rel=0.003)
    assert OPENING * within == 2_000
