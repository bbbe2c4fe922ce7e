"""Reading a book of the user's own: rows of text to positions in lots and money in cash units, every mistake at its row.

Accounts, one row per position: `trader, collateral, asset, quantity` and, if wanted, `group` (hold, the default, or a group of
the population, by whose rule they then act), `mode` (cross, isolated, universal; empty: drawn by the population's shares),
`venue` (needed if there are several), `entry_price` (default: the opening price). The collateral is the money behind all
positions of a trader, before their profit so far; it stands in the first row of the trader. A row without asset is money alone.

Depth, one row per level: `asset, side` (bid, ask), `quantity`, and `distance_bp` from the opening price or a `price`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.booked import PREFIX, Booked, Hold
from abm.behaviour.opening import Assets, Board
from abm.clearing.ledger import Mode
from abm.market.instrument import Instruments
from abm.rows import Row, csv_rows
from abm.scenario.asset import exact
from abm.scenario.book import OwnBook
from abm.world.shocks import nearest

if TYPE_CHECKING:
    from abm.scenario.scenario import Scenario

Ints = NDArray[np.int64]

HOLD = "hold"
MODES = {"": -1, "cross": int(Mode.CROSS), "isolated": int(Mode.ISOLATED), "universal": int(Mode.UNIVERSAL)}
WITHIN_BP = 100  # depth is declared within 1 % of the price


@dataclass
class _Account:
    """One trader as the rows state it."""

    where: str
    group: str
    mode: int
    money: int  # cash units
    lots: dict[int, int] = field(default_factory=dict)  # instrument -> lots, signed
    entry: dict[int, int] = field(default_factory=dict)  # instrument -> cash units, signed


def booked(scenario: Scenario) -> dict[str, Booked]:
    """The groups of the book, `book.<group>`, in the order of their first rows; nothing without a book."""
    book = scenario.population.book
    if not isinstance(book, OwnBook):
        return {}
    reader = _Reader(scenario)
    accounts = reader.accounts(book.accounts)
    reader.refuse_sides(book, accounts)
    groups: dict[str, list[_Account]] = {}
    for account in accounts.values():
        groups.setdefault(account.group, []).append(account)
    return {f"{PREFIX}{name}": reader.group(name, members) for name, members in groups.items()}


def rules(scenario: Scenario) -> dict[str, Any]:
    """By which rule the traders of each group act: the population's groups, and holders who do nothing."""
    population = scenario.population
    built_in = {name: getattr(population, name) for name in type(population).model_fields}
    groups = {name: rule for name, rule in built_in.items() if hasattr(rule, "decide")}
    return {HOLD: Hold()} | groups | {group.name: group for group in population.others}


def depth(scenario: Scenario) -> Ints | None:
    """Lots within 1 % of the opening price on one side, (n_instruments,), -1 where the file states none; None without a file.

    The mean of bids and offers; levels that end before 1 % are continued by `makers.depth_exponent`.
    """
    book = scenario.population.book
    return _Reader(scenario).depth(book.depth) if isinstance(book, OwnBook) and book.depth is not None else None


class _Reader:
    """A scenario's names and grids, as the rows refer to them."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.instruments = scenario, scenario.instruments()
        self.assets = [asset.name for asset in scenario.assets]
        self.venues = [venue.name for venue in scenario.venues]
        self.price: Ints = self.instruments.opening_tick * self.instruments.unit
        self.rules = rules(scenario)

    def accounts(self, path: str) -> dict[str, _Account]:
        """Every trader by name, in the order of the file."""
        found: dict[str, _Account] = {}
        for row in csv_rows(path, ("trader", "collateral", "asset", "quantity"), ("group", "mode", "venue", "entry_price")):
            name = row.cells["trader"]
            if not name:
                raise ValueError(f"{row.where}: trader is missing")
            if name not in found:
                found[name] = self._account(row)
            else:
                self._refuse_other(row, found[name])
            self._position(row, found[name])
        if not found:
            raise ValueError(f"{path}: has no accounts")
        for name, account in found.items():
            if (equity := self._equity(account)) < 0:
                unit = self.scenario.money.cash_unit
                raise ValueError(
                    f"{account.where}: equity of {name} at the opening prices must be >= 0, was {equity * unit:g};"
                    " its collateral does not cover the loss since its entries"
                )
        return found

    def group(self, name: str, members: list[_Account]) -> Booked:
        """The members as columns."""
        shape = (len(members), len(self.instruments))
        lots, entry = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for k, account in enumerate(members):
            for i in account.lots:
                lots[k, i], entry[k, i] = account.lots[i], account.entry[i]
        return Booked(
            behaviour=self.rules[name],
            opening=lots,
            entry=entry,
            collateral=np.array([self._equity(account) for account in members], dtype=np.int64),
            mode=np.array([account.mode for account in members], dtype=np.int8),
        )

    def refuse_sides(self, book: OwnBook, accounts: dict[str, _Account]) -> None:
        """Longs and shorts that the rest of the market cannot complete."""
        lots = np.zeros((2, len(self.instruments)), dtype=np.int64)
        for account in accounts.values():
            for i, held in account.lots.items():
                lots[int(held < 0), i] += abs(held)
        most = open_lots(self.scenario, self.instruments)
        for i, name in enumerate(self.instruments.names):
            size = self.instruments.lot_size[i]
            long, short = (float(side) * size for side in lots[:, i])
            if long != short and (book.residual == "refuse" or self.scenario.population.hedgers.count < 2):
                cure = 'state residual = "hedgers"' if book.residual == "refuse" else "set population.hedgers.count to 2 or more"
                sides = f"longs and shorts in {name} must be equal, were {long:g} and {short:g}"
                raise ValueError(f"{book.accounts}: {sides}; {cure}")
            if (held := int(lots[:, i].max())) > most[i]:
                raise ValueError(
                    f"{book.accounts}: holds {held * size:g} {name} on one side, more than the open interest of"
                    f" {most[i] * size:g}; raise assets.{self.assets[self.instruments.asset[i]]}.open_interest"
                )

    def depth(self, path: str) -> Ints:
        """Lots within 1 % on one side, -1 where the file states none, (n_instruments,)."""
        if self.scenario.makers.count == 0:
            raise ValueError(f"{path}: makers show the depth; makers.count must be >= 1, was 0")
        levels: dict[int, tuple[list[tuple[float, float]], ...]] = {}
        for row in csv_rows(path, ("asset", "side", "quantity"), ("venue", "distance_bp", "price")):
            i = self._instrument(row)
            side = {"bid": 0, "ask": 1}.get(row.cells["side"])
            if side is None:
                raise ValueError(f"{row.where}: side must be bid or ask, was {row.cells['side']!r}")
            if (quantity := row.required("quantity")) <= 0:
                raise ValueError(f"{row.where}: quantity must be > 0, was {quantity}")
            levels.setdefault(i, ([], []))[side].append((self._distance(row, i, side), float(quantity)))
        result = np.full(len(self.instruments), -1, dtype=np.int64)
        for i, sides in levels.items():
            if not all(sides):
                raise ValueError(f"{path}: {self.instruments.names[i]} needs levels of both sides, bid and ask")
            shown = (self._within(sides[0]) + self._within(sides[1])) / 2
            result[i] = max(1, round(shown / float(self.instruments.lot_size[i])))
        return result

    def _account(self, row: Row) -> _Account:
        group, mode = row.cells.get("group", "") or HOLD, row.cells.get("mode", "")
        if group not in self.rules:
            raise ValueError(f"{row.where}: group {group!r} is none of the population's; {nearest(group, list(self.rules))}")
        if mode not in MODES:
            raise ValueError(f"{row.where}: mode must be cross, isolated, universal or empty, was {mode!r}")
        if (collateral := row.required("collateral")) < 0:
            raise ValueError(f"{row.where}: collateral must be >= 0, was {collateral}")
        return _Account(row.where, group, MODES[mode], round(Fraction(collateral) / exact(self.scenario.money.cash_unit)))

    def _refuse_other(self, row: Row, account: _Account) -> None:
        """Later rows of a trader repeat what its first row says, or leave it empty."""
        said = self._account(row) if row.cells["collateral"] else None
        if said is not None and said.money != account.money:
            raise ValueError(f"{row.where}: collateral of {row.cells['trader']} must be that of its first row, or empty")
        for name, value in (("group", account.group), ("mode", next(m for m, k in MODES.items() if k == account.mode))):
            if row.cells.get(name, "") not in ("", value):
                raise ValueError(f"{row.where}: {name} of {row.cells['trader']} must be {value!r} as in its first row")

    def _position(self, row: Row, account: _Account) -> None:
        quantity = row.number("quantity")
        if not row.cells["asset"] and quantity is None:
            return
        i = self._instrument(row)
        size = exact(float(self.instruments.lot_size[i]))
        lots = Fraction(row.required("quantity")) / size
        if lots.denominator != 1:
            raise ValueError(f"{row.where}: quantity must be a whole number of lots of {float(size):g}, was {quantity}")
        if i in account.lots:
            raise ValueError(f"{row.where}: {row.cells['trader']} already has a position in {self.instruments.names[i]}")
        entry = row.number("entry_price")
        if entry is not None and entry <= 0:
            raise ValueError(f"{row.where}: entry_price must be > 0, was {entry}")
        worth = int(lots) * int(self.price[i])
        if entry is not None:
            worth = round(lots * size * Fraction(entry) / exact(self.scenario.money.cash_unit))
        account.lots[i], account.entry[i] = int(lots), worth

    def _instrument(self, row: Row) -> int:
        asset, venue = row.cells["asset"], row.cells.get("venue", "")
        if asset not in self.assets:
            raise ValueError(f"{row.where}: no asset {asset!r}; {nearest(asset, self.assets)}")
        if not venue and len(self.venues) == 1:
            venue = self.venues[0]
        if venue not in self.venues:
            raise ValueError(f"{row.where}: no venue {venue!r}; {nearest(venue, self.venues)}")
        return self.venues.index(venue) * len(self.assets) + self.assets.index(asset)

    def _equity(self, account: _Account) -> int:
        return account.money + sum(lots * int(self.price[i]) - account.entry[i] for i, lots in account.lots.items())

    def _distance(self, row: Row, instrument: int, side: int) -> float:
        """Basis points from the opening price."""
        price, distance = row.number("price"), row.number("distance_bp")
        if (price is None) == (distance is None):
            raise ValueError(f"{row.where}: needs a distance_bp or a price, and not both")
        if price is not None:
            opening = self.scenario.assets[int(self.instruments.asset[instrument])].price
            away = (float(price) / opening - 1.0) * 1e4 * (1 if side else -1)
            if away <= 0:
                said = "above" if side else "below"
                raise ValueError(f"{row.where}: price of {row.cells['side']} must be {said} the opening {opening:g}, was {price}")
            return float(away)
        assert distance is not None, "one of the two is stated"
        if distance <= 0:
            raise ValueError(f"{row.where}: distance_bp must be > 0, was {distance}")
        return float(distance)

    def _within(self, side: list[tuple[float, float]]) -> float:
        """Quantity within 1 %; levels that end before it are continued."""
        reach, exponent = max(distance for distance, _ in side), self.scenario.makers.depth_exponent
        if reach < WITHIN_BP:
            return float(sum(quantity for _, quantity in side) * (WITHIN_BP / reach) ** exponent)
        return sum(quantity for distance, quantity in side if distance <= WITHIN_BP)


def open_lots(scenario: Scenario, instruments: Instruments) -> Ints:
    """One-sided open interest by the scenario, lots, (n_instruments,)."""
    n = len(scenario.assets)
    assets = Assets(
        open_interest=np.array([asset.open_interest for asset in scenario.assets]),
        leverage_max=np.ones(n),
        maintenance_rate=np.ones(n),
        volatility=np.ones(n),
        correlation=np.eye(n),
        venue_share=np.array([venue.share for venue in scenario.venues]),
    )
    return Board.of(assets, instruments, scenario.money.cash_unit).lots


def check(scenario: Scenario) -> Iterator[tuple[str, Any]]:
    """Keys of the book's files, each with the call that reads it."""
    book = scenario.population.book
    if isinstance(book, OwnBook):
        yield "population.book.accounts", lambda: booked(scenario)
        yield "population.book.depth", lambda: depth(scenario)
