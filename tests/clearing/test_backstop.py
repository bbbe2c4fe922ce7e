"""The keeper: takes weak accounts over at a discount, with finite capital, and can die of it."""

from __future__ import annotations

from typing import Any

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from tests.clearing.house_desk import ALICE, BOB, BTC, ETH, Desk


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
