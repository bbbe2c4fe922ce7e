"""The clearing house: margins, liquidates and mutualises the accounts of its venue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.clearing.adl import Queue
from abm.clearing.aftermath import Aftermath
from abm.clearing.backstop import Backstop, Keepers
from abm.clearing.calls import Notices
from abm.clearing.collateral import take_tokens
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import Ledger, State
from abm.clearing.liquidation import NoLiquidation
from abm.clearing.liquidation.turnover import Turnover
from abm.clearing.members import NOBODY, Membership
from abm.clearing.principal import Round
from abm.clearing.purses import Purses
from abm.clearing.rulebook import Clearing
from abm.clearing.selling import Selling, Slices
from abm.clearing.waterfall import Waterfall
from abm.kernels.margin import Brackets, Revaluation, leg_margin, revalue_rows
from abm.streams import Streams


@dataclass(frozen=True)
class Staff:
    """Accounts of a house's own."""

    fund: NDArray[np.int64]  # (n_instruments,), the insurance fund's account for each instrument
    keepers: NDArray[np.int64]  # (k,), principals with finite capital
    own: int  # the house's own money, where its fees are
    vault: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # the backstop vault, (0 or 1,)
    skin: int = NOBODY  # the house's own money that stands in the waterfall
    members: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # (m,), of clearing members
    contributions: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # (m,), their default fund


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
        turnover: Turnover | None = None,
    ) -> None:
        self.rules, self.ledger, self.brackets, self.streams, self.number = rules, ledger, brackets, streams, number
        self.staff = staff
        self.fund = staff.fund
        keepers = Keepers(rules.keeper, ledger, streams, staff.keepers, number)
        self.backstop = Backstop([rules.takeover.seller(keepers, step_seconds), *rules.vault.desks(ledger, staff.vault)])
        self.margin_state = margin_state  # of the margin rule; None where brackets say everything
        self.accounts = np.setdiff1d(np.flatnonzero(ledger.house == number), staff.fund)
        self._mine = np.zeros(len(ledger), dtype=np.bool_)  # (n_accounts,)
        self._mine[self.accounts] = True
        self._rule = np.full(len(ledger), number, dtype=np.int64)
        self.notices = Notices(rules.calls, len(ledger), step_seconds)
        self.concentration = rules.concentration.watch(ledger, number)  # None where size asks nothing
        self.journal = Journal()
        self.members = Membership(
            rules.members,
            ledger,
            streams,
            house=number,
            accounts=staff.members,
            contributions=staff.contributions,
            clients=np.setdiff1d(self.accounts, np.concatenate([staff.keepers, staff.vault, staff.members])),
        )
        self.purses = Purses(ledger, self.members, staff.skin)
        self.aftermath = Aftermath()
        self.selling = Selling(
            self,
            turnover or Turnover(len(ledger.instruments)),
            step_seconds=step_seconds,
            cash_unit=cash_unit,
            opening_split=opening_split,
        )
        self._unchecked = self.unworked = np.zeros(ledger.position.shape[1], dtype=np.bool_)  # (n_instruments,)
        self.unattended = 0  # accounts that the house left alone in this step because of a halt

    def suspend(self, unchecked: NDArray[np.bool_], unworked: NDArray[np.bool_]) -> None:
        """From now on nobody is called or seized who holds an `unchecked` instrument (n_instruments,), and of seized
        accounts the `unworked` positions wait: no forced orders, and no keeper or waterfall for whoever has one."""
        self._unchecked, self.unworked = unchecked, unworked

    @property
    def liquidates(self) -> bool:
        """False only in the counterfactual without liquidation."""
        return not isinstance(self.rules.liquidation, NoLiquidation)

    def advance(self, index: NDArray[np.float64]) -> None:
        """Phase 2: the margin rule sees the new `index` (n_instruments,), ticks."""
        if self.margin_state is not None:
            self.margin_state = self.rules.margin.advance(self.margin_state, index[self.ledger.instruments.perpetuals])
        if self.concentration is not None:
            self.concentration.look()

    def margin(self, worth: Revaluation) -> None:
        """Phase 4: call accounts that are short of margin, seize those that hold less than they must and have no time left;
        `worth` covers all accounts on the step's marks. Without liquidation nobody is called either."""
        self.journal = Journal()
        self.unattended = 0
        if not self.liquidates:
            return
        state = self.ledger.state
        asked = self.asked(worth).maintenance
        spared = self._mine & self._holding(self._unchecked)
        breached = (worth.collateral < asked) | (worth.equity < 0)
        self.unattended = int(np.count_nonzero(breached & spared & (state < State.LIQUIDATING)))
        entering = self.notices.check(worth._replace(maintenance=asked), state, self._mine & ~spared, self.journal)
        state[entering] = State.LIQUIDATING
        self.selling.begin(entering)
        for account in entering:
            self.journal.write(
                Entry(EventKind.ENTERED, int(account), amount=int(worth.maintenance[account] - worth.collateral[account]))
            )
        self.selling.claim()

    def asked(self, worth: Revaluation) -> Revaluation:
        """`worth` with the maintenance margin at which the house acts: a patient one waits for less of it."""
        trigger = getattr(self.rules.liquidation, "trigger", 1.0)
        return worth if trigger == 1 else worth._replace(maintenance=np.ceil(trigger * worth.maintenance).astype(np.int64))

    def seized(self) -> NDArray[np.int64]:
        """Accounts in liquidation."""
        return np.flatnonzero(self._mine & (self.ledger.state == State.LIQUIDATING))

    def called(self) -> NDArray[np.int64]:
        """Accounts with a margin call."""
        return np.flatnonzero(self._mine & (self.ledger.state == State.CALLED))

    def silenced(self) -> NDArray[np.int64]:
        """Accounts whose resting orders the house cancels now: those in liquidation and those called in this step."""
        return np.union1d(self.seized(), self.notices.fresh)

    def slices(self, step: int, price: NDArray[np.int64], depth: NDArray[np.int64]) -> Slices:
        """Phase 8, first part: what each seized account sells now; bankrupt ones are left to `resolve`."""
        return self.selling.slices(step, price, depth)

    def resolve(self, step: int, price: NDArray[np.int64], failed: NDArray[np.bool_]) -> None:
        """Phase 8, last part: bankrupt accounts are closed and their loss borne; keepers and the vault are offered what the
        book did not take (`failed` (n_accounts,)); cured accounts are released, those with unworked positions wait."""
        rows = self.seized()
        funds = np.unique(self.fund)
        if not len(rows) and (self.revalue(funds, price).equity >= 0).all():
            return
        worth = self.revalue(rows, price)
        waterfall = self._waterfall(price)
        waiting = self._holding(self.unworked)
        bankrupt = (worth.equity < 0) & ~waiting[rows]
        order = np.argsort(self.key(step, rows[bankrupt], worth.equity[bankrupt]), kind="stable")
        waterfall.close(rows[bankrupt][order].tolist())
        open_ = ~waiting[rows]
        offered = Revaluation(*(column[open_] for column in worth))
        self.backstop.drop(rows[~open_])
        self.backstop.offer(rows[open_], offered, failed[rows[open_]], self._round(step, price), self.ledger.state)
        if self.rules.collateral == "fund":
            self._take_tokens(rows[open_], price, waterfall)
        waterfall.close(funds[(self.revalue(funds, price).equity < 0) & ~waiting[funds]].tolist())
        self._note_aftermath(waterfall, price)
        worth = self.revalue(rows, price)
        ended = self.ledger.state[rows] == State.CLOSED
        cured = (worth.collateral >= worth.maintenance) & (worth.equity >= 0)
        self.release(rows[~ended & cured])
        self.unattended += int(np.count_nonzero(waiting[rows] & ~ended & ~cured))

    def revalue(self, rows: NDArray[np.int64], price: NDArray[np.int64]) -> Revaluation:
        """Worth and margin of `rows` (k,) on the marks behind `price` (n_instruments,)."""
        ledger = self.ledger
        worth = revalue_rows(rows, ledger.cash, ledger.position, ledger.cost, price, self._rule, self.brackets)
        if self.margin_state is not None:
            worth = worth._replace(maintenance=self.maintenance(rows, price))
        if self.concentration is not None:
            worth = worth._replace(maintenance=worth.maintenance + self.add_on(rows, price).sum(axis=1))
        return worth

    def add_on(self, rows: NDArray[np.int64], price: NDArray[np.int64]) -> NDArray[np.int64]:
        """What legs of the accounts `rows` (k,) must hold on top for their owner's size, (k, n_instruments) cash units."""
        if self.concentration is None:
            return np.zeros((len(rows), len(price)), dtype=np.int64)
        return self.concentration.legs(rows, price)

    def maintenance(self, rows: NDArray[np.int64], price: NDArray[np.int64]) -> NDArray[np.int64]:
        """What accounts `rows` (k,) must hold by a margin rule that brackets do not state, (k,) cash units."""
        return self.required(self.ledger.position[rows], price)

    def _holding(self, instruments: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Accounts with a position in any of `instruments` (n_instruments,), (n_accounts,)."""
        return np.asarray((self.ledger.position[:, instruments] != 0).any(axis=1))

    def required(self, position: NDArray[np.int64], price: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same for any `position` (m, n_instruments), lots: (m,) cash units."""
        perpetuals, tokens = self.ledger.instruments.perpetuals, list(self.ledger.instruments.spot)
        legs = np.asfortranarray(position[:, perpetuals] if tokens else position)
        found = self.rules.margin.requirement(legs, price[perpetuals], self.margin_state)
        if not tokens:
            return np.asarray(found.maintenance)
        return np.asarray(found.maintenance + leg_margin(position, price, self.brackets, self.number)[:, tokens].sum(axis=1))

    def key(self, step: int, rows: NDArray[np.int64], excess: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Order in which accounts are served: keyed-random by owner, or the one that lacks most first."""
        if getattr(self.rules.liquidation, "order", "random") == "worst_first":
            rank = np.empty(len(rows), dtype=np.uint64)
            rank[np.argsort(excess, kind="stable")] = np.arange(len(rows), dtype=np.uint64)
            return rank
        return self.streams.priority("liquidation", step, self.ledger.owner[rows])

    def release(self, rows: NDArray[np.int64]) -> None:
        """Accounts `rows` (k,) are healthy again."""
        self.backstop.drop(rows)
        self.ledger.state[rows] = State.HEALTHY
        for account in rows:
            self.journal.write(Entry(EventKind.RECOVERED, int(account)))

    def _round(self, step: int, price: NDArray[np.int64]) -> Round:
        def cured(account: int) -> bool:
            worth = self.revalue(np.array([account]), price)
            return bool(worth.collateral[0] >= worth.maintenance[0])

        return Round(step, price, self.brackets.initial_rate[self.number, :, 0], self.journal, cured)

    def _take_tokens(self, rows: NDArray[np.int64], price: NDArray[np.int64], waterfall: Waterfall) -> None:
        """The fund buys the tokens of those of `rows` (k,) that lack margin and have no perpetual left."""
        worth = self.revalue(rows, price)
        for account in rows[(worth.collateral < worth.maintenance) & (worth.equity >= 0)].tolist():
            haircut = leg_margin(self.ledger.position[[account]], price, self.brackets, self.number)[0]
            take_tokens(self.ledger, self.journal, account, fund=self.fund, free=waterfall.free, price=price, haircut=haircut)

    def _waterfall(self, price: NDArray[np.int64]) -> Waterfall:
        ledger, eligible = self.ledger, self._mine & (self.ledger.state < State.LIQUIDATING)
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
            layers=self.rules.waterfall,
            purses=self.purses,
        )

    def _note_aftermath(self, waterfall: Waterfall, price: NDArray[np.int64]) -> None:
        """Count whom this step's defaults left below maintenance margin or without a hedge."""
        queue, healthy = waterfall.queue, self._mine & (self.ledger.state == State.HEALTHY)
        closed = np.array(sorted(queue.closed), dtype=np.int64)
        if len(closed := closed[healthy[closed]]):
            worth = self.revalue(closed, price)
            self.aftermath.note_deleveraged(len(queue.unhedged), worth.collateral, worth.maintenance)
        if waterfall.paid:
            paid = np.zeros(len(self.ledger), dtype=np.int64)
            for payers, amounts in waterfall.paid:
                paid[payers] += amounts
            rows = np.flatnonzero((paid > 0) & healthy)
            worth = self.revalue(rows, price)
            self.aftermath.note_payers(paid[rows], worth.collateral, worth.maintenance)
