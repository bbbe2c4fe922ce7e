"""Cross-venue arbitrage, by hand."""

from __future__ import annotations

import numpy as np

from abm.behaviour.arbitrage import Arbitrage
from tests.behaviour.desk import instruments, rigged, said, traders, view

ONE = np.array([0])
TWO_VENUES = instruments(3, asset=[0, 0, 1], venue=[0, 1, 0])  # BTC on two venues, SOL on one
ARA = traders(1, 3, limit=[[100, 100, 100]])
RULE = Arbitrage(fee_rate=0.0005, profit_min=0.001, size_share=0.2, protection=0.01)  # wants a gap above 20 bp
GAP = {"bid": [9_898, 9_998, 9_998], "ask": [9_900, 10_000, 10_000]}  # 98 ticks on 9,900: 99 bp


def act(*, transfer: float = 1.0, market: object = TWO_VENUES, **seen: object) -> list[tuple[object, ...]]:
    return said(RULE.decide(view(ARA, market, step_seconds=60.0, **seen), ONE, rigged(ARA, act=0.0, transfer=transfer)))


def test_buys_the_cheap_and_sells_the_dear() -> None:
    # half-way (9,900 + 9,998) / 2 = 9,949; own fee and half the profit 10 bp: buys to 9,939, sells from 9,959
    assert act(**GAP) == [(0, "IOC", "BUY", 20, 0, 9_939), (0, "IOC", "SELL", 20, 1, 9_959)]


def test_a_gap_within_costs_is_left() -> None:
    assert act(bid=[9_978, 9_998, 1], ask=[9_980, 10_000, 2]) == []  # 18 ticks on 9,980: 18 bp
    assert act(bid=[9_975, 9_998, 1], ask=[9_977, 10_000, 2])[0][2:4] == ("BUY", 20)  # 21 bp


def test_limits_bound_both_legs() -> None:
    assert act(position=[[95, -90, 0]], **GAP) == [(0, "IOC", "BUY", 5, 0, 9_939), (0, "IOC", "SELL", 5, 1, 9_959)]
    assert act(position=[[100, -100, 0]], **GAP) == []


def test_capital_returns_after_a_delay_and_closes_matched_legs() -> None:
    held = {"position": [[30, -20, 7]]}
    assert act(**held) == []  # no gap, capital still on its way
    # 20 lots match; SOL has no second venue and is not an arbitrage
    assert act(transfer=0.0, **held) == [(0, "IOC", "SELL", 20, 0, 9_900), (0, "IOC", "BUY", 20, 1, 10_100)]
    assert act(transfer=0.0, **held, **GAP)[0][2] == "BUY"  # while the gap is open nothing is closed


def test_nothing_to_do_on_one_venue_or_with_an_empty_book_or_frozen() -> None:
    assert act(market=instruments(3), **GAP) == []
    assert act(bid=[0, 0, 0], ask=[0, 0, 0]) == []
    assert act(frozen=[[False, True, False]], **GAP) == []
