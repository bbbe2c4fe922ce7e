"""The opening: from a scenario and a seed to an exchange on which everybody holds what the scenario says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.collateral import Inventory
from abm.behaviour.signals import Signals
from abm.clearing.accounts import lay_out, opening_collateral
from abm.clearing.house import House
from abm.clearing.ledger import Mode
from abm.clearing.liquidation.turnover import Turnover
from abm.clearing.margin.haircut import Haircuts
from abm.exchange import Exchange
from abm.kernels.margin import Brackets
from abm.market.book import Books
from abm.market.funding import FundingClock
from abm.market.instrument import Instruments
from abm.market.mark import Marks
from abm.opening.apart import on_stakes, set_apart
from abm.opening.asked import Asked
from abm.opening.groups import brackets_of, depth_of_makers, houses_of, traders_of
from abm.opening.money import enter, fees_of, hand_out, ledger_of, opening_of, opening_split, split_of, tokens_of
from abm.opening.staff import Owners, cleared_by, funds_of, home_of, keep_apart, modes_of, share_funds, staff_of
from abm.scenario import Scenario
from abm.scenario.checks import outside
from abm.streams import Streams
from abm.world.fundamentals import Values


def open_exchange(scenario: Scenario, seed: int) -> Exchange:
    """Draw the traders, open their accounts and positions, and set the clocks to zero."""
    streams, instruments = Streams(seed), scenario.instruments()
    rules = houses_of(scenario)
    brackets = brackets_of(scenario, instruments, rules)
    asked = Asked.of(scenario, instruments, rules, brackets)
    traders = traders_of(scenario, instruments, asked, streams)
    owners = Owners.of(len(traders.group), rules)
    mode = modes_of(scenario, traders, owners, rules, streams)
    accounts = lay_out(mode, instruments.venue, cleared_by(owners, len(rules)))
    share_funds(accounts, owners, rules, scenario, instruments)
    fund = funds_of(accounts, owners, len(rules))
    keep_apart(accounts, traders)
    position, money, interest = opening_of(scenario, instruments, traders, owners, rules, streams)
    stake = own = split_of(position, money, interest, asked)
    tokens = tokens_of(scenario, instruments, traders, stake, streams)
    if scenario.population.unpooled == "equal_risk":
        stake = set_apart(open_exchange(scenario.with_({"population.unpooled": "none"}), seed), stake)
        traders = on_stakes(traders, stake)
    hand_out(tokens, position, mode == Mode.ISOLATED, owners.row("pool"))
    ledger = ledger_of(instruments, accounts, position, opening_collateral(accounts, stake), tokens.issued)
    enter(ledger, accounts, traders)
    books = Books(instruments, len(ledger))
    split = opening_split(accounts, ledger, stake)
    step = scenario.time.step_seconds
    turnover = Turnover.over([clearing.liquidation for clearing in rules], len(instruments), step)
    houses = [
        House(
            clearing,
            ledger,
            brackets,
            streams,
            number=number,
            staff=staff_of(accounts, owners, number, home_of(instruments, number), fund[number]),
            step_seconds=step,
            cash_unit=scenario.money.cash_unit,
            opening_split=split,
            margin_state=asked.state[number],
            turnover=turnover,
        )
        for number, clearing in enumerate(rules)
    ]
    return Exchange(
        scenario=scenario,
        streams=streams,
        instruments=instruments,
        traders=traders,
        accounts=accounts,
        books=books,
        ledger=ledger,
        brackets=brackets,
        fees=fees_of(scenario, instruments, accounts, owners, fund),
        houses=houses,
        turnover=turnover,
        values=_values(scenario, streams),
        marks=_marks(scenario, instruments),
        signals=_signals(scenario, instruments),
        haircuts=_haircuts(scenario, instruments, brackets),
        stake=own,
        inventory=Inventory.of(tokens, accounts.backing, accounts.owner, instruments.spot),
        funding=[FundingClock(venue.funding, len(instruments), step) for venue in scenario.venues],
        maker_depth=depth_of_makers(scenario, instruments),
        rule=np.maximum(ledger.house, 0),
        pool=int(accounts.backing[owners.row("pool"), 0]),
        fund_rows=[owners.row("fund", h) for h in range(len(rules))],
    )


def _values(scenario: Scenario, streams: Streams) -> Values:
    world, assets = scenario.world, outside(scenario)
    step = scenario.time.step_seconds
    replay = None
    if world.path is not None:
        replay = world.path.load(assets.names, assets.opening, step, scenario.time.duration, Path())
    return Values(world.fundamentals, assets, streams, step, shocks=world.shocks, replay=replay)


def _marks(scenario: Scenario, instruments: Instruments) -> Marks:
    assets = [scenario.assets[row] for row in instruments.asset]
    sources = [asset.collateral_price if asset.form == "spot" else "book" for asset in assets]
    return Marks(instruments, [venue.marking for venue in scenario.venues], scenario.time.step_seconds, sources=sources)


def _haircuts(scenario: Scenario, instruments: Instruments, brackets: Brackets) -> Haircuts:
    rules = [scenario.assets[row].haircut for row in instruments.asset]
    calm = _calm(scenario)[instruments.asset]
    return Haircuts(brackets, instruments, rules, calm=calm, step_seconds=scenario.time.step_seconds)


def _calm(scenario: Scenario) -> NDArray[np.float64]:
    """Daily volatility in calm times, (n_assets,): of a token at least that of its outside value."""
    own = {asset.name: asset.volatility_daily for asset in scenario.assets}
    return np.array(
        [
            max(asset.haircut.calm_volatility, float(np.hypot(own[asset.name], own.get(asset.tracks or "", 0.0))))
            if asset.form == "spot"
            else own[asset.name]
            for asset in scenario.assets
        ]
    )


def _signals(scenario: Scenario, instruments: Instruments) -> Signals:
    volatility = _calm(scenario)
    return Signals(
        instruments.opening_tick.astype(np.float64),
        volatility_daily=volatility[instruments.asset],
        horizons=scenario.population.trend.horizons,
        memory=scenario.makers.volatility_memory,
        step_seconds=scenario.time.step_seconds,
    )
