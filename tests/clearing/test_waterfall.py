"""The waterfall: who pays for a default, in which order, until nothing is left to pay."""

from __future__ import annotations

from typing import Any

import pytest

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from tests.clearing.house_desk import ALICE, BOB, BTC, CAROL, ETH, Desk


def alice_owes_50(*others: tuple[int, int], **more: Any) -> Desk:
    """At 80 Alice, long 10 BTC from 100 on 150, owes 50; the others hold (equity, lots of BTC)."""
    return Desk([150, *(money for money, _ in others)], [[10, 0], *([lots, 0] for _, lots in others)], **more)


def test_the_fund_takes_what_it_can_pay_and_margin() -> None:
    # it needs the deficit of 50 and 10 % of 800 to carry the position: 130
    desk = alice_owes_50((500, -10), fund=130)
    desk.settle(btc=80)
    [entry] = desk.told(EventKind.FUND_TAKEOVER)
    assert (entry.counterparty, entry.lots, entry.value, entry.amount) == (desk.fund, 10, 850, 50)
    assert (desk.lots(desk.fund), desk.equity(desk.fund, 80)) == ([10, 0], 80)
    assert desk.lots(BOB) == [-10, 0]  # nobody is deleveraged
    assert desk.borne() == {"deficit": 50, "fund": 50, "adl": 0, "socialised": 0}


def test_a_fund_that_lacks_one_unit_of_it_leaves_the_position_to_adl() -> None:
    desk = alice_owes_50((500, -10), fund=129)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 50, "socialised": 0}
    assert desk.equity(desk.fund, 80) == 129


def test_what_the_fund_holds_already_binds_its_money() -> None:
    # Alice and Dave default alike; after the first takeover the fund has 200 - 50 - 80 = 70 free, too little for the second
    desk = Desk([150, 500, 500, 150], [[10, 0], [-10, 0], [-10, 0], [10, 0]], fund=200)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 100, "fund": 50, "adl": 50, "socialised": 0}
    assert desk.lots(desk.fund) == [10, 0]


def test_the_free_money_of_the_fund_goes_before_everybody_elses() -> None:
    # no counterparty in the house and 60 in the fund: 50 + 80 are too much, so it takes the lots at the mark and they bind
    # 80; nothing is free, and Bob pays all
    desk = alice_owes_50((1_000, 0), fund=60)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 50}
    # with 110, 30 are free and are paid first
    desk = alice_owes_50((1_000, 0), fund=110)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 30, "adl": 0, "socialised": 20}
    [paid] = desk.told(EventKind.FUND_PAID)
    assert (paid.counterparty, paid.amount) == (desk.fund, 30)


@pytest.mark.parametrize(
    ("scope", "paid"),
    [
        ("house", {BOB: 15, CAROL: 35}),  # 50 by equity, 300 : 700
        ("instrument", {BOB: 50}),  # Carol holds no BTC
    ],
)
def test_who_shares_in_a_loss(scope: str, paid: dict[int, int]) -> None:
    desk = Desk([150, 300, 700], [[10, 0], [0, 0], [0, 5]], loss_scope=scope, adl={"kind": "none"})
    desk.trade(buyer=BOB, seller=desk.outside, lots=1, at=80)  # Bob holds BTC and has neither won nor lost
    desk.settle(btc=80)
    assert {entry.counterparty: entry.amount for entry in desk.told(EventKind.SOCIALISED)} == paid


def test_holders_who_cannot_pay_are_followed_by_the_whole_house() -> None:
    desk = Desk([150, 20, 700], [[10, 0], [0, 0], [0, 5]], loss_scope="instrument", adl={"kind": "none"})
    desk.trade(buyer=BOB, seller=desk.outside, lots=1, at=80)
    desk.settle(btc=80)
    # Bob pays all his 20, Carol, who has no BTC, the other 30
    assert [(entry.counterparty, entry.amount) for entry in desk.told(EventKind.SOCIALISED)] == [(BOB, 20), (CAROL, 30)]
    assert (desk.equity(BOB, 80), desk.equity(CAROL, 80)) == (0, 670)


def test_a_flat_account_that_owes_money_is_settled_too() -> None:
    # Alice's long was closed at 80; she owes 50 and holds nothing. BTC lost her 200 and ETH won 10: holders of BTC pay
    desk = Desk([140, 500, 500], [[10, 0], [0, 5], [5, 0]], loss_scope="instrument")
    desk.trade(buyer=desk.outside, seller=ALICE, lots=10, at=80)
    desk.trade(buyer=ALICE, seller=desk.outside, lots=1, at=90, instrument=ETH)
    desk.trade(buyer=desk.outside, seller=ALICE, lots=1, at=100, instrument=ETH)
    desk.settle(btc=80)
    assert [(entry.counterparty, entry.amount) for entry in desk.told(EventKind.SOCIALISED)] == [(CAROL, 50)]
    assert (desk.equity(ALICE, 80), desk.ledger.state[ALICE]) == (0, State.CLOSED)


def test_a_bankrupt_fund_is_settled_and_lives_on() -> None:
    # the fund, with 30, is long 10 BTC from 100 and owes 170 at 80; Bob is short and pays, the fund ends flat at zero
    desk = Desk([500, 400], [[-10, 0], [0, 0]], fund=30)
    desk.trade(buyer=desk.fund, seller=desk.outside, lots=10, at=100)
    desk.resolve(btc=80)
    assert (desk.lots(desk.fund), desk.equity(desk.fund, 80)) == ([0, 0], 0)
    assert desk.borne() == {"deficit": 170, "fund": 0, "adl": 170, "socialised": 0}
    assert desk.ledger.state[desk.fund] == State.HEALTHY


def test_a_bankrupt_fund_without_counterparties_keeps_its_lots() -> None:
    desk = Desk([500, 400], [[0, 0], [0, 0]], fund=30)
    desk.trade(buyer=desk.fund, seller=desk.outside, lots=10, at=100)
    desk.resolve(btc=80)
    assert (desk.lots(desk.fund), desk.equity(desk.fund, 80)) == ([10, 0], 0)
    # 170 by 500 : 400 is 94.4 and 75.6
    assert [entry.amount for entry in desk.told(EventKind.SOCIALISED)] == [94, 76]


def test_a_fund_of_its_own_pays_for_each_instrument() -> None:
    # Alice owes 50 on BTC; the fund of ETH has plenty and pays nothing
    desk = alice_owes_50((500, -10), funds=(20, 5_000))
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 50, "socialised": 0}


def test_where_everybody_is_bankrupt_the_house_itself_pays() -> None:
    # Alice and Bob, both long and both broke, owe 50 and 150, against Carol's 40: the other 160 are the house's
    desk = Desk([150, 50, 40], [[10, 0], [10, 0], [0, 0]])
    desk.settle(btc=80)
    assert [desk.equity(row, 80) for row in (ALICE, BOB, CAROL)] == [0, 0, 0]
    assert desk.borne() == {"deficit": 200, "fund": 0, "adl": 0, "socialised": 200}
    assert desk.equity(desk.own, 80) == -160


@pytest.mark.parametrize(
    ("deficit_by", "shares"),
    [
        # Alice: 560 on long 10 BTC and short 10 ETH, BTC to 60 and ETH to 120: 560 - 400 - 200 = -40
        ("notional", [(BTC, 13), (ETH, 27)]),  # 600 : 1,200, the larger remainder is ETH's
        ("loss", [(BTC, 27), (ETH, 13)]),  # 400 : 200
        ("margin", [(BTC, 13), (ETH, 27)]),  # 60 : 120
    ],
)
def test_how_a_deficit_is_shared_over_positions(deficit_by: str, shares: list[tuple[int, int]]) -> None:
    desk = Desk([560], [[10, -10]], deficit_by=deficit_by)
    assert desk.waterfall(btc=60, eth=120).shares(ALICE, 40) == shares


def test_a_winning_leg_bears_nothing_of_a_deficit_shared_by_loss() -> None:
    desk = Desk([100], [[10, 10]], deficit_by="loss")
    # BTC lost 300, ETH won 100
    assert desk.waterfall(btc=70, eth=110).shares(ALICE, 100) == [(BTC, 100), (ETH, 0)]


def test_seized_but_solvent_accounts_share_in_losses_up_to_all_they_have() -> None:
    # Bob (30 on 10 lots at 80: below 40) is seized; he and Dave pay 50 by 30 : 20
    desk = Desk([150, 230, 20], [[10, 0], [10, 0], [0, 0]])
    desk.settle(btc=80)
    assert [(entry.counterparty, entry.amount) for entry in desk.told(EventKind.SOCIALISED)] == [(BOB, 30), (2, 20)]
    assert desk.ledger.state[BOB] == State.LIQUIDATING
