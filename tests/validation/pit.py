"""A pit for limiting cases: one house and its accounts over books of known shape, which nobody refills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.agents.liquidator import immediate
from abm.clearing.house import House, Staff
from abm.clearing.ledger import FeeSchedule, Ledger
from abm.clearing.liquidation.limit import reach
from abm.clearing.margin.rule import opened
from abm.clearing.margin.terms import Terms
from abm.clearing.rulebook import Clearing
from abm.market.book import Books
from abm.market.instrument import Instruments
from abm.market.order import Kind, Reason, Side, orders
from abm.streams import Streams

OPENING = 200_000  # ticks
UNIT = 1_000  # cash units per tick and lot: margins and triggers are whole to a thousandth of a tick
OUTSIDE = -1  # house of those whom nobody margins
ROUNDS = 2_000  # bound of a cascade

Ints = NDArray[np.int64]


class Pit:
    """The product's books, ledger, margin, selling and forced orders; the mark is the best bid, there are no fees.

    Rows: the accounts of `position` (n, n_instruments), long, then a keeper and a fund without money, the house's own, the
    bidder and the seller outside. `cushion` (n,) is equity above the maintenance margin at the opening, cash units. `bids`:
    by instrument the lots bid at the opening tick and below it, tick by tick. Maintenance margin is `rate` of notional.
    """

    def __init__(
        self, position: Any, cushion: Any, bids: Sequence[Ints], *, rate: float = 0.05, rules: dict[str, Any] | None = None
    ) -> None:
        lots = np.array(position, dtype=np.int64)
        n, n_instruments = lots.shape
        self.keeper, self.fund, self.own, self.bidder, self.seller = range(n, n + 5)
        self.instruments = _instruments(n_instruments)
        held = np.concatenate([lots, np.zeros((5, n_instruments), np.int64)])
        held[self.bidder] = -lots.sum(axis=0)
        house = np.array([0] * (n + 2) + [OUTSIDE] * 3)
        self.ledger = Ledger.open(self.instruments, np.zeros(n + 5, np.int64), owner=np.arange(n + 5), house=house, position=held)
        clearing = Clearing(**({"fee_rate": 0.0} | (rules or {})))
        leverage = np.full(n_instruments, 0.5 / rate)  # maintenance is half of initial margin
        self.house = House(
            clearing,
            self.ledger,
            clearing.margin.tables(self.instruments.names, max_leverage=leverage, cash_units=1),
            Streams(1),
            number=0,
            staff=Staff(fund=np.full(n_instruments, self.fund), keepers=np.array([self.keeper]), own=self.own),
            step_seconds=5.0,
            cash_unit=1.0,
            opening_split=np.zeros_like(held),
            margin_state=opened(clearing.margin, _terms(self.instruments, leverage)),
        )
        self.fees = FeeSchedule.flat(
            n_instruments, taker=0.0, maker=0.0, liquidation=0.0, fee_account=self.own, fund_account=self.fund
        )
        self.books, self.step = Books(self.instruments, n + 5), 0
        for i, levels in enumerate(bids):
            self._bid(i, np.asarray(levels, dtype=np.int64))
        self.accounts = np.arange(n)
        required = self.house.revalue(self.accounts, self.price)
        needed = required.maintenance - required.equity + np.asarray(cushion, dtype=np.int64)
        self.ledger.deposit(self.accounts, np.maximum(needed, 0))

    @property
    def mark(self) -> Ints:
        """(n_instruments,) ticks: the best bid."""
        return self.books.best_bid

    @property
    def price(self) -> Ints:
        """(n_instruments,) cash units per lot."""
        return self.mark * UNIT

    @property
    def fall(self) -> Ints:
        """(n_instruments,) ticks since the opening."""
        return OPENING - self.mark

    def sell(self, instrument: int, lots: int) -> None:
        """An exogenous sale into the bids."""
        self._trade(
            orders(trader=self.seller, account=self.seller, instrument=instrument, side=Side.SELL, lots=lots, kind=Kind.MARKET)
        )

    def cascade(self) -> int:
        """Check, seize, sell by force, resolve, until nothing more is sold; the number of rounds in which something was."""
        for done in range(ROUNDS):
            if not self._round():
                return done
        raise AssertionError(f"the cascade must end within {ROUNDS} rounds")

    def _round(self) -> bool:
        """One step of the house; whether anything was sold."""
        price, mark = self.price, self.mark
        self.house.margin(self.house.revalue(np.arange(len(self.ledger)), price))
        policy = self.house.rules.liquidation
        slices = self.house.slices(self.step, price, self.books.depth(mark, 0.02))
        row, instrument = np.nonzero(slices.lots)
        if len(row):
            limit = reach(policy.limit_price, policy.limit, slices.seized, np.zeros(len(mark)))
            account = slices.accounts[row]
            self._trade(
                immediate(
                    mark,
                    limit[row, instrument],
                    ladder=self.instruments.ladder_ticks,
                    lots=-slices.lots[row, instrument],
                    instrument=instrument,
                    trader=account,
                    account=account,
                    reason=Reason.FORCED,
                    key=slices.key[row],
                )
            )
        self.step += 1
        self.house.resolve(self.step, price, np.zeros(len(self.ledger), np.bool_))
        self.ledger.assert_conserved()
        return bool(len(row))

    def _trade(self, batch: Any) -> None:
        self.ledger.settle(self.books.execute(batch).fills, self.fees)

    def _bid(self, instrument: int, levels: Ints) -> None:
        tick = OPENING - np.arange(len(levels))
        some = levels > 0
        self._trade(
            orders(
                trader=self.bidder, account=self.bidder, instrument=instrument, side=Side.BUY, lots=levels[some], tick=tick[some]
            )
        )


def _instruments(n: int) -> Instruments:
    return Instruments(
        names=("BTC", "ETH", "SOL")[:n],
        asset=np.arange(n),
        venue=np.zeros(n, dtype=np.int64),
        tick_size=np.ones(n),
        lot_size=np.ones(n),
        unit=np.full(n, UNIT),
        opening_tick=np.full(n, OPENING),
        ladder_ticks=np.full(n, OPENING + 10),
    )


def _terms(instruments: Instruments, leverage: NDArray[np.float64]) -> Terms:
    n = len(instruments)
    return Terms(instruments.names, leverage, np.zeros(n), np.eye(n), step_seconds=5.0, cash_units=1.0)
