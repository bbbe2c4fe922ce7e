"""A world of fire sales for validation: leveraged holders, a house of our own that seizes and sells, books with stated bids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.clearing.house import House, Staff
from abm.clearing.ledger import FeeSchedule, Ledger, State
from abm.clearing.liquidation import LiquidationPolicy
from abm.clearing.rulebook import Clearing
from abm.kernels.margin import STRIDE, Brackets
from abm.market.book import Books
from abm.market.order import Kind, Reason, orders
from abm.records import Exposure
from abm.streams import Streams
from tests.market.test_book import listed

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_HOUSE, STEP, PART = -1, 5.0, 2_000


class FireSale:
    """Holders margined by one house per maintenance rate; ledger, houses, liquidation policy and books are the product's own.

    Rows: the holders, then `outside`, who is short what they hold and bids for it, the fund, the keeper and the house's own
    money, all three without money: nobody steps in between holders and books. A lot is worth its price in ticks; no fees.
    """

    def __init__(
        self, equity: Ints, position: Ints, rate: Floats, *, opening: int, liquidation: LiquidationPolicy | None = None
    ) -> None:
        """`equity` (n,) at the opening price, `position` (n, n_instruments) lots, `rate` (n,) maintenance margin rate."""
        n, n_instruments = position.shape
        self.outside, self.step = n, 0
        fund, keeper, own = n + 1, n + 2, n + 3
        rates, number = np.unique(rate, return_inverse=True)
        lots = np.zeros((n + 4, n_instruments), np.int64)
        lots[:n], lots[self.outside] = position, -position.sum(axis=0)
        listing = listed(n_instruments, opening + 1, opening)
        self.ledger = Ledger.open(
            listing, [*equity.tolist(), 0, 0, 0, 0], owner=np.arange(n + 4), house=[*number, *4 * [NO_HOUSE]], position=lots
        )
        self.books = Books(listing, n + 4)
        self.mark = np.full(n_instruments, opening)
        self.fees = FeeSchedule.flat(n_instruments, taker=0, maker=0, liquidation=0, fee_account=own, fund_account=fund)
        rules = Clearing(**({} if liquidation is None else {"liquidation": liquidation}), fee_rate=0.0)
        staff = Staff(fund=np.full(n_instruments, fund), keepers=np.array([keeper]), own=own)
        self.houses = [
            House(
                rules,
                self.ledger,
                brackets(rates, n_instruments),
                Streams(1),
                number=house,
                staff=staff,
                step_seconds=STEP,
                cash_unit=1.0,
                opening_split=np.zeros_like(lots),
            )
            for house in range(len(rates))
        ]

    def quote(self, tick: Ints, lots: Ints) -> None:
        """New bids instead of all old ones: `lots` (n_levels, n_instruments) at `tick`, of the same shape."""
        level, instrument = np.nonzero(lots)
        self.books.execute(self._of(self.outside, instrument=-1, lots=0, kind=Kind.CANCEL_ALL))
        bids = lots[level, instrument]
        self._trade(self.outside, instrument=instrument, side=1, lots=bids, tick=tick[level, instrument])

    def fall(self, to: ArrayLike, depth: Ints) -> None:
        """Prices fall from outside `to` (n_instruments,) ticks; from there on down every tick has bids for `depth` lots."""
        self.mark = np.asarray(to, dtype=np.int64)
        down = np.arange(int(self.mark.min()))[:, np.newaxis]
        self.quote(self.mark - down, np.broadcast_to(depth, (len(down), len(depth))))

    def exposure(self, depth: Ints, within: float) -> Exposure:
        """What `abm.measures.ex_ante` is told of the holders and of books with bids for `depth` lots at every tick."""
        position, price = self.ledger.position[: self.outside], self.mark
        bids = np.floor(within * price).astype(np.int64) * depth
        zeros = np.zeros(len(position))
        none = zeros.astype(np.int64)
        return Exposure(position, none, zeros, price, bids, within, np.zeros(len(price)), none, np.zeros_like(position))

    def round(self) -> Ints:
        """Who breaches at the marks is seized, and every slice that is due is sold on the books; marks become the best bids.

        Lots sold (n_accounts, n_instruments).
        """
        sold = np.zeros_like(self.ledger.position)
        for house in self.houses:
            house.margin(house.revalue(np.arange(len(self.ledger)), self.mark))
            slices = house.slices(self.step, self.mark, self.books.depth(self.mark, 1.0))
            sold[slices.accounts] = slices.lots
        row, instrument = np.nonzero(sold)
        if len(row):
            lots = sold[row, instrument]
            self._trade(row, instrument=instrument, side=-1, lots=lots, kind=Kind.MARKET, reason=Reason.FORCED)
            self.mark = self.books.best_bid
        self.ledger.assert_conserved()
        self.step += 1
        return sold

    def seized(self) -> Ints:
        """Holders in liquidation."""
        return np.flatnonzero(self.ledger.state == State.LIQUIDATING)

    def _trade(self, account: ArrayLike, **fields: Any) -> None:
        """Orders at the books and their fills on the ledger, part by part: books make room for a batch as if one got it all."""
        batch = self._of(account, **fields)
        for part in np.split(batch, range(PART, len(batch), PART)):
            execution = self.books.execute(part)
            assert not execution.expired_lots.any()  # the books took everything
            self.ledger.settle(execution.fills, self.fees)

    def _of(self, account: ArrayLike, **fields: Any) -> Any:
        """Orders of accounts, each the only one of its owner."""
        return orders(**({"trader": account, "account": account, "side": 1} | fields))


def brackets(rates: Floats, n_instruments: int) -> Brackets:
    """One bracket per house, the same for all instruments; initial margin is maintenance margin."""
    rate = np.broadcast_to(rates[:, np.newaxis, np.newaxis], (len(rates), n_instruments, STRIDE)).copy()
    floor = np.full_like(rate, np.inf)
    floor[:, :, 0] = 0.0
    return Brackets(floor, rate, np.zeros_like(rate), rate, np.zeros_like(rate), np.ones(len(rates)))
