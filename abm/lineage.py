"""Who infected whom: what took the equity of each seized account below its trigger, leg by leg and cause by cause."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from abm.clearing.house import House
from abm.clearing.journal import Entry, EventKind
from abm.exchange import Exchange
from abm.kernels.margin import Revaluation
from abm.market.causes import Cause, Causes
from abm.market.order import Fills, Reason, Side
from abm.records import LINEAGE
from abm.scenario.recording import Recording
from abm.seizures import Seizures

NOBODY = -1
SMALLEST = 1e-3  # of an account's losses: what a single liquidation must have caused to be named as its parent


class NoLineage:
    """Nothing is carried and nobody is looked back from."""

    def __init__(self) -> None:
        self.rows: list[NDArray[np.void]] = []
        self.seizures: Seizures | None = None

    def advance(self) -> None:
        """Nothing."""

    def note(self, fills: Fills, cause: Cause | None, tick: int) -> None:
        """Nothing."""

    def note_moves(self, entries: Iterable[Entry], tick: int) -> None:
        """Nothing."""

    def trace(self, house: House, worth: Revaluation, tick: int) -> None:
        """Nothing."""


def lineage_of(exchange: Exchange, rule: Recording) -> Lineage | NoLineage:
    """What the record asks for."""
    return Lineage(exchange, most=rule.parents_max) if rule.genealogy else NoLineage()


class Lineage:
    """Carries causes to the marks and looks back from every account that is seized.

    A leg's loss is its lots times what each cause did to its mark since the step in which the leg last changed. Losses from
    before that step, fees and funding are not in it.
    """

    def __init__(self, exchange: Exchange, *, most: int) -> None:
        self._exchange = exchange
        self._causes = Causes(exchange.marks, most=most)
        shape = exchange.ledger.position.shape
        self._since = np.full(shape, NOBODY, dtype=np.int32)  # step in which a leg last changed
        self._current = np.full(len(exchange.ledger), NOBODY, dtype=np.int64)  # number of each account's liquidation
        self._past = [self._causes.mark.astype(np.float32)]  # causes of the marks: at the opening, then by step
        self.rows: list[NDArray[np.void]] = []  # LINEAGE
        self.seizures = Seizures(exchange)
        self.count = 0  # liquidations so far

    def advance(self) -> None:
        """The step's marks have been fixed."""
        self._causes.advance()
        self._past.append(self._causes.mark.astype(np.float32))

    def note(self, fills: Fills, cause: Cause | None, tick: int) -> None:
        """A batch has been executed: what it did to the books had this cause; None where traders and liquidators met in it."""
        books = self._exchange.books
        quotes = books.best_bid, books.best_ask, books.last
        if cause is None:
            sides = {side: fills[fills["side"] == side] for side in (Side.SELL, Side.BUY)}
            sold, bought = (self._forced(some) + self._unforced(some) for some in sides.values())
            self._causes.note_mingled(*quotes, sold=sold, bought=bought)
        elif cause == Cause.FORCED:
            self._causes.note_forced(*quotes, weight=self._forced(fills))
        else:
            self._causes.note(*quotes, cause=cause)
        for side in ("taker", "maker"):
            self._since[fills[side], fills["instrument"]] = tick

    def note_moves(self, entries: Iterable[Entry], tick: int) -> None:
        """Positions that changed hands off the books."""
        for entry in entries:
            if min(entry.instrument, entry.counterparty) >= 0 and entry.lots:
                self._since[[entry.account, entry.counterparty], entry.instrument] = tick

    def trace(self, house: House, worth: Revaluation, tick: int) -> None:
        """`house` has seized accounts on the step's marks, at which they had `worth`: number their liquidations, look back."""
        for entry in house.journal.entries:
            if entry.kind == EventKind.ENTERED:
                self._current[entry.account] = self.count
                self.seizures.note(house, entry.account, worth, step=tick, number=self.count)
                self._look_back(entry.account, tick)
                self.count += 1
        self._causes.make_room(self.count)

    def _unforced(self, fills: Fills) -> NDArray[np.float64]:
        """Lots filled on the book for traders, (n_instruments, n_causes)."""
        weight = np.zeros(self._causes.room)
        free = fills[(fills["taker_reason"] != Reason.FORCED) & (fills["maker"] != self._exchange.pool)]
        np.add.at(weight[:, Cause.TRADES], free["instrument"], free["lots"])
        return weight

    def _forced(self, fills: Fills) -> NDArray[np.float64]:
        """Lots filled on the book for each liquidation, (n_instruments, n_causes); what the outside pool takes moves nothing."""
        weight = np.zeros(self._causes.room)
        forced = fills[(fills["taker_reason"] == Reason.FORCED) & (fills["maker"] != self._exchange.pool)]
        columns = [self._causes.column(int(number)) for number in self._current[forced["taker"]]]
        np.add.at(weight, (forced["instrument"], columns), forced["lots"])
        return weight

    def _look_back(self, account: int, tick: int) -> None:
        """Write what the account lost, by leg and cause; parents that caused little are told as one."""
        ledger, now = self._exchange.ledger, self._causes.mark
        worth = ledger.position[account] * self._exchange.instruments.unit  # cash units per tick
        legs = np.flatnonzero(worth)
        loss = np.zeros_like(now)
        for leg in legs:
            before = self._past[min(self._since[account, leg] + 1, len(self._past) - 1)][leg]
            loss[leg] = now[leg]
            loss[leg, : len(before)] -= before
            loss[leg] *= -worth[leg]
        single = loss[:, len(Cause) :]
        small = np.abs(single) < SMALLEST * np.maximum(loss, 0.0).sum()
        loss[:, Cause.FORCED] += np.where(small, single, 0.0).sum(axis=1)
        single[small] = 0.0
        instrument, cause = np.nonzero(np.rint(loss))
        rows = np.zeros(len(cause), LINEAGE)
        rows["step"], rows["liquidation"], rows["account"] = tick, self.count, account
        rows["instrument"], rows["cause"] = instrument, np.where(cause < len(Cause), cause, Cause.FORCED)
        rows["parent"] = np.where(cause < len(Cause), NOBODY, cause - len(Cause))
        rows["loss"] = np.rint(loss[instrument, cause]).astype(np.int64)
        self.rows.append(rows)
