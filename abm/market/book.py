"""All order books of all instruments: price-time priority, a whole batch per call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from abm.kernels import matching
from abm.market.instrument import Instruments
from abm.market.order import FILL, Fills, OrderBatch

Integers = NDArray[np.int64]

SMALLEST_POOL = 1024  # slots per book to begin with

RESTING = np.dtype(
    [
        ("id", np.int64),
        ("tick", np.int64),
        ("lots", np.int64),
        ("account", np.int32),
        ("trader", np.int32),
        ("instrument", np.int32),
        ("side", np.int8),
        ("reason", np.int8),
    ],
    align=True,
)

RUNG = np.dtype([("tick", np.int64), ("lots", np.int64), ("side", np.int8)], align=True)


@dataclass(frozen=True)
class Execution:
    """What became of a batch of n orders; every array but the last two has one row per order, as the batch was given."""

    fills: Fills  # book by book, each in execution order
    outcome: NDArray[np.int8]  # (n,), Outcome
    order_id: Integers  # (n,) what rests of a LIMIT order, -1 where nothing rests
    expired_lots: Integers  # (n,) what an IOC or MARKET order could not fill
    cancelled_lots: Integers  # (n,) what a CANCEL or CANCEL_ALL removed
    prevented_orders: Integers  # (n_instruments,) resting orders cancelled by self-trade prevention
    prevented_lots: Integers  # (n_instruments,)

    def of_first(self, n: int) -> Execution:
        """What became of the first `n` orders."""
        rows = (self.outcome[:n], self.order_id[:n], self.expired_lots[:n], self.cancelled_lots[:n])
        return Execution(self.fills[self.fills["order"] < n], *rows, self.prevented_orders, self.prevented_lots)


class Books:
    """The order books of a market; `execute` is the only thing that changes them, and knows nothing of margin.

    Books are independent: fills, outcomes and order ids in one never depend on what happens in another. Read-only views:
    `open_buy`, `open_sell` (n_accounts, n_instruments) resting lots of each account.
    Not suitable for single orders: a call costs some microseconds, an order in a batch some tens of nanoseconds.
    """

    def __init__(self, instruments: Instruments, n_accounts: int) -> None:
        n, ticks = len(instruments), int(instruments.ladder_ticks.max())
        if ticks > matching.MOST_TICKS:
            raise ValueError(f"ladder_ticks must be at most {matching.MOST_TICKS}, was {ticks}")
        self.n_accounts = n_accounts
        self._book = np.zeros(n, matching.BOOK)
        self._book["last"] = instruments.opening_tick
        self._book["ladder_ticks"] = instruments.ladder_ticks
        self._level = np.zeros((n, ticks), matching.LEVEL)
        self._accounts = np.zeros((n, n_accounts), matching.OPEN).T  # book by book, as they are worked
        self._pool = _cache_lines((n, SMALLEST_POOL), matching.SLOT)
        self._fills = _cache_lines((1, 2 * SMALLEST_POOL), FILL)[0]
        self._room = 0  # orders that may still come before the pool or the buffer of fills might be full
        self._no_band = np.column_stack([np.ones(n, np.int64), instruments.ladder_ticks])
        self.open_buy = _read_only(self._accounts["lots"][:, :, matching.BID])
        self.open_sell = _read_only(self._accounts["lots"][:, :, matching.ASK])

    def execute(self, batch: OrderBatch, *, band: Integers | None = None, outcome: NDArray[np.int8] | None = None) -> Execution:
        """Cancels first, then book by book its orders by ascending `key`, ties by their place in the batch.

        `band` (n_instruments, 2): lowest and highest tick; a limit beyond it is refused, a market order stops at it.
        `outcome` (n,): orders already refused by clearing are skipped and reported unchanged.
        Raises ValueError if an order names an account, instrument, kind or side that does not exist.
        """
        n = len(batch)
        outcome = np.zeros(n, np.int8) if outcome is None else np.array(outcome, np.int8)
        self._room -= n
        if self._room < 0:
            self._make_room(n)
        order_id = np.empty(n, np.int64)
        order_id.fill(-1)
        expired, cancelled = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._book["prevented_orders"], self._book["prevented_lots"] = 0, 0
        n_fills = matching.execute(
            batch, outcome, order_id, expired, cancelled, self._no_band if band is None else np.ascontiguousarray(band, np.int64),
            self._book, self._pool, self._level, self._accounts, self._fills,
        )  # fmt: skip
        if n_fills < 0:
            raise ValueError(f"order {-1 - n_fills} of the batch names an account, instrument, kind or side that does not exist")
        return Execution(
            fills=self._fills[:n_fills].view(np.int64).copy().view(FILL),  # five times faster than field by field
            outcome=outcome,
            order_id=order_id,
            expired_lots=expired,
            cancelled_lots=cancelled,
            prevented_orders=self._book["prevented_orders"].copy(),
            prevented_lots=self._book["prevented_lots"].copy(),
        )

    @property
    def best_bid(self) -> Integers:
        """(n_instruments,) ticks, 0 where nobody bids."""
        return self._book["best"][:, matching.BID].copy()

    @property
    def best_ask(self) -> Integers:
        """(n_instruments,) ticks, 0 where nobody offers."""
        return self._book["best"][:, matching.ASK].copy()

    @property
    def last(self) -> Integers:
        """(n_instruments,) tick of the last trade; the opening tick before the first."""
        return self._book["last"].copy()

    def resting_lots(self) -> Integers:
        """(n_instruments, 2) lots bid and offered in the whole book."""
        return self._lots_between(np.zeros(len(self._book), np.int64), self._book["ladder_ticks"] - 1)

    def depth(self, reference_tick: Integers, fraction: float) -> Integers:
        """(n_instruments, 2) lots bid and offered within +-`fraction` of `reference_tick` (n_instruments,)."""
        reach = np.floor(reference_tick * fraction).astype(np.int64)
        return self._lots_between(reference_tick - reach, reference_tick + reach)

    def depth_profile(self, reach_ticks: int) -> Integers:
        """(n_instruments, 2, reach_ticks) lots at the best bid and below it, at the best ask and above it, tick by tick."""
        profile = np.zeros((len(self._book), 2, reach_ticks), np.int64)
        for i, (bid, ask) in enumerate(zip(self.best_bid, self.best_ask, strict=True)):
            lots = self._level["lots"][i]
            if bid:
                below = lots[max(bid - reach_ticks + 1, 0) : bid + 1][::-1]
                profile[i, 0, : len(below)] = below
            if ask:
                above = lots[ask : ask + reach_ticks]
                profile[i, 1, : len(above)] = above
        return profile

    def ladder(self, instrument: int, n_levels: int) -> NDArray[Any]:
        """(<= 2 n_levels,) RUNG: the best levels of both sides, from the highest price to the lowest."""
        bid = self._book["best"][instrument, matching.BID]
        lots = self._level["lots"][instrument]
        ticks = np.flatnonzero(lots)
        split = np.searchsorted(ticks, bid, side="right")
        near = ticks[max(split - n_levels, 0) : split + n_levels][::-1]
        rungs = np.zeros(len(near), RUNG)
        rungs["tick"], rungs["lots"], rungs["side"] = near, lots[near], np.where(near > bid, -1, 1)
        return rungs

    def resting_orders(self, account: int | None = None) -> NDArray[Any]:
        """(n_orders,) RESTING: what rests, of one account or of all, by instrument and slot. For inspection: not fast."""
        pool = self._pool[:, : int(self._book["used"].max(initial=0)) + 1]
        held = pool["lots"] > 0
        if account is not None:
            held &= pool["account"] == account
        instrument, slot = np.nonzero(held)
        orders = pool[instrument, slot]
        resting = np.zeros(len(slot), RESTING)
        for name in ("tick", "lots", "account", "trader", "side", "reason"):
            resting[name] = orders[name]
        resting["instrument"] = instrument
        resting["id"] = orders["generation"] << 32 | slot * len(self._book) + instrument
        return resting

    def _make_room(self, n_orders: int) -> None:
        """Grow pool and fills by doubling so that no batch of this size can overflow them."""
        used = self._book["used"]
        fullest, together = int(used.max(initial=0)), int(used.sum())
        n_slots = self._pool.shape[1]
        while n_slots <= fullest + n_orders:  # slot 0 is nobody's
            n_slots *= 2
        if n_slots > self._pool.shape[1]:
            pool = _cache_lines((len(self._book), n_slots), matching.SLOT)
            pool[:, : self._pool.shape[1]] = self._pool
            self._pool = pool
        most = together + 2 * n_orders  # every fill ends its taker or its maker
        if most > len(self._fills):
            self._fills = _cache_lines((1, 2 * most), FILL)[0]
        self._room = min(n_slots - 1 - fullest, (len(self._fills) - together) // 2) - n_orders

    def _lots_between(self, low: Integers, high: Integers) -> Integers:
        """(n_instruments, 2) lots bid and offered at ticks low .. high."""
        lots = np.zeros((len(self._book), 2), np.int64)
        for i, bid in enumerate(self.best_bid):
            level = self._level["lots"][i]
            lots[i, 0] = level[max(low[i], 0) : min(high[i], bid) + 1].sum()
            lots[i, 1] = level[max(low[i], bid + 1) : high[i] + 1].sum()
        return lots


def _cache_lines(shape: tuple[int, int], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros that begin on a cache line; untouched pages cost no memory."""
    n_bytes = shape[0] * shape[1] * np.dtype(dtype).itemsize
    raw = np.zeros(n_bytes + 64, np.uint8)
    begin = -raw.ctypes.data % 64
    return raw[begin : begin + n_bytes].view(dtype).reshape(shape)


def _read_only(table: NDArray[Any]) -> NDArray[Any]:
    view = table.view()
    view.flags.writeable = False
    return view
