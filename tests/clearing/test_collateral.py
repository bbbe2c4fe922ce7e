"""Tokens as collateral at the clearing house: haircuts, whom they cost his positions, who gets them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from abm.clearing.admission import Backing, Reserve, admit
from abm.clearing.collateral import take_tokens
from abm.clearing.house import House, Staff
from abm.clearing.journal import EventKind, Journal
from abm.clearing.ledger import Ledger, State
from abm.clearing.margin.haircut import Haircut, Haircuts, with_haircuts
from abm.clearing.rulebook import Clearing
from abm.clearing.rules import Position, Weights, account_health
from abm.kernels.margin import leg_margin
from abm.market.instrument import Instruments
from abm.market.order import Kind, OrderBatch, Outcome, orders
from abm.streams import Streams
from tests.behaviour.desk import instruments as listed

ALICE, BOB = 0, 1
BTC, USDE = 0, 1
TENTH = Haircut(rate=0.1)
JUST_ENOUGH = {"kind": "just_enough", "target": 1.0}


def instruments() -> Instruments:
    """A perpetual and a token, both opened at 100 ticks of a cent: a lot is worth 1.00."""
    ones = np.ones(2, dtype=np.int64)
    grid = 1.0 * ones, 1.0 * ones, ones, 100 * ones, 400 * ones
    return Instruments(("BTC", "USDE"), np.array([0, 1]), 0 * ones, *grid, spot=(1,))


class Desk:
    """Rows: the accounts given (equity in cents at the opening, lots of BTC and USDE), a keeper without money, the fund, the
    house's own; who holds the other side of BTC is outside the house and never pays. Margin of BTC is 10 and 5 %."""

    def __init__(self, equity: Sequence[int], position: Sequence[Sequence[int]], *, fund: int = 0, haircut: Haircut = TENTH,
                 **rules: Any) -> None:  # fmt: skip
        n = len(equity)
        self.keeper, self.fund, self.own, self.outside = n, n + 1, n + 2, n + 3
        lots = np.zeros((n + 4, 2), dtype=np.int64)
        lots[:n] = position
        lots[self.outside, BTC] = -lots[:, BTC].sum()
        house = np.array([0] * (n + 2) + [-1, -1])
        self.ledger = Ledger.open(
            instruments(), [*equity, 0, fund, 0, 0], owner=range(n + 4), house=house, position=lots, issued=lots.sum(axis=0)
        )
        rule = Clearing(**{"fee_rate": 0.0, "liquidation": JUST_ENOUGH} | rules)
        tables = rule.margin.tables(["BTC", "USDE"], max_leverage=10, cash_units=1)
        self.brackets = with_haircuts([tables], instruments(), [haircut, haircut], 1.0)
        self.house = House(
            rule, self.ledger, self.brackets, Streams(1), number=0,
            staff=Staff(fund=np.array([self.fund] * 2), keepers=np.array([self.keeper]), own=self.own),
            step_seconds=5.0, cash_unit=0.01, opening_split=np.zeros_like(lots),
        )  # fmt: skip

    def seize(self, usde: int = 100, btc: int = 100) -> list[int]:
        self.house.margin(self.house.revalue(np.arange(len(self.ledger)), np.array([btc, usde])))
        return np.flatnonzero(self.ledger.state == State.LIQUIDATING).tolist()

    def sold(self, usde: int = 100, btc: int = 100) -> list[int]:
        """Lots that the engine would sell of the one seized account."""
        return self.house.slices(0, np.array([btc, usde]), np.full((2, 2), 10_000)).lots[0].tolist()

    def resolve(self, usde: int = 100, btc: int = 100) -> None:
        self.house.resolve(0, np.array([btc, usde]), np.zeros(len(self.ledger), dtype=np.bool_))
        self.ledger.assert_conserved()

    def held(self, account: int) -> tuple[int, list[int]]:
        return int(self.ledger.cash[account, 0]), self.ledger.position[account].tolist()


# Haircuts are margin


def test_alice_holds_sixty_in_cash_and_fifty_tokens_less_a_tenth() -> None:
    # 60.00 + 50 x 1.00 x 0.9 = 105.00 backs 5 % of 2,100.00, not of 2,101.00
    assert Desk([110_00], [[2_100, 50]]).seize() == []
    assert Desk([110_00], [[2_101, 50]]).seize() == [ALICE]


def test_the_house_and_the_worked_example_agree() -> None:
    desk = Desk([110_00], [[2_000, 50]])
    worth = desk.house.revalue(np.array([ALICE]), np.array([98, 95]))
    # 60 + 50 x 0.95 - 2,000 x 0.02 = 67.50; 5 % of 1,960 + a tenth of 47.50 = 102.75
    assert (worth.equity[0], worth.maintenance[0]) == (67_50, 102_75)
    long = Position(asset="BTC", size=2_000.0, entry=1.0, mark=0.98)
    prices, weights = {"BTC": 0.98, "USDE": 0.95}, {"BTC": Weights(asset=0.95), "USDE": Weights(asset=0.9)}
    health = account_health({"USDC": 60.0, "USDE": 50.0}, [long], prices, weights)
    assert health.value == pytest.approx(67.50 - 102.75)


def test_a_token_that_loses_its_peg_seizes_an_account_whose_position_never_moved() -> None:
    # 2,000 BTC need 100.00. At 0.89: 60 + 44.50 = 104.50 against 100 + 4.45; at 0.88: 104.00 against 100 + 4.40
    assert Desk([110_00], [[2_000, 50]]).seize(usde=89) == []
    assert Desk([110_00], [[2_000, 50]]).seize(usde=88) == [ALICE]


def test_a_large_holding_is_cut_more() -> None:
    haircut = Haircut(rate=0.1, initial_factor=1.5, tiers=({"floor": 2_000.0, "rate": 0.3},))
    desk = Desk([110_00], [[0, 50]], haircut=haircut)
    # in cents here: 10 % of 2,000 and 30 % of 3,000 = 1,100; of 1,000 a tenth
    found = leg_margin(np.array([[0, 50], [0, 10]]), np.array([100, 100]), desk.brackets, 0)
    assert found[:, USDE].tolist() == [1_100, 100]
    # to open, half as much again: 15 % and 45 %
    assert desk.brackets.initial_rate[0, USDE].tolist() == pytest.approx([0.15, 0.45, 0.45])
    # and BTC keeps the rule's own brackets
    assert desk.brackets.maintenance_rate[0, BTC, 0] == 0.05


def test_tiers_rise() -> None:
    with pytest.raises(ValidationError, match="must be at least 0.1, was 0.05"):
        Haircut(rate=0.1, tiers=({"floor": 100.0, "rate": 0.05},))


def moving(**changes: Any) -> tuple[Haircuts, Any]:
    """Haircuts on steps of a day; calm volatility 2 % a day, memory half a step's."""
    rule = Haircut(**{"rate": 0.1, "volatility_scaling": 1.0, "half_life": 86_400.0} | changes)
    brackets = Desk([0], [[0, 0]], haircut=rule).brackets
    return Haircuts(brackets, instruments(), [rule, rule], calm=np.full(2, 0.02), step_seconds=86_400.0), brackets


def test_a_haircut_follows_the_volatility_of_its_token() -> None:
    haircuts, brackets = moving()
    haircuts.advance(np.array([50, 106]))
    # 6 % is 3 calm days: variance 1 + (9 - 1) / 2 = 5, ratio sqrt 5; BTC is no token
    assert brackets.maintenance_rate[0, USDE, 0] == pytest.approx(0.1 * 5**0.5)
    assert brackets.maintenance_rate[0, BTC, 0] == 0.05 and haircuts.multiple[BTC] == 1.0
    haircuts.advance(np.array([50, 106]))
    # at rest: (5 + 0) / 2
    assert haircuts.multiple[USDE] == pytest.approx(2.5**0.5)
    for _ in range(20):
        haircuts.advance(np.array([50, 106]))
    assert brackets.maintenance_rate[0, USDE, 0] == pytest.approx(0.1)  # never below what is stated


def test_a_moving_haircut_has_a_ceiling_and_takes_no_more_than_everything() -> None:
    haircuts, brackets = moving(multiple_max=2.0)
    haircuts.advance(np.array([100, 200]))
    assert brackets.maintenance_rate[0, USDE, 0] == pytest.approx(0.2)
    haircuts, brackets = moving(rate=0.4, tiers=({"floor": 1_000.0, "rate": 0.8},))
    haircuts.advance(np.array([100, 200]))
    # 4 x 0.4 and 4 x 0.8 are both more than all of it
    assert leg_margin(np.array([[0, 50]]), np.array([100, 100]), brackets, 0)[0, USDE] == 5_000


def test_a_stated_haircut_stands_still() -> None:
    haircuts, brackets = moving(volatility_scaling=0.0)
    haircuts.advance(np.array([100, 300]))
    assert brackets.maintenance_rate[0, USDE, 0] == 0.1


# Whose tokens are sold


@pytest.mark.parametrize(
    ("policy", "lots"),
    # at 0.88 the account lacks 0.40. A token frees 0.088 and lost most: 4.5 of them. A lot of BTC frees 0.05: 8 of them
    [("sell", [0, 5]), ("positions_first", [8, 0]), ("fund", [8, 0])],
)
def test_tokens_are_sold_like_any_position_or_last(policy: str, lots: list[int]) -> None:
    desk = Desk([110_00], [[2_000, 50]], collateral=policy)
    assert desk.seize(usde=88) == [ALICE]
    assert desk.sold(usde=88) == lots


@pytest.mark.parametrize("policy", ["positions_first", "fund"])
def test_without_a_perpetual_left_tokens_are_sold(policy: str) -> None:
    # a debt of 47 behind 50 tokens: 3.00 against 5.00; each sale frees 0.10, so 20 of them
    desk = Desk([3_00], [[0, 50]], collateral=policy)
    assert desk.seize() == [ALICE] and desk.sold() == [0, 20]


def test_the_fund_takes_tokens_at_collateral_value_but_ruins_nobody_by_it() -> None:
    desk = Desk([3_00], [[0, 50]], collateral="fund", fund=100_00)
    desk.seize()
    desk.resolve()
    # the haircut of 5.00 would leave a debt: it falls to the equity of 3.00, and the fund pays 47.00
    assert desk.held(ALICE) == (0, [0, 0])
    assert desk.held(desk.fund) == (53_00, [0, 50])
    assert desk.ledger.state[ALICE] == State.HEALTHY
    [entry] = [e for e in desk.house.journal.entries if e.kind == EventKind.FUND_TAKEOVER]
    assert (entry.account, entry.instrument, entry.lots, entry.value, entry.amount) == (ALICE, USDE, 50, 47_00, 0)


def test_a_fund_without_the_money_takes_nothing() -> None:
    desk = Desk([3_00], [[0, 50]], collateral="fund", fund=46_99)
    desk.seize()
    desk.resolve()
    assert desk.held(ALICE) == (-47_00, [0, 50])


def test_a_debit_balance_backed_by_tokens_is_no_default() -> None:
    # 6.00 of equity against a haircut of 5.00
    assert Desk([6_00], [[0, 50]]).seize() == []


# What becomes of a bankrupt account's tokens


def test_a_bankrupt_account_ends_empty_and_adl_takes_its_position_alone() -> None:
    # Alice: 60.00 + 50 tokens, long 2,000; BTC at 0.94 costs her 120.00: 10.00 are missing
    desk = Desk([110_00, 500_00], [[2_000, 50], [-2_000, 0]])
    desk.seize(btc=94)
    desk.resolve(btc=94)
    assert desk.held(ALICE) == (0, [0, 0])
    assert desk.ledger.state[ALICE] == State.CLOSED
    # Bob's short is closed at 1,880.00 + 10.00: he keeps 500 + 120 - 10. The fund got the tokens at their price, on credit
    assert desk.held(BOB) == (610_00, [0, 0])
    assert desk.held(desk.fund) == (-50_00, [0, 50])
    kinds = {(e.kind, e.instrument) for e in desk.house.journal.entries if e.instrument >= 0}
    assert kinds == {(EventKind.ADL, BTC), (EventKind.FUND_TAKEOVER, USDE)}


def test_a_bankrupt_holder_of_tokens_alone_is_paid_for_by_the_others() -> None:
    # a debt of 47.00 and tokens worth 0.90 each: 2.00 missing, which Bob pays
    desk = Desk([3_00, 100_00], [[0, 50], [0, 0]])
    desk.seize(usde=90)
    desk.resolve(usde=90)
    assert desk.held(ALICE) == (0, [0, 0]) and desk.held(BOB) == (98_00, [0, 0])
    assert desk.held(desk.fund) == (-45_00, [0, 50])


rows = st.lists(st.tuples(st.integers(0, 200_00), st.integers(-3_000, 3_000), st.integers(0, 90)), min_size=1, max_size=6)


houses = st.fixed_dictionaries(
    {
        "collateral": st.sampled_from(["sell", "fund"]),
        "deficit_by": st.sampled_from(["notional", "loss", "margin"]),
        "fund": st.sampled_from([0, 500_00]),
    }
)


@given(rows, st.integers(40, 160), st.integers(1, 130), houses)
@settings(max_examples=150, deadline=None)
def test_whoever_is_closed_has_nothing_left(accounts: Any, btc: int, usde: int, house: dict[str, Any]) -> None:
    desk = Desk([row[0] for row in accounts], [row[1:] for row in accounts], **house)
    desk.seize(usde, btc)
    desk.resolve(usde, btc)
    closed = desk.ledger.state == State.CLOSED
    assert not desk.ledger.cash[closed].any() and not desk.ledger.position[closed].any()
    assert (desk.ledger.position[:, USDE] >= 0).all()
    touched = [e.instrument for e in desk.house.journal.entries if e.kind == EventKind.ADL]
    assert USDE not in touched


# Nobody sells tokens he does not hold


def admitted(held: int, batch: OrderBatch, *, resting: int = 0) -> list[str]:
    """Outcomes for Alice, who holds `held` tokens and has offers for `resting` of them; among few or many accounts."""
    found = []
    for others in (0, 100):
        position, cash = [[0, held], *[[0, 0]] * others], [1_000_00] * (1 + others)
        ledger = Ledger.open(instruments(), cash, owner=range(1 + others), position=position, issued=[0, held])
        backing = Backing.of(np.arange(1 + others)[:, None] + np.zeros((1, 2), dtype=np.int64), np.full(1 + others, -1), ledger)
        nothing = np.zeros((1 + others, 2), dtype=np.int64)
        offers = nothing.copy()
        offers[ALICE, USDE] = resting
        brackets = Desk([0], [[0, 0]]).brackets
        reserve = Reserve(np.array([100, 100]), nothing[:, 0], brackets, nothing, offers)
        found.append([Outcome(code).name for code in admit(batch.copy(), ledger, backing, reserve).outcome])
    assert found[0] == found[1]
    return found[0]


def order(side: int, lots: int, instrument: int = USDE, **more: Any) -> OrderBatch:
    return orders(trader=ALICE, instrument=instrument, side=side, lots=lots, **{"tick": 100, **more})


def test_tokens_are_sold_out_of_holdings_only() -> None:
    assert admitted(50, order(-1, 50)) == ["ACCEPTED"]
    assert admitted(50, order(-1, 51)) == ["NOT_HELD"]
    assert admitted(50, order(-1, 51, instrument=BTC)) == ["ACCEPTED"]  # perpetuals are sold short


def test_offers_that_rest_are_holdings_spoken_for() -> None:
    assert admitted(50, order(-1, 20), resting=30) == ["ACCEPTED"]
    assert admitted(50, order(-1, 21), resting=30) == ["NOT_HELD"]
    both = np.concatenate([order(-1, 30, key=1), order(-1, 30, key=2), order(-1, 20, key=3)])
    assert admitted(50, both) == ["ACCEPTED", "NOT_HELD", "ACCEPTED"]
    again = np.concatenate([order(-1, 50), orders(trader=ALICE, instrument=USDE, side=1, lots=0, kind=Kind.CANCEL_ALL)])
    assert admitted(50, again, resting=50) == ["ACCEPTED", "ACCEPTED"]  # cancels go first


def test_the_perpetuals_of_a_market_are_all_but_its_tokens() -> None:
    assert instruments().is_spot.tolist() == [False, True] and instruments().perpetuals.tolist() == [BTC]
    assert not listed(3).is_spot.any()


@pytest.mark.parametrize(("free", "taken"), [((95_00, 45_00), True), ((95_00, 44_99), False), ((200_00, 0), False)])
def test_every_fund_pays_for_the_tokens_that_it_takes(free: tuple[int, int], taken: bool) -> None:
    # 100 of one token and 50 of another less 5.00 each; every token has a fund of its own
    three = Instruments(("BTC", "USDE", "WBTC"), np.arange(3), np.zeros(3, dtype=np.int64), np.ones(3), np.ones(3),
                        np.ones(3, dtype=np.int64), np.full(3, 100), np.full(3, 400), spot=(1, 2))  # fmt: skip
    position = [[0, 100, 50], [0, 0, 0], [0, 0, 0]]
    ledger = Ledger.open(three, [100_00, *free], owner=range(3), position=position, issued=[0, 100, 50])
    price, haircut, fund = np.full(3, 100), np.array([0, 5_00, 5_00]), np.array([1, 1, 2])
    money = {1: free[0], 2: free[1]}
    did = take_tokens(ledger, Journal(), ALICE, fund=fund, free=money.__getitem__, price=price, haircut=haircut)
    assert did == taken
    assert ledger.position[:, 1:].tolist() == ([[0, 0], [100, 0], [0, 50]] if taken else [row[1:] for row in position])


def test_haircuts_of_tokens_are_not_netted_with_the_legs_of_a_portfolio() -> None:
    # alone BTC would ask for 20.00 and the token for 5.00; together they are asked for 20.00: 15.00 are for BTC
    desk = Desk([110_00], [[2_000, 50]])
    desk.house.margin_state = object()
    alone = np.array([[20_00, 5_00]])
    assert desk.house.selling._shares(alone, np.array([20_00])).tolist() == [[15_00, 5_00]]
