"""Channels: the ways in which a fall can reach another asset or feed on itself, each with a switch of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from abm.clearing.layers import OF_MEMBERS
from abm.clearing.margin.dynamic import Dynamic
from abm.clearing.margin.portfolio import Portfolio
from abm.scenario import Scenario

Overrides = dict[str, Any]

# not `cross_share = 0`: who is isolated from the start brings what legs are asked alone, which is more where a rule nets them
APART: Overrides = {"population.unpooled": "equal_money"}


def every_house(scenario: Scenario, key: str, value: Any) -> Overrides:
    """The same rule for the clearing house of every venue."""
    return {f"venues.{venue.name}.clearing.{key}": value for venue in scenario.venues}


def _every_house(scenario: Scenario, changes: Callable[[Any], Overrides]) -> Overrides:
    """What `changes` asks of the clearing rules of each venue, under their dotted names."""
    return {
        f"venues.{venue.name}.clearing.{key}": value
        for venue in scenario.venues
        for key, value in changes(venue.clearing).items()
    }


def _cross_margin(scenario: Scenario) -> Overrides:
    """Every position is isolated, on the same total collateral; makers have a switch of their own."""
    return dict(APART)


def _trader_wealth(scenario: Scenario) -> Overrides:
    """No wallet, reserves or other accounts back a position; sizes, fear and giving up do not follow total equity."""
    return {
        "population.shared_wallet": False,
        "population.answer.reserve_share": 0.0,
        "population.answer.other_accounts": False,
        "population.crowd.sizing": "fixed",
        "population.crowd.deleverage_per_hour": 0.0,
        "population.crowd.reentry_per_hour": 0.0,
        "population.stops.trader_share": 0.0,
    }


def _impact(scenario: Scenario) -> Overrides:
    """Forced orders are filled at the mark by an outside pool."""
    return every_house(scenario, "execution", "outside_pool")


def _transmission(scenario: Scenario) -> Overrides:
    """A shock strikes only the assets it names; correlated noise stays."""
    return {"world.fundamentals.transmission": 0.0}


def _maker_capital(scenario: Scenario) -> Overrides:
    """Makers have an account for each instrument, which alone decides what they quote in it."""
    return {"makers.common_capital": False}


def _value_capital(scenario: Scenario) -> Overrides:
    """Value traders have a purse for each instrument."""
    return {"population.value.common_capital": False}


def _pairs(scenario: Scenario) -> Overrides:
    """Pair traders hold both legs whatever happens to one of them."""
    return {"population.pairs.rebalance": False}


def _arbitrage(scenario: Scenario) -> Overrides:
    """Arbitrageurs do nothing: a gap between venues stays."""
    return {"population.arbitrage.activity_per_hour": 0.0}


def _mutualisation(scenario: Scenario) -> Overrides:
    """A fund for each instrument, losses on its own holders, no clearing members; ADL has a switch of its own."""

    def changes(rules: Any) -> Overrides:
        alone: Overrides = {"fund_groups": [], "fund_scope": "instrument", "loss_scope": "instrument"}
        if rules.members.count:
            alone["waterfall"] = [layer.model_dump() for layer in rules.waterfall if layer.kind not in OF_MEMBERS]
            alone["members.count"] = 0
        return alone

    return _every_house(scenario, changes)


def _adl(scenario: Scenario) -> Overrides:
    """Winners are not auto-deleveraged; what is left of a loss goes to the next layer."""
    return _every_house(scenario, lambda rules: {"adl": {"kind": "none"}})


def _liquidation_capacity(scenario: Scenario) -> Overrides:
    """No keeper or vault with capital for all instruments, no cap on forced volume."""

    def changes(rules: Any) -> Overrides:
        alone: Overrides = {"keeper.capital_share": 0.0, "vault": {"kind": "none"}}
        if hasattr(rules.liquidation, "throttle"):
            alone["liquidation.throttle"] = {"kind": "none"}
        return alone

    return _every_house(scenario, changes)


def _collateral_price(scenario: Scenario) -> Overrides:
    """A token counts as collateral at its redemption value, whatever its book says."""
    tokens = [asset.name for asset in scenario.assets if asset.form == "spot"]
    return {f"assets.{name}.collateral_price": "redemption" for name in tokens}


def _margin_procyclicality(scenario: Scenario) -> Overrides:
    """Requirements do not follow volatility: the rule inside a dynamic one counts, haircuts stand."""
    still: Overrides = {f"assets.{asset.name}.haircut.volatility_scaling": 0.0 for asset in scenario.assets}
    return still | {
        f"venues.{venue.name}.clearing.margin": venue.clearing.margin.base.model_dump(exclude_none=True)
        for venue in scenario.venues
        if isinstance(venue.clearing.margin, Dynamic)
    }


def _portfolio_margin(scenario: Scenario) -> Overrides:
    """Underlyings are margined one by one and added."""
    changes: Overrides = {}
    for venue in scenario.venues:
        margin, key = venue.clearing.margin, f"venues.{venue.name}.clearing.margin"
        inside, place = (margin.base, f"{key}.base") if isinstance(margin, Dynamic) else (margin, key)
        if isinstance(inside, Portfolio):
            changes[f"{place}.offset"] = 0.0
    return changes


def _breakers(scenario: Scenario) -> Overrides:
    """No bands and no halts, of one book or of all."""
    return {f"venues.{venue.name}.breaker": {"kind": "none"} for venue in scenario.venues}


def _dealers(scenario: Scenario) -> Overrides:
    """Options dealers have nothing to hedge."""
    return {"population.dealers.gamma_share": 0.0}


def _transfers(scenario: Scenario) -> Overrides:
    """No account spans venues, and no money moves between accounts of an owner."""
    return {"population.universal_share": 0.0, "population.answer.other_accounts": False}


def _momentum(scenario: Scenario) -> Overrides:
    """Trend followers do nothing."""
    return {"population.trend.activity_per_hour": 0.0}


def _stops(scenario: Scenario) -> Overrides:
    """Positions have no stop orders; traders who give up as a whole belong to trader wealth."""
    return {"population.stops.share": 0.0}


# name -> overrides that switch the channel off and leave rows, opening and random numbers of everybody as they are
# (cross margin, mutualisation and vaults change who has accounts); the docstrings say what is left
CHANNELS: Mapping[str, Callable[[Scenario], Overrides]] = {
    "cross_margin": _cross_margin,
    "trader_wealth": _trader_wealth,
    "impact": _impact,
    "transmission": _transmission,
    "maker_capital": _maker_capital,
    "value_capital": _value_capital,
    "pairs": _pairs,
    "arbitrage": _arbitrage,
    "mutualisation": _mutualisation,
    "adl": _adl,
    "liquidation_capacity": _liquidation_capacity,
    "collateral_price": _collateral_price,
    "margin_procyclicality": _margin_procyclicality,
    "portfolio_margin": _portfolio_margin,
    "breakers": _breakers,
    "dealers": _dealers,
    "transfers": _transfers,
    "momentum": _momentum,
    "stops": _stops,
}


def without(scenario: Scenario, names: Iterable[str]) -> Scenario:
    """The scenario with channels `names` off. KeyError for an unknown name."""
    for name in names:
        scenario = scenario.with_(CHANNELS[name](scenario))
    return scenario
