"""The clearing house: margins, liquidates and mutualises the accounts of its venue."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.clearing.adl import Queue
from abm.clearing.collateral import set_aside, take_tokens
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import Ledger, State
from abm.clearing.liquidation import NoLiquidation, Seized
from abm.clearing.rulebook import Clearing
from abm.clearing.waterfall import Waterfall
from abm.kernels.margin import Brackets, Revaluation, leg_margin, revalue_rows
from abm.streams import Streams


@dataclass(frozen=True)
class Staff:
    """Accounts of a house's own."""

    fund: NDArray[np.int64]  # (n_instruments,), the insurance fund's account for each instrument
    keepers: NDArray[np.int64]  # (k,), principals with finite capital
    own: int  # the house's own money, where its fees are


@dataclass(frozen=True)
class Slices:
    """What seized accounts sell in one step."""

    accounts: NDArray[np.int64]  # (k,)
    lots: NDArray[np.int64]  # (k, n_instruments), to close, signed like the position
    key: NDArray[np.uint64]  # (k,), priority of each account's orders
    healthy: NDArray[np.bool_]  # (k, n_instruments), the leg alone holds its maintenance margin: its share of the opening
    # collateral plus its own profit since
    seized: Seized


class House:
    """One house at work: phases 4 and 8 of the step over its accounts."""

    def __init__(
        self,
        rules: Clearing,
        ledger: Ledger,
        brackets: Brackets,
        streams: Streams,
        *,
        number: int,
        staff: Staff,
        step_seconds: float,
        cash_unit: float,
        opening_split: NDArray[np.int64],
        margin_state: Any = None,
    ) -> None:
        self.rules, self.ledger, self.brackets, self.streams, self.number = rules, ledger, brackets, streams, number
        self.staff = staff
        self.fund, self.keeper = staff.fund, int(staff.keepers[0])
        self.margin_state = margin_state  # of the margin rule; None where brackets say everything
        self.accounts = np.setdiff1d(np.flatnonzero(ledger.house == number), staff.fund)
        interval = getattr(rules.liquidation, "interval", 0.0)
        self.interval = ceil(round(interval / step_seconds, 9))  # steps between slices of an account
        self.step_seconds, self.cash_unit = step_seconds, cash_unit
        self.opening_split = opening_split  # (n_accounts, n_instruments), cash units: each leg's share of its opening money
        self._mine = np.zeros(len(ledger), dtype=np.bool_)  # (n_accounts,)
        self._mine[self.accounts] = True
        self._rule = np.full(len(ledger), number, dtype=np.int64)
        self.first_slice = np.full(len(ledger.owner), -1, dtype=np.int64)  # step of the first slice since seizure
        self.last_slice = np.full(len(ledger.owner), -(10**9), dtype=np.int64)
        self.journal = Journal()

    @property
    def liquidates(self) -> bool:
        """False only in the counterfactual without liquidation."""
        return not isinstance(self.rules.liquidation, NoLiquidation)

    def advance(self, index: NDArray[np.float64]) -> None:
        """Phase 2: the margin rule sees the new `index` (n_instruments,), ticks."""
        if self.margin_state is not None:
            self.margin_state = self.rules.margin.advance(self.margin_state, index[self.ledger.instruments.perpetuals])

    def margin(self, worth: Revaluation) -> None:
        """Phase 4: seize accounts that hold less than they must; `worth` covers all accounts on the step's marks."""
        self.journal = Journal()
        if not self.liquidates:
            return
        state = self.ledger.state
        breached = (worth.collateral < worth.maintenance) | (worth.equity < 0)
        entering = np.flatnonzero(breached & self._mine & (state == State.HEALTHY))
        state[entering] = State.LIQUIDATING
        self.first_slice[entering] = -1
        for account in entering:
            self.journal.write(
                Entry(EventKind.ENTERED, int(account), amount=int(worth.maintenance[account] - worth.collateral[account]))
            )

    def seized(self) -> NDArray[np.int64]:
        """Accounts in liquidation."""
        return np.flatnonzero(self._mine & (self.ledger.state == State.LIQUIDATING))

    def slices(self, step: int, price: NDArray[np.int64], depth: NDArray[np.int64]) -> Slices:
        """Phase 8, first part: what each seized account sells now, re-evaluated on the step's marks.

        Cured accounts are released; bankrupt ones are left to `resolve`.
        """
        rows = self.seized()
        worth = self.revalue(rows, price)
        cured = (worth.collateral >= worth.maintenance) & (worth.equity >= 0)
        self._release(rows[cured])
        due = ~cured & (worth.equity >= 0) & (step - self.last_slice[rows] >= self.interval)
        rows = rows[due]
        position = self.ledger.position[rows]
        first = self.first_slice[rows]
        alone = self._alone(position, price)
        aside = set_aside(self.rules.collateral, position, self.ledger.instruments)
        margin, profit = self._shares(alone, worth.maintenance[due]), position * price - self.ledger.cost[rows]
        seized = Seized(
            position=np.where(aside, 0, position),
            price=price,
            leg_margin=np.where(aside, 0, margin),
            leg_profit=np.where(aside, 0, profit),
            equity=worth.collateral[due] - np.where(aside, margin, 0).sum(axis=1),
            since_first=np.where(first < 0, -1.0, (step - first) * self.step_seconds),
            depth=depth,
            fee_rate=self.rules.fee_rate,
            cash_unit=self.cash_unit,
        )
        lots = self.rules.liquidation.slices(seized)
        sent = lots.any(axis=1)
        self.last_slice[rows[sent]] = step
        self.first_slice[rows[sent & (first < 0)]] = step
        own = self.opening_split[rows] + self.ledger.realised[rows] + profit
        key = self._key(step, rows, worth.collateral[due] - worth.maintenance[due])
        return Slices(rows, lots, key, own >= alone, seized)

    def resolve(self, step: int, price: NDArray[np.int64], failed: NDArray[np.bool_]) -> None:
        """Phase 8, last part: bankrupt accounts are closed and their loss borne; the keeper is offered what the book did
        not take (`failed` (n_accounts,)); cured accounts are released."""
        rows = self.seized()
        funds = np.unique(self.fund)
        if not len(rows) and (self.revalue(funds, price).equity >= 0).all():
            return
        worth = self.revalue(rows, price)
        waterfall = self._waterfall(price)
        bankrupt = worth.equity < 0
        order = np.argsort(self._key(step, rows[bankrupt], worth.equity[bankrupt]), kind="stable")
        waterfall.close(rows[bankrupt][order].tolist())
        weak = (worth.equity >= 0) & failed[rows] & (worth.collateral < self.rules.keeper.trigger * worth.maintenance)
        for account in rows[weak]:
            self._offer(int(account), price)
        if self.rules.collateral == "fund":
            self._take_tokens(rows, price, waterfall)
        waterfall.close(funds[self.revalue(funds, price).equity < 0].tolist())
        worth = self.revalue(rows, price)
        ended = self.ledger.state[rows] == State.CLOSED
        self._release(rows[~ended & (worth.collateral >= worth.maintenance) & (worth.equity >= 0)])

    def revalue(self, rows: NDArray[np.int64], price: NDArray[np.int64]) -> Revaluation:
        """Worth and margin of `rows` (k,) on the marks behind `price` (n_instruments,)."""
        ledger = self.ledger
        worth = revalue_rows(rows, ledger.cash, ledger.position, ledger.cost, price, self._rule, self.brackets)
        return worth if self.margin_state is None else worth._replace(maintenance=self.maintenance(rows, price))

    def maintenance(self, rows: NDArray[np.int64], price: NDArray[np.int64]) -> NDArray[np.int64]:
        """What accounts `rows` (k,) must hold by a margin rule that brackets do not state, (k,) cash units."""
        return self._required(self.ledger.position[rows], price)

    def _required(self, position: NDArray[np.int64], price: NDArray[np.int64]) -> NDArray[np.int64]:
        perpetuals, tokens = self.ledger.instruments.perpetuals, list(self.ledger.instruments.spot)
        legs = np.asfortranarray(position[:, perpetuals] if tokens else position)
        found = self.rules.margin.requirement(legs, price[perpetuals], self.margin_state)
        if not tokens:
            return np.asarray(found.maintenance)
        return np.asarray(found.maintenance + leg_margin(position, price, self.brackets, self.number)[:, tokens].sum(axis=1))

    def _alone(self, position: NDArray[np.int64], price: NDArray[np.int64]) -> NDArray[np.int64]:
        """Maintenance margin of each leg if it were the only one, (k, n_instruments) cash units."""
        if self.margin_state is None:
            return leg_margin(position, price, self.brackets, self.number)
        columns = np.arange(len(price))
        legs = [self._required(np.where(columns == leg, position, 0), price) for leg in columns]
        return np.stack(legs, axis=1)

    def _shares(self, alone: NDArray[np.int64], required: NDArray[np.int64]) -> NDArray[np.int64]:
        """`alone` (k, n_instruments) scaled to the account's requirement (k,): legs that hedge each other ask less."""
        if self.margin_state is None:
            return alone
        part = required / np.maximum(alone.sum(axis=1), 1)
        return np.asarray(np.rint(alone * part[:, np.newaxis]).astype(np.int64))

    def _key(self, step: int, rows: NDArray[np.int64], excess: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Order in which accounts are served: keyed-random by owner, or the one that lacks most first."""
        if getattr(self.rules.liquidation, "order", "random") == "worst_first":
            rank = np.empty(len(rows), dtype=np.uint64)
            rank[np.argsort(excess, kind="stable")] = np.arange(len(rows), dtype=np.uint64)
            return rank
        return self.streams.priority("liquidation", step, self.ledger.owner[rows])

    def _release(self, rows: NDArray[np.int64]) -> None:
        self.ledger.state[rows] = State.HEALTHY
        for account in rows:
            self.journal.write(Entry(EventKind.RECOVERED, int(account)))

    def _offer(self, account: int, price: NDArray[np.int64]) -> None:
        if account != self.keeper and self.ledger.state[self.keeper] == State.HEALTHY:
            rate = self.brackets.initial_rate[self.number, :, 0]
            self.rules.keeper.take_over(self.ledger, self.journal, self.keeper, account, price=price, rate=rate)

    def _take_tokens(self, rows: NDArray[np.int64], price: NDArray[np.int64], waterfall: Waterfall) -> None:
        """The fund buys the tokens of those of `rows` (k,) that lack margin and have no perpetual left."""
        worth = self.revalue(rows, price)
        for account in rows[(worth.collateral < worth.maintenance) & (worth.equity >= 0)].tolist():
            haircut = leg_margin(self.ledger.position[[account]], price, self.brackets, self.number)[0]
            held = np.flatnonzero(haircut)
            if len(held):
                free = waterfall.free(int(self.fund[held[0]]))
                take_tokens(self.ledger, self.journal, account, fund=self.fund, free=free, price=price, haircut=haircut)

    def _waterfall(self, price: NDArray[np.int64]) -> Waterfall:
        ledger, eligible = self.ledger, self._mine & (self.ledger.state == State.HEALTHY)
        return Waterfall(
            ledger=ledger,
            journal=self.journal,
            queue=Queue(self.rules.adl, ledger, price, eligible),
            price=price,
            fund=self.fund,
            margin_rate=self.brackets.initial_rate[self.number, :, 0],
            payers=self.accounts,
            own=self.staff.own,
            deficit_by=self.rules.deficit_by,
            loss_scope=self.rules.loss_scope,
        )
