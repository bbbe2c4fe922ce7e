"""Conservation: whatever happens in a market, not a unit of money and not a lot is made or lost, and no loss forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.model import CascadeModel
from abm.records import Records
from tests.laws import assert_sound
from tests.laws import play_and_check as watched
from tests.random_worlds import Changes, scenarios
from tests.small_worlds import market, shock, world


def play_and_check(changes: Changes, seed: int) -> Records:
    return watched(CascadeModel(scenario=world(changes), rng=seed))


calm = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))


@given(scenarios(), st.integers(0, 2**31))
@calm
def test_conservation_in_random_scenarios(changes: Changes, seed: int) -> None:
    play_and_check(changes, seed)


@pytest.mark.slow
@given(scenarios(), st.integers(0, 2**31))
@settings(calm, max_examples=500)
def test_conservation_in_many_random_scenarios(changes: Changes, seed: int) -> None:
    play_and_check(changes, seed)


def ruined(**more: Any) -> Changes:
    """BTC loses half its value at once, in a market of crowded longs with a keeper and hardly a fund."""
    rules = {"fund_share": 0.0, "keeper": {"capital_share": 0.05, "trigger": 1.0}, "liquidation": {"kind": "whole"}}
    return {
        "venues.main.clearing": rules,
        "world.shocks": [shock(-0.5, ramp=0.0)],
        "population.crowd.leverage_median": 20.0,
        "population.crowd.count": 25,
        "population.crowd.long_share": 1.0,
    } | more


# A slower fall of a quarter into books that take little: accounts are weak before they are bankrupt
SLOW = {"world.shocks": [shock(-0.25)], "venues.main.clearing.liquidation.limit": 0.002}
AUCTION = {"venues.main.clearing.takeover": {"kind": "auction", "step": 0.01}}
VAULT = {"venues.main.clearing.vault": {"kind": "backstop", "capital_share": 0.05, "trigger": 1.0}}

# Everybody is warned early, half cut, and reserves are as large as what is in the market
CALLED = {
    "venues.main.clearing.calls": {"kind": "notice", "trigger": 2.0, "target": 2.0, "deadline": 30.0},
    "population.answer": {"reserve_share": 1.0, "response_delay": 10.0, "self_deleverage": 0.5, "deleverage_seconds": 20.0},
}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        (ruined(), EventKind.ADL),
        (ruined(**{"venues.main.clearing.adl": "hyperliquid"}), EventKind.ADL),
        (ruined(**{"venues.main.clearing.adl": "pro_rata_profit"}), EventKind.ADL),
        (ruined(**{"venues.main.clearing.adl": "pro_rata_equity"}), EventKind.ADL),
        (ruined(**SLOW), EventKind.KEEPER_TAKEOVER),
        (ruined(**{"venues.main.clearing.adl": "none"}), EventKind.SOCIALISED),
        (ruined(**{"venues.main.clearing.adl": "none"}), EventKind.FUND_TAKEOVER),
        (ruined(**{"venues.main.clearing.fund_share": 0.2}), EventKind.FUND_TAKEOVER),
        (ruined(**SLOW, **AUCTION), EventKind.AUCTIONED),
        (ruined(**SLOW, **AUCTION, **{"venues.main.clearing.keeper.capital_share": 0.0}), EventKind.UNSOLD),
        (ruined(**SLOW, **VAULT), EventKind.VAULT_TAKEOVER),
        (ruined(**{"makers.count": 0}), EventKind.CLOSED),
        (ruined(**{"assets.*.volatility_daily": 0.0}), EventKind.CLOSED),
        (ruined(**SLOW, **{"venues.main.clearing.execution": "outside_pool"}), EventKind.RECOVERED),
        (ruined(**SLOW, **CALLED), EventKind.TOPPED_UP),
        (ruined(**SLOW, **CALLED), EventKind.CALL_MET),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, EventKind) else "",
)
def test_conservation_where_it_happens(changes: Changes, kind: EventKind) -> None:
    assert (play_and_check(changes, seed=1).events["kind"] == kind).any()


def cleared(*layers: str, **members: float) -> Changes:
    """Four unequal members behind the accounts of a ruined market."""
    waterfall = ["member", "skin_in_the_game", "members_fund", "assessments", *layers]
    return ruined() | {
        "venues.main.clearing.waterfall": waterfall,
        "venues.main.clearing.members": {"count": 4, "concentration": 1.0} | members,
    }


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        (cleared("gains_haircut", capital_share=0.01, contribution_share=0.003), "SKIN_PAID CONTRIBUTED ASSESSED GAINS_HAIRCUT"),
        (cleared("socialise", capital_share=0.2, contribution_share=0.03), "MEMBER_AUCTIONED PORTED CONTRIBUTED"),
    ],
    ids=["all members fail", "some survive"],
)
def test_conservation_with_clearing_members(changes: Changes, kinds: str) -> None:
    told = {EventKind(kind).name for kind in play_and_check(changes, seed=1).events["kind"]}
    assert {"MEMBER_TAKEOVER", "MEMBER_PAID", "MEMBER_DEFAULT", *kinds.split()} <= told


def test_conservation_with_one_trader_and_his_counterparties() -> None:
    nobody = {f"population.{group}.count": 0 for group in ("pairs", "liquidity", "value", "trend")}
    records = play_and_check(ruined() | nobody | {"population.crowd.count": 1, "population.hedgers.count": 2}, seed=2)
    assert records.scalars["closed"].sum() >= 1


def test_conservation_where_a_house_has_nobody_left_to_pay() -> None:
    # the only clients of the prime house are ruined together: what they owe is the house's own loss
    nobody = {f"population.{group}.count": 0 for group in ("pairs", "liquidity", "value", "trend")}
    few = {"population.crowd.count": 6, "population.hedgers.count": 4, "population.universal_share": 0.2}
    model = CascadeModel(scenario=world(ruined() | nobody | few), rng=3)
    while model.tick < model.scenario.time.steps:
        model.step()
        assert_sound(model)
    own = [int(model.ledger.cash[house.staff.own, 0]) for house in model.exchange.houses]
    assert min(own) < 0


@pytest.mark.parametrize("who", ["keeper", "vault", "maker", "fund"])
def test_conservation_when_one_of_them_is_ruined(who: str) -> None:
    model = market({"world.shocks": [], "venues.main.clearing.keeper.capital_share": 0.05} | VAULT)
    for _ in range(5):
        model.step()
    [house] = model.exchange.houses
    own = {"keeper": house.staff.keepers, "vault": house.staff.vault, "fund": house.fund, "maker": model.makers[0].accounts}
    account = int(own[who][0])
    model.ledger.takeover(int(model.exchange.accounts.backing[0, 0]), account, 0, 200, 200 * int(model.exchange.price[0]))
    model.ledger.transfer(account, model.exchange.pool, int(model.ledger.equity(model.exchange.price)[account]) + 12_345)
    for _ in range(5):
        model.step()
        assert_sound(model)
    assert model.records().scalars["deficit"].sum() >= 12_345
    assert (model.ledger.state[account] == State.CLOSED) == (who != "fund")
