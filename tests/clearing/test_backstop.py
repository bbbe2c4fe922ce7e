"""Keepers: take weak accounts over at a discount, with finite capital, and can die of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.clearing.backstop import Keeper
from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.streams import Streams
from tests.clearing.house_desk import ALICE, BOB, BTC, ETH, Desk, price


def weak_alice(capital: int, *, equity: int = 220, position: tuple[int, int] = (10, 0), **rule: Any) -> Desk:
    """At 80 Alice, long 10 BTC from 100, has 20 where 40 are asked; the keeper takes 1 % below 2/3 of what is asked."""
    return Desk([equity], [list(position)], capital=capital, keeper={"discount": 0.01, "leverage_max": 5.0} | rule)


def test_it_takes_the_account_at_a_discount_and_the_owner_keeps_the_rest() -> None:
    desk = weak_alice(capital=500)
    desk.settle(btc=80, failed=[ALICE])
    # 10 lots at 80 for 792: 1 % of 800 is 8, and 12 of her 20 stay with Alice
    [entry] = desk.told(EventKind.KEEPER_TAKEOVER)
    assert (entry.account, entry.counterparty, entry.lots, entry.value, entry.amount) == (ALICE, desk.keeper, 10, 792, 0)
    assert (desk.equity(ALICE, 80), desk.lots(ALICE)) == (12, [0, 0])
    assert (desk.equity(desk.keeper, 80), desk.lots(desk.keeper)) == (508, [10, 0])
    assert desk.ledger.state[ALICE] == State.HEALTHY  # released with what is left


def test_it_asks_for_no_more_than_the_account_has() -> None:
    desk = weak_alice(capital=500, discount=0.05)
    desk.settle(btc=80, failed=[ALICE])
    assert (desk.equity(ALICE, 80), desk.equity(desk.keeper, 80)) == (0, 520)  # 20 instead of 5 % of 800


def test_several_legs_are_discounted_by_notional() -> None:
    # 10 BTC at 80 and short 8 ETH at 150: 800 and 1,200; Alice 650 - 200 - 400 = 50 of 100; 1 % is 20: 8 and 12
    desk = weak_alice(capital=1_000, equity=650, position=(10, -8))
    desk.settle(btc=80, eth=150, failed=[ALICE])
    assert [(e.instrument, e.lots, e.value) for e in desk.told(EventKind.KEEPER_TAKEOVER)] == [
        (BTC, 10, 792),
        (ETH, -8, -1_212),
    ]
    assert (desk.equity(ALICE, 80, 150), desk.equity(desk.keeper, 80, 150)) == (30, 1_020)


def test_it_is_asked_only_when_the_book_has_failed() -> None:
    desk = weak_alice(capital=500)
    desk.settle(btc=80)
    assert desk.told(EventKind.KEEPER_TAKEOVER) == []


def test_it_is_asked_only_below_its_trigger() -> None:
    desk = weak_alice(capital=500, equity=227)  # 27 of 40 is more than 2/3
    desk.settle(btc=80, failed=[ALICE])
    assert desk.told(EventKind.KEEPER_TAKEOVER) == []
    desk = weak_alice(capital=500, equity=226)  # 26 of 40 is less
    desk.settle(btc=80, failed=[ALICE])
    assert len(desk.told(EventKind.KEEPER_TAKEOVER)) == 1


def test_it_takes_nothing_that_lifts_it_above_its_leverage() -> None:
    # 800 need 160 at leverage 5; the discount of 8 counts, so 152 of its own is enough
    desk = weak_alice(capital=151)
    desk.settle(btc=80, failed=[ALICE])
    assert desk.lots(desk.keeper) == [0, 0]
    desk = weak_alice(capital=152)
    desk.settle(btc=80, failed=[ALICE])
    assert desk.lots(desk.keeper) == [10, 0]


def test_it_margins_what_it_takes_like_everybody() -> None:
    # leverage 100 would do, but 10 % of 800 less the discount of 8 is 72
    desk = weak_alice(capital=71, leverage_max=100.0)
    desk.settle(btc=80, failed=[ALICE])
    assert desk.lots(desk.keeper) == [0, 0]
    desk = weak_alice(capital=72, leverage_max=100.0)
    desk.settle(btc=80, failed=[ALICE])
    assert desk.lots(desk.keeper) == [10, 0]


def test_without_money_there_is_no_keeper() -> None:
    desk = weak_alice(capital=0)
    desk.settle(btc=80, failed=[ALICE])
    assert desk.told(EventKind.KEEPER_TAKEOVER) == []


def test_its_capital_is_used_up() -> None:
    desk = Desk([220, 220], [[10, 0], [10, 0]], capital=200, keeper={"discount": 0.01, "leverage_max": 5.0})
    desk.settle(btc=80, failed=[ALICE, BOB])
    # after the first 208 of its own carry 800; 1,600 would need 320
    assert [entry.account for entry in desk.told(EventKind.KEEPER_TAKEOVER)] == [ALICE]


def test_a_seized_keeper_takes_nothing_more() -> None:
    # short 11 BTC from 100 on 10, it has 32 at 98 where 53 are asked; Alice's long would net it to one lot, but an account
    # that is being wound up bids for nothing
    desk = weak_alice(capital=10, equity=45)
    desk.trade(buyer=desk.outside, seller=desk.keeper, lots=11, at=100)
    assert desk.seize(btc=98) == [ALICE, desk.keeper]
    desk.resolve(btc=98, failed=[ALICE])
    assert desk.told(EventKind.KEEPER_TAKEOVER) == []


def test_a_keeper_can_be_seized_and_default() -> None:
    desk = weak_alice(capital=160)
    desk.settle(btc=80, failed=[ALICE])
    # 168 on 10 lots at 80; at 66 it has 28 where 33 are asked, at 60 it owes 32: nobody is left to pay but Alice's 12
    assert desk.seize(btc=66) == [desk.keeper]
    desk.resolve(btc=60)
    assert desk.ledger.state[desk.keeper] == State.CLOSED
    assert (desk.equity(desk.keeper, 60), desk.lots(desk.keeper)) == (0, [0, 0])
    assert desk.borne() == {"deficit": 32, "fund": 0, "adl": 0, "socialised": 32}
    assert (desk.equity(ALICE, 60), desk.equity(desk.own, 60)) == (0, -20)


def two_keepers(first: int, second: int, *, asks: tuple[float, float] = (0.01, 0.01), **rule: Any) -> Desk:
    """Weak Alice (800 of notional, 20 of equity) and two keepers with these capitals, asking these discounts."""
    rules = {"discount": 0.01, "leverage_max": 5.0} | rule
    desk = Desk([220], [[10, 0]], capital=first, more_keepers=[second], keeper=rules)
    ask_for(desk, *asks)
    return desk


def ask_for(desk: Desk, *asks: float) -> None:
    desk.house.backstop.buyers[0].keepers.asks[:] = asks


def test_where_one_keeper_is_too_small_another_takes_it() -> None:
    desk = two_keepers(151, 152, asks=(0.01, 0.01))  # 800 less the discount of 8 need 152 at leverage 5
    desk.settle(btc=80, failed=[ALICE])
    [entry] = desk.told(EventKind.KEEPER_TAKEOVER)
    assert (entry.counterparty, entry.value) == (desk.keepers[1], 792)
    assert [desk.equity(keeper, 80) for keeper in desk.keepers] == [151, 160]


def test_who_asks_least_takes_it_at_what_he_asks() -> None:
    desk = two_keepers(500, 500, asks=(0.01, 0.005))
    desk.settle(btc=80, failed=[ALICE])
    assert [desk.equity(keeper, 80) for keeper in desk.keepers] == [500, 504]  # 0.5 % of 800
    assert desk.equity(ALICE, 80) == 16


def test_among_equal_keepers_a_lot_decides_that_changes_from_step_to_step() -> None:
    desk = two_keepers(500, 500)
    keepers = desk.house.backstop.buyers[0].keepers
    first = {keepers.bids(ALICE, desk.house._round(step, price(80)))[0][1].account for step in range(40)}
    assert first == set(desk.keepers)  # one of 40 fair coins differs from the others, but for 1 in 2^39


def test_a_keeper_asks_more_the_fuller_it_is() -> None:
    # the first holds 10 BTC with 500: 800 of the 2,500 that leverage 5 allows, so it asks 1 % x 1.32; the other asks 1.2 %
    for premium, winner in ((1.0, 1), (0.0, 0)):
        desk = two_keepers(500, 500, asks=(0.01, 0.012), inventory_premium=premium)
        desk.trade(buyer=desk.keeper, seller=desk.outside, lots=10, at=80)
        desk.settle(btc=80, failed=[ALICE])
        [entry] = desk.told(EventKind.KEEPER_TAKEOVER)
        assert entry.counterparty == desk.keepers[winner]


def test_nobody_takes_his_own_account_over() -> None:
    desk = Desk([220], [[10, 0]], capital=500, owner=[100])  # owner 100 is the keeper
    desk.settle(btc=80, failed=[ALICE])
    assert desk.told(EventKind.KEEPER_TAKEOVER) == []


def test_a_keeper_takes_a_seized_keeper_over() -> None:
    # 11 BTC bought at 100 on 135 are worth 25 of equity at 90, of 49.5 that are asked (33 is two thirds)
    desk = Desk([0], [[0, 0]], capital=135, more_keepers=[500])
    desk.trade(buyer=desk.keeper, seller=desk.outside, lots=11, at=100)
    assert desk.seize(btc=90) == [desk.keeper]
    desk.resolve(btc=90, failed=[desk.keeper])
    assert (desk.lots(desk.keepers[0]), desk.lots(desk.keepers[1])) == ([0, 0], [11, 0])
    assert (desk.equity(desk.keepers[0], 90), desk.equity(desk.keepers[1], 90)) == (16, 509)  # 1 % of 990, in whole units


def test_keepers_ask_around_the_discount_and_share_the_capital() -> None:
    plain, spread = Keeper(count=3), Keeper(count=200, discount_spread=0.5, capital_spread=1.0)
    assert plain.asks(Streams(1), 0).tolist() == [0.01, 0.01, 0.01]
    assert plain.shares(100, Streams(1), 0).tolist() == [34, 33, 33]
    asks, shares = spread.asks(Streams(1), 0), spread.shares(10**9, Streams(1), 0)
    assert 0.005 <= asks.min() < 0.0055 and 0.0145 < asks.max() <= 0.015
    assert shares.sum() == 10**9 and shares.min() > 0
    assert np.log(shares).std() == pytest.approx(1.0, abs=0.15)  # three standard errors of 200 draws
    assert (spread.asks(Streams(1), 1) != asks).all()  # another house, other keepers
