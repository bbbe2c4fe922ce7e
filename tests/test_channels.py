"""Each channel has a switch: off is the world without the mechanism, bit for bit, and all off lets nothing through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from abm.channels import CHANNELS, without
from abm.records import PER_INSTRUMENT, Records
from abm.scenario import Scenario
from abm.twins import twin
from tests.small_worlds import asset, fingerprint, played, shock, token, world

Changes = dict[str, Any]
ETH = 1
RULES = "venues.*.clearing"
CALLS = {f"{RULES}.calls": {"kind": "notice", "trigger": 2.0, "target": 2.0, "deadline": 60.0}}
ANSWER = {"response_delay": 10.0, "transfer_delay": 10.0}
APART = {"population.cross_share": 0.0, "population.answer": ANSWER} | CALLS
VENUES: Changes = {"venues": [{"name": "alpha", "share": 0.6}, {"name": "beta", "share": 0.4}]}
RUIN: Changes = {
    "world.shocks": [shock(-0.5, ramp=0.0)],
    "population.crowd.leverage_median": 20.0,
    "population.crowd.long_share": 1.0,
    f"{RULES}.fund_share": 0.0005,
}
TOKENS: Changes = {
    "assets": [asset("BTC"), asset("ETH"), token("USDE", open_interest=5e4, volatility_daily=0.05)],
    "population.collateral.mix": {"USDE": 0.8},
}
MEMBERS = {"count": 4, "capital_share": 0.05, "contribution_share": 0.003, "auction": {"kind": "sealed"}}
PORTFOLIO = {"kind": "portfolio", "grid": {"kind": "okx"}}

# channel -> the world without it, and what the mechanism adds to that world
CASES: dict[str, tuple[Changes, Changes]] = {
    "cross_margin": ({"population.cross_share": 0.0}, {"population.cross_share": 0.9, "population.universal_share": 0.5}),
    "trader_wealth": (
        APART,
        {
            "population.shared_wallet": True,
            "population.crowd": {"sizing": "equity", "activity_per_hour": 60.0, "deleverage_per_hour": 60.0}
            | {"reentry_per_hour": 60.0},
            "population.answer": {"reserve_share": 0.2, "other_accounts": True},
            "population.stops.trader_share": 0.5,
        },
    ),
    "transmission": ({}, {"world.fundamentals.transmission": 0.5}),
    "maker_capital": ({"makers.common_capital": False}, {"makers.common_capital": True}),
    "value_capital": (
        {"population.value": {"common_capital": False, "activity_per_hour": 360.0}},
        {"population.value.common_capital": True},
    ),
    "pairs": (  # who never reviews a hedge does not mend it
        {"population.pairs.activity_per_hour": 0.0, "population.pairs.leverage_median": 2.0},
        {"population.pairs.activity_per_hour": 240.0},
    ),
    "arbitrage": (  # no gap is ever that wide
        VENUES | {"population.arbitrage": {"count": 4, "profit_min": 0.99}},
        {"population.arbitrage.profit_min": 0.0005},
    ),
    "mutualisation": (
        RUIN | {f"{RULES}.fund_scope": "instrument", f"{RULES}.loss_scope": "instrument"},
        {
            f"{RULES}.fund_scope": "group",
            f"{RULES}.fund_groups": [["BTC", "ETH"]],
            f"{RULES}.loss_scope": "house",
            f"{RULES}.members": MEMBERS,
            f"{RULES}.waterfall": ["member", "members_fund", "fund", "adl", "socialise"],
        },
    ),
    "adl": (RUIN | {f"{RULES}.adl": {"kind": "none"}}, {f"{RULES}.adl": {"kind": "hyperliquid"}}),
    "liquidation_capacity": (
        RUIN | {f"{RULES}.keeper": {"trigger": 1.0, "capital_share": 0.0}},
        {
            f"{RULES}.keeper.capital_share": 0.05,
            f"{RULES}.vault": {"kind": "backstop", "capital_share": 0.05, "trigger": 1.0},
            f"{RULES}.liquidation.throttle": {"kind": "share_of_volume", "share": 0.1},
        },
    ),
    "collateral_price": (TOKENS | {"assets.USDE.collateral_price": "redemption"}, {"assets.USDE.collateral_price": "book"}),
    "margin_procyclicality": (
        TOKENS | {"assets.USDE.haircut.half_life": 60.0},
        {f"{RULES}.margin": {"kind": "dynamic", "half_life": 60.0}, "assets.USDE.haircut.volatility_scaling": 2.0},
    ),
    "portfolio_margin": ({f"{RULES}.margin": PORTFOLIO}, {f"{RULES}.margin.offset": 0.8}),
    "impact": ({f"{RULES}.execution": "outside_pool"}, {f"{RULES}.execution": "book"}),
    "breakers": ({}, {"venues.main.breaker": {"kind": "market_wide", "first": 0.05, "halt": 30.0}}),
    "dealers": ({}, {"population.dealers": {"count": 2, "capital_share": 0.1}}),
    "transfers": (
        VENUES | CALLS | {"population.answer": ANSWER},
        {"population.universal_share": 0.5, "population.answer.other_accounts": True},
    ),
    "momentum": (  # no gap to the target is ever wider than both limits
        {"population.trend": {"capital_share": 0.05, "activity_per_hour": 360.0, "band": 2.0}},
        {"population.trend.band": 0.25},
    ),
    "stops": ({"population.stops.trader_share": 0.3}, {"population.stops.share": 0.5}),
}


def test_every_channel_has_a_case() -> None:
    assert set(CASES) == set(CHANNELS)
    with pytest.raises(KeyError):
        without(world(), ["no_such_channel"])


@pytest.mark.parametrize("name", CASES)
def test_off_is_the_world_without_the_mechanism(name: str) -> None:
    plain, mechanism = CASES[name]
    absent = world(plain, crowd=25)
    present = absent.with_(mechanism)
    on, off, never = (played(scenario) for scenario in (present, without(present, [name]), absent))
    if name == "dealers":  # who is there but does nothing still has rows, before those of the house's own accounts
        on, off, never = (rowless(records) for records in (on, off, never))
    assert fingerprint(off) == fingerprint(never)
    assert fingerprint(off) != fingerprint(on)  # it does act


def rowless(records: Records) -> Records:
    """The records without the row numbers of accounts and owners, and without the idle dealers' own money."""
    tables: dict[str, Any] = {"scalars": {**records.scalars, "dealer_equity": np.zeros(len(records), dtype=np.int64)}}
    for table in ("liquidations", "events"):
        tables[table] = getattr(records, table).copy()
        for number in {"account", "trader", "counterparty"}.intersection(tables[table].dtype.names):
            tables[table][number] = 0
    return replace(records, **tables)


def test_correlated_noise_stays_when_the_shock_is_not_passed_on() -> None:
    on = world({"world.fundamentals": {"transmission": 0.8, "correlation": 0.9}})
    run, off, quiet = played(on), played(without(on, ["transmission"])), played(twin(on, "no_shock"))
    run_value, off_value, quiet_value = (records.per_instrument["value"][:, ETH] for records in (run, off, quiet))
    assert np.array_equal(off_value, quiet_value)
    assert not np.array_equal(run_value, quiet_value)
    moves = np.diff(np.log(quiet.per_instrument["value"]), axis=0)
    assert np.corrcoef(moves.T)[0, 1] > 0.5  # 0.9, measured on 59 steps


def everything() -> Scenario:
    """Every channel is there, in a market that a fall of BTC by half drives into defaults; noise is correlated, too."""
    portfolio = PORTFOLIO | {"offset": 0.5}
    return world(
        RUIN
        | TOKENS
        | {
            "world.fundamentals": {"correlation": 0.5, "transmission": 0.5},
            "population.shared_wallet": True,
            "population.universal_share": 0.2,
            "population.crowd": {"sizing": "equity", "activity_per_hour": 60.0, "reentry_per_hour": 30.0},
            "population.crowd.leverage_median": 10.0,
            "population.crowd.long_share": 0.95,
            "population.pairs.activity_per_hour": 120.0,
            "population.value": {"activity_per_hour": 360.0, "discount_min": 0.002, "discount_max": 0.02},  # where depth is seen
            "population.dealers": {"count": 2, "capital_share": 0.05},
            "population.answer": ANSWER | {"reserve_share": 0.1, "other_accounts": True},
            "population.stops": {"share": 0.3, "trader_share": 0.2},
            f"{RULES}.calls": {"kind": "notice", "deadline": 30.0},
            f"{RULES}.keeper": {"capital_share": 0.05, "trigger": 1.0},
            f"{RULES}.margin": {"kind": "dynamic", "half_life": 60.0, "base": portfolio},
            "venues.main.breaker": {"kind": "market_wide", "first": 0.05, "halt": 20.0},
        },
        crowd=30,
        pairs=8,
        value=8,
    )


def untouched(run: Records, quiet: Records) -> bool:
    """Whether every recorded column of ETH is the same, bit for bit."""
    return all(np.array_equal(run.per_instrument[name][:, ETH], quiet.per_instrument[name][:, ETH]) for name in PER_INSTRUMENT)


def test_with_every_channel_off_nothing_reaches_another_asset() -> None:
    off = without(everything(), CHANNELS)
    run = played(off)
    assert untouched(run, played(twin(off, "no_shock")))
    assert run.scalars["entered"].sum() > 0 and run.scalars["deficit"].sum() > 0  # a cascade with defaults


def test_stops_of_positions_reach_no_other_asset_by_themselves() -> None:
    slow = everything().with_({"world.shocks": [shock(-0.3, ramp=120.0)]})  # stops come before the house does
    alone = without(slow, [other for other in CHANNELS if other != "stops"])
    run = played(alone)
    assert untouched(run, played(twin(alone, "no_shock"))) and run.per_instrument["stopped"].any()


@pytest.mark.parametrize("name", ["cross_margin", "trader_wealth", "transmission", "maker_capital", "value_capital", "breakers"])
def test_any_one_channel_alone_reaches_another_asset(name: str) -> None:
    alone = without(everything(), [other for other in CHANNELS if other != name])
    assert not untouched(played(alone), played(twin(alone, "no_shock")))
