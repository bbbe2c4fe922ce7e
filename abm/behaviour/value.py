"""Value traders: unleveraged money that waits away from value, trades what comes to it and goes back at value."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.decision import acting, notional, rest, withdraw
from abm.behaviour.view import Draws, Rows, View
from abm.market.order import OrderBatch, joined
from abm.record import Record, param


class Value(Record):
    """A bid at value x opinion x (1 - discount) and an offer at (1 + discount), each for the free money, and an exit at
    value x opinion for what is held.

    They act with a Poisson delay, so their orders may be stale. `common_capital` decides the channel: one purse for all
    instruments (money spent on one is missing in the others), or one purse per instrument. Never leveraged.
    Not suitable where a floor under the price must not be assumed: their capital is the floor.
    """

    kind: Literal["value"] = "value"
    count: int = param(200, unit="traders", source="choice", help="Number of value traders.", ge=0)
    capital_share: float = param(
        0.15, unit="share of open interest", source="choice of regime, swept",
        help="Joint cash over one-sided open interest.", ge=0,
    )
    common_capital: bool = param(True, unit="1", source="choice", help="One purse for all instruments of a trader.")
    discount_min: float = param(0.02, unit="share of value", source="choice of regime", help="Nearest bid.", gt=0, lt=1)
    discount_max: float = param(0.30, unit="share of value", source="choice of regime", help="Farthest bid.", gt=0, lt=1)
    two_sided: bool = param(
        True, unit="1", source="choice: perpetuals can be sold short as easily as bought",
        help="Whether they sell above value too.",
    )
    opinion_sigma: float = param(0.005, unit="share of value", source="choice", help="Spread of opinions on value.", ge=0, le=0.1)
    activity_per_hour: float = param(12.0, unit="1/h", source="choice: mean delay 5 min", help="Decisions per trader.", ge=0)

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """Entries below and above value and the exit at value, of those who act, in place of what they had in the book."""
        rows = acting(view, rows, draws, name="act", per_hour=self.activity_per_hour)
        perceived, discount = view.value * view.traders.opinion[rows], view.traders.discount[rows]
        position = view.position(rows)
        low, high = np.floor(perceived * (1.0 - discount)), np.ceil(perceived * (1.0 + discount))
        exit_at = np.where(position > 0, np.ceil(perceived), np.floor(perceived))
        bids = rest(view, rows, self._affordable(view, rows, position, low), low)
        offers = rest(view, rows, -self._affordable(view, rows, position, high), high)
        exits = rest(view, rows, -position, exit_at, reduce_only=1)
        return joined((withdraw(view, rows), bids, offers if self.two_sided else offers[:0], exits))

    def _affordable(
        self, view: View, rows: Rows, position: NDArray[np.int64], entry: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """(k, n_instruments) lots, bought or sold, that the free money backs in full at `entry` ticks."""
        limit, unit = view.traders.limit[rows], view.instruments.unit
        purse = limit * (view.instruments.opening_tick * unit).astype(np.float64)  # (k, n_instruments), cash units
        lot_cost = np.maximum(entry, 1.0) * unit
        if not self.common_capital:
            lots = np.minimum(limit, np.floor(purse / lot_cost)) - np.abs(position)
        else:
            cash = view.equity(rows) - notional(view, position).sum(axis=1)
            share = purse / np.maximum(purse.sum(axis=1), 1.0)[:, None]
            lots = np.floor(np.maximum(cash, 0.0)[:, None] * share / lot_cost)
        lots = np.where(view.instruments.is_spot, np.minimum(lots, limit - np.abs(position)), lots)  # as much as they own
        return np.asarray(np.maximum(lots, 0), dtype=np.int64)
