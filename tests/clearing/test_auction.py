"""Dutch auctions of weak accounts: what is on offer, who wins, what is paid, and how they end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.clearing.auction import DutchAuction
from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from tests.clearing.house_desk import ALICE, BTC, ETH, Desk
from tests.clearing.test_backstop import ask_for


def house(*capital: int, equity: int = 220, position: tuple[int, int] = (10, 0), **auction: Any) -> Desk:
    """At 80 Alice, long 10 BTC from 100, has 20 where 40 are asked. Keepers with this `capital` ask 1 % unless told
    otherwise; every 5 s, one step, the discount on offer rises by half a per cent of her 800: 4, up to 5 %."""
    rules = {"kind": "auction", "step": 0.005, "step_seconds": 5.0, "reserve": 0.05} | auction
    return Desk(
        [equity],
        [list(position)],
        capital=capital[0],
        more_keepers=capital[1:],
        takeover=rules,
        liquidation={"kind": "whole"},
        keeper={"discount": 0.01, "leverage_max": 5.0},
    )


def hammer(desk: Desk, *btc: int, eth: int = 100) -> list[EventKind]:
    """Step after step at these prices, the book failing Alice in the first; what happened to accounts in the last."""
    for place, at in enumerate(btc):
        desk.settle(at, eth, failed=[ALICE] if place == 0 else [])
        desk.step += 1
    return [entry.kind for entry in desk.house.journal.entries]


def test_the_discount_on_offer_rises_in_steps_up_to_the_reserve() -> None:
    rule = DutchAuction(step=0.01, step_seconds=10.0, reserve=0.025)
    at = {0.0: 0.0, 9.0: 0.0, 10.0: 0.01, 19.0: 0.01, 20.0: 0.02, 30.0: 0.025, 500.0: 0.025}
    assert {seconds: rule.offered(seconds) for seconds in at} == at


def test_it_is_sold_when_the_discount_reaches_what_a_keeper_asks() -> None:
    desk = house(500)
    assert hammer(desk, 80, 80) == []  # 0 and 4 on offer, 8 asked
    assert desk.ledger.state[ALICE] == State.LIQUIDATING
    assert hammer(desk, 80) == [EventKind.AUCTIONED, EventKind.RECOVERED]
    [entry] = desk.told(EventKind.AUCTIONED)
    assert (entry.account, entry.counterparty, entry.lots, entry.value, entry.amount) == (ALICE, desk.keeper, 10, 792, 0)
    assert (desk.equity(ALICE, 80), desk.equity(desk.keeper, 80), desk.lots(desk.keeper)) == (12, 508, [10, 0])


def test_the_winner_is_paid_what_is_on_offer() -> None:
    desk = house(500, step=0.02)
    hammer(desk, 80, 80)
    assert (desk.equity(ALICE, 80), desk.equity(desk.keeper, 80)) == (4, 516)  # 2 % of 800, though it asked 8


def test_an_auction_is_slower_where_its_steps_are() -> None:
    desk = house(500, step=0.01, step_seconds=10.0)
    assert hammer(desk, 80, 80) == []  # 5 s passed
    assert EventKind.AUCTIONED in hammer(desk, 80)  # 10 s


@pytest.mark.parametrize(("capital", "winner"), [((500, 500), 1), ((500, 151), 0)])
def test_the_lowest_ask_wins_of_those_who_can_margin_it(capital: tuple[int, int], winner: int) -> None:
    # with 8 on offer both 8 and 6.4 are met; 151 + 8 carry 795 at leverage 5, not 800
    desk = house(*capital, step=0.01)
    ask_for(desk, 0.01, 0.008)
    hammer(desk, 80, 80)
    [entry] = desk.told(EventKind.AUCTIONED)
    assert (entry.counterparty, entry.value) == (desk.keepers[winner], 792)


def test_it_is_not_sold_on_the_book_meanwhile_unless_the_rule_says_so() -> None:
    for on_book, sold in ((False, []), (True, [ALICE])):
        desk = house(500, on_book=on_book)
        desk.seize(btc=80)
        assert desk.slices(btc=80).accounts.tolist() == [ALICE]
        desk.resolve(btc=80, failed=[ALICE])
        assert desk.slices(btc=80).accounts.tolist() == sold


def test_without_a_bid_up_to_the_reserve_it_goes_back_to_the_book() -> None:
    desk = house(500, reserve=0.01)
    ask_for(desk, 0.02)
    assert hammer(desk, 80, 80) == []
    assert hammer(desk, 80) == [EventKind.UNSOLD]  # 1 % on offer
    assert desk.ledger.state[ALICE] == State.LIQUIDATING
    assert desk.slices(btc=80).accounts.tolist() == [ALICE]
    assert hammer(desk, 80, 80) == []  # the book fails again: a new auction begins at nothing
    assert hammer(desk, 80) == [EventKind.UNSOLD]


def test_no_more_than_its_equity_is_ever_on_offer() -> None:
    # she has 20, 2.5 %: with 2.5 % on offer there is nothing more to wait for, and who asks 3 % does not bid
    desk = house(500)
    ask_for(desk, 0.03)
    assert hammer(desk, 80, 80, 80, 80, 80) == []
    assert hammer(desk, 80) == [EventKind.UNSOLD]
    desk = house(500, step=0.04)
    ask_for(desk, 0.025)
    hammer(desk, 80, 80)  # 4 % would be 32
    assert (desk.equity(ALICE, 80), desk.equity(desk.keeper, 80)) == (0, 520)


def test_it_ends_when_the_account_recovers() -> None:
    desk = house(500)
    hammer(desk, 80, 80)
    desk.resolve(btc=85)  # 70 of 42.5
    assert desk.ledger.state[ALICE] == State.HEALTHY
    assert hammer(desk, 80, 80) == []  # seized anew, it begins at nothing
    assert EventKind.AUCTIONED in hammer(desk, 80)


def test_it_goes_on_above_the_trigger_while_the_account_is_not_cured() -> None:
    desk = house(500)
    assert hammer(desk, 80, 81) == []  # 30 of 40.5 is more than two thirds
    assert EventKind.AUCTIONED in hammer(desk, 81)
    assert desk.equity(desk.keeper, 81) == 508  # 1 % of 810


def test_an_account_that_goes_bankrupt_under_the_hammer_goes_down_the_waterfall() -> None:
    desk = house(500)
    hammer(desk, 80, 80)
    assert EventKind.CLOSED in hammer(desk, 77)
    assert desk.told(EventKind.AUCTIONED) == []
    assert desk.ledger.state[ALICE] == State.CLOSED
    assert desk.borne() == {"deficit": 10, "fund": 0, "adl": 0, "socialised": 10}  # 220 - 10 x 23
    assert hammer(desk, 77) == []


def test_a_bankrupt_account_is_not_put_up() -> None:
    desk = house(0, reserve=0.0)
    assert EventKind.UNSOLD in hammer(desk, 80)
    kinds = hammer(desk, 77)
    assert EventKind.CLOSED in kinds and EventKind.UNSOLD not in kinds


def parts(*capital: int, equity: int = 650, **auction: Any) -> Desk:
    """10 BTC at 80 and short 8 ETH at 150, 800 and 1,200: Alice has equity - 600, of 100 asked. Her positions are sold one
    by one; a per cent, 8 and 12, is on offer in the second step, and asked."""
    return house(*capital, equity=equity, position=(10, -8), **{"lots": "position", "step": 0.01} | auction)


def test_positions_are_sold_to_whom_each_fits() -> None:
    # 160 + 8 carry 840 at leverage 5, 240 + 12 carry 1,260; nobody carries 2,000
    desk = parts(160, 240)
    hammer(desk, 80, 80, eth=150)
    assert [(e.instrument, e.counterparty, e.lots, e.value) for e in desk.told(EventKind.AUCTIONED)] == [
        (ETH, desk.keepers[1], -8, -1_212),
        (BTC, desk.keepers[0], 10, 792),
    ]
    assert (desk.equity(ALICE, 80, 150), desk.lots(ALICE)) == (30, [0, 0])
    desk = parts(160, 240, lots="account", reserve=0.01)
    assert hammer(desk, 80, 80, eth=150) == [EventKind.UNSOLD]


def test_what_finds_no_taker_stays_under_the_hammer() -> None:
    desk = parts(160)
    hammer(desk, 80, 80, eth=150)
    assert [entry.instrument for entry in desk.told(EventKind.AUCTIONED)] == [BTC]
    assert desk.ledger.state[ALICE] == State.LIQUIDATING  # 42 for a short that asks 60
    assert hammer(desk, 80, eth=150) == []
    assert desk.lots(ALICE) == [0, -8]


def test_no_more_positions_are_sold_than_cure_the_account() -> None:
    desk = parts(1_000, equity=660)
    hammer(desk, 80, 80, eth=150)
    assert [entry.instrument for entry in desk.told(EventKind.AUCTIONED)] == [ETH]  # the largest first; 48 hold 10 BTC
    assert (desk.lots(ALICE), desk.ledger.state[ALICE]) == ([10, 0], State.HEALTHY)


def test_positions_share_what_the_account_has() -> None:
    desk = parts(1_000, step=0.05)
    hammer(desk, 80, 80, eth=150)  # 5 % would be 40 and 60 of the 50 there are: 20 and 30
    assert [(e.instrument, e.value) for e in desk.told(EventKind.AUCTIONED)] == [(ETH, -1_230), (BTC, 780)]
    assert (desk.equity(ALICE, 80, 150), desk.equity(desk.keeper, 80, 150)) == (0, 1_050)


@given(
    st.lists(st.integers(74, 84), min_size=1, max_size=12),
    st.sampled_from(["account", "position"]),
    st.booleans(),
    st.lists(st.integers(0, 400), min_size=1, max_size=3),
)
def test_no_sale_leaves_anybody_below_zero(path: list[int], lots: str, on_book: bool, capital: list[int]) -> None:
    desk = house(*capital, equity=320, position=(12, 3), lots=lots, on_book=on_book)
    for at in path:
        before = desk.equity(ALICE, at)
        desk.settle(at, failed=[ALICE])  # asserts conservation
        desk.step += 1
        sold = desk.told(EventKind.AUCTIONED)
        given_away = sum(entry.lots * (at if entry.instrument == BTC else 100) - entry.value for entry in sold)
        assert 0 <= given_away <= max(before, 0)
        assert desk.equity(ALICE, at) >= 0


def test_a_halt_calls_it_off_and_it_begins_anew_afterwards() -> None:
    desk = house(500, step=0.01, on_book=False)
    btc, nothing = np.array([True, False]), np.array([False, False])
    hammer(desk, 80)
    assert desk.house.backstop.withheld(np.array([ALICE])).tolist() == [True]
    desk.house.suspend(nothing, btc)
    for _ in range(9):
        assert hammer(desk, 80) == []
    desk.house.suspend(nothing, nothing)
    assert hammer(desk, 80) == []  # nothing is on offer again: at once it would be 9 %
    hammer(desk, 80)
    assert desk.equity(desk.keeper, 80) == 508  # 1 % of 800
