"""The backstop vault: takes accounts over with their margin, in its turn, as far as it can margin them, and can die of it."""

from __future__ import annotations

from typing import Any

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from tests.clearing.house_desk import ALICE, BTC, NOBODY, Desk


def backed(vault_capital: int, *, equity: int = 220, capital: int = 0, keeper: Any = None, **rule: Any) -> Desk:
    """At 80 Alice, long 10 BTC from 100, has 20 where 40 are asked; a vault, and a keeper with this `capital`."""
    vault = {"kind": "backstop"} | rule
    return Desk([equity], [[10, 0]], capital=capital, vault_capital=vault_capital, vault=vault, keeper=keeper or {})


def takers(desk: Desk) -> set[int]:
    kinds = (EventKind.KEEPER_TAKEOVER, EventKind.VAULT_TAKEOVER)
    return {entry.counterparty for kind in kinds for entry in desk.told(kind)}


def test_it_takes_positions_and_margin() -> None:
    desk = backed(200)
    desk.settle(btc=80, failed=[ALICE])
    assert [(e.account, e.counterparty, e.instrument, e.lots, e.value) for e in desk.told(EventKind.VAULT_TAKEOVER)] == [
        (ALICE, desk.vault, BTC, 10, 800),
        (ALICE, desk.vault, NOBODY, 0, 20),
    ]
    assert (desk.equity(ALICE, 80), desk.lots(ALICE), desk.ledger.state[ALICE]) == (0, [0, 0], State.HEALTHY)
    assert (desk.equity(desk.vault, 80), desk.lots(desk.vault)) == (220, [10, 0])


def test_a_part_of_the_margin_may_stay_with_the_owner() -> None:
    desk = backed(200, margin_kept=0.25)
    desk.settle(btc=80, failed=[ALICE])
    assert (desk.equity(ALICE, 80), desk.equity(desk.vault, 80)) == (15, 205)


def test_it_takes_what_it_can_margin() -> None:
    # 800 need 160 at leverage 5, and Alice brings 20
    for capital, lots in ((139, [0, 0]), (140, [10, 0])):
        desk = backed(capital)
        desk.settle(btc=80, failed=[ALICE])
        assert desk.lots(desk.vault) == lots


def test_it_is_asked_only_when_the_book_has_failed() -> None:
    desk = backed(200)
    desk.settle(btc=80)
    assert takers(desk) == set()


def test_at_equal_triggers_keepers_are_asked_first() -> None:
    desk = backed(200, capital=500)
    desk.settle(btc=80, failed=[ALICE])
    assert takers(desk) == {desk.keeper}
    desk = backed(200, capital=100)  # too little
    desk.settle(btc=80, failed=[ALICE])
    assert takers(desk) == {desk.vault}


def test_with_the_higher_trigger_it_is_asked_first() -> None:
    for capital, taker in ((200, "vault"), (100, "keeper")):  # 100 + 20 do not carry 800
        desk = backed(capital, capital=500, trigger=0.9)
        desk.settle(btc=80, failed=[ALICE])
        assert takers(desk) == {getattr(desk, taker)}


def test_each_is_asked_below_its_own_trigger() -> None:
    # 30 of 40 is three quarters
    for trigger, taken in ((0.7, False), (0.8, True)):
        desk = backed(200, capital=500, equity=230, trigger=trigger)
        desk.settle(btc=80, failed=[ALICE])
        assert takers(desk) == ({desk.vault} if taken else set())


def test_it_takes_what_an_auction_could_not_sell() -> None:
    auction = {"kind": "auction", "step": 0.01, "step_seconds": 5.0, "reserve": 0.01}
    desk = Desk([220], [[10, 0]], capital=100, vault_capital=200, vault={"kind": "backstop"}, takeover=auction)
    desk.settle(btc=80, failed=[ALICE])
    assert desk.lots(desk.vault) == [0, 0]  # the auction has begun
    desk.step += 1
    desk.settle(btc=80)
    kinds = [entry.kind for entry in desk.house.journal.entries]
    assert kinds == [EventKind.UNSOLD, EventKind.VAULT_TAKEOVER, EventKind.VAULT_TAKEOVER, EventKind.RECOVERED]


def test_it_can_be_seized_and_default() -> None:
    desk = backed(150)
    desk.settle(btc=80, failed=[ALICE])
    # 170 on 10 lots at 80; at 66 it has 30 where 33 are asked, at 60 it owes 30: nobody is left to pay but the house
    assert desk.seize(btc=66) == [desk.vault]
    desk.resolve(btc=60)
    assert desk.ledger.state[desk.vault] == State.CLOSED
    assert (desk.equity(desk.vault, 60), desk.lots(desk.vault)) == (0, [0, 0])
    assert desk.borne() == {"deficit": 30, "fund": 0, "adl": 0, "socialised": 30}
    assert desk.equity(desk.own, 60) == -30


def test_a_seized_vault_takes_nothing_and_can_be_taken_over() -> None:
    # short 22 BTC from 100 on 60, it has 16 at 102 where 112 are asked; Alice's long would net it to half
    desk = backed(60, equity=40, keeper={"capital_share": 0.0})
    desk.trade(buyer=desk.outside, seller=desk.vault, lots=22, at=100)
    desk.trade(buyer=desk.outside, seller=ALICE, lots=20, at=100)  # she is short 10: 20 of 51 at 102
    assert desk.seize(btc=102) == [ALICE, desk.vault]
    desk.resolve(btc=102, failed=[ALICE])
    assert takers(desk) == set()
    rich = backed(60, equity=1_000, capital=1_000)
    rich.trade(buyer=rich.outside, seller=rich.vault, lots=22, at=100)
    rich.seize(btc=102)
    rich.resolve(btc=102, failed=[rich.vault])
    assert (takers(rich), rich.lots(rich.keeper)) == ({rich.keeper}, [-22, 0])
