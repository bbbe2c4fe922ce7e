"""What the decision rules share: who acts in this step, the middle of the book, and orders from wished trades."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.view import Draws, Rows, View
from abm.market.order import Kind, OrderBatch, Side, no_orders, orders


def acting(view: View, rows: Rows, draws: Draws, *, name: str, per_hour: float) -> Rows:
    """Rows whose Poisson clock `name` rings in this step."""
    return rows[draws.uniform(name, rows) < view.probability(per_hour)]


def middle(view: View) -> NDArray[np.float64]:
    """(n_instruments,) ticks: mid of the book; the last trade where a side is empty."""
    return np.where((view.bid > 0) & (view.ask > 0), 0.5 * (view.bid + view.ask), view.last)


def notional(view: View, lots: NDArray[np.int64]) -> NDArray[np.float64]:
    """(k, n_instruments) cash units, unsigned: `lots` (k, n_instruments) at the marks."""
    return np.abs(lots) * (view.mark * view.instruments.unit).astype(np.float64)


def on_ladder(view: View, tick: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ticks (..., n_instruments), moved to the nearest end of the ladder where they lie outside."""
    return np.clip(tick, 1, view.instruments.ladder_ticks - 1).astype(np.int64)


def take(view: View, rows: Rows, lots: NDArray[np.int64], *, protection: float, **fields: Any) -> OrderBatch:
    """IOC orders for the signed `lots` (k, n_instruments), at most `protection` (share of the price) through the mid.

    Nothing is sent where the trader is frozen. `fields` are columns of `ORDER`, such as `reason` and `reduce_only`.
    """
    j, i = np.nonzero(np.where(view.frozen(rows), 0, lots))
    if not len(j):
        return no_orders()
    buy = lots[j, i] > 0
    mid = middle(view)
    roof, floor = on_ladder(view, np.floor(mid * (1.0 + protection))), on_ladder(view, np.ceil(mid * (1.0 - protection)))
    worst = np.where(buy, roof[i], floor[i])
    side = np.where(buy, Side.BUY, Side.SELL)
    return orders(trader=rows[j], instrument=i, side=side, lots=np.abs(lots[j, i]), tick=worst, kind=Kind.IOC, **fields)


def withdraw(view: View, rows: Rows) -> OrderBatch:
    """CANCEL_ALL wherever a trader of `rows` has resting orders."""
    j, i = np.nonzero((view.open_buy(rows) + view.open_sell(rows) > 0) & ~view.frozen(rows))
    if not len(j):
        return no_orders()
    return orders(trader=rows[j], instrument=i, side=Side.BUY, lots=0, kind=Kind.CANCEL_ALL)


def rest(view: View, rows: Rows, lots: NDArray[np.int64], tick: NDArray[np.float64], **fields: Any) -> OrderBatch:
    """Limit orders for the signed `lots` at `tick`, both (k, n_instruments); none where frozen or off the ladder."""
    possible = (tick >= 1) & (tick < view.instruments.ladder_ticks) & ~view.frozen(rows)
    j, i = np.nonzero(np.where(possible, lots, 0))
    if not len(j):
        return no_orders()
    side = np.sign(lots[j, i])
    return orders(trader=rows[j], instrument=i, side=side, lots=np.abs(lots[j, i]), tick=tick[j, i].astype(np.int64), **fields)


def whole(lots: NDArray[Any]) -> NDArray[np.int64]:
    """Lots rounded to the nearest whole number."""
    return np.asarray(np.rint(lots), dtype=np.int64)
