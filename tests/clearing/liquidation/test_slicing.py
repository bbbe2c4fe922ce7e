"""Slicing: how much goes to the book now."""

from __future__ import annotations

from math import e

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.clearing.liquidation.slicing import AlmgrenChriss, AtOnce, Pace, Participation, urgency
from abm.clearing.liquidation.turnover import Turnover
from tests.clearing.liquidation.test_turnover import traded

FRESH = np.array([-1.0])


def pace(since: float, interval: float = 5.0) -> Pace:
    return Pace(np.array([since]), interval, Turnover(2).room)


def test_at_once_is_all_of_it() -> None:
    assert AtOnce().now(np.array([[10, -4]]), pace(-1)).tolist() == [[10, -4]]


def test_the_published_urgency_and_its_trajectory() -> None:
    # Almgren & Chriss 2000, their example: eta~ = 2.5e-6 - 2.5e-7 / 2 = 2.375e-6,
    # cosh(kappa) = 1 + 1e-6 x 0.95^2 / (2 x 2.375e-6) = 1.19, kappa = ln(1.19 + sqrt(1.19^2 - 1)) = 0.607 per day
    kappa = urgency(risk_aversion=1e-6, volatility=0.95, temporary=2.5e-6, permanent=2.5e-7, interval=1.0)
    assert kappa == pytest.approx(0.607, abs=5e-4)
    # over five days sinh(0.607 (5 - t)) / sinh(3.035): 10.381, 5.626, 3.009, 1.535, 0.645 and 0 over 10.381
    left = AlmgrenChriss(horizon=5.0, kappa=kappa).left(np.arange(6.0))
    np.testing.assert_allclose(left, [1, 0.542, 0.290, 0.148, 0.062, 0], atol=5e-4)


def test_no_urgency_where_trading_faster_costs_nothing() -> None:
    with pytest.raises(ValueError, match="temporary must be above"):
        urgency(risk_aversion=1e-6, volatility=0.95, temporary=1e-7, permanent=2.5e-7, interval=1.0)


def test_each_slice_sends_what_the_trajectory_sends_until_the_next() -> None:
    rule, held, left = AlmgrenChriss(horizon=25.0, kappa=0.607 / 5), 1_000, []
    for step in range(5):
        held -= int(rule.now(np.array([[held, 0]]), pace(5.0 * step if step else -1.0))[0, 0])
        left.append(held)
    # 542, 290, 148, 62, 0 of a thousand, a lot less where slices are rounded up
    np.testing.assert_allclose(left, [542, 290, 148, 62, 0], atol=1)


def test_without_urgency_it_sells_evenly() -> None:
    rule = AlmgrenChriss(horizon=20.0, kappa=0.0)
    # a quarter of 12, a third of 9, half of 6, all of 3: always 3; a short is bought likewise
    for since, held in ((-1.0, 12), (5.0, 9), (10.0, 6), (15.0, 3)):
        assert rule.now(np.array([[held, -held]]), pace(since)).tolist() == [[3, -3]]
    # a slight urgency hardly differs
    np.testing.assert_allclose(AlmgrenChriss(horizon=20.0, kappa=1e-6).left(np.array([5.0])), [0.75], atol=1e-4)


def test_great_haste_does_not_overflow() -> None:
    rule = AlmgrenChriss(horizon=1e5, kappa=1.0)
    assert rule.left(np.array([1.0]))[0] == pytest.approx(1 / e)
    assert rule.now(np.array([[100]]), pace(-1.0, interval=1.0)).tolist() == [[64]]  # 63.2, rounded up


def test_after_the_horizon_everything_goes() -> None:
    assert AlmgrenChriss(horizon=20.0, kappa=0.1).now(np.array([[7]]), pace(20.0)).tolist() == [[7]]


@given(st.integers(1, 10_000), st.sampled_from([0.0, 0.001, 0.1]), st.sampled_from([1.0, 5.0, 10.0]))
def test_the_trajectory_does_not_depend_on_the_step(lots: int, kappa: float, interval: float) -> None:
    rule, held = AlmgrenChriss(horizon=60.0, kappa=kappa), lots
    for slice_ in range(round(30.0 / interval)):
        held -= int(rule.now(np.array([[held]]), pace(interval * slice_ if slice_ else -1.0, interval))[0, 0])
    expected = lots * float(rule.left(np.array([30.0]))[0])
    assert expected - 30.0 / interval <= held <= expected + 1e-6  # a slice is rounded up by less than a lot


def test_participation_is_a_share_of_what_was_traded_shared_by_size() -> None:
    turnover = Turnover(2, steps=2, step_seconds=5.0)
    turnover.note(traded(0, 60))
    turnover.advance()
    turnover.note(traded(0, 35))
    rule, want = Participation(share=0.1, window=10.0), np.array([[60, 0], [30, 5]])
    # 10 % of 95 is 9.5: 9 lots as 2 to 1; nothing was traded in the second: one lot
    assert rule.now(want, Pace(np.repeat(FRESH, 2), 5.0, turnover.room)).tolist() == [[6, 0], [3, 1]]
    # a seller of less than there is room for gets it all, a short is bought
    assert rule.now(np.array([[-8, 0]]), Pace(FRESH, 5.0, turnover.room)).tolist() == [[-8, 0]]
