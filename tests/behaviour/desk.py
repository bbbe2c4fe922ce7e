"""A desk for the behaviour tests: instruments at 10,000 ticks where one lot at one tick is one cash unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from abm.behaviour.view import Draws, Legs, Traders, View
from abm.clearing.ledger import State
from abm.market.instrument import Instruments
from abm.market.order import Kind, OrderBatch
from abm.streams import Streams

PRICE = 10_000


def instruments(n: int = 2, *, asset: list[int] | None = None, venue: list[int] | None = None) -> Instruments:
    """n instruments at 10,000 ticks of size 1, lots of size 1: a lot is worth 10,000 cash units."""
    whole = np.ones(n, dtype=np.int64)
    return Instruments(
        names=tuple(["BTC", "ETH", "SOL", "ALT"][:n]),
        asset=np.array(asset if asset is not None else range(n)),
        venue=np.array(venue if venue is not None else [0] * n),
        tick_size=np.ones(n), lot_size=np.ones(n), unit=whole, opening_tick=PRICE * whole, ladder_ticks=4 * PRICE * whole,
    )  # fmt: skip


def traders(k: int, n: int = 2, **columns: Any) -> Traders:
    """k traders of one group, flat and without limits unless `columns` say otherwise."""
    table = {
        "group": np.zeros(k, dtype=np.int64),
        "groups": ("all",),
        "collateral": np.zeros(k, dtype=np.int64),
        "opening": np.zeros((k, n), dtype=np.int64),
        "leverage": np.zeros(k),
        "horizon": np.zeros(k, dtype=np.int64),
        "opinion": np.ones((k, n)),
        "discount": np.zeros((k, n)),
        "limit": np.zeros((k, n), dtype=np.int64),
    }
    return Traders(**{**table, **{name: np.asarray(column) if name != "groups" else column for name, column in columns.items()}})


def view(table: Traders, market: Instruments | None = None, **fields: Any) -> View:
    """A view at 10,000 with a spread of 2 ticks; arrays given for position, equity ... are turned into look-ups by row."""
    k, n = table.opening.shape
    tick = np.full(n, PRICE)
    zeros = np.zeros((k, n), dtype=np.int64)
    rows = {"position": zeros, "open_buy": zeros, "open_sell": zeros, "equity": table.collateral, "frozen": zeros > 0}
    rows = {name: np.asarray(fields.pop(name, default)) for name, default in rows.items()}
    given: dict[str, Any] = {
        "step": 0, "seconds": 0.0, "step_seconds": 3600.0, "instruments": market or instruments(n), "traders": table,
        "mark": tick, "last": tick, "bid": tick - 1, "ask": tick + 1, "value": tick.astype(float),
        "trend": np.zeros((2, n)), "volatility_ratio": np.ones(n),
    }  # fmt: skip
    arrays = {name: np.asarray(f) if isinstance(f, list) else f for name, f in fields.items()}
    backing = np.arange(k * n).reshape(k, n)  # every leg in an account of its own
    legs = {name: Legs(np.repeat(rows[name], n, axis=0), backing) for name in ("position", "open_buy", "open_sell")}
    look_ups = {
        **legs,
        "equity": lambda chosen: rows["equity"][chosen],
        "state": rows["frozen"].ravel().astype(np.int8) * State.CLOSED,
    }
    return View(**{**given, **arrays, **look_ups})


def draws(table: Traders, *, seed: int = 1, step: int = 0) -> Draws:
    """The draws of the only group."""
    k, n = table.opening.shape
    return Draws(Streams(seed), step, "all", 0, k, n)


def rigged(table: Traders, **uniforms: Any) -> Draws:
    """Draws with given numbers for the named decisions (0 for all traders: every Poisson clock rings)."""
    made = draws(table)
    made._made.update({name: np.broadcast_to(np.asarray(u, dtype=float), (made.count,)).copy() for name, u in uniforms.items()})
    return made


def said(batch: OrderBatch) -> list[tuple[Any, ...]]:
    """The batch in words: (trader, kind, side, lots, instrument, tick), cancels without side, lots and tick."""
    return [_words(order) for order in batch]


def _words(order: Any) -> tuple[Any, ...]:
    who, where = int(order["trader"]), int(order["instrument"])
    if order["kind"] == Kind.CANCEL_ALL:
        return (who, "CANCEL_ALL", where)
    side = "BUY" if order["side"] > 0 else "SELL"
    return (who, Kind(order["kind"]).name, side, int(order["lots"]), where, int(order["tick"]))
