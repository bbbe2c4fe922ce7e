"""What isolated positions open on: money split by what the house asks of each alone, and enough of it unless legs were netted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.clearing.ledger import Mode
from abm.exchange import Exchange
from abm.model import CascadeModel
from abm.opening.asked import Asked
from abm.opening.exchange import open_exchange
from abm.opening.groups import brackets_of, houses_of
from abm.opening.money import split_of
from abm.scenario import Scenario
from abm.twins import twin
from tests.small_worlds import asset, world

MARGIN = "venues.*.clearing.margin"
SPAN = {"kind": "portfolio", "grid": "span"}  # maintenance 10 % of a leg, initial 11 %
NETTED = SPAN | {"offset": 1.0}  # legs of different assets netted fully, 1 % of what is hedged charged
ISOLATED = {"population.cross_share": 0.0}
ADDON = {"kind": "addon", "threshold": 0.01, "rate": 0.5, "slope": 0.0}
FIRST = {"floor": 0.0, "initial_rate": 0.05}
UNLIKE = {"kind": "tiered", "brackets": {  # maintenance is 90 % of initial margin in BTC and 10 % in ETH
    "BTC": [FIRST | {"maintenance_rate": 0.045}], "ETH": [FIRST | {"maintenance_rate": 0.005}]}}  # fmt: skip
RULES: dict[str, Any] = {
    "tiered": {MARGIN: "tiered"},
    "tiered, unlike": {MARGIN: UNLIKE},
    "half_initial": {MARGIN: "half_initial"},
    **{grid: {MARGIN: {"kind": "portfolio", "grid": grid, "offset": 0.8}} for grid in ("span", "deribit", "okx", "paradex")},
    "value_at_risk": {MARGIN: "value_at_risk"},
    "dynamic": {MARGIN: {"kind": "dynamic", "base": NETTED, "floor": 1.5, "tool": "buffer"}},
    "large": {MARGIN: SPAN, "venues.*.clearing.concentration": ADDON},
    "two houses": {"venues": [
        {"name": "alpha", "share": 0.6, "clearing": {"margin": "tiered"}},
        {"name": "beta", "share": 0.4, "clearing": {"margin": {"kind": "value_at_risk"}}},
    ]},
}  # fmt: skip


def asked(scenario: Scenario) -> Asked:
    instruments, rules = scenario.instruments(), houses_of(scenario)
    return Asked.of(scenario, instruments, rules, brackets_of(scenario, instruments, rules))


def split(changes: dict[str, Any], lots: list[int], money: int) -> list[int]:
    """Alice's money (currency) over her legs at 100 each, BTC of leverage 40 and ETH of 10."""
    scenario = world({"assets": [asset("BTC", max_leverage=40.0), asset("ETH", max_leverage=10.0)]} | changes)
    unit = scenario.money.cash_unit
    found = split_of(np.array([lots]), np.array([round(money / unit)]), np.ones((1, 2)), asked(scenario))
    return [round(stake * unit) for stake in found[0].tolist()]


def test_alice_splits_her_money_by_what_her_house_asks_of_each_leg() -> None:
    # long 100 BTC and 50 ETH at 100: brackets ask 10,000 / 40 = 250 and 5,000 / 10 = 500, SPAN 11 % of each: 1,100 and 550
    assert split({MARGIN: "tiered"}, [100, 50], 1_800) == [600, 1_200]
    assert split({MARGIN: SPAN}, [100, 50], 1_800) == [1_200, 600]  # by brackets BTC had 600 and must hold 1,000


def test_what_is_asked_for_size_is_served_first() -> None:
    # 1 % of 10,000 lots are free: on 50 of her 150 BTC half is asked, 2,500, with 10 % of 15,000 = 4,000; on 50 ETH 500.
    # 4,800 split 3 : 1 are 3,600 and 1,200, too little for BTC; so each its own and the 300 left 3 : 1
    house = {MARGIN: SPAN, "venues.*.clearing.concentration": ADDON}
    lots = np.array([[150, 50]])
    scenario = world(house)
    rule, unit = asked(scenario), scenario.money.cash_unit
    assert (rule.large(lots, np.array([10_000, 10_000])) * unit).tolist() == [[2_500.0, 0.0]]
    crowd = np.array([[150, 50], [9_850, 9_950], [-10_000, -10_000]])
    money = np.rint(np.array([4_800, 1e8, 1e8]) / unit).astype(np.int64)
    assert (split_of(crowd, money, np.ones((3, 2)), rule)[0] * unit).tolist() == [4_225.0, 575.0]


def pair(changes: dict[str, Any]) -> Scenario:
    """One pair trader, long and short the same notional N, on as much leverage as it may have."""
    wish = {"leverage_median": 1_000.0, "leverage_sigma": 0.0, "hedge": "volatility"}  # volatilities are equal, so are the legs
    start = {MARGIN: NETTED, "world.shocks": []} | {f"population.pairs.{key}": value for key, value in wish.items()}
    return world(start | changes, crowd=0, pairs=1)


def legs(exchange: Exchange) -> tuple[Any, ...]:
    """Collateral and maintenance margin of the accounts behind the pair, lists of shares of N."""
    row = exchange.traders.rows("pairs")[0]
    lots, worth = exchange.traders.opening[row], exchange.revalue()
    backing, notional = np.unique(exchange.accounts.backing[row]), float(abs(lots[0] * exchange.price[0]))
    assert lots[0] == -lots[1] != 0
    return tuple(np.round(column[backing] / notional, 6).tolist() for column in (worth.collateral, worth.maintenance))


def test_a_pair_under_a_rule_that_nets_its_legs() -> None:
    # netted 1 % of N is asked, brackets let it open on 5 % of 2 N; alone each leg is asked 10 %
    assert legs(open_exchange(pair({}), 1)) == ([0.1], [0.01])
    # isolated from the start it brings that and the least buffer of 3 %, on each leg
    assert legs(open_exchange(pair(ISOLATED), 1)) == ([0.13, 0.13], [0.1, 0.1])
    # the twin holds the same positions on the same money: half of what each leg must hold, so the house seizes both
    apart = CascadeModel(scenario=twin(pair({}), "isolated"), rng=1)
    assert legs(apart.exchange) == ([0.05, 0.05], [0.1, 0.1])
    apart.step()
    row = apart.exchange.traders.rows("pairs")[0]
    assert set(seized(apart)) == set(apart.exchange.accounts.backing[row].tolist())


def seized(model: CascadeModel) -> list[int]:
    """Accounts that entered liquidation in the step."""
    journals = [house.journal.entries for house in model.exchange.houses]
    return [entry.account for entries in journals for entry in entries if entry.kind == EventKind.ENTERED]


@pytest.mark.parametrize("opened", ["isolated", "twin"])
@pytest.mark.parametrize("name", RULES)
def test_who_brings_what_all_legs_are_asked_alone_is_not_seized_at_once(name: str, opened: str) -> None:
    calm = {"world.shocks": [], "population.crowd.buffer_min": 0.0, "population.crowd.leverage_median": 50.0}
    scenario = world(calm | RULES[name], crowd=60, pairs=20)
    scenario = scenario.with_(ISOLATED) if opened == "isolated" else twin(scenario, "isolated")
    model = CascadeModel(scenario=scenario, rng=2)
    exchange, rows = model.exchange, np.arange(len(model.exchange.traders.group))
    backing, held = exchange.accounts.backing[rows], exchange.traders.opening != 0
    assert (exchange.ledger.mode[backing[held.any(axis=1)]] == Mode.ISOLATED).all()
    worth = exchange.revalue()
    money, needed = (np.where(held, column[backing], 0) for column in (worth.collateral, worth.maintenance))
    enough = money.sum(axis=1) >= needed.sum(axis=1)
    assert (money >= needed)[enough].all() and enough.sum() > 10
    leveraged = np.concatenate([exchange.traders.rows(group) for group in ("crowd", "pairs")])
    assert opened == "twin" or enough[leveraged].all()  # their buffer is at least zero
    at = exchange.marks.mark.copy()
    model.step()
    assert np.array_equal(exchange.marks.mark, at)  # nothing has moved before margins are checked
    short = backing[held & (money < needed)]
    assert set(seized(model)) == set(short.tolist())
