"""A market with every room of the rulebook in use at once: two venues with different rules, and a prime house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abm.scenario import Scenario
from tests.small_worlds import asset, shock, token, world

LAYERS = ["fund", "member", "skin_in_the_game", "members_fund", "assessments", "adl", "gains_haircut", "socialise"]
KEEPERS = {"count": 3, "capital_share": 0.03, "trigger": 1.0, "capital_spread": 0.5, "discount_spread": 0.5}

ALPHA: dict[str, Any] = {  # calls, netted legs sold where it costs least, auctions, a vault and members
    "margin": {"kind": "portfolio", "offset": 0.5, "grid": {"kind": "okx"}},
    "concentration": {"kind": "addon", "threshold": 0.05, "scope": "all_venues"},
    "calls": {"kind": "notice", "trigger": 1.05, "target": 1.3, "deadline": 20.0},
    "liquidation": {"kind": "just_enough", "priority": "least_impact", "limit": 0.005},
    "keeper": KEEPERS,
    "takeover": {"kind": "auction", "step": 0.005},
    "vault": {"kind": "backstop", "capital_share": 0.02, "trigger": 1.0},
    "members": {"count": 4, "concentration": 1.0, "capital_share": 0.02, "contribution_share": 0.005},
    "waterfall": LAYERS,
    "adl": {"kind": "pro_rata_profit"},
    "collateral": "fund",
    "fund_share": 0.002,
    "gains_share": 0.8,
}
BETA: dict[str, Any] = {  # margin that follows volatility, throttled selling at the bankruptcy price, one fund per asset
    "margin": {"kind": "dynamic", "base": {"kind": "value_at_risk", "half_life": 600.0, "horizon": 900.0}}
    | {"tool": {"kind": "buffer"}},
    "concentration": {"kind": "addon", "threshold": 0.05},
    "liquidation": {"kind": "fraction", "priority": "most_liquid", "trigger": 0.9, "limit_price": "bankruptcy"}
    | {"throttle": {"kind": "share_of_volume", "share": 0.5}},
    "keeper": KEEPERS | {"discount": 0.002},
    "fund_scope": "instrument",
    "loss_scope": "instrument",
    "deficit_by": "loss",
    "fund_share": 0.001,
}
LULD = {"kind": "luld", "width": 0.04, "window": 30.0, "limit_state": 5.0, "pause": 20.0, "margin": "continue", "marks": "follow"}
ROLLING = {"kind": "rolling", "move": 0.1, "window": 60.0, "halt": 20.0, "orders": "pull"}

EVERYTHING: dict[str, Any] = {
    "assets": [asset("BTC", volatility_daily=0.1), asset("ETH", volatility_daily=0.1), token("USDE", haircut={"rate": 0.1})],
    "venues": [
        {"name": "alpha", "share": 0.6, "clearing": ALPHA, "breaker": LULD, "funding": {"interval": 60.0}},
        {"name": "beta", "share": 0.4, "clearing": BETA, "breaker": ROLLING},
    ],
    "world.shocks": [shock(-0.4, at=60.0, recovery=60.0)],
    "world.fundamentals.correlation": 0.5,
    "population.cross_share": 0.8,
    "population.universal_share": 0.2,
    "population.shared_wallet": True,
    "population.collateral": {"holders": 0.5, "mix": {"USDE": 0.5}},
    "population.answer": {"reserve_share": 0.2, "response_delay": 10.0, "other_accounts": True, "transfer_delay": 5.0}
    | {"self_deleverage": 0.5, "deleverage_seconds": 30.0},
    "population.stops": {"share": 0.3, "trader_share": 0.2},
    "population.crowd.leverage_median": 15.0,
    "population.crowd.buffer_min": 0.08,
    "population.pairs.buffer_min": 0.08,
    "population.arbitrage.count": 3,
    "makers.count": 3,
}


def everything(changes: Mapping[str, Any] | None = None) -> Scenario:
    """The scenario of all that, with `changes`."""
    return world(EVERYTHING | dict(changes or {}), crowd=30, pairs=10, hedgers=10, liquidity=20, value=6, trend=5)
