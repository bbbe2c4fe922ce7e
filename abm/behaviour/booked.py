"""Groups of traders whose opening positions and money the user has stated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.view import Draws, Rows, View
from abm.market.order import OrderBatch, no_orders

PREFIX = "book."  # begins the names of such groups


class Hold:
    """Holders who never send an order: what becomes of them is margin's doing alone."""

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """Nothing."""
        return no_orders()


@dataclass(frozen=True)
class Booked:
    """The accounts of one group of the book, by trader; behaviour as that group's."""

    behaviour: Any  # a rule with `decide`
    opening: NDArray[np.int64]  # (count, n_instruments), lots
    entry: NDArray[np.int64]  # (count, n_instruments), cash units at which the lots were entered, signed like them
    collateral: NDArray[np.int64]  # (count,), cash units of equity at the opening prices
    mode: NDArray[np.int8]  # (count,), Mode, or -1: drawn like everybody's

    @property
    def count(self) -> int:
        """Traders of the group."""
        return len(self.collateral)

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """What its behaviour decides."""
        orders: OrderBatch = self.behaviour.decide(view, rows, draws)
        return orders
