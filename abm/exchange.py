"""The exchange: books, money, houses and values of one run, joined by the rows of owners, accounts and instruments."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.collateral import Inventory
from abm.behaviour.signals import Signals
from abm.behaviour.view import Legs, Traders
from abm.clearing.accounts import NO_HOUSE, Accounts
from abm.clearing.admission import Admission, Backing, Reserve, admit, sweep
from abm.clearing.allocate import allocate
from abm.clearing.house import House
from abm.clearing.ledger import FeeSchedule, Ledger
from abm.clearing.liquidation.turnover import Turnover
from abm.clearing.margin.haircut import Haircuts
from abm.kernels.margin import Brackets, Revaluation, revalue
from abm.market.book import Books, Execution
from abm.market.breakers.supervisor import Breakers
from abm.market.breakers.watch import Quotes, Terms
from abm.market.funding import FundingClock
from abm.market.instrument import Instruments
from abm.market.mark import Marks
from abm.market.order import FILL, Fills, Kind, OrderBatch, Outcome, Reason, joined, no_orders, orders
from abm.scenario import Scenario
from abm.streams import Streams
from abm.world.fundamentals import Values

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Cleared:
    """Orders on their way to the books."""

    batch: OrderBatch  # (n,)
    outcome: NDArray[np.int8]  # (n,), Outcome of admission
    absorbed: NDArray[np.bool_]  # (n,), to be filled by the outside pool if admitted

    def __add__(self, other: Cleared) -> Cleared:
        """Both as one batch."""
        return Cleared(
            joined([self.batch, other.batch]),
            np.concatenate([self.outcome, other.outcome]),
            np.concatenate([self.absorbed, other.absorbed]),
        )


@dataclass
class Exchange:
    """Everything of a run that has a state and is no agent."""

    scenario: Scenario
    streams: Streams
    instruments: Instruments
    traders: Traders
    accounts: Accounts
    books: Books
    ledger: Ledger
    brackets: Brackets
    fees: FeeSchedule
    houses: list[House]
    turnover: Turnover
    values: Values
    marks: Marks
    signals: Signals
    haircuts: Haircuts
    stake: Ints  # (n_owners, n_instruments), cash units: each leg's part of what its owner brought
    inventory: Inventory
    funding: list[FundingClock]  # by venue
    maker_depth: Ints  # (n_makers, n_instruments), lots one maker shows within 1 % at full capital
    rule: Ints  # (n_accounts,), row of the margin rule
    pool: int  # account of the outside pool that fills forced orders in the counterfactual without impact
    fund_rows: list[int]  # owner rows, by house
    breakers: Breakers = field(init=False)

    def __post_init__(self) -> None:
        execution = {house.number: house.rules.execution for house in self.houses}
        cuts = [number for number, kind in execution.items() if kind == "outside_pool_cuts"]
        absorbed = [number for number, kind in execution.items() if kind != "book"]
        self.absorbed = np.isin(self.ledger.house, absorbed)  # (n_accounts,), forced orders bypass the book
        self._spared = np.isin(self.ledger.house, cuts)  # (n_accounts,), so do self-deleveraging and stops
        self._spares = bool(cuts)
        shared = self.scenario.population.shared_wallet
        self.backing = Backing.of(self.accounts.backing, self.accounts.wallet, self.ledger, shared_wallet=shared)
        self._first = np.searchsorted(self.accounts.owner, np.arange(len(self.accounts.wallet)))  # each owner's first account
        interest = (np.maximum(self.ledger.position, 0).sum(axis=0) * self.price).astype(np.float64)
        terms = Terms(self.instruments, interest, self.scenario.time.step_seconds)
        self.breakers = Breakers([venue.breaker for venue in self.scenario.venues], terms)

    @property
    def price(self) -> Ints:
        """Cash units per lot at the mark, (n_instruments,)."""
        return self.marks.mark * self.instruments.unit

    def legs(self, table: Ints) -> Legs:
        """`table` (n_accounts, n_instruments) as owners see it."""
        return Legs(table, self.accounts.backing)

    def owner_equity(self) -> Ints:
        """Cash units over all accounts of each owner, (n_owners,), on the marks."""
        return np.asarray(np.add.reduceat(self.ledger.equity(self.price), self._first))

    def revalue(self) -> Revaluation:
        """Worth and maintenance margin of all accounts on the marks."""
        ledger = self.ledger
        worth = revalue(ledger.cash, ledger.position, ledger.cost, self.price, self.rule, self.brackets)
        for house in self.houses:
            if house.margin_state is not None:
                rows = np.flatnonzero(ledger.house == house.number)
                worth.maintenance[rows] = house.maintenance(rows, self.price)
            if house.concentration is not None:
                rows = np.flatnonzero(ledger.house == house.number)
                worth.maintenance[rows] += house.add_on(rows, self.price).sum(axis=1)
        return worth

    def alone(self, rows: Ints) -> Ints:
        """What each leg of accounts `rows` (k,) would have to hold as the only one, (k, n_instruments) cash units."""
        alone = np.zeros((len(rows), len(self.instruments)), dtype=np.int64)
        for house in self.houses:
            mine = self.ledger.house[rows] == house.number
            alone[mine] = house.selling.standing(rows[mine], self.price)[1]
        return alone

    def settle(self, fills: Fills) -> None:
        """Book fills, fees included."""
        self.ledger.settle(fills, self.fees)
        self.turnover.note(fills)

    def admit(self, batch: OrderBatch) -> Admission:
        """Refuse what a halt closes out, resolve accounts and reserve margin; `batch` is changed in place."""
        if self.instruments.spot:  # a token is bought, never bought back
            batch["reduce_only"][self.instruments.is_spot[batch["instrument"]] & (batch["side"] > 0)] = 0
        reserve = Reserve(self.price, self.rule, self.brackets, self.books.open_buy, self.books.open_sell)
        refused = self.breakers.refused(batch)
        if not refused.any():
            return admit(batch, self.ledger, self.backing, reserve)
        admission = admit(batch[~refused], self.ledger, self.backing, reserve)
        batch[~refused] = admission.batch
        outcome = np.full(len(batch), Outcome.HALTED, dtype=np.int8)
        outcome[~refused] = admission.outcome
        return replace(admission, batch=batch, outcome=outcome)

    def cleared(self, batch: OrderBatch) -> Cleared:
        """Orders of agents, as far as clearing admits them; `batch` is changed in place."""
        admission = self.admit(batch)
        absorbed = np.zeros(len(batch), dtype=np.bool_)
        if self._spares:  # the market those of traders who save themselves
            cuts = np.isin(admission.batch["reason"], (Reason.SELF_DELEVERAGING, Reason.STOP))
            absorbed = self._spared[admission.batch["account"]] & cuts
        return Cleared(admission.batch, admission.outcome, absorbed)

    def cleared_forced(self, batch: OrderBatch) -> Cleared:
        """Orders of liquidators, admitted as they are."""
        outcome = np.where(self.breakers.refused(batch), Outcome.HALTED, Outcome.ACCEPTED).astype(np.int8)
        return Cleared(batch, outcome, self.absorbed[batch["account"]])

    def execute(self, cleared: Cleared) -> Execution:
        """Admitted orders on the books, within the bands of the breakers, or filled by the outside pool."""
        batch, outcome = cleared.batch, cleared.outcome
        absorbed = cleared.absorbed & (outcome == Outcome.ACCEPTED) & (batch["lots"] > 0)
        if not absorbed.any():
            return self.books.execute(self.breakers.within(batch), band=self.breakers.bands, outcome=outcome)
        aside = np.where(absorbed, Outcome.SEIZED, outcome).astype(np.int8)
        execution = self.books.execute(self.breakers.within(batch), band=self.breakers.bands, outcome=aside)
        return self.absorb(batch, absorbed, execution)

    def sweep(self) -> None:
        """Flat isolated accounts return their money to a shared wallet."""
        if self.scenario.population.shared_wallet:
            sweep(self.ledger, self.backing, self.books.open_buy, self.books.open_sell)

    def absorb(self, batch: OrderBatch, chosen: NDArray[np.bool_], execution: Execution) -> Execution:
        """`execution` with the `chosen` orders (n,) of `batch` filled by the outside pool, in full, at the mark."""
        order = np.flatnonzero(chosen)
        taken = batch[order]
        fills = np.zeros(len(order), dtype=FILL)
        for name in ("lots", "instrument", "side"):
            fills[name] = taken[name]
        fills["tick"] = self.marks.mark[taken["instrument"]]
        fills["taker"], fills["maker"], fills["order"] = taken["account"], self.pool, order
        fills["taker_reason"] = taken["reason"]
        outcome = np.where(chosen, Outcome.ACCEPTED, execution.outcome).astype(np.int8)
        return replace(execution, fills=np.concatenate([execution.fills, fills]), outcome=outcome)

    def pay_funding(self) -> None:
        """Where funding is due, holders pay a share of notional: longs to shorts if positive. Nothing is left over.

        Quotes of a halted book are no premium: they count like an empty side. What is due is paid on the mark, halted or not.
        """
        open_ = ~self.breakers.halts.closed
        for venue, clock in enumerate(self.funding):
            clock.observe(self.books.best_bid * open_, self.books.best_ask * open_, self.marks.index)
            if (rate := clock.due()) is not None:
                for i in np.flatnonzero((self.instruments.venue == venue) & ~self.instruments.is_spot):
                    self._pay(int(i), float(rate[i]))

    def _pay(self, instrument: int, rate: float) -> None:
        lots = self.ledger.position[:, instrument] * (1 if rate > 0 else -1)
        payers, receivers = np.flatnonzero(lots > 0), np.flatnonzero(lots < 0)
        paid = np.floor(abs(rate) * (lots[payers] * self.price[instrument])).astype(np.int64)
        if total := int(paid.sum()):
            self.ledger.transfer(payers, self.pool, paid)
            self.ledger.transfer(self.pool, receivers, allocate(total, -lots[receivers]))

    def supervise(self) -> None:
        """Breakers see the books as the step left them; what they close, marks and houses and resting orders are told."""
        if self.breakers.idle:
            return
        self.breakers.advance(Quotes(self.books.best_bid, self.books.best_ask, self.books.last))
        halts = self.breakers.halts
        self.marks.hold(halts.closed, halts.frozen)
        for house in self.houses:
            house.suspend(halts.unchecked, halts.unworked)
        if len(cancels := joined([self._stray(), *(self._resting(int(i)) for i in self.breakers.pulled)])):
            self.books.execute(cancels)

    def _resting(self, instrument: int) -> OrderBatch:
        """Cancels of everything that rests in an instrument."""
        some = np.flatnonzero(self.books.open_buy[:, instrument] + self.books.open_sell[:, instrument])
        return orders(trader=-1, account=some, instrument=instrument, side=1, lots=0, kind=Kind.CANCEL_ALL)

    def _stray(self) -> OrderBatch:
        """Cancels of resting offers below and bids above a band that has moved past them: they could trade outside it."""
        (low, high), bid, ask = self.breakers.bands.T, self.books.best_bid, self.books.best_ask
        if not ((bid > high) | ((ask > 0) & (ask < low))).any():
            return no_orders()
        rest = self.books.resting_orders()
        i, buys = rest["instrument"], rest["side"] > 0
        out = rest[np.where(buys, rest["tick"] > high[i], rest["tick"] < low[i])]
        return orders(trader=out["trader"], instrument=out["instrument"], side=1, lots=0, kind=Kind.CANCEL, ref=out["id"])

    @property
    def margined(self) -> NDArray[np.bool_]:
        """(n_accounts,), accounts that a house margins."""
        return np.asarray(self.ledger.house != NO_HOUSE)
