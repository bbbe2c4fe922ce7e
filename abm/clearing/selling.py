"""Selling for seized accounts: who is due, what is closed by the policy, how much of it goes to the books in this step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.clearing.collateral import set_aside
from abm.clearing.journal import Entry, EventKind
from abm.clearing.liquidation import Seized
from abm.clearing.liquidation.slicing import AtOnce, Pace, Slicing
from abm.clearing.liquidation.throttle import NoThrottle, Throttle
from abm.clearing.liquidation.turnover import Turnover
from abm.kernels.margin import Revaluation, leg_margin

if TYPE_CHECKING:
    from abm.clearing.house import House

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Slices:
    """What seized accounts sell in one step."""

    accounts: Ints  # (k,)
    lots: Ints  # (k, n_instruments), to close, signed like the position
    key: NDArray[np.uint64]  # (k,), priority of each account's orders
    healthy: NDArray[np.bool_]  # (k, n_instruments), the leg alone holds its maintenance margin: its share of the opening
    # collateral plus its own profit since
    seized: Seized


class Selling:
    """One house's sales, slice by slice, re-evaluated on the step's marks before each."""

    def __init__(self, house: House, turnover: Turnover, *, step_seconds: float, cash_unit: float, opening_split: Ints) -> None:
        policy, n_accounts = house.rules.liquidation, len(house.ledger)
        self.house, self.turnover, self.step_seconds, self.cash_unit = house, turnover, step_seconds, cash_unit
        self.opening_split = opening_split  # (n_accounts, n_instruments), cash units: each leg's share of its opening money
        self.slicing: Slicing = getattr(policy, "slicing", AtOnce())
        self.throttle: Throttle = getattr(policy, "throttle", NoThrottle())
        self.interval = ceil(round(getattr(policy, "interval", 0.0) / step_seconds, 9))  # steps between slices of an account
        self.first_slice = np.full(n_accounts, -1, dtype=np.int64)  # step of the first slice since seizure
        self.last_slice = np.full(n_accounts, -(10**9), dtype=np.int64)

    def begin(self, accounts: Ints) -> None:
        """`accounts` (k,) have just been seized."""
        self.first_slice[accounts] = -1

    def claim(self) -> None:
        """State what all seized accounts hold, by which houses share what throttled books can take."""
        if not self.turnover.idle:
            held = self.house.ledger.position[self.house.seized()]
            self.turnover.claim(self.house.number, np.abs(held).sum(axis=0))

    def slices(self, step: int, price: Ints, depth: Ints) -> Slices:
        """What each seized account that is due sells now; cured accounts are released, bankrupt ones left alone."""
        house, ledger = self.house, self.house.ledger
        rows = house.seized()
        worth = house.revalue(rows, price)
        cured = (worth.collateral >= worth.maintenance) & (worth.equity >= 0)
        house.release(rows[cured])
        due = ~cured & (worth.equity >= 0) & (step - self.last_slice[rows] >= self.interval)
        due &= ~house.backstop.withheld(rows)
        rows, worth = rows[due], Revaluation(*(column[due] for column in worth))
        key = house.key(step, rows, worth.collateral - worth.maintenance)
        alone, large = self._alone(ledger.position[rows], price), house.add_on(rows, price)
        seized = self._seized(step, rows, worth, (alone, large), price=price, depth=depth)
        held = seized.position
        wanted = np.clip(house.rules.liquidation.slices(seized), np.minimum(held, 0), np.maximum(held, 0))
        lots = self._now(rows, wanted, seized, key)
        sent = lots.any(axis=1)
        self.last_slice[rows[sent]] = step
        self.first_slice[rows[sent & (seized.since_first < 0)]] = step
        return Slices(rows, lots, key, self._own(rows, price) >= alone + large, seized)

    def standing(self, rows: Ints, price: Ints) -> tuple[Ints, Ints]:
        """What each leg of the accounts `rows` (k,) has by itself, and what it would have to hold as the only one,
        (k, n_instruments) cash units each."""
        return self._own(rows, price), self._alone(self.house.ledger.position[rows], price) + self.house.add_on(rows, price)

    def _own(self, rows: Ints, price: Ints) -> Ints:
        """Each leg's share of the opening collateral and its own profit since, (k, n_instruments) cash units."""
        ledger = self.house.ledger
        profit = ledger.position[rows] * price - ledger.cost[rows]
        return np.asarray(self.opening_split[rows] + ledger.realised[rows] + profit)

    def _seized(
        self, step: int, rows: Ints, worth: Revaluation, margins: tuple[Ints, Ints], *, price: Ints, depth: Ints
    ) -> Seized:
        """`margins`: of each leg alone, and what concentration adds, (k, n_instruments) cash units each."""
        alone, large = margins
        house, position, first = self.house, self.house.ledger.position[rows], self.first_slice[rows]
        closed = np.where(house.unworked, position, 0)
        aside = set_aside(house.rules.collateral, position, house.ledger.instruments)
        margin = self._shares(alone, worth.maintenance - large.sum(axis=1)) + large
        return Seized(
            position=np.where(aside, 0, position - closed),
            closed=np.where(aside, 0, closed),
            price=price,
            leg_margin=np.where(aside, 0, margin),
            large=large,
            leg_profit=np.where(aside, 0, position * price - house.ledger.cost[rows]),
            equity=worth.collateral - np.where(aside, margin, 0).sum(axis=1),
            net=worth.equity,
            since_first=np.where(first < 0, -1.0, (step - first) * self.step_seconds),
            depth=depth,
            fee_rate=house.rules.fee_rate,
            cash_unit=self.cash_unit,
            requirement=lambda lots: self._required(lots, price),
        )

    def _now(self, rows: Ints, wanted: Ints, seized: Seized, key: NDArray[np.uint64]) -> Ints:
        """The part of `wanted` (k, n_instruments) that pace and throttle let through; what they hold back is told."""
        order = np.argsort(key, kind="stable")
        room = partial(self.turnover.room, house=self.house.number)
        pace = Pace(seized.since_first[order], self.interval * self.step_seconds, room)
        paced, lots = np.zeros_like(wanted), np.zeros_like(wanted)
        paced[order] = self.slicing.now(wanted[order], pace)
        lots[order] = self.throttle.admit(paced[order], room)
        waiting = np.where(paced == 0, wanted, paced - lots)
        for row, leg in zip(*np.nonzero(waiting), strict=True):
            held = int(waiting[row, leg])
            self.house.journal.write(Entry(EventKind.WAITED, int(rows[row]), instrument=int(leg), lots=held))
        return lots

    def _required(self, lots: Ints, price: Ints) -> Ints:
        """What positions `lots` (m, n_instruments) must hold, (m,) cash units."""
        if self.house.margin_state is not None:
            return self.house.required(lots, price)
        return np.asarray(leg_margin(np.ascontiguousarray(lots), price, self.house.brackets, self.house.number).sum(axis=1))

    def _alone(self, position: Ints, price: Ints) -> Ints:
        """Maintenance margin of each leg if it were the only one, (k, n_instruments) cash units."""
        if self.house.margin_state is None:
            return leg_margin(position, price, self.house.brackets, self.house.number)
        columns = np.arange(len(price))
        legs = [self.house.required(np.where(columns == leg, position, 0), price) for leg in columns]
        return np.stack(legs, axis=1)

    def _shares(self, alone: Ints, required: Ints) -> Ints:
        """`alone` (k, n_instruments) scaled so that it sums to the account's requirement (k,), to the unit: legs that hedge
        each other ask less, haircuts of tokens are what they are."""
        if self.house.margin_state is None:
            return alone
        haircut = np.where(self.house.ledger.instruments.is_spot, alone, 0)
        netted = alone - haircut
        part = (required - haircut.sum(axis=1)) / np.maximum(netted.sum(axis=1), 1)
        upto = np.rint(netted.cumsum(axis=1) * part[:, np.newaxis]).astype(np.int64)
        return np.asarray(haircut + np.diff(upto, axis=1, prepend=0))
