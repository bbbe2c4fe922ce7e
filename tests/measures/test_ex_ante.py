"""Contagion before it happens, by hand: Alice and Bob at 100 a lot, books of 50 lots within 1 %."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.measures.ex_ante import (
    buffer_after,
    critical_shock,
    cross_share,
    endogenous_risk_index,
    ex_ante,
    forced_sales,
    impact,
    overlap,
    reproduction_matrix,
    spectral_radius,
)
from abm.measures.value import Missing
from abm.records import Exposure
from tests.measures.by_hand import records
from tests.small_worlds import market, shock

# Alice: 10 BTC long, 30 above maintenance. Bob: 10 BTC and 10 ETH long, 25 above. Maintenance is 5 % of gross.
ALICE, BOB = 0, 1


def exposure(**changes: Any) -> Exposure:
    plain: dict[str, Any] = {
        "position": np.array([[10, 0], [10, 10]]),
        "buffer": np.array([30, 25]),
        "rate": np.array([0.05, 0.05]),
        "price": np.array([100, 100]),
        "bids": np.array([50, 50]),
        "within": 0.01,
        "moves": np.array([-0.02, 0.0]),
        "maintenance": np.array([50, 100]),
        "alone": np.array([[50, 0], [50, 50]]),
    }
    return Exposure(**(plain | changes))


FALL = np.array([-0.02, 0.0])


def test_what_is_left_above_maintenance():
    assert buffer_after(exposure(), FALL).tolist() == [11, 6]  # each lost 20 of equity and 1 of maintenance


def test_forced_sales_per_unit_fall():
    # before any fall: 2 % of BTC cost either 0.02 x (1000 - 50) = 19: nobody breaches
    assert not forced_sales(exposure(), np.zeros(2)).any()
    # after one: 2 % of BTC at 98 cost 0.02 x (980 - 49) = 18.6 > 11 and 6: both breach, 1,960 of BTC and 1,000 of ETH are sold;
    # 2 % of ETH cost Bob 19 > 6: 980 of BTC and 1,000 of ETH
    assert forced_sales(exposure(), FALL) == pytest.approx(np.array([[1960, 980], [1000, 1000]]) / 0.02)


def test_accounts_already_below_do_not_count_again():
    assert not forced_sales(exposure(buffer=np.array([-5, -1])), np.zeros(2)).any()


def test_impact_and_reproduction():
    assert impact(exposure()).tolist() == [0.01 / 5000, 0.01 / 5000]
    matrix = reproduction_matrix(exposure(), FALL)
    assert matrix == pytest.approx(np.array([[0.196, 0.098], [0.1, 0.1]]))  # H x 2e-6
    # eigenvalues of it: (0.296 +- sqrt(0.096^2 + 4 x 0.098 x 0.1)) / 2
    assert spectral_radius(matrix) == pytest.approx((0.296 + np.sqrt(0.096**2 + 4 * 0.0098)) / 2)


def test_apart_assets_have_no_cross_share():
    assert cross_share(np.diag([0.3, 0.8])) == 0.0
    assert cross_share(np.array([[0.5, 0.5], [0.5, 0.5]])) == 0.5  # radius 1, each alone 0.5


def test_a_book_without_bids_is_infinitely_fragile_where_something_would_be_sold():
    empty = exposure(bids=np.array([0, 50]))
    assert spectral_radius(reproduction_matrix(empty, FALL)) == float("inf")
    assert spectral_radius(reproduction_matrix(empty, np.zeros(2))) == 0.0  # nothing would be sold


def test_critical_shock():
    thin = exposure(bids=np.array([5, 5]))  # ten times the impact: radius 2.6 once both may breach
    assert critical_shock(thin) == pytest.approx(0.0075)  # Bob: 25 - 7.1 = 17.9 <= 18.9, and Alice 22.9 is not near
    assert isinstance(critical_shock(exposure(moves=np.array([0.1, 0.0]))), Missing)
    assert isinstance(critical_shock(exposure(buffer=np.array([10**6, 10**6]))), Missing)


def test_overlap_and_risk_index():
    # Omega: sum over assets of value x value x 2e-6
    assert overlap(exposure()) == pytest.approx(np.array([[2.0, 2.0], [2.0, 4.0]]))
    assert endogenous_risk_index(exposure()) == pytest.approx([0.5, 0.5])  # off-diagonals [[0, 2], [2, 0]]
    three = exposure(position=np.array([[10, 0], [10, 10], [0, 10]]), buffer=np.ones(3), rate=np.ones(3))
    # Omega off the diagonal [[0, 2, 0], [2, 0, 2], [0, 2, 0]]: Perron vector (1, sqrt 2, 1)
    assert endogenous_risk_index(three) == pytest.approx(np.array([1, np.sqrt(2), 1]) / (2 + np.sqrt(2)), abs=1e-6)
    assert endogenous_risk_index(exposure(position=np.zeros((2, 2), dtype=int))).sum() == 0.0


def test_a_run_that_ended_early_has_none():
    assert all(isinstance(value, Missing) for value in ex_ante(records()).values())


def test_isolated_accounts_pass_nothing_on_to_other_assets():
    changes = {"world.shocks": [shock(-0.2)], "time.duration": 40.0, "time.burn_in": 5.0}
    found = {}
    for share in (0.0, 1.0):
        model = market(changes | {"population.cross_share": share}, crowd=60)
        kept = model.run().exposure
        assert kept is not None and kept.moves.tolist() == pytest.approx([-0.2, 0.0])
        found[share] = reproduction_matrix(kept, kept.moves, reach=0.1)
    assert np.count_nonzero(found[0.0] - np.diag(np.diag(found[0.0]))) == 0
    assert np.count_nonzero(found[1.0] - np.diag(np.diag(found[1.0]))) > 0
