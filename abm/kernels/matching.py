"""Price-time priority over all order books at once, as compiled functions over packed arrays.

A book is a ladder of price levels; a level is a first-in first-out queue of slots of the pool; two tiers of 32-bit words say
which levels hold orders, so the next best price is found in a few steps however empty the book is. Row 0 of every list is
"none": fresh zeroed memory is an empty book and costs nothing until it is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.kernels.compiled import compiled

LIMIT, IOC, MARKET, CANCEL, CANCEL_ALL = range(5)  # abm.market.order.Kind
ACCEPTED, OFF_LOT, OFF_TICK, OFF_LADDER, OUT_OF_BAND = range(5)  # abm.market.order.Outcome
UNKNOWN_ORDER = 8
OFF_GRID = -1
SELL, BUY = -1, 1
ASK, BID = 0, 1  # (side + 1) >> 1

MOST_TICKS = 1 << 18  # of a ladder
LOW = 0xFFFFFFFF  # the low half of an order id: slot and instrument
AHEAD = 128  # orders whose memory is fetched together
NEAR = 200_000  # accounts x instruments that the caches hold anyway
LONGEST_RUN = 48  # orders of one bucket that are worth sorting by insertion

BOOK = np.dtype(  # one row per instrument
    [
        ("best", np.int64, 2),  # ask and bid in ticks, 0 where the side is empty
        ("last", np.int64),  # tick of the last trade
        ("ladder_ticks", np.int64),
        ("free", np.int64),  # last slot given back, first of the list of free slots
        ("used", np.int64),  # highest slot ever used
        ("prevented_orders", np.int64),  # resting orders removed by self-trade prevention in the last batch
        ("prevented_lots", np.int64),
        ("tops", np.int64, MOST_TICKS >> 10),  # bit w & 31 of tops[w >> 5]: words[w] is not 0
        ("words", np.int64, MOST_TICKS >> 5),  # bit t & 31 of words[t >> 5]: orders rest at tick t
    ]
)

SLOT = np.dtype(  # one resting order; lots == 0 in a free slot, whose `next` is the next free one
    [
        ("lots", np.int64),
        ("tick", np.int64),
        ("generation", np.int64),  # how often the slot was given back: makes order ids unique
        ("account", np.int32),
        ("trader", np.int32),
        ("next", np.uint32),  # in the queue of the level
        ("previous", np.uint32),
        ("newer", np.uint32),  # in the list of the account's orders in this instrument
        ("older", np.uint32),
        ("side", np.int32),
        ("reason", np.int32),
        ("padding", np.int64),  # one order, one cache line of 64 bytes
    ]
)

LEVEL = np.dtype([("lots", np.int64), ("first", np.uint32), ("final", np.uint32)])  # one row per instrument and tick

OPEN = np.dtype(  # one row per account and instrument: what rests there
    [("lots", np.int64, 2), ("newest", np.uint32), ("padding", np.int32)]  # lots offered and bid
)

Packed = NDArray[Any]  # of one of the types above, of ORDER or of FILL
Integers = NDArray[np.int64]


@compiled
def collect(
    batch: Packed, outcome: NDArray[np.int8], n_accounts: int, n_books: int, trades: Integers, cancels: Integers
) -> tuple[int, int]:
    """Write the indices (n + 1,) of the orders that want to trade, and of the cancels; the number of each.

    Orders refused before (outcome not ACCEPTED) are passed over. If order i names a row that does not exist: (-1, i).
    Free of branches that the flow of orders decides.
    """
    n_trades: Any = 0
    n_cancels: Any = 0
    for i in range(batch.shape[0]):
        order = batch[i]
        kind = order["kind"]
        account = order["account"]
        instrument = order["instrument"]
        named = (account >= 0) & (account < n_accounts) & (instrument < n_books)
        named &= (instrument >= 0) | ((instrument == -1) & (kind == CANCEL_ALL))
        sided = (order["side"] == BUY) | (order["side"] == SELL)
        known = (kind == CANCEL) | (named & (kind == CANCEL_ALL)) | (named & sided & (kind >= LIMIT) & (kind < CANCEL))
        wanted = outcome[i] == ACCEPTED
        if wanted & (not known):
            return -1, i
        trades[n_trades] = i
        cancels[n_cancels] = i
        n_trades += wanted & (kind < CANCEL)
        n_cancels += wanted & (kind >= CANCEL)
    return n_trades, n_cancels


@compiled
def merged(key: NDArray[np.uint64]) -> Integers:
    """Indices of `key` (n,) in ascending order, ties by index: merge sort, which compiles ten times faster than numpy's."""
    n = key.shape[0]
    rank, other = np.arange(n), np.empty(n, np.int64)
    width = 1
    while width < n:
        for begin in range(0, n, 2 * width):
            a, b = begin, min(begin + width, n)
            middle, end = b, min(begin + 2 * width, n)
            for k in range(begin, end):
                if a < middle and (b == end or key[rank[a]] <= key[rank[b]]):
                    other[k] = rank[a]
                    a += 1
                else:
                    other[k] = rank[b]
                    b += 1
        rank, other = other, rank
        width *= 2
    return rank


@compiled
def by_key(key: NDArray[np.uint64]) -> Integers:
    """Indices of `key` (n,) in ascending order, ties by index.

    One or two buckets per order over the range of the keys, then insertion within each bucket: linear time for the hashed keys of
    `Streams.priority`; keys that bunch are merge-sorted.
    """
    n = key.shape[0]
    if n == 0:
        return np.zeros(0, np.int64)
    low, high = key[0], key[0]
    for i in range(n):
        low, high = min(low, key[i]), max(high, key[i])
    span = high - low
    shift = np.uint64(0)
    while span >> shift > np.uint64(2 * n):
        shift += np.uint64(1)
    start = np.zeros(np.int64(span >> shift) + 2, np.int32)
    for i in range(n):
        start[np.int64((key[i] - low) >> shift) + 1] += 1
    longest = 0
    for b in range(1, start.shape[0]):
        longest = max(longest, start[b])
        start[b] += start[b - 1]
    if longest > LONGEST_RUN:
        return merged(key)
    rank = np.empty(n, np.int64)
    for i in range(n):
        bucket = np.int64((key[i] - low) >> shift)
        rank[start[bucket]] = i
        start[bucket] += 1
    begin = 0
    for b in range(start.shape[0]):
        for k in range(begin + 1, start[b]):
            i = rank[k]
            while k > begin and key[rank[k - 1]] > key[i]:
                rank[k] = rank[k - 1]
                k -= 1
            rank[k] = i
        begin = start[b]
    return rank


@compiled
def by_book(batch: Packed, trades: Integers, n_books: int) -> Integers:
    """The orders `trades` (n,) book by book, those of a book by ascending key, ties by their place in the batch.

    Books are independent, and the memory of one stays nearer than that of all.
    """
    start = np.zeros(n_books + 1, np.int64)
    for k in trades:
        start[batch[k]["instrument"] + 1] += 1
    for b in range(n_books):
        start[b + 1] += start[b]
    end = start.copy()
    mine = np.empty(trades.size, np.int64)
    key = np.empty(trades.size, np.uint64)
    for k in trades:
        b = batch[k]["instrument"]
        mine[end[b]] = k
        key[end[b]] = batch[k]["key"]
        end[b] += 1
    rank = np.empty(trades.size, np.int64)
    for b in range(n_books):
        first = start[b]
        order = by_key(key[first : start[b + 1]])
        for n in range(order.size):
            rank[first + n] = mine[first + order[n]]
    return rank


@compiled
def top_bit(word: int) -> int:
    """Position of the highest bit set in a word of 32 bits, word > 0."""
    position = 0
    if word >> 16:
        word >>= 16
        position += 16
    if word >> 8:
        word >>= 8
        position += 8
    if word >> 4:
        word >>= 4
        position += 4
    if word >> 2:
        word >>= 2
        position += 2
    return position + (word >> 1)


@compiled
def next_above(book: Any, tick: int) -> int:
    """Lowest occupied tick above `tick`, 0 if there is none."""
    w = tick >> 5
    above = (tick & 31) + 1
    word = book["words"][w] >> above << above
    if word == 0:
        t = w >> 5
        above = (w & 31) + 1
        top = book["tops"][t] >> above << above
        while top == 0:
            t += 1
            if t == MOST_TICKS >> 10:
                return 0
            top = book["tops"][t]
        w = (t << 5) + top_bit(top & -top)
        word = book["words"][w]
    return (w << 5) + top_bit(word & -word)


@compiled
def next_below(book: Any, tick: int) -> int:
    """Highest occupied tick below `tick`, 0 if there is none."""
    w = tick >> 5
    word = book["words"][w] & ((1 << (tick & 31)) - 1)
    if word == 0:
        t = w >> 5
        top = book["tops"][t] & ((1 << (w & 31)) - 1)
        while top == 0:
            t -= 1
            if t < 0:
                return 0
            top = book["tops"][t]
        w = (t << 5) + top_bit(top)
        word = book["words"][w]
    return (w << 5) + top_bit(word)


@compiled
def unlink(book: Any, queue: Any, row: Any, order: Any, slot: int, before: Any, after: Any, newer: Any, older: Any) -> None:
    """Take `order` in `slot` out of the queue of its level, its account's list and open lots, and free the slot.

    `before`, `after` (in the queue), `newer`, `older` (of the account): its neighbours; where it has none, slot 0, which
    absorbs what is written there.
    """
    lots, tick, which = order["lots"], order["tick"], (order["side"] + 1) >> 1
    behind, ahead, later, earlier = order["next"], order["previous"], order["newer"], order["older"]
    before["next"] = behind
    after["previous"] = ahead
    newer["older"] = earlier
    older["newer"] = later
    first = queue["first"] if ahead else behind
    queue["first"] = first
    queue["final"] = queue["final"] if behind else ahead
    queue["lots"] -= lots
    row["newest"] = row["newest"] if later else earlier
    row["lots"][which] -= lots
    order["lots"] = 0
    order["generation"] += 1
    order["next"] = book["free"]
    book["free"] = slot
    if first == 0:
        w = tick >> 5
        word = book["words"][w] ^ (1 << (tick & 31))
        book["words"][w] = word
        if word == 0:
            book["tops"][w >> 5] ^= 1 << (w & 31)
        if tick == book["best"][which]:
            book["best"][which] = next_below(book, tick) if which == BID else next_above(book, tick)


@compiled
def free_slot(book: Any, first_free: Any) -> int:
    """A slot for one more order; `first_free` is the slot at the head of the list of free ones."""
    slot = book["free"]
    if slot:
        book["free"] = first_free["next"]
    else:
        book["used"] += 1
        slot = book["used"]
    return slot  # type: ignore[no-any-return]


@compiled
def append(book: Any, queue: Any, row: Any, order: Any, slot: int, final: Any, newest: Any, taker: Any, lots: int) -> None:
    """Let `lots` of `taker` wait in `slot` as the last `order` of its level's queue and the newest of its account."""
    tick, which = taker["tick"], (taker["side"] + 1) >> 1
    oldest, earlier, ahead, best = queue["first"], row["newest"], queue["final"], book["best"][which]
    order["lots"] = lots
    order["tick"] = tick
    order["account"] = taker["account"]
    order["trader"] = taker["trader"]
    order["side"] = taker["side"]
    order["reason"] = taker["reason"]
    order["next"] = 0
    order["previous"] = ahead
    order["newer"] = 0
    order["older"] = earlier
    newest["newer"] = slot
    final["next"] = slot
    queue["first"] = oldest if oldest else slot
    queue["final"] = slot
    queue["lots"] += lots
    row["newest"] = slot
    row["lots"][which] += lots
    w = tick >> 5
    book["words"][w] |= 1 << (tick & 31)
    book["tops"][w >> 5] |= 1 << (w & 31)
    book["best"][which] = tick if best == 0 or (tick - best) * taker["side"] > 0 else best


@compiled
def refusal(order: Any, ladder_ticks: int, low: int, high: int) -> int:
    """ACCEPTED, or why an order that wants to trade is refused; the band is low .. high ticks."""
    if order["lots"] <= 0:
        return OFF_LOT
    if order["kind"] == MARKET:
        return ACCEPTED
    tick = order["tick"]
    if tick == OFF_GRID:
        return OFF_TICK
    if tick < 1 or tick >= ladder_ticks:
        return OFF_LADDER
    if (order["side"] > 0 and tick > high) or (order["side"] < 0 and tick < low):
        return OUT_OF_BAND
    return ACCEPTED


@compiled
def write_fill(fill: Any, maker: Any, taker: Any, order: int, lots: int) -> None:
    """Put one fill of `lots` at the maker's price on record; `order` is the taker's index in the batch."""
    fill["tick"] = maker["tick"]
    fill["lots"] = lots
    fill["taker"] = taker["account"]
    fill["maker"] = maker["account"]
    fill["instrument"] = taker["instrument"]
    fill["order"] = order
    fill["side"] = taker["side"]
    fill["taker_reason"] = taker["reason"]
    fill["maker_reason"] = maker["reason"]


@compiled
def touch(batch: Packed, coming: Integers, book: Packed, pool: Packed, level: Packed, accounts: Packed) -> int:
    """Read what the orders `coming` will need and return a number that depends on all of it.

    The lines of memory are fetched side by side here; met one by one, as each order is carried out, they cost up to twice
    as much. Nothing is changed.
    """
    seen = 0
    near = np.zeros(coming.size, np.uint32)
    for k in range(coming.size):
        order = batch[coming[k]]
        i = order["instrument"]
        if i >= 0 and order["kind"] != CANCEL:
            near[k] = accounts[order["account"], i]["newest"]
    for k in range(coming.size):
        order = batch[coming[k]]
        i = order["instrument"]
        if order["kind"] == LIMIT and order["tick"] > 0 and order["tick"] < book[i]["ladder_ticks"]:
            seen += pool[i, level[i, order["tick"]]["final"]]["tick"]
        elif order["kind"] == CANCEL_ALL and near[k] > 0:
            slot = pool[i, near[k]]
            seen += pool[i, slot["previous"]]["tick"] + pool[i, slot["next"]]["tick"]
    return seen


@compiled
def cancel(
    batch: Packed,
    wanted: Integers,
    outcome: NDArray[np.int8],
    cancelled: Integers,
    book: Packed,
    pool: Packed,
    level: Packed,
    accounts: Packed,
) -> None:
    """Carry out the cancels `wanted` as they stand; writes `cancelled` (n,) lots and `outcome` (n,) where nothing rested."""
    n_books, n_slots = pool.shape
    far, seen = accounts.size > NEAR, np.empty(1, np.int64)
    for n in range(wanted.size):
        if far and n % AHEAD == 0:
            seen[0] = touch(batch, wanted[n : n + AHEAD], book, pool, level, accounts)
        k = wanted[n]
        request = batch[k]
        everything = request["kind"] == CANCEL_ALL
        i = int(request["instrument"])
        final = i + 1
        slot = 0
        if not everything:
            slot = (request["ref"] & LOW) // n_books
            i = (request["ref"] & LOW) - slot * n_books
            final = i + 1
            order = pool[i, slot if slot < n_slots else 0]
            if order["generation"] != request["ref"] >> 32 or order["trader"] != request["trader"] or order["lots"] == 0:
                slot = 0
                outcome[k] = UNKNOWN_ORDER
        elif i == -1:
            i = 0
            final = n_books
        for b in range(i, final):
            if everything:
                slot = int(accounts[request["account"], b]["newest"])
            while slot:
                order = pool[b, slot]
                older = int(order["older"])
                cancelled[k] += order["lots"]
                unlink(
                    book[b], level[b, order["tick"]], accounts[order["account"], b], order, slot,
                    pool[b, order["previous"]], pool[b, order["next"]], pool[b, order["newer"]], pool[b, older],
                )  # fmt: skip
                slot = older if everything else 0


@compiled
def trade(
    batch: Packed,
    rank: Integers,
    outcome: NDArray[np.int8],
    order_id: Integers,
    expired: Integers,
    band: Integers,
    book: Packed,
    pool: Packed,
    level: Packed,
    accounts: Packed,
    fills: Packed,
) -> int:
    """Carry out the orders of a batch that `rank` names, in that order, best price and oldest first; the number of fills.

    Writes `outcome` (n,), `order_id` (n,) of what rests, `expired` (n,) lots; `band` (n_instruments, 2) ticks. A resting order
    that the same trader's order would meet is cancelled (self-trade prevention). What one book does never depends on another.
    One flat function, because numba counts references of every array handed to a helper; records it does not count.
    """
    n_fills = 0
    far, seen = accounts.size > NEAR, np.empty(1, np.int64)
    for n in range(rank.size):
        if far and n % AHEAD == 0:
            seen[0] = touch(batch, rank[n : n + AHEAD], book, pool, level, accounts)
        k = rank[n]
        taker = batch[k]
        i = taker["instrument"]
        top = book[i]
        low = max(band[i, 0], 1)
        high = min(band[i, 1], top["ladder_ticks"] - 1)
        outcome[k] = refusal(taker, top["ladder_ticks"], low, high)
        if outcome[k] != ACCEPTED:
            continue
        side = taker["side"]
        opposite = (1 - side) >> 1
        left = taker["lots"]
        limit = taker["tick"]
        if taker["kind"] == MARKET:
            limit = high if side > 0 else low
        while left > 0:
            tick = top["best"][opposite]
            if tick == 0 or (tick - limit) * side > 0:
                break
            queue = level[i, tick]
            slot = queue["first"]
            maker = pool[i, slot]
            row = accounts[maker["account"], i]
            lots = maker["lots"]
            if maker["trader"] == taker["trader"]:
                top["prevented_orders"] += 1
                top["prevented_lots"] += lots
            else:
                lots = min(lots, left)
                write_fill(fills[n_fills], maker, taker, k, lots)
                n_fills += 1
                left -= lots
                top["last"] = tick
            if lots == maker["lots"]:
                unlink(
                    top, queue, row, maker, slot,
                    pool[i, 0], pool[i, maker["next"]], pool[i, maker["newer"]], pool[i, maker["older"]],
                )  # fmt: skip
            else:
                maker["lots"] -= lots
                queue["lots"] -= lots
                row["lots"][opposite] -= lots
        if left == 0:
            continue
        if taker["kind"] == LIMIT:
            slot = free_slot(top, pool[i, top["free"]])
            order = pool[i, slot]
            queue = level[i, taker["tick"]]
            row = accounts[taker["account"], i]
            append(top, queue, row, order, slot, pool[i, queue["final"]], pool[i, row["newest"]], taker, left)
            order_id[k] = (order["generation"] << 32) | (int(slot) * book.shape[0] + i)
        else:
            expired[k] = left
    return n_fills


@compiled
def execute(
    batch: Packed,
    outcome: NDArray[np.int8],
    order_id: Integers,
    expired: Integers,
    cancelled: Integers,
    band: Integers,
    book: Packed,
    pool: Packed,
    level: Packed,
    accounts: Packed,
    fills: Packed,
) -> int:
    """The whole batch: cancels first, then the others by key; the number of fills.

    If order i names an account, instrument, kind or side that does not exist: -1 - i, and nothing is done.
    """
    n = batch.shape[0]
    trades = np.empty(n + 1, np.int64)
    cancels = np.empty(n + 1, np.int64)
    n_trades, n_cancels = collect(batch, outcome, accounts.shape[0], book.shape[0], trades, cancels)
    if n_trades < 0:
        return -1 - n_cancels
    cancel(batch, cancels[:n_cancels], outcome, cancelled, book, pool, level, accounts)
    rank = by_book(batch, trades[:n_trades], book.shape[0])
    return trade(batch, rank, outcome, order_id, expired, band, book, pool, level, accounts, fills)
