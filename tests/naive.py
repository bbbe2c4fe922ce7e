"""The readable twin of the order books: plain Python, dicts and lists. Oracle of the tests, baseline of the benchmark."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from abm.market.order import OFF_GRID, Kind, Outcome


class NaiveFill(NamedTuple):
    """One fill, field by field as in FILL."""

    tick: int
    lots: int
    taker: int
    maker: int
    instrument: int
    order: int
    side: int
    taker_reason: int
    maker_reason: int


@dataclass
class NaiveOrder:
    """A resting order."""

    id: int
    trader: int
    account: int
    side: int
    tick: int
    lots: int
    reason: int


@dataclass
class NaiveExecution:
    """What became of a batch, one entry per order."""

    fills: list[NaiveFill]
    outcome: list[Outcome]
    order_id: list[int]
    expired_lots: list[int]
    cancelled_lots: list[int]
    prevented_orders: int = 0
    prevented_lots: int = 0


@dataclass
class NaiveBook:
    """One order book: for each side a dict of queues by tick, and the ticks in order."""

    opening_tick: int
    ladder_ticks: int
    last: int = 0
    queues: dict[int, dict[int, list[NaiveOrder]]] = field(default_factory=lambda: {1: {}, -1: {}})
    ticks: dict[int, list[int]] = field(default_factory=lambda: {1: [], -1: []})  # ascending

    def __post_init__(self) -> None:
        self.last = self.opening_tick

    def best(self, side: int) -> int:
        """The highest bid or the lowest ask, 0 if the side is empty."""
        ticks = self.ticks[side]
        return 0 if not ticks else ticks[-1] if side > 0 else ticks[0]

    def orders(self) -> list[NaiveOrder]:
        return [order for queues in self.queues.values() for queue in queues.values() for order in queue]

    def add(self, order: NaiveOrder) -> None:
        queues = self.queues[order.side]
        if order.tick not in queues:
            queues[order.tick] = []
            insort(self.ticks[order.side], order.tick)
        queues[order.tick].append(order)

    def remove(self, order: NaiveOrder) -> None:
        queue = self.queues[order.side][order.tick]
        queue.remove(order)
        if not queue:
            del self.queues[order.side][order.tick]
            self.ticks[order.side].remove(order.tick)


class NaiveBooks:
    """The order books of a market, with the rules of `abm.market.book.Books`."""

    def __init__(self, opening_ticks: Sequence[int], ladder_ticks: Sequence[int]) -> None:
        self.books = [NaiveBook(int(o), int(n)) for o, n in zip(opening_ticks, ladder_ticks, strict=True)]
        self.by_id: dict[int, tuple[NaiveBook, NaiveOrder]] = {}
        self.next_id = 1

    def execute(self, batch: Any, band: Any = None, outcome: Any = None) -> NaiveExecution:
        """Cancels first, then the others by key, ties by place in the batch."""
        n = len(batch)
        outcomes = [Outcome(int(o)) for o in outcome] if outcome is not None else [Outcome.ACCEPTED] * n
        done = NaiveExecution([], outcomes, [-1] * n, [0] * n, [0] * n)
        orders = [dict(zip(batch.dtype.names, row.tolist(), strict=True)) for row in batch]
        admitted = [i for i in range(n) if outcomes[i] == Outcome.ACCEPTED]
        for i in admitted:
            if orders[i]["kind"] == Kind.CANCEL:
                self._cancel(i, orders[i], done)
            elif orders[i]["kind"] == Kind.CANCEL_ALL:
                self._cancel_all(i, orders[i], done)
        trading = [i for i in admitted if orders[i]["kind"] < Kind.CANCEL]
        for i in sorted(trading, key=lambda i: (orders[i]["key"], i)):
            book = self.books[orders[i]["instrument"]]
            low, high = (1, book.ladder_ticks - 1) if band is None else [int(t) for t in band[orders[i]["instrument"]]]
            done.outcome[i] = self._refusal(orders[i], book, low, high)
            if done.outcome[i] == Outcome.ACCEPTED:
                self._trade(i, orders[i], book, low, high, done)
        return done

    def open_lots(self, account: int, instrument: int, side: int) -> int:
        """Lots that rest for the account."""
        return sum(o.lots for o in self.books[instrument].orders() if o.account == account and o.side == side)

    def _cancel(self, i: int, order: dict[str, int], done: NaiveExecution) -> None:
        book, resting = self.by_id.get(order["ref"], (None, None))
        if book is None or resting is None or resting.trader != order["trader"]:
            done.outcome[i] = Outcome.UNKNOWN_ORDER
            return
        self._remove(book, resting)
        done.cancelled_lots[i] = resting.lots

    def _cancel_all(self, i: int, order: dict[str, int], done: NaiveExecution) -> None:
        for instrument, book in enumerate(self.books):
            if order["instrument"] in (-1, instrument):
                for resting in [o for o in book.orders() if o.account == order["account"]]:
                    self._remove(book, resting)
                    done.cancelled_lots[i] += resting.lots

    def _remove(self, book: NaiveBook, resting: NaiveOrder) -> None:
        book.remove(resting)
        del self.by_id[resting.id]

    @staticmethod
    def _refusal(order: dict[str, int], book: NaiveBook, low: int, high: int) -> Outcome:
        if order["lots"] <= 0:
            return Outcome.OFF_LOT
        if order["kind"] == Kind.MARKET:
            return Outcome.ACCEPTED
        if order["tick"] == OFF_GRID:
            return Outcome.OFF_TICK
        if not 1 <= order["tick"] < book.ladder_ticks:
            return Outcome.OFF_LADDER
        if order["side"] > 0 and order["tick"] > high or order["side"] < 0 and order["tick"] < low:
            return Outcome.OUT_OF_BAND
        return Outcome.ACCEPTED

    def _trade(self, i: int, order: dict[str, int], book: NaiveBook, low: int, high: int, done: NaiveExecution) -> None:
        side, left, limit = order["side"], order["lots"], order["tick"]
        if order["kind"] == Kind.MARKET:
            limit = high if side > 0 else low
        while left > 0:
            tick = book.best(-side)
            if tick == 0 or (tick > limit if side > 0 else tick < limit):
                break
            maker = book.queues[-side][tick][0]
            if maker.trader == order["trader"]:
                self._remove(book, maker)
                done.prevented_orders += 1
                done.prevented_lots += maker.lots
                continue
            lots = min(left, maker.lots)
            done.fills.append(
                NaiveFill(
                    tick, lots, order["account"], maker.account, order["instrument"], i, side, order["reason"], maker.reason
                )
            )
            book.last = tick
            left -= lots
            maker.lots -= lots
            if maker.lots == 0:
                self._remove(book, maker)
        if left > 0 and order["kind"] == Kind.LIMIT:
            resting = NaiveOrder(self.next_id, order["trader"], order["account"], side, order["tick"], left, order["reason"])
            self.next_id += 1
            book.add(resting)
            self.by_id[resting.id] = (book, resting)
            done.order_id[i] = resting.id
        elif left > 0:
            done.expired_lots[i] = left
