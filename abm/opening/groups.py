"""Who trades and by which rules: groups of traders, houses, margin tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.booked import PREFIX
from abm.behaviour.opening import Assets, Board, Luck, maker_depth, open_traders
from abm.behaviour.view import Traders
from abm.clearing.margin.haircut import with_haircuts
from abm.clearing.rulebook import Clearing
from abm.kernels.margin import Brackets
from abm.market.instrument import Instruments
from abm.opening.asked import Asked
from abm.scenario import Scenario
from abm.scenario.book_files import booked, depth, open_lots, rules
from abm.streams import Streams

GROUPS = ("crowd", "pairs", "hedgers", "liquidity", "value", "trend", "arbitrage")
LEVERAGED = ("crowd", "pairs")
MAKERS = "makers"
DEALERS = "dealers"

Ints = NDArray[np.int64]


def houses_of(scenario: Scenario) -> list[Clearing]:
    """The rules of every house: one per venue, and with universal accounts a prime house by the first venue's rules."""
    rules = [venue.clearing for venue in scenario.venues]
    population = scenario.population
    prime = population.cross_share > 0 and population.universal_share > 0 and population.unpooled == "none"
    return [*rules, rules[0]] if prime else rules


def brackets_of(scenario: Scenario, instruments: Instruments, rules: list[Clearing]) -> Brackets:
    """The margin tables of all houses, one row each; those of tokens are their haircuts."""
    assets, cash_units = [scenario.assets[row] for row in instruments.asset], 1.0 / scenario.money.cash_unit
    stand_in = next((asset.name for asset in assets if asset.form != "spot"), "")  # no bracket file knows a token
    tables = [
        rule.margin.tables(
            [stand_in if asset.form == "spot" else asset.name for asset in assets],
            max_leverage=[asset.max_leverage for asset in assets],
            cash_units=cash_units,
            gains_share=rule.gains_share,
        )
        for rule in rules
    ]
    return with_haircuts(tables, instruments, [asset.haircut for asset in assets], cash_units)


def groups_of(scenario: Scenario) -> dict[str, Any]:
    """The groups of traders in the order of their rows: name -> rule with `count` and `decide`."""
    population = scenario.population
    drawn = {name: getattr(population, name) for name in GROUPS} | {group.name: group for group in population.others}
    return drawn | booked(scenario)


def rule_of(scenario: Scenario, group: str) -> Any:
    """The rule by which a group of the traders table decides."""
    return rules(scenario)[group.removeprefix(PREFIX)]


def traders_of(scenario: Scenario, instruments: Instruments, asked: Asked, streams: Streams) -> Traders:
    """The table of traders; the makers come last, and dealers, if any, behind them, so that they move nobody's row."""
    dealers = scenario.population.dealers
    groups = groups_of(scenario) | {MAKERS: scenario.makers} | ({DEALERS: dealers} if dealers.count else {})
    interest = open_lots(scenario, instruments)

    def requirement(group: str, lots: Ints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        isolated = Luck(streams, group, len(lots)).isolated(scenario.population.cross_share)
        initial, maintenance = asked.together(lots)
        if isolated.any():
            initial[isolated], maintenance[isolated] = asked.apart(lots[isolated])
        maintenance = maintenance + asked.large(lots, interest).sum(axis=1)
        return initial.astype(np.float64), maintenance.astype(np.float64)

    return open_traders(
        groups,
        assets=opening_assets(scenario),
        instruments=instruments,
        streams=streams,
        cash_unit=scenario.money.cash_unit,
        requirement=requirement,
    )


def opening_assets(scenario: Scenario) -> Assets:
    """The assets as the opening of positions needs them."""
    return Assets(
        open_interest=np.array([asset.open_interest for asset in scenario.assets]),
        leverage_max=np.array([asset.max_leverage for asset in scenario.assets]),
        maintenance_rate=np.array([0.5 / asset.max_leverage for asset in scenario.assets]),  # the rule in force counts
        volatility=np.array([asset.volatility_daily for asset in scenario.assets]),
        correlation=scenario.world.fundamentals.matrix(len(scenario.assets)),
        venue_share=np.array([venue.share for venue in scenario.venues]),
    )


def depth_of_makers(scenario: Scenario, instruments: Instruments) -> Ints:
    share = np.array([asset.maker_depth for asset in scenario.assets])
    board = Board.of(opening_assets(scenario), instruments, scenario.money.cash_unit)
    lots = maker_depth(share, scenario.makers.count, board)
    if (stated := depth(scenario)) is not None:
        lots = np.where(stated >= 0, np.rint(stated / max(scenario.makers.count, 1)).astype(np.int64), lots)
    return lots
