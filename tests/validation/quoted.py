"""A maker for limiting cases: the same few lots on every tick around a centre, quoted anew before every order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.clearing.ledger import FeeSchedule, Ledger
from abm.market.book import Books
from abm.market.instrument import Instruments
from abm.market.order import Kind, Reason, joined, orders

MAKER, TAKER, OWN = range(3)
OPENING = 100_000  # ticks

Ints = NDArray[np.int64]


class Quoted:
    """The product's books and ledger under a maker who shows `depth` lots per tick out to `reach` ticks on both sides."""

    def __init__(self, n_instruments: int, *, depth: int, reach: int) -> None:
        rows, self.reach = np.arange(n_instruments), reach
        same = np.ones(n_instruments, np.int64)
        instruments = Instruments(
            names=tuple(f"A{i}" for i in rows), asset=rows, venue=0 * same, tick_size=1.0 * same, lot_size=1.0 * same,
            unit=same, opening_tick=OPENING * same, ladder_ticks=2 * OPENING * same,
        )  # fmt: skip
        self.books, self.ledger = Books(instruments, 3), Ledger.open(instruments, [0, 0, 0])
        self.fees = FeeSchedule.flat(n_instruments, taker=0, maker=0, liquidation=0, fee_account=OWN, fund_account=OWN)
        self._away = np.concatenate([-np.arange(1, reach + 1), np.arange(1, reach + 1)])
        cancel = orders(trader=MAKER, account=MAKER, instrument=-1, side=1, lots=0, kind=Kind.CANCEL_ALL)
        quotes = orders(
            trader=MAKER, account=MAKER, instrument=np.repeat(rows, 2 * reach), side=np.tile(-np.sign(self._away), n_instruments),
            lots=depth, reason=Reason.QUOTE,
        )  # fmt: skip
        taken = orders(trader=TAKER, account=TAKER, instrument=rows, side=1, lots=1, kind=Kind.MARKET, key=1)
        self._batch = joined([cancel, quotes, taken])
        self._quotes, self._taken = slice(1, 1 + len(quotes)), slice(1 + len(quotes), None)

    def trade(self, centre: Ints, lots: Ints) -> Ints:
        """Quote around `centre` (n_instruments,), take signed `lots` (n_instruments,); the prices reached, ticks."""
        self._batch["tick"][self._quotes] = (centre[:, np.newaxis] + self._away).ravel()
        self._batch["side"][self._taken] = np.where(lots < 0, -1, 1)
        some = np.ones(len(self._batch), np.bool_)
        some[self._taken] = lots != 0
        self._batch["lots"][self._taken] = np.abs(lots)
        execution = self.books.execute(self._batch[some])
        assert not execution.expired_lots.any(), "the ladder must reach further than any order"
        self.ledger.settle(execution.fills, self.fees)
        return np.where(lots == 0, centre, self.books.last)
