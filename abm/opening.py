"""The opening: from a scenario and a seed to an exchange on which everybody holds what the scenario says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.booked import PREFIX
from abm.behaviour.collateral import Holdings, Inventory, holdings
from abm.behaviour.opening import Assets, Board, maker_depth, open_traders
from abm.behaviour.signals import Signals
from abm.behaviour.view import Traders
from abm.clearing.accounts import NO_HOUSE, Accounts, lay_out, opening_collateral, share_out
from abm.clearing.house import House, Staff
from abm.clearing.layers import skin
from abm.clearing.ledger import FeeSchedule, Ledger, Mode
from abm.clearing.liquidation.turnover import Turnover
from abm.clearing.margin.haircut import Haircuts, with_haircuts
from abm.clearing.margin.rule import opened
from abm.clearing.margin.terms import Terms
from abm.clearing.members import NOBODY
from abm.clearing.rulebook import Clearing
from abm.exchange import Exchange
from abm.kernels.margin import Brackets, initial_margin, revalue
from abm.market.book import Books
from abm.market.funding import FundingClock
from abm.market.instrument import Instruments
from abm.market.mark import Marks
from abm.scenario import Scenario
from abm.scenario.book_files import booked, depth, open_lots, rules
from abm.scenario.checks import outside
from abm.streams import Streams
from abm.world.fundamentals import Values

GROUPS = ("crowd", "pairs", "hedgers", "liquidity", "value", "trend", "arbitrage")
LEVERAGED = ("crowd", "pairs")
MAKERS = "makers"
DEALERS = "dealers"
UNMARGINED = ("fees", "skin", "default_fund", "pool")  # roles whose accounts no house margins

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Owners:
    """Rows of everybody who owns accounts: traders (makers and dealers last), then the houses' own, then the pool."""

    n_traders: int
    role: tuple[str, ...]  # (n_owners - n_traders,): what the house's own account is for
    house: Ints  # (n_owners - n_traders,); NO_HOUSE for the pool

    @classmethod
    def of(cls, n_traders: int, rules: list[Clearing]) -> Owners:
        """Role by role, house by house."""
        roles = dict.fromkeys(role for rule in rules for role in rule.staff())
        staff = [(role, h) for role in roles for h, rule in enumerate(rules) for _ in range(rule.staff().get(role, 0))]
        staff.append(("pool", NO_HOUSE))
        return cls(n_traders, tuple(role for role, _ in staff), np.array([house for _, house in staff]))

    def rows(self, role: str, house: int) -> Ints:
        """Owners that house `house` has in `role`, (k,)."""
        return self.n_traders + np.flatnonzero((np.array(self.role) == role) & (self.house == house))

    def row(self, role: str, house: int = NO_HOUSE) -> int:
        """The one owner in `role`."""
        return int(self.rows(role, house)[0])

    @property
    def staff(self) -> Ints:
        """Rows of all but the traders."""
        return np.arange(self.n_traders, len(self))

    def __len__(self) -> int:
        return self.n_traders + len(self.role)


def open_exchange(scenario: Scenario, seed: int) -> Exchange:
    """Draw the traders, open their accounts and positions, and set the clocks to zero."""
    streams, instruments = Streams(seed), scenario.instruments()
    rules = houses_of(scenario)
    brackets = brackets_of(scenario, instruments, rules)
    traders = traders_of(scenario, instruments, brackets, streams)
    owners = Owners.of(len(traders.group), rules)
    mode = _modes(scenario, traders, owners, rules, streams)
    accounts = lay_out(mode, instruments.venue, _houses(owners, len(rules)))
    _share_funds(accounts, owners, rules, scenario, instruments)
    fund = _funds(accounts, owners, len(rules))
    _keep_apart(accounts, traders)
    position, money, weight = _opening(scenario, instruments, brackets, traders, owners, rules, streams)
    tokens = _tokens(scenario, instruments, traders, share_out(money, weight), streams)
    _hand_out(tokens, position, mode == Mode.ISOLATED, owners.row("pool"))
    ledger = _ledger(instruments, accounts, position, opening_collateral(accounts, money, weight), tokens.issued)
    _enter(ledger, accounts, traders)
    books = Books(instruments, len(ledger))
    split = _opening_split(accounts, ledger, money, weight)
    step = scenario.time.step_seconds
    terms = terms_of(scenario, instruments)
    turnover = Turnover.over([clearing.liquidation for clearing in rules], len(instruments), step)
    houses = [
        House(
            clearing,
            ledger,
            brackets,
            streams,
            number=number,
            staff=_staff(accounts, owners, number, _home(instruments, number), fund[number]),
            step_seconds=step,
            cash_unit=scenario.money.cash_unit,
            opening_split=split,
            margin_state=opened(clearing.margin, terms),
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
        fees=_fees(scenario, instruments, accounts, owners, fund),
        houses=houses,
        turnover=turnover,
        values=_values(scenario, streams),
        marks=_marks(scenario, instruments),
        signals=_signals(scenario, instruments),
        haircuts=_haircuts(scenario, instruments, brackets),
        inventory=Inventory.of(tokens, accounts.backing, accounts.owner, instruments.spot),
        funding=[FundingClock(venue.funding, len(instruments), step) for venue in scenario.venues],
        maker_depth=_maker_depth(scenario, instruments),
        rule=np.maximum(ledger.house, 0),
        pool=int(accounts.backing[owners.row("pool"), 0]),
        fund_rows=[owners.row("fund", h) for h in range(len(rules))],
    )


def houses_of(scenario: Scenario) -> list[Clearing]:
    """The rules of every house: one per venue, and with universal accounts a prime house by the first venue's rules."""
    rules = [venue.clearing for venue in scenario.venues]
    prime = scenario.population.cross_share > 0 and scenario.population.universal_share > 0
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


def terms_of(scenario: Scenario, instruments: Instruments) -> Terms:
    """What margin rules are told about the instruments: the perpetuals alone, as tokens have haircuts."""
    rows = instruments.asset[instruments.perpetuals]
    assets = [scenario.assets[row] for row in rows]
    correlation = scenario.world.fundamentals.matrix(len(scenario.assets))
    return Terms(
        assets=tuple(asset.name for asset in assets),
        max_leverage=np.array([asset.max_leverage for asset in assets]),
        volatility=np.array([asset.volatility_daily for asset in assets]),
        correlation=correlation[np.ix_(rows, rows)],
        step_seconds=scenario.time.step_seconds,
        cash_units=1.0 / scenario.money.cash_unit,
    )


def groups_of(scenario: Scenario) -> dict[str, Any]:
    """The groups of traders in the order of their rows: name -> rule with `count` and `decide`."""
    population = scenario.population
    drawn = {name: getattr(population, name) for name in GROUPS} | {group.name: group for group in population.others}
    return drawn | booked(scenario)


def rule_of(scenario: Scenario, group: str) -> Any:
    """The rule by which a group of the traders table decides."""
    return rules(scenario)[group.removeprefix(PREFIX)]


def traders_of(scenario: Scenario, instruments: Instruments, brackets: Brackets, streams: Streams) -> Traders:
    """The table of traders; the makers come last, and dealers, if any, behind them, so that they move nobody's row."""
    dealers = scenario.population.dealers
    groups = groups_of(scenario) | {MAKERS: scenario.makers} | ({DEALERS: dealers} if dealers.count else {})
    price = instruments.opening_tick * instruments.unit
    margin = houses_of(scenario)[0].margin
    state = opened(margin, terms_of(scenario, instruments))
    interest = open_lots(scenario, instruments)

    def requirement(lots: Ints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        held, rule = np.asfortranarray(lots), np.zeros(len(lots), dtype=np.int64)
        cash = np.zeros((len(lots), 1), dtype=np.int64, order="F")
        initial = initial_margin(held, price, rule, brackets)
        maintenance = revalue(cash, held, held, price, rule, brackets).maintenance
        if state is not None:
            asked = margin.requirement(np.asfortranarray(held[:, instruments.perpetuals]), price[instruments.perpetuals], state)
            initial, maintenance = np.maximum(initial, asked.initial), asked.maintenance
        for number, venue in enumerate(scenario.venues):
            large = venue.clearing.concentration.opening(lots, interest, instruments)
            maintenance = maintenance + large[:, instruments.venue == number].sum(axis=1)
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


def _maker_depth(scenario: Scenario, instruments: Instruments) -> Ints:
    share = np.array([asset.maker_depth for asset in scenario.assets])
    board = Board.of(opening_assets(scenario), instruments, scenario.money.cash_unit)
    lots = maker_depth(share, scenario.makers.count, board)
    if (stated := depth(scenario)) is not None:
        lots = np.where(stated >= 0, np.rint(stated / max(scenario.makers.count, 1)).astype(np.int64), lots)
    return lots


def _modes(scenario: Scenario, traders: Traders, owners: Owners, rules: list[Clearing], streams: Streams) -> NDArray[np.int8]:
    """Margin mode of every owner, (n_owners,)."""
    mode = np.full(len(owners), Mode.HOUSE, dtype=np.int8)
    for number, name in enumerate(traders.groups):
        rows = np.flatnonzero(traders.group == number)
        isolated = streams.at(f"opening.{name}.isolated").random(len(rows)) >= scenario.population.cross_share
        universal = streams.at(f"opening.{name}.universal").random(len(rows)) < scenario.population.universal_share
        if name == MAKERS:
            isolated[:], universal[:] = not scenario.makers.common_capital, False
        mode[rows] = np.where(isolated, Mode.ISOLATED, np.where(universal, Mode.UNIVERSAL, Mode.CROSS))
    if traders.mode is not None:
        mode[: len(traders.mode)] = _stated_modes(scenario, traders.mode, mode[: len(traders.mode)])
    for house, rule in enumerate(rules):
        mode[owners.row("fund", house)] = Mode.HOUSE if rule.fund_scope == "house" else Mode.ISOLATED
    return mode


def _stated_modes(scenario: Scenario, stated: NDArray[np.int8], drawn: NDArray[np.int8]) -> NDArray[np.int8]:
    """Modes that a book states, within what the population allows: nothing is shared where `cross_share` is 0, and nothing
    across venues where `universal_share` is 0, so that twins without either hold for everybody."""
    population = scenario.population
    if population.cross_share == 0:
        stated = np.where(stated >= 0, np.int8(Mode.ISOLATED), stated)
    elif population.universal_share == 0:
        stated = np.where(stated == Mode.UNIVERSAL, np.int8(Mode.CROSS), stated)
    return np.where(stated >= 0, stated, drawn).astype(np.int8)


def _houses(owners: Owners, n_houses: int) -> Ints:
    """House of the owners with one account over all venues, (n_owners,): the prime house for traders."""
    house = np.full(len(owners), n_houses - 1, dtype=np.int64)
    house[owners.staff] = np.where(np.isin(owners.role, UNMARGINED), NO_HOUSE, owners.house)
    return house


def _share_funds(accounts: Accounts, owners: Owners, rules: list[Clearing], scenario: Scenario, instruments: Instruments) -> None:
    """Where a fund is one per group of assets, the account of the group's first instrument on a venue backs them all."""
    for house, rule in enumerate(rules):
        if rule.fund_scope == "group":
            names = [scenario.assets[asset].name for asset in instruments.asset]
            group = [(int(v), rule.fund_group(name)) for v, name in zip(instruments.venue, names, strict=True)]
            row = owners.row("fund", house)
            accounts.backing[row] = accounts.backing[row, [group.index(one) for one in group]]


def _funds(accounts: Accounts, owners: Owners, n_houses: int) -> list[Ints]:
    """The insurance fund's account for each instrument, by house; its own house's, wherever the instrument trades."""
    funds = [accounts.backing[owners.row("fund", house)] for house in range(n_houses)]
    for house, rows in enumerate(funds):
        accounts.house[rows] = house
    return funds


def _staff(accounts: Accounts, owners: Owners, house: int, home: int, fund: Ints) -> Staff:
    """The accounts of `house`'s own; `home` is an instrument it clears."""
    return Staff(
        fund=fund,
        keepers=accounts.backing[owners.rows("keeper", house), home],
        own=int(accounts.backing[owners.row("fees", house), 0]),
        vault=accounts.backing[owners.rows("vault", house), home],
        skin=int(rows[0]) if len(rows := accounts.backing[owners.rows("skin", house), 0]) else NOBODY,
        members=accounts.backing[owners.rows("member", house), home],
        contributions=accounts.backing[owners.rows("default_fund", house), home],
    )


def _keep_apart(accounts: Accounts, traders: Traders) -> None:
    """Wallets move the money of traders only: makers and funds that a switch has split stay split."""
    accounts.wallet[traders.rows(MAKERS)] = -1
    accounts.wallet[len(traders.group) :] = -1


def _home(instruments: Instruments, house: int) -> int:
    """An instrument that the house clears; any for the prime house."""
    own = np.flatnonzero(instruments.venue == house)
    return int(own[0]) if len(own) else 0


def _opening(
    scenario: Scenario,
    instruments: Instruments,
    brackets: Brackets,
    traders: Traders,
    owners: Owners,
    rules: list[Clearing],
    streams: Streams,
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Per owner: lots (n_owners, n_instruments), money (n_owners,), and the weights by which isolated money is split:
    initial margin of what is held, open interest for those who hold nothing (n_owners, n_instruments)."""
    n, price = len(traders.group), instruments.opening_tick * instruments.unit
    position = np.zeros((len(owners), len(instruments)), dtype=np.int64)
    position[:n] = traders.opening
    money = np.zeros(len(owners), dtype=np.int64)
    money[:n] = traders.collateral
    interest = np.maximum(position, 0).sum(axis=0) * price.astype(np.float64)
    circulating = Board.of(opening_assets(scenario), instruments, scenario.money.cash_unit).money
    interest = np.where(instruments.is_spot & interest.any(), circulating, interest)
    interest = np.where(interest > 0, interest, 1.0)
    weight = np.tile(interest, (len(owners), 1))
    held = np.abs(position) * (price * brackets.initial_rate[0, :, 0])
    weight[held.any(axis=1)] = held[held.any(axis=1)]
    for house, rule in enumerate(rules):
        own = interest[(instruments.venue == house) & ~instruments.is_spot].sum() if house < len(scenario.venues) else 0.0
        money[owners.rows("keeper", house)] = rule.keeper.shares(int(rule.keeper.capital_share * own), streams, house)
        money[owners.rows("vault", house)] = int(rule.vault.capital_share * own)
        money[owners.row("fund", house)] = int(rule.fund_share * own)
        money[owners.rows("skin", house)] = int(skin(rule.waterfall) * own)
        money[owners.rows("member", house)] = rule.members.split(int(rule.members.capital_share * own))
        money[owners.rows("default_fund", house)] = rule.members.split(int(rule.members.contribution_share * own))
        weight[owners.row("fund", house), instruments.venue != house] = 0.0
    return position, money, weight


def _tokens(scenario: Scenario, instruments: Instruments, traders: Traders, split: Ints, streams: Streams) -> Holdings:
    """Who holds which tokens; `split` (n_owners, n_instruments) cash units of opening collateral."""
    names = [asset.name for asset in scenario.assets]
    own = split[: len(traders.group)]
    return holdings(scenario.population.collateral, names, traders, own, instruments=instruments, streams=streams)


def _hand_out(tokens: Holdings, position: Ints, isolated: NDArray[np.bool_], pool: int) -> None:
    """Add tokens to `position` (n_owners, n_instruments); the pool holds what would back `isolated` (n_owners,) traders."""
    n = len(tokens.collateral)
    apart = np.where(isolated[:n, np.newaxis], tokens.collateral, 0)
    position[:n] += tokens.inventory + tokens.collateral - apart
    position[pool] += apart.sum(axis=0)


def _ledger(instruments: Instruments, accounts: Accounts, position: Ints, collateral: Ints, issued: Ints) -> Ledger:
    """The ledger with `position` (n_owners, n_instruments) on `collateral` (n_accounts,) of equity."""
    lots = np.zeros((len(accounts.owner), len(instruments)), dtype=np.int64)
    lots[accounts.backing, np.arange(len(instruments))] = position
    return Ledger.open(
        instruments,
        collateral,
        owner=accounts.owner,
        house=accounts.house,
        mode=accounts.mode,
        position=lots,
        issued=issued,
    )


def _enter(ledger: Ledger, accounts: Accounts, traders: Traders) -> None:
    """The memo of entry values where a book states them: profit before the opening is in the equity it opens with."""
    if traders.entry is not None:
        account, column = accounts.backing[: len(traders.entry)], np.arange(traders.entry.shape[1])
        ledger.realised[account, column] = traders.entry - ledger.cost[account, column]
        ledger.cost[account, column] = traders.entry


def _opening_split(accounts: Accounts, ledger: Ledger, money: Ints, weight: NDArray[np.float64]) -> Ints:
    """Each leg's share of its owner's opening money, (n_accounts, n_instruments), cash units; a token stands for itself."""
    split = np.zeros((len(accounts.owner), weight.shape[1]), dtype=np.int64)
    split[accounts.backing, np.arange(weight.shape[1])] = share_out(money, weight)
    spot = list(ledger.instruments.spot)
    split[:, spot] = ledger.cost[:, spot]
    return split


def _fees(scenario: Scenario, instruments: Instruments, accounts: Accounts, owners: Owners, fund: list[Ints]) -> FeeSchedule:
    venues = [scenario.venues[row] for row in instruments.venue]
    rows = range(len(instruments))
    return FeeSchedule(
        taker=np.array([venue.taker_fee for venue in venues]),
        maker=np.array([venue.maker_fee for venue in venues]),
        liquidation=np.array([venue.clearing.fee_rate for venue in venues]),
        fee_account=np.array([accounts.backing[owners.row("fees", int(instruments.venue[i])), i] for i in rows], dtype=np.int64),
        fund_account=np.array([fund[int(instruments.venue[i])][i] for i in rows], dtype=np.int64),
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
