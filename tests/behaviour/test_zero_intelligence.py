"""Zero-intelligence traders, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from abm.behaviour import zero_intelligence
from abm.behaviour.zero_intelligence import ZeroIntelligence
from abm.market.order import Kind
from tests.behaviour.desk import draws, rigged, said, traders, view

# one hour per step: rates 0.25 + 0.5 + 0.25 make the clock ring surely; event < 0.25 market, < 0.75 limit, else cancel
NOISE = ZeroIntelligence(
    market_per_hour=0.25, limit_per_hour=0.5, cancel_per_hour=0.25, offset=0.001, offset_max=0.05, size_share=0.2, protection=0.02
)
ALICE = traders(1, limit=[[100, 100]])


def test_a_limit_buy_rests_behind_the_mid() -> None:
    # order 0.25 x 2 instruments = 0.5: BTC, fraction 0.5 - not below 1/2, so 0.24 -> 0.48 buys
    # lots: 0.1 x 100 / sqrt(1 - 0.75) = 20; distance 0.001 x 0.8 / 0.2 = 0.004: 10,000 x 0.996 = 9,960
    luck = rigged(ALICE, act=0.5, order=0.24, price=0.8, size=0.75)
    assert said(NOISE.decide(view(ALICE), np.array([0]), luck)) == [(0, "LIMIT", "BUY", 20, 0, 9_960)]


def test_a_market_sell_is_protected_two_percent_below_the_mid() -> None:
    # order 0.9 x 2 = 1.8: ETH, fraction 0.8 sells; size 0: 0.1 x 100 = 10 lots
    luck = rigged(ALICE, act=0.1, order=0.9, price=0.8, size=0.0)
    assert said(NOISE.decide(view(ALICE), np.array([0]), luck)) == [(0, "IOC", "SELL", 10, 1, 9_800)]


def test_a_decision_replaces_what_rests_and_a_bare_cancel_sends_nothing_new() -> None:
    seen = view(ALICE, open_sell=[[7, 0]])
    luck = rigged(ALICE, act=0.5, order=0.24, price=0.0, size=0.0)
    assert said(NOISE.decide(seen, np.array([0]), luck)) == [(0, "CANCEL_ALL", 0), (0, "LIMIT", "BUY", 10, 0, 10_000)]
    luck = rigged(ALICE, act=0.8, order=0.24, price=0.0, size=0.0)
    assert said(NOISE.decide(seen, np.array([0]), luck)) == [(0, "CANCEL_ALL", 0)]


def test_distance_widens_with_volatility_and_ends_at_the_reach() -> None:
    luck = rigged(ALICE, act=0.5, order=0.24, price=0.8, size=0.0)
    calm = view(ALICE, volatility_ratio=[3.0, 3.0])  # 3 x 0.004: 9,880
    wild = view(ALICE, volatility_ratio=[30.0, 30.0])  # 0.12 > 0.05: 9,500
    assert [said(NOISE.decide(v, np.array([0]), luck))[0][-1] for v in (calm, wild)] == [9_880, 9_500]


def test_a_full_inventory_never_grows() -> None:
    # (1 - 100 / 100) / 2 = 0: nobody with a full long buys; a sale of any size is within 2 x limit
    full = view(ALICE, position=[[100, 100]])
    for seed in range(50):
        batch = NOISE.decide(full, np.array([0]), draws(ALICE, seed=seed))
        assert all(o["side"] == -1 and o["lots"] <= 200 for o in batch)


def test_orders_keep_the_position_within_the_limit() -> None:
    nearly = view(ALICE, position=[[99, 99]])  # buys with chance 0.005; the room is 1 lot
    luck = rigged(ALICE, act=0.5, order=0.001, price=0.5, size=0.99)
    assert said(NOISE.decide(nearly, np.array([0]), luck)) == [(0, "LIMIT", "BUY", 1, 0, 9_990)]


def test_frozen_or_penniless_traders_send_nothing() -> None:
    luck = rigged(ALICE, act=0.5, order=0.24, price=0.5, size=0.5)
    assert len(NOISE.decide(view(ALICE, frozen=[[True, False]], open_buy=[[5, 5]]), np.array([0]), luck)) == 0
    poor = traders(1)
    assert len(NOISE.decide(view(poor), np.array([0]), rigged(poor, act=0.5, order=0.24, price=0.5, size=0.5))) == 0


def test_rates_are_per_time_not_per_step() -> None:
    crowd = traders(40_000, limit=np.full((40_000, 2), 100))
    rows = np.arange(40_000)
    for seconds in (360.0, 90.0):
        batch = NOISE.decide(view(crowd, step_seconds=seconds), rows, draws(crowd))
        hours = 40_000 * seconds / 3600.0
        # Poisson counts: sd below 3 % of the mean at 90 s (250 market orders: sd 16)
        assert (batch["kind"] == Kind.IOC).sum() == pytest.approx(0.25 * hours, rel=0.25)
        assert (batch["kind"] == Kind.LIMIT).sum() == pytest.approx(0.5 * hours, rel=0.25)


def test_mean_size_is_the_declared_share() -> None:
    crowd = traders(50_000, limit=np.full((50_000, 2), 1_000_000))
    batch = NOISE.decide(view(crowd), np.arange(50_000), draws(crowd))
    lots = batch["lots"][batch["kind"] != Kind.CANCEL_ALL]
    # E[min(X, c)] = 2 m - m^2 / c with m = 100,000 and c = 1,000,000: 190,000
    assert lots.mean() == pytest.approx(190_000, rel=0.02)


def test_silence_at_rate_zero() -> None:
    quiet = ZeroIntelligence(market_per_hour=0.0, limit_per_hour=0.0, cancel_per_hour=0.0)
    assert len(quiet.decide(view(ALICE), np.array([0]), draws(ALICE))) == 0


def test_compiled_and_plain_kernels_write_the_same_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = traders(3_000, limit=np.full((3_000, 2), 50))
    held, resting = np.tile([[20, -30]], (3_000, 1)), np.tile([[0, 4]], (3_000, 1))
    seen = view(crowd, position=held, open_buy=resting, volatility_ratio=[1.7, 0.9])
    fast = NOISE.decide(seen, np.arange(3_000), draws(crowd))
    monkeypatch.setattr(zero_intelligence, "noise", getattr(zero_intelligence.noise, "py_func", zero_intelligence.noise))
    assert (fast == NOISE.decide(seen, np.arange(3_000), draws(crowd))).all()
