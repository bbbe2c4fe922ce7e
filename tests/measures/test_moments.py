"""Moments of recorded markets, measured on records that were written by hand: BTC 1,000 USD a lot of 0.001 is 100 USD."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.measures import moments as m
from abm.measures.value import Missing
from tests.measures.by_hand import records

MINUTE_OF_STEPS = 12  # steps of 5 s


def walk(returns, name="BTC"):
    """A book whose mid makes these returns minute by minute, a tick either side."""
    mids = 10_000 * np.exp(np.cumsum([0.0, *returns]))
    path = np.repeat(mids, MINUTE_OF_STEPS)
    return {"bid": {name: path - 1}, "ask": {name: path + 1}}


def test_spread_is_the_median_over_steps_with_both_sides_after_the_burn_in():
    run = records(4, columns={"bid": {"BTC": [5_000, 9_999, 0, 9_998]}, "ask": {"BTC": [10_001, 10_001, 10_001, 10_002]}})
    assert m.spread(run, 1)[0] == pytest.approx(3.0)  # of 2 bp and 4 bp; the empty side and the burn-in do not count


def test_depth_is_money_at_the_opening_price():
    assert m.depth(records(4), 0) == pytest.approx([100 * 0.001 * 100_000, 100 * 0.1 * 1_000])


def test_turnover_is_per_minute_and_bids():
    run = records(4, columns={"volume": {"BTC": [50, 0, 10, 0]}})  # after the first: 10 lots in 15 s = 40 a minute over 100
    assert m.turnover(run, 1)[0] == pytest.approx(0.4)


def test_volatility_of_minutes_is_scaled_to_a_day():
    run = records(60, columns=walk([0.01, -0.01, 0.01, -0.01]))
    deviation = 0.01 * np.sqrt(4 / 3)  # sample deviation of four returns of 1 % about 0
    assert m.minute_volatility(run, 0)[0] == pytest.approx(deviation * np.sqrt(1440), rel=0.02)  # ticks are whole


def test_returns_that_come_back_have_a_small_variance_ratio():
    there_and_back = m.variance_ratio(records(240, columns=walk([0.01, -0.01] * 9 + [0.01])), 0)[0]
    assert there_and_back == pytest.approx(1 / 5, rel=0.05)  # five such returns add up to one: variance 1 over 5


def test_correlation_of_opposite_returns_is_minus_one():
    moves = np.array([0.01, -0.02, 0.03, -0.01])
    up, down = walk(moves), walk(-moves, "ETH")
    run = records(60, columns={side: up[side] | down[side] for side in up})
    found = m.minute_correlation(run, 0)
    assert found["BTC", "ETH"] == found["ETH", "BTC"] == pytest.approx(-1.0, abs=1e-3)
    assert isinstance(m.minute_correlation(records(60), 0)["BTC", "ETH"], Missing)  # nothing moves


def test_the_share_of_adl_is_of_all_that_was_closed_by_force():
    columns = {"adl": {"BTC": [0, 3, 0, 0]}, "takeover": {"BTC": [0, 2, 0, 0]}, "forced_value": {"BTC": [0, 50_000, 0, 0]}}
    assert m.adl_share(records(4, columns=columns)) == pytest.approx(0.3)  # 30,000 of 30,000 + 20,000 + 50,000 cash units
    assert isinstance(m.adl_share(records(4)), Missing)


def test_the_first_adl_is_timed_from_the_first_seizure():
    adl = {"step": 3, "kind": EventKind.ADL, "account": 1, "instrument": 0, "lots": 1}
    run = records(5, scalars={"entered": [0, 1, 0, 0, 0]}, events=[adl])
    assert m.first_adl(run) == pytest.approx(10.0)  # two steps of 5 s
    assert isinstance(m.first_adl(records(5)), Missing)


def test_the_rebound_is_the_share_of_the_fall_that_came_back():
    run = records(4, columns={"mark": {"ETH": [10_000, 9_000, 8_000, 8_500]}})
    btc, eth = m.rebound(run)
    assert eth == pytest.approx(0.25)  # 500 of 2,000
    assert isinstance(btc, Missing)


def test_every_documented_moment_is_measured_and_no_other():
    names = set(m.moments(records(60), 0))
    pairs = list(product(("BTC", "ETH"), repeat=2))
    filled = {name.replace("<asset>", a, 1).replace("<asset>", b) for name in m.MOMENTS for a, b in pairs}
    assert names == filled
