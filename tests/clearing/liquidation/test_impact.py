"""Least impact: what costs least per margin released, hedges kept together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.liquidation import JustEnough, Whole
from abm.clearing.liquidation.impact import cost_per_lot
from tests.clearing.liquidation.seized_accounts import PRICE, each_alone, netted, seized, sold

LEAST = JustEnough(target=1.0, priority="least_impact")


def test_the_average_lot_walks_half_of_the_depth_it_takes() -> None:
    depth = np.array([[10, 500], [500, 20]])
    account = seized([10, -16], 65, depth=depth)
    # 100 x 10 / (2 x 10 bids) and 50 x 16 / (2 x 20 offers), in units of the visible distance
    assert cost_per_lot(account, np.array([0]), account.position).tolist() == [[50.0, 20.0]]


@pytest.mark.parametrize(
    ("bids", "closed"),
    [
        # 10 x 100 and 16 x 50 need 90, 65 are there: 25 are missing; a lot releases 5 or 2.5
        ((10, 20), [0, 10]),  # costs 50 and 20 per lot: 10 against 8 per unit of margin; 25 / 2.5 = 10 lots
        ((20, 20), [5, 0]),  # costs 25 and 20: 5 against 8; 25 / 5 = 5 lots
    ],
)
def test_of_additive_margins_the_cheaper_leg_goes_first(bids: tuple[int, int], closed: list[int]) -> None:
    depth = np.array([[bids[0], 500], [bids[1], 500]])
    assert sold(LEAST, seized([10, 16], 65, depth=depth)) == closed


def test_the_next_leg_follows_when_the_first_is_gone() -> None:
    # missing 90 - 30 = 60: the second leg releases 40, the first the other 20 with 4 lots
    assert sold(LEAST, seized([10, 16], 30, depth=np.array([[10, 500], [20, 500]]))) == [4, 16]


def test_a_hedge_is_closed_by_both_legs_in_step() -> None:
    # +1,000 and -1,000: 0 net, 1 % of 2,000 = 20; 10 are there. One lot of the first alone: 5 + 19 = 24, worse.
    # Half of both: 1 % of 1,000 = 10
    account = seized([10, -20], 10, requirement=netted)
    assert sold(LEAST, account) == [5, -10]
    assert sold(Whole(priority="least_impact"), account) == [10, -20]
    # largest loss sells the losing leg, all of it: its share of the 20 is 10, and 10 are missing
    loss = JustEnough(target=1.0, priority="largest_loss")
    one = seized([10, -20], 10, requirement=netted, profit=[-200, 100], leg_margin=np.array([[10, 10]]))
    assert sold(loss, one) == [10, 0]
    assert netted(np.array([[0, -20]])).tolist() == [60]  # and what is left needs three times as much


def test_what_is_not_hedged_goes_first() -> None:
    # +2,000 and -1,000: 50 + 30 = 80, 40 are there. A lot of the first releases 6: 40 / 6 = 6.7, so 7: 15 + 23 = 38
    account = seized([20, -20], 40, requirement=netted)
    assert sold(LEAST, account) == [7, 0]
    assert sold(Whole(priority="least_impact"), account) == [20, 0]


def test_then_the_hedge() -> None:
    # 18 are there: 10 lots of the first leave the hedge alone, 1 % of 2,000 = 20; a tenth of both legs more: 18
    assert sold(LEAST, seized([20, -20], 18, requirement=netted)) == [11, -2]


def test_everything_where_nothing_less_is_enough() -> None:
    assert sold(LEAST, seized([10, 4], 0)) == [10, 4]
    # a fee of 5 % of notional eats all that closing releases
    assert sold(LEAST, seized([10, 4], 40, fee=0.05)) == [10, 4]
    assert sold(LEAST, seized([10, 4], 60)) == [0, 0]  # and nothing where nothing is missing


def test_accounts_do_not_mix() -> None:
    lots = np.array([[10, -20], [20, -20], [10, 16], [0, 0]])
    many = seized([0, 0], 0, requirement=netted)
    fields = {"position": lots, "equity": np.array([10, 40, 1_000, 0]), "leg_margin": lots, "leg_profit": lots}
    together = LEAST.slices(type(many)(**(many.__dict__ | fields)))
    assert together.tolist() == [[5, -10], [7, 0], [0, 0], [0, 0]]


legs = st.integers(-300, 300)


@given(
    st.tuples(legs, legs).filter(any),
    st.integers(0, 1_000),
    st.sampled_from([each_alone, netted]),
    st.sampled_from([1.0, 1.05, 2.0]),
    st.sampled_from([0.0, 0.005]),
    st.tuples(st.integers(0, 500), st.integers(0, 500)),
)
@settings(deadline=None, max_examples=200)
def test_only_reduces_and_restores_or_closes(
    position: tuple[int, int], equity: int, requirement: Any, target: float, fee: float, depth: tuple[int, int]
) -> None:
    account = seized(position, equity, fee=fee, requirement=requirement, depth=np.array([depth, depth]).T)
    closed = JustEnough(target=target, priority="least_impact").slices(account)
    assert (closed * account.position >= 0).all() and (np.abs(closed) <= np.abs(account.position)).all()
    left = account.position - closed
    after = equity - fee * float(np.abs(closed[0]) @ PRICE)
    assert not left.any() or after >= target * requirement(left)[0]
    assert closed.any() == (equity < target * requirement(account.position)[0])
    first = Whole(priority="least_impact").slices(account)
    assert first.any() and ((first == 0) | (first == account.position)).all()
