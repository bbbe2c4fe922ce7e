"""Hedged pairs and hedgers, by hand."""

from __future__ import annotations

import numpy as np

from abm.behaviour.hedged import HedgedPair
from abm.behaviour.hedging import Hedging
from abm.market.order import Reason
from tests.behaviour.desk import rigged, said, traders, view

ONE = np.array([0])
# Paula: long 100 ETH against short 50 BTC: half the notional, as its volatility asks
PAULA = traders(1, 3, opening=[[-50, 100, 0]])


def act(rule: HedgedPair, **seen: object) -> list[tuple[object, ...]]:
    return said(rule.decide(view(PAULA, **seen), ONE, rigged(PAULA, act=0.0)))


def test_a_whole_hedge_is_left() -> None:
    assert act(HedgedPair(), position=[[-50, 100, 0]]) == []
    # ETH falls 8 %: the long leg calls for 460,000, the short leg is 500,000: 8.7 % over, within the band
    assert act(HedgedPair(band=0.1), position=[[-50, 100, 0]], mark=np.array([10_000, 9_200, 10_000])) == []


def test_the_leg_that_has_become_too_large_is_cut() -> None:
    # ETH falls 20 %: 800,000 x 0.5 = 400,000 wanted short of 500,000: 40 lots, buy back 10
    seen = {"position": [[-50, 100, 0]], "mark": np.array([10_000, 8_000, 10_000])}
    assert act(HedgedPair(), **seen) == [(0, "IOC", "BUY", 10, 0, 10_200)]
    # ETH rises 25 %: 1,250,000 x 0.5 = 625,000 against 500,000: the long leg is cut to 80 %
    seen = {"position": [[-50, 100, 0]], "mark": np.array([10_000, 12_500, 10_000])}
    assert act(HedgedPair(), **seen) == [(0, "IOC", "SELL", 20, 1, 9_800)]


def test_a_liquidated_leg_takes_the_other_with_it() -> None:
    assert act(HedgedPair(), position=[[-50, 0, 0]]) == [(0, "IOC", "BUY", 50, 0, 10_200)]
    assert act(HedgedPair(), position=[[-10, 100, 0]]) == [(0, "IOC", "SELL", 80, 1, 9_800)]  # 10 / 50 of 100 stay
    batch = HedgedPair().decide(view(PAULA, position=[[-50, 0, 0]]), ONE, rigged(PAULA, act=0.0))
    assert batch["reason"].tolist() == [Reason.HEDGE] and batch["reduce_only"].tolist() == [1]


def test_the_channel_is_off() -> None:
    assert act(HedgedPair(rebalance=False), position=[[-50, 0, 0]]) == []


def test_a_frozen_leg_is_not_touched() -> None:
    assert act(HedgedPair(), position=[[-50, 0, 0]], frozen=[[True, True, False]]) == []


def test_hedgers_restore_their_opening_lots() -> None:
    # band 10 %: 95 of -100 is left, 50 of -100 is restored
    hank = traders(2, opening=[[-100, 0], [-100, 0]])
    seen = view(hank, position=[[-95, 0], [-50, 3]])
    assert said(Hedging(protection=0.01).decide(seen, np.array([0, 1]), rigged(hank, act=0.0))) == [
        (1, "IOC", "SELL", 50, 0, 9_900), (1, "IOC", "SELL", 3, 1, 9_900),
    ]  # fmt: skip
    quick = view(hank, position=[[0, 0], [0, 0]], step_seconds=5.0)  # 0.5 per hour: chance 0.0007 in 5 s
    assert len(Hedging().decide(quick, np.array([0, 1]), rigged(hank, act=0.0007))) == 0
