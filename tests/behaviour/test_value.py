"""Value traders, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from abm.behaviour.value import Value
from tests.behaviour.desk import draws, instruments, rigged, said, traders, view

ONE = np.array([0])
# Victor's purse: 10 lots at 10,000 in each of two instruments = 200,000 cash units; bids 10 % and 20 % below value
VICTOR = traders(1, limit=[[10, 10]], discount=[[0.1, 0.2]], collateral=[200_000])


def act(rule: Value, **seen: object) -> list[tuple[object, ...]]:
    return said(rule.decide(view(VICTOR, **seen), ONE, rigged(VICTOR, act=0.0)))


HOURLY = {"activity_per_hour": 12.0, "two_sided": False}
SPLIT, COMMON = Value(common_capital=False, **HOURLY), Value(common_capital=True, **HOURLY)
BOTH = Value(common_capital=False, two_sided=True)


def test_bids_wait_at_the_discount_for_the_whole_purse() -> None:
    # 100,000 / 9,000 = 11.1 lots but never more than the limit of 10
    assert act(SPLIT) == [(0, "LIMIT", "BUY", 10, 0, 9_000), (0, "LIMIT", "BUY", 10, 1, 8_000)]
    # in common: half of 200,000 each: 11 lots at 9,000, 12 at 8,000
    assert act(COMMON) == [(0, "LIMIT", "BUY", 11, 0, 9_000), (0, "LIMIT", "BUY", 12, 1, 8_000)]


def test_of_a_token_no_more_is_offered_than_owned() -> None:
    # of the second, a token, 10 were held at the opening and 4 of them were sold
    token = replace(instruments(), spot=(1,))
    seller = traders(1, limit=[[10, 10]], discount=[[0.2, 0.01]], collateral=[400_000])
    seen = view(seller, token, position=[[0, -4]])
    orders = said(Value(common_capital=True).decide(seen, ONE, rigged(seller, act=0.0)))
    # the 400,000 of equity less 40,000, half of it at 10,100: 17 lots would be paid for, 6 are left
    assert [order for order in orders if order[4] == 1 and order[2] == "SELL"] == [(0, "LIMIT", "SELL", 6, 1, 10_100)]


def test_what_is_held_is_offered_at_value() -> None:
    # 4 bought: 6 more may come; 4 offered at 10,000
    assert act(SPLIT, position=[[4, 0]])[0:3:2] == [(0, "LIMIT", "BUY", 6, 0, 9_000), (0, "LIMIT", "SELL", 4, 0, 10_000)]


def test_money_lost_in_one_instrument_is_missing_in_the_other_only_in_common() -> None:
    # 10 BTC bought at 9,000, now at 5,000: equity 160,000, cash 110,000; ETH gets half of it: 55,000 / 8,000 = 6 lots
    seen = {"position": [[10, 0]], "mark": [5_000, 10_000], "equity": [160_000]}
    eth = [order for order in act(COMMON, **seen) if order[4] == 1]
    assert eth == [(0, "LIMIT", "BUY", 6, 1, 8_000)]
    assert [order for order in act(SPLIT, **seen) if order[4] == 1] == [(0, "LIMIT", "BUY", 10, 1, 8_000)]


def test_no_money_no_bid() -> None:
    seen = {"position": [[20, 0]], "equity": [200_000]}  # all 200,000 sit in 20 lots
    assert act(COMMON, **seen) == [(0, "LIMIT", "SELL", 20, 0, 10_000)]


def test_two_sided_traders_also_sell_above_value_and_buy_back_at_value() -> None:
    # offers at 11,000 and 12,000: 100,000 / 11,000 = 9 lots and 100,000 / 12,000 = 8
    assert act(BOTH)[2:] == [(0, "LIMIT", "SELL", 9, 0, 11_000), (0, "LIMIT", "SELL", 8, 1, 12_000)]
    # short 4 BTC: 6 more bids of the limit of 10 and 9 - 4 = 5 more offers; 4 are bought back at 10,000
    btc = [order[1:4] + order[5:] for order in act(BOTH, position=[[-4, 0]]) if order[4] == 0]
    assert btc == [("LIMIT", "BUY", 6, 9_000), ("LIMIT", "SELL", 5, 11_000), ("LIMIT", "BUY", 4, 10_000)]


def test_opinion_moves_value_and_old_orders_are_replaced() -> None:
    optimist = traders(1, limit=[[10, 0]], discount=[[0.1, 0.1]], opinion=[[1.1, 1.1]])
    seen = view(optimist, open_buy=[[3, 0]], position=[[1, 0]])
    # perceived 11,000: bid 9,900 for 10 (at most the limit) - 1; offer 11,000
    assert said(SPLIT.decide(seen, ONE, rigged(optimist, act=0.0))) == [
        (0, "CANCEL_ALL", 0), (0, "LIMIT", "BUY", 9, 0, 9_900), (0, "LIMIT", "SELL", 1, 0, 11_000),
    ]  # fmt: skip


def test_delay_and_freeze() -> None:
    assert act(SPLIT, frozen=[[True, True]]) == []
    late = view(VICTOR, step_seconds=1.0)  # 12 per hour: chance 1 / 300 in a second
    assert len(SPLIT.decide(late, ONE, rigged(VICTOR, act=0.0034))) == 0
    assert len(SPLIT.decide(late, ONE, rigged(VICTOR, act=0.0033))) == 2


def test_worthless_asset_gets_no_bid() -> None:
    assert all(tick >= 1 for *_, tick in act(SPLIT, value=np.array([0.5, 1.5])))
    assert len(SPLIT.decide(view(VICTOR), np.array([], dtype=np.int64), draws(VICTOR))) == 0
