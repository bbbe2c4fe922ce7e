"""Funding: when it is due, what it costs, and that every unit longs pay reaches the shorts."""

from __future__ import annotations

import numpy as np
import pytest

from abm.market.funding import Funding, FundingClock
from tests.small_worlds import market

HOUR, EIGHT_HOURS = 3600.0, 28_800.0
INDEX = np.array([1_000.0])


def rate(bid: int, ask: int, **rule: float) -> float:
    """The rate after one interval with these quotes against an index of 1,000."""
    clock = FundingClock(Funding(**({"interval": EIGHT_HOURS} | rule)), 1, EIGHT_HOURS)
    clock.observe(np.array([bid]), np.array([ask]), INDEX)
    due = clock.due()
    assert due is not None
    return float(due[0])


def test_it_is_due_at_every_interval() -> None:
    clock = FundingClock(Funding(interval=15.0), 1, 5.0)
    due = []
    for _ in range(7):
        clock.observe(np.array([999]), np.array([1_001]), INDEX)
        due.append(clock.due() is not None)
    assert due == [False, False, True, False, False, True, False]


@pytest.mark.parametrize(("interval", "step", "steps"), [(15.0, 5.0, 3), (16.0, 5.0, 4), (2.1, 0.3, 7)])
def test_an_interval_is_whole_steps_rounded_up(interval: float, step: float, steps: int) -> None:
    assert FundingClock(Funding(interval=interval), 1, step).every == steps


def test_without_a_premium_longs_pay_the_interest() -> None:
    assert rate(999, 1_001) == pytest.approx(0.0001)  # 0.01 % per 8 h


def test_a_small_premium_is_pulled_to_the_interest_and_a_large_one_less_the_clamp() -> None:
    # bid 0.04 % above the index: interest - premium = -0.03 %, within the clamp of 0.05 %, so the rate is the interest
    assert rate(1_000, 1_001, interest=0.0001, clamp=0.0005) == pytest.approx(0.0001)
    # bid 2 above 1,000: 0.2 % - 0.05 %
    assert rate(1_002, 1_003) == pytest.approx(0.0015)
    # ask 2 below: -0.2 % + 0.05 %
    assert rate(997, 998) == pytest.approx(-0.0015)


def test_the_rate_is_capped_per_hour() -> None:
    assert rate(1_500, 1_501, cap=0.01) == pytest.approx(0.08)  # 50 % premium, 1 % per hour for 8 hours
    assert rate(499, 500, cap=0.01) == pytest.approx(-0.08)


def test_a_shorter_interval_pays_its_part() -> None:
    clock = FundingClock(Funding(interval=HOUR), 1, HOUR)
    clock.observe(np.array([1_002]), np.array([1_003]), INDEX)
    assert clock.due() == pytest.approx([0.0015 / 8])


def test_the_premium_is_the_mean_over_the_interval_and_starts_anew() -> None:
    clock = FundingClock(Funding(interval=2 * EIGHT_HOURS), 1, EIGHT_HOURS)
    for bid, ask in ((1_004, 1_005), (999, 1_001)):  # 0.4 % and nothing: 0.2 %
        clock.observe(np.array([bid]), np.array([ask]), INDEX)
    assert clock.due() == pytest.approx([2 * 0.0015])  # 16 hours
    for _ in range(2):
        clock.observe(np.array([999]), np.array([1_001]), INDEX)
    assert clock.due() == pytest.approx([2 * 0.0001])


def test_an_empty_side_has_no_premium() -> None:
    assert rate(0, 0) == pytest.approx(0.0001)
    assert rate(0, 900, clamp=0.0) == pytest.approx(-0.1)  # the offers alone: 100 below 1,000


def test_longs_pay_shorts_by_notional_and_nothing_is_left_over() -> None:
    model = market()
    ledger, exchange = model.ledger, model.exchange
    before, lots = ledger.cash[:, 0].copy(), ledger.position[:, 0].copy()
    exchange._pay(0, 0.001)
    paid = before - ledger.cash[:, 0]
    value = lots * exchange.price[0]
    # a share of 0.1 % of each long's notional, rounded down
    assert paid[lots > 0].tolist() == [int(0.001 * v) for v in value[lots > 0]]
    assert paid.sum() == 0
    # each short gets its part to the unit
    assert np.abs(-paid[lots < 0] - 0.001 * -value[lots < 0]).max() <= np.count_nonzero(lots > 0)
    assert not paid[lots == 0].any()


def test_a_negative_rate_is_paid_by_the_shorts() -> None:
    model = market()
    lots, before = model.ledger.position[:, 1].copy(), model.ledger.cash[:, 0].copy()
    model.exchange._pay(1, -0.002)
    change = model.ledger.cash[:, 0] - before
    assert (change[lots > 0] > 0).all() and (change[lots < 0] < 0).all()
    assert change.sum() == 0
