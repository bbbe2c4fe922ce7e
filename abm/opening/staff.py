"""Who owns accounts, in which mode, and which of them are the houses' own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.opening import Luck
from abm.behaviour.view import Traders
from abm.clearing.accounts import NO_HOUSE, Accounts
from abm.clearing.house import Staff
from abm.clearing.ledger import Mode
from abm.clearing.members import NOBODY
from abm.clearing.rulebook import Clearing
from abm.market.instrument import Instruments
from abm.opening.groups import MAKERS
from abm.scenario import Scenario
from abm.streams import Streams

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


def modes_of(scenario: Scenario, traders: Traders, owners: Owners, rules: list[Clearing], streams: Streams) -> NDArray[np.int8]:
    """Margin mode of every owner, (n_owners,)."""
    mode = np.full(len(owners), Mode.HOUSE, dtype=np.int8)
    for number, name in enumerate(traders.groups):
        rows = np.flatnonzero(traders.group == number)
        isolated = Luck(streams, name, len(rows)).isolated(scenario.population.cross_share)
        universal = streams.at(f"opening.{name}.universal").random(len(rows)) < scenario.population.universal_share
        if name == MAKERS:
            isolated[:], universal[:] = not scenario.makers.common_capital, False
        mode[rows] = np.where(isolated, Mode.ISOLATED, np.where(universal, Mode.UNIVERSAL, Mode.CROSS))
    if traders.mode is not None:
        mode[: len(traders.mode)] = _stated_modes(scenario, traders.mode, mode[: len(traders.mode)])
    if scenario.population.unpooled != "none":
        mode[np.flatnonzero(traders.group != traders.groups.index(MAKERS))] = Mode.ISOLATED
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


def cleared_by(owners: Owners, n_houses: int) -> Ints:
    """House of the owners with one account over all venues, (n_owners,): the prime house for traders."""
    house = np.full(len(owners), n_houses - 1, dtype=np.int64)
    house[owners.staff] = np.where(np.isin(owners.role, UNMARGINED), NO_HOUSE, owners.house)
    return house


def share_funds(accounts: Accounts, owners: Owners, rules: list[Clearing], scenario: Scenario, instruments: Instruments) -> None:
    """Where a fund is one per group of assets, the account of the group's first instrument on a venue backs them all."""
    for house, rule in enumerate(rules):
        if rule.fund_scope == "group":
            names = [scenario.assets[asset].name for asset in instruments.asset]
            group = [(int(v), rule.fund_group(name)) for v, name in zip(instruments.venue, names, strict=True)]
            row = owners.row("fund", house)
            accounts.backing[row] = accounts.backing[row, [group.index(one) for one in group]]


def funds_of(accounts: Accounts, owners: Owners, n_houses: int) -> list[Ints]:
    """The insurance fund's account for each instrument, by house; its own house's, wherever the instrument trades."""
    funds = [accounts.backing[owners.row("fund", house)] for house in range(n_houses)]
    for house, rows in enumerate(funds):
        accounts.house[rows] = house
    return funds


def staff_of(accounts: Accounts, owners: Owners, house: int, home: int, fund: Ints) -> Staff:
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


def keep_apart(accounts: Accounts, traders: Traders) -> None:
    """Wallets move the money of traders only: makers and funds that a switch has split stay split."""
    accounts.wallet[traders.rows(MAKERS)] = -1
    accounts.wallet[len(traders.group) :] = -1


def home_of(instruments: Instruments, house: int) -> int:
    """An instrument that the house clears; any for the prime house."""
    own = np.flatnonzero(instruments.venue == house)
    return int(own[0]) if len(own) else 0
