"""Liquidation policies: which lots go to the book now."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.liquidation import Fraction, JustEnough, NoLiquidation, Whole
from abm.clearing.margin.tiered import Bracket, Tiered
from abm.kernels.margin import leg_margin
from tests.clearing.liquidation.seized_accounts import PRICE, seized, sold


def test_nobody_is_liquidated_without_liquidation() -> None:
    assert sold(NoLiquidation(), seized([10, -4], -500)) == [0, 0]


def test_whole_closes_everything_at_once() -> None:
    assert sold(Whole(), seized([10, -4], 3)) == [10, -4]


def test_just_enough_closes_what_restores_the_margin() -> None:
    # 10 lots x 100 need 50; 40 are there; each lot frees 5: 2 lots
    assert sold(JustEnough(target=1.0), seized([10, 0], 40)) == [2, 0]
    # a fee of 1 % costs 1 of the 5 a lot frees: 10 / 4 = 2.5, so 3; then 7 lots need 35 and 37 are left
    assert sold(JustEnough(target=1.0), seized([10, 0], 40, fee=0.01)) == [3, 0]
    # target 1.5: missing 75 - 40 = 35, a lot frees 7.5: 4.67, so 5
    assert sold(JustEnough(target=1.5), seized([10, 0], 40)) == [5, 0]
    # a short likewise
    assert sold(JustEnough(target=1.0), seized([-10, 0], 40)) == [-2, 0]


def test_just_enough_closes_all_where_nothing_less_is_enough() -> None:
    assert sold(JustEnough(target=1.0), seized([10, 4], 0)) == [10, 4]
    # a fee of 5 % of notional eats all that closing frees
    assert sold(JustEnough(target=1.0), seized([10, 4], 40, fee=0.05)) == [10, 4]


def test_just_enough_closes_nothing_that_is_not_missing() -> None:
    assert sold(JustEnough(target=1.0), seized([10, 4], 60)) == [0, 0]


@pytest.mark.parametrize(
    ("priority", "closed"),
    [
        # 10 x 100 and 16 x 50 need 50 + 40 = 90; 65 are there, 25 are missing; a lot frees 5 or 2.5
        ("largest_loss", [0, 10]),  # the second leg lost 300, the first 200: 25 / 2.5 = 10 lots
        ("largest_margin", [5, 0]),  # 50 against 40: 25 / 5 = 5 lots
        ("most_liquid", [0, 10]),  # 20 bids per 16 lots against 10 per 10
        ("pro_rata", [3, 5]),  # 25 / 90 of each: 2.8 and 4.4
    ],
)
def test_which_position_goes_first(priority: Any, closed: list[int]) -> None:
    depth = np.array([[10, 500], [20, 500]])  # bids, offers
    account = seized([10, 16], 65, profit=[-200, -300], depth=depth)
    assert sold(JustEnough(target=1.0, priority=priority), account) == closed


def test_the_most_liquid_side_is_the_one_the_order_takes_from() -> None:
    depth = np.array([[10, 500], [20, 16]])  # the short in the second is bought from 16 offers: 1 per lot, as the first
    account = seized([10, -16], 65, depth=depth)
    assert sold(JustEnough(target=1.0, priority="most_liquid"), account) == [5, 0]  # a tie goes to the first


def test_the_next_position_follows_when_the_first_is_gone() -> None:
    # missing 90 - 30 = 60: the second leg frees 40, the first the other 20 with 4 lots
    account = seized([10, 16], 30, profit=[-200, -300])
    assert sold(JustEnough(target=1.0, priority="largest_loss"), account) == [4, 16]


legs = st.integers(-200, 200)


@given(
    st.tuples(legs, legs).filter(any),
    st.integers(0, 1_000),
    st.sampled_from(["largest_loss", "largest_margin", "most_liquid", "pro_rata", "all_at_once", "least_impact"]),
    st.sampled_from([1.0, 1.05, 2.0]),
    st.sampled_from([0.0, 0.005, 0.02]),
    st.booleans(),
)
@settings(deadline=None, max_examples=200)
def test_filled_at_the_mark_the_target_is_restored(
    position: tuple[int, int], equity: int, priority: Any, target: float, fee: float, tiered: bool
) -> None:
    ladder = (
        Bracket(floor=0.0, initial_rate=0.1, maintenance_rate=0.05),
        Bracket(floor=5_000.0, initial_rate=0.2, maintenance_rate=0.1),
    )
    rule = Tiered(brackets={"BTC": ladder, "ETH": ladder} if tiered else {})
    brackets = rule.tables(["BTC", "ETH"], max_leverage=10, cash_units=1)
    lots = np.array([position], dtype=np.int64)
    margin = leg_margin(lots, PRICE, brackets, 0)

    def requirement(held: Any) -> Any:
        return leg_margin(np.ascontiguousarray(held), PRICE, brackets, 0).sum(axis=1)

    account = seized(position, equity, fee=fee, leg_margin=margin, profit=[-3, -5], requirement=requirement)
    closed = JustEnough(target=target, priority=priority).slices(account)
    assert (np.abs(closed) <= np.abs(lots)).all() and (closed * lots >= 0).all()  # only reduces
    left = lots - closed
    after = equity - fee * float((np.abs(closed) * PRICE).sum())
    needed = target * float(leg_margin(left, PRICE, brackets, 0).sum())
    rounding = target * 2  # margins are rounded to whole units per leg
    assert not left.any() or after >= needed - rounding
    if equity >= target * margin.sum():
        assert not closed.any()


def test_a_large_position_goes_in_parts() -> None:
    policy = Fraction(fraction=0.2, whole_below=500.0, cooldown=30.0)
    # 12 x 100 = 1,200 is above 500: 20 %, rounded up, 3 lots; 10 x 50 = 500 is not: whole
    assert sold(policy, seized([12, -10], 10)) == [3, -10]
    # money in the rule is currency: at 0.01 per cash unit 1,200 units are 12
    assert sold(policy, seized([12, -10], 10, cash_unit=0.01)) == [12, -10]


def test_nothing_in_the_cool_down_and_the_whole_after_it() -> None:
    policy = Fraction(fraction=0.2, whole_below=500.0, cooldown=30.0)
    assert sold(policy, seized([9, -10], 10, since_first=np.array([25.0]))) == [0, 0]
    assert sold(policy, seized([9, -10], 10, since_first=np.array([30.0]))) == [9, -10]


@pytest.mark.parametrize(
    ("priority", "whole", "part"),
    [
        ("all_at_once", [10, 16], [2, 4]),
        ("pro_rata", [10, 16], [2, 4]),
        ("largest_loss", [0, 16], [0, 4]),  # lost 300 against 200
        ("largest_margin", [10, 0], [2, 0]),  # 50 against 40
        ("most_liquid", [0, 16], [0, 4]),  # 20 bids for 16 lots, 10 for 10
        ("least_impact", [0, 16], [0, 4]),  # 50 per 5 of margin against 20 per 2.5
    ],
)
def test_whole_positions_and_fractions_go_one_after_the_other(priority: Any, whole: list[int], part: list[int]) -> None:
    depth = np.array([[10, 500], [20, 500]])  # bids, offers
    account = seized([10, 16], 65, profit=[-200, -300], depth=depth)
    assert sold(Whole(priority=priority), account) == whole
    # 20 % of 10 is 2, of 16 is 3.2, so 4
    assert sold(Fraction(priority=priority, fraction=0.2, whole_below=0.0), account) == part


def test_the_position_after_it_follows_when_the_first_is_gone() -> None:
    assert sold(Whole(priority="largest_margin"), seized([0, 16], 65)) == [0, 16]
    # what was never held has lost nothing, but is not worked first
    assert sold(Whole(priority="largest_loss"), seized([0, 16], 65, profit=[0, 300])) == [0, 16]


def test_a_position_that_nobody_takes_waits_behind_the_others() -> None:
    depth = np.array([[0, 500], [20, 500]])
    assert sold(Whole(priority="largest_margin"), seized([10, 16], 65, depth=depth)) == [0, 16]
    # where nobody takes any, the order is as it was
    assert sold(Whole(priority="largest_margin"), seized([10, 16], 65, depth=np.zeros((2, 2), dtype=np.int64))) == [10, 0]


def test_all_at_once_is_pro_rata_where_only_a_part_is_sold() -> None:
    # 25 / 90 of each: 2.8 and 4.4
    assert sold(JustEnough(target=1.0, priority="all_at_once"), seized([10, 16], 65)) == [3, 5]


def test_what_size_adds_to_a_closed_leg_is_asked_for_whatever_is_sold() -> None:
    # 10 and 20 lots at 100 and 50: 50 each, and 30 for the size of the second leg, half of which a halt keeps
    account = seized([10, 10], 100, large=np.array([[0, 30]]), closed=np.array([[0, 10]]))
    rows = np.array([0])
    assert account.required(rows, np.array([[10, 10]])).tolist() == [50 + 50 + 30]
    assert account.required(rows, np.array([[10, 0]])).tolist() == [50 + 25 + 15]  # the closed half asks for its half
