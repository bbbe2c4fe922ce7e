"""The nasty cases, one by one, in whole markets: every law holds at every step, and what is meant to happen does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.model import CascadeModel
from abm.records import Records
from tests.full_rulebook import ALPHA, BETA, EVERYTHING, LULD
from tests.laws import Watch, play_and_check
from tests.small_worlds import asset, market, shock, token, world

HOUSE = "venues.main.clearing"
CROWD = {"population.crowd.leverage_median": 20.0, "population.crowd.long_share": 1.0, "population.crowd.count": 25}
CRASH = CROWD | {"world.shocks": [shock(-0.5, ramp=0.0)]}
SLOW = CROWD | {"world.shocks": [shock(-0.25)], f"{HOUSE}.liquidation": {"kind": "whole", "limit": 0.002}}
LAST_IS_THE_HOUSE = ["member", "skin_in_the_game", "members_fund", "assessments"]
AUCTION = {f"{HOUSE}.takeover": {"kind": "auction", "step": 0.01}, f"{HOUSE}.keeper": {"capital_share": 0.05, "trigger": 1.0}}
VAULT = {f"{HOUSE}.vault": {"kind": "backstop", "capital_share": 0.05, "trigger": 1.0}}
MEMBERS = {f"{HOUSE}.members": {"count": 3}, f"{HOUSE}.waterfall": ["member", "fund", "adl", "socialise"]}
NETTED = {f"{HOUSE}.margin": {"kind": "portfolio", "offset": 0.5}}
LEAST_IMPACT = {f"{HOUSE}.liquidation": {"kind": "just_enough", "priority": "least_impact", "limit": 0.005}}
LARGE = {f"{HOUSE}.concentration": {"kind": "addon", "threshold": 0.02}}
HELD = {
    "assets": [asset("BTC"), asset("ETH"), token("USDE"), token("WBTC", tracks="BTC")],
    "population.collateral": {"holders": 1.0, "mix": {"USDE": 0.4, "WBTC": 0.4}},
    "venues.main.clearing.fund_share": 0.05,
}
CALLS = {f"{HOUSE}.calls": {"kind": "notice", "trigger": 2.0, "target": 2.5, "deadline": 15.0, "floor": 0.0}}
NOBODY = {f"population.{group}.count": 0 for group in ("pairs", "hedgers", "liquidity", "value", "trend")}
ZEROS = {
    "assets.*.volatility_daily": 0.0,
    f"{HOUSE}.fund_share": 0.0,
    f"{HOUSE}.keeper.capital_share": 0.0,
    f"{HOUSE}.vault": {"kind": "backstop", "capital_share": 0.0},
    f"{HOUSE}.members": {"count": 2, "capital_share": 0.0, "contribution_share": 0.0},
    f"{HOUSE}.waterfall": [*LAST_IS_THE_HOUSE, "fund", "adl", "gains_haircut", "socialise"],
    f"{HOUSE}.margin": {"kind": "dynamic", "base": {"kind": "value_at_risk"}},
    "makers.capital_share": 0.0,
}
TWO_VENUES = {
    "venues": [{"name": "alpha", "share": 0.6, "clearing": ALPHA, "breaker": LULD}]
    + [{"name": "beta", "share": 0.4, "clearing": BETA}],
    "population.universal_share": 1.0,
}


def played(*features: dict[str, Any]) -> Records:
    changes = {key: value for feature in features for key, value in feature.items()}
    return play_and_check(CascadeModel(scenario=world(changes), rng=1))


CASES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "fund empty": ([CRASH, {f"{HOUSE}.fund_share": 0.0}], "CLOSED"),
    "makers bankrupt": ([CRASH, {"makers.capital_share": 0.001, "makers.inventory_leverage": 18.0}], "CLOSED"),
    "nobody bids": ([SLOW, AUCTION, {f"{HOUSE}.keeper.capital_share": 0.0}], "UNSOLD"),
    "members are not enough": (
        [CRASH, {f"{HOUSE}.members": {"count": 2, "capital_share": 0.001}, f"{HOUSE}.waterfall": LAST_IS_THE_HOUSE}],
        "MEMBER_DEFAULT SKIN_PAID SOCIALISED",
    ),
    "tokens and members": ([CRASH, HELD, MEMBERS], "MEMBER_TAKEOVER"),
    "tokens, netting, least impact": ([SLOW, HELD, NETTED, LEAST_IMPACT, {f"{HOUSE}.collateral": "positions_first"}], "ENTERED"),
    "tokens to funds of their own": (
        [SLOW, HELD, {f"{HOUSE}.collateral": "fund", f"{HOUSE}.fund_scope": "instrument", f"{HOUSE}.liquidation": "whole"}],
        "FUND_TAKEOVER",
    ),
    "size, least impact": ([SLOW, LARGE, LEAST_IMPACT], "ENTERED"),
    "size, netting, least impact": ([SLOW, LARGE, NETTED, LEAST_IMPACT], "ENTERED"),
    "one venue of a prime house halts": ([EVERYTHING, TWO_VENUES], "HALTED ENTERED"),
    "zeros": ([ZEROS, {"world.shocks": []}], ""),
    "zeros in a crash": ([CRASH, ZEROS], "CLOSED"),
    "one trader": ([CRASH, ZEROS, NOBODY, {"population.crowd.count": 1, "population.hedgers.count": 2}], ""),
    "ten times the traders": (
        [EVERYTHING, {f"population.{group}.count": 150 for group in ("crowd", "pairs", "hedgers", "liquidity")}],
        "ENTERED CALLED",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_laws_hold_and_it_happens(name: str) -> None:
    features, kinds = CASES[name]
    told = {EventKind(kind).name for kind in played(*features).events["kind"]}
    assert set(kinds.split()) <= told


SMALL_VAULT = {f"{HOUSE}.vault": {"kind": "backstop", "capital_share": 0.002, "trigger": 1.0}}
BUSY = {"auction": AUCTION, "vault": SMALL_VAULT, "members": MEMBERS, "calls": CALLS, "tokens": HELD}
HALTS = [
    {"orders": "refuse"}, {"orders": "cancel_only"}, {"orders": "pull"}, {"marks": "follow"}, {"margin": "continue"},
    {"liquidation": "continue"}, {"margin": "continue", "liquidation": "continue", "marks": "follow"},
]  # fmt: skip


@pytest.mark.parametrize("feature", BUSY.values(), ids=BUSY)
@pytest.mark.parametrize("halt", HALTS, ids=lambda halt: " ".join(f"{k}={v}" for k, v in halt.items()))
def test_a_halt_in_the_middle_of_it(feature: dict[str, Any], halt: dict[str, Any]) -> None:
    breaker = {"venues.main.breaker": {"kind": "rolling", "move": 0.1, "halt": 30.0, "window": 60.0} | halt}
    records = played(SLOW, feature, breaker)
    halted = records.per_instrument["halted"][:, 0] == 1
    busy = sum(records.scalars[name] for name in ("in_liquidation", "called", "unattended", "entered"))
    assert halted.any() and busy[halted].any() and records.scalars["entered"].any()


def test_all_opposite_holders_of_a_bankrupt_account_are_bankrupt_too() -> None:
    # everybody is margined at the same moment with nothing: no holder can bear a lot, and nobody pays but the houses own
    model = market({"world.shocks": []})
    model.step()
    ledger, price = model.ledger, model.exchange.price
    [house] = model.exchange.houses
    everybody = np.concatenate([house.accounts, np.unique(house.fund)])
    ledger.transfer(everybody, model.exchange.pool, ledger.equity(price)[everybody] + 1)
    watch = Watch(model)
    for _ in range(3):
        watch.step()
    held = ledger.position[house.accounts].any(axis=1)
    assert (ledger.state[house.accounts[ledger.state[house.accounts] == State.CLOSED]] == State.CLOSED).all() and not held.any()
    assert int(ledger.cash[house.staff.own, 0]) < 0


@pytest.mark.parametrize("who", ["keepers", "vault", "members"])
def test_whoever_is_called_works_off_what_it_holds_and_whoever_is_seized_does_not(who: str) -> None:
    model = market({"world.shocks": []} | AUCTION | VAULT | MEMBERS)
    model.step()
    [house] = model.exchange.houses
    account = int(getattr(house.staff, who)[0])
    model.ledger.takeover(int(model.exchange.accounts.backing[0, 0]), account, 0, 10, 10 * int(model.exchange.price[0]))
    for state, sells in ((State.CALLED, True), (State.LIQUIDATING, False)):
        model.ledger.state[account] = state
        orders = [agent.unwind() for agent in (*model.engines, *model.keepers)]
        assert any(account in batch["account"] for batch in orders) == sells
