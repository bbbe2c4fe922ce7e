"""Orders and fills: the two structured arrays that cross every boundary of the market."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Kind(IntEnum):
    """What an order asks of the book."""

    LIMIT = 0  # match, then rest
    IOC = 1  # match within the limit, then expire
    MARKET = 2  # match at any price inside the band, then expire
    CANCEL = 3  # remove one resting order, named in `ref`
    CANCEL_ALL = 4  # remove every resting order of the account in the instrument


class Side(IntEnum):
    """Sign of the traded quantity."""

    SELL = -1
    BUY = 1


class Reason(IntEnum):
    """Why its sender sent an order; every fill carries the reasons of both sides."""

    VOLUNTARY = 0
    QUOTE = 1
    FORCED = 2  # an order of a liquidator for a seized account
    SELF_DELEVERAGING = 3  # a trader cuts positions to keep its own margin
    STOP = 4
    HEDGE = 5
    ARBITRAGE = 6
    UNWIND = 7  # a keeper, vault or fund works off what it took over


class Outcome(IntEnum):
    """What became of an order: accepted, or the reason why it was refused."""

    ACCEPTED = 0
    OFF_LOT = 1  # quantity not a positive whole number of lots
    OFF_TICK = 2  # price not a whole number of ticks
    OFF_LADDER = 3  # price outside the ladder
    OUT_OF_BAND = 4  # price beyond the price band
    UNFUNDED = 5  # initial margin not covered
    NOTHING_TO_REDUCE = 6  # reduce-only without a position to reduce
    SEIZED = 7  # the account is in liquidation
    UNKNOWN_ORDER = 8  # cancel of an order that does not rest
    UNDER_CALL = 9  # the account has a margin call and the order might add to its positions
    HALTED = 10  # a circuit breaker has closed the book
    NOT_HELD = 11  # sale of more tokens than the account holds: there is nobody to borrow them from


ORDER = np.dtype(
    [
        ("key", np.uint64),  # priority within the batch, smallest first (cancels go before all)
        ("tick", np.int64),  # limit price in ticks; ignored by MARKET and cancels; OFF_GRID if not on the grid
        ("lots", np.int64),  # quantity > 0; OFF_GRID if not on the grid
        ("ref", np.int64),  # the order a CANCEL names (as returned in Execution.order_id)
        ("trader", np.int32),  # owner, for self-trade prevention
        ("account", np.int32),  # margin pool, resolved from backing by clearing
        ("instrument", np.int32),
        ("kind", np.int8),
        ("side", np.int8),
        ("reason", np.int8),
        ("reduce_only", np.int8),
    ],
    align=True,
)

FILL = np.dtype(
    [
        ("tick", np.int64),
        ("lots", np.int64),  # > 0
        ("taker", np.int32),  # account
        ("maker", np.int32),  # account
        ("instrument", np.int32),
        ("order", np.int32),  # index of the taker's order in the batch as given
        ("side", np.int8),  # of the taker
        ("taker_reason", np.int8),
        ("maker_reason", np.int8),
    ],
    align=True,
)

OFF_GRID = -1  # tick or lots of a quantity that is no whole number of ticks or lots

OrderBatch = NDArray[Any]  # (n,), ORDER
Fills = NDArray[Any]  # (n,), FILL


def orders(*, trader: ArrayLike, instrument: ArrayLike, side: ArrayLike, lots: ArrayLike, **fields: ArrayLike) -> OrderBatch:
    """A batch from broadcastable columns; missing fields are 0 (so: limit orders, voluntary, not reduce-only).

    `trader`, `instrument`, `side` (+1 buy, -1 sell), `lots`; further fields by their names in `ORDER`.
    """
    columns = {"trader": trader, "instrument": instrument, "side": side, "lots": lots, **fields}
    batch = np.zeros(np.broadcast(*columns.values()).shape or (1,), dtype=ORDER)
    for name, column in columns.items():
        batch[name] = column
    return batch.reshape(-1)


def joined(batches: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Batches of one type, one after the other; a single one that is not empty is returned as it is.

    As bytes: numpy takes ten times as long to find out that equal types are equal.
    """
    some = [batch for batch in batches if len(batch)]
    if len(some) <= 1:
        return some[0] if some else batches[0]
    dtype = some[0].dtype
    return np.concatenate([batch.view((np.void, dtype.itemsize)) for batch in some]).view(dtype)


def no_orders() -> OrderBatch:
    """The empty batch."""
    return np.zeros(0, dtype=ORDER)
