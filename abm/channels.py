"""Channels of contagion: each by name, with the overrides of a scenario that switch it off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from abm.scenario import Scenario

Overrides = dict[str, Any]


def every_house(scenario: Scenario, key: str, value: Any) -> Overrides:
    """The same rule for the clearing house of every venue."""
    return {f"venues.{venue.name}.clearing.{key}": value for venue in scenario.venues}


# name -> what switches it off
CHANNELS: Mapping[str, Callable[[Scenario], Overrides]] = {
    "cross_margin": lambda scenario: {"population.cross_share": 0.0, "population.universal_share": 0.0},
    "impact": lambda scenario: every_house(scenario, "execution", "outside_pool"),
    "adl": lambda scenario: every_house(scenario, "adl", {"kind": "none"}),
    "maker_capital": lambda scenario: {"makers.common_capital": False},
    "value_capital": lambda scenario: {"population.value.common_capital": False},
    "pairs": lambda scenario: {"population.pairs.rebalance": False},
    "arbitrage": lambda scenario: {"population.arbitrage.count": 0},
}


def without(scenario: Scenario, names: tuple[str, ...]) -> Scenario:
    """The scenario with channels switched off, one after the other. KeyError for an unknown name."""
    for name in names:
        scenario = scenario.with_(CHANNELS[name](scenario))
    return scenario
